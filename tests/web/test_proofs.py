"""What the pages' own checks are tried on is what the archive makes, and the archive's own check takes it."""

import pytest

from services.oversight.replay import holds, replay
from tests.oversight.proofs import LOG
from tests.web.proofs import FOLDER, KEPT, as_text, draws


@pytest.mark.parametrize("name", KEPT)
def test_what_the_pages_checks_are_tried_on_is_what_the_archive_makes(name: str) -> None:
    kept = (FOLDER / name).read_text("utf-8")

    assert kept == as_text(KEPT[name]()), "tests.web.proofs.keep() writes it anew"


@pytest.mark.parametrize("which", ["outside", "agency"])
def test_the_archive_itself_repeats_these_draws(which: str) -> None:
    assert holds(replay(draws()[which], [LOG.verifier]))
