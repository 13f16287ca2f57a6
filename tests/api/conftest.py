"""Fixtures of the API's tests: a served archive with one unit, one administrator and one reviewer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.accounts import people, units
from services.bootstrap import Archive
from tests.api.site import PASSWORD, Site, serve
from tests.api.stage import Stage, open_stage
from tests.api.theatre import Theatre, open_theatre
from tests.archive_fixture import Empty, HeldClock, open_for_test


@pytest.fixture
def served_archive(empty_served: Empty, clock: HeldClock, tmp_path: Path) -> Iterator[Archive]:
    """Give a fresh archive on the kind of database that this run serves from."""
    home = tmp_path / "served"
    home.mkdir()
    with open_for_test(home, empty_served.fresh(home), clock) as opened:
        yield opened


@pytest.fixture
def site(served_archive: Archive) -> Iterator[Site]:
    """Serve an archive with units D (D1 below) and E, and people of D1."""
    with served_archive.work() as work:
        units.put_unit(work, "D", name="分局", actor="test")
        units.put_unit(work, "D1", name="一所", parent="D", actor="test")
        units.put_unit(work, "E", name="另一分局", actor="test")
        people.add_user(work, "boss", role="admin", unit="D", actor="test")
        people.add_user(work, "wang", role="reviewer", unit="D1", password=PASSWORD, actor="test")
    with serve(served_archive) as served:
        yield served


@pytest.fixture(scope="session")
def theatre(empty_served: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Serve real footage, made and sent once for all tests; each test counts only the entries it causes."""
    home = tmp_path_factory.mktemp("theatre")
    clock = HeldClock()
    with (
        open_for_test(home, empty_served.fresh(home), clock) as archive,
        open_theatre(archive, clock, tmp_path_factory.mktemp("footage")) as opened,
    ):
        yield opened


@pytest.fixture(scope="session")
def stage(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Serve a session of real footage, made and sent once for all tests."""
    home = tmp_path_factory.mktemp("stage")
    clock = HeldClock()
    with (
        open_for_test(home, empty_sqlite.sqlite(home), clock) as archive,
        open_stage(archive, clock, tmp_path_factory.mktemp("takes")) as opened,
    ):
        yield opened
