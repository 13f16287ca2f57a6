"""Fixtures of the accounts' tests: a unit tree and people in it."""

import pytest

from services.accounts import people, units
from services.bootstrap import Archive

PASSWORD = "correct horse battery"


@pytest.fixture
def station(archive: Archive) -> str:
    """Give the number of a station below a bureau."""
    with archive.work() as work:
        units.put_unit(work, "B", name="分局", actor="test")
        units.put_unit(work, "B1", name="一所", parent="B", actor="test")
    return "B1"


@pytest.fixture
def wang(archive: Archive, station: str) -> str:
    """Give the name of a reviewer with a password."""
    with archive.work() as work:
        people.add_user(work, name="wang", role="reviewer", unit=station, password=PASSWORD, actor="test")
    return "wang"
