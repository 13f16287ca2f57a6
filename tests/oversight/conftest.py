"""Fixtures of oversight: a bureau on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.bootstrap import Archive
from tests.oversight.bureau import Bureau, open_bureau


@pytest.fixture
def bureau(archive: Archive, tmp_path: Path) -> Iterator[Bureau]:
    """Give a district with footage, on each kind of database in turn."""
    with open_bureau(archive, tmp_path / "signer") as opened:
        yield opened
