"""One package of every kind of item, made once, and the page that checks it."""

from collections.abc import Iterator, Sequence

import pytest

from tests.custody.packages import Built, Item, build, one_of_each
from tests.custody.verifier.page import Browser, browser
from tests.media.cutting import decoders

Made = tuple[Sequence[bytes], Sequence[Item]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make the footage and cut it."""
    with decoders() as pool:
        return one_of_each(tmp_path_factory.mktemp("items"), pool)


@pytest.fixture(scope="session")
def built(made: Made) -> Built:
    """Lay out a package whose quorum signed."""
    return build(*made)


@pytest.fixture(scope="package")
def page() -> Iterator[Browser]:
    """Open verify.html from its folder."""
    with browser() as opened:
        yield opened
