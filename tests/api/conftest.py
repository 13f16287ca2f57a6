"""Fixtures of the API's tests: a served archive with one unit, one administrator and one reviewer."""

from collections.abc import Iterator

import pytest

from services.accounts import people, units
from services.bootstrap import Archive
from tests.api.site import PASSWORD, Site, serve


@pytest.fixture
def site(sqlite_archive: Archive) -> Iterator[Site]:
    """Serve an archive on SQLite with units D (D1 below) and E, and people of D1."""
    with sqlite_archive.work() as work:
        units.put_unit(work, "D", name="分局", actor="test")
        units.put_unit(work, "D1", name="一所", parent="D", actor="test")
        units.put_unit(work, "E", name="另一分局", actor="test")
        people.add_user(work, "boss", role="admin", unit="D", actor="test")
        people.add_user(work, "wang", role="reviewer", unit="D1", password=PASSWORD, actor="test")
    with serve(sqlite_archive) as served:
        yield served
