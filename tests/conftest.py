"""Shared fixtures: the corpus of real camera files, and a guard against unexpected error logs."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import PostgresServer, postgres

if TYPE_CHECKING:
    from services.bootstrap import Archive
    from tests.archive_fixture import Empty, HeldClock


def pytest_configure() -> None:
    """Hear Ctrl-C even where a background shell told us to ignore it: the programs under test inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Give the folder of real camera files, or skip and say why."""
    folder = Path(os.environ.get("HUISU_TEST_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"no corpus of camera files at {folder} (set HUISU_TEST_CORPUS)")
    return folder


def vectors_of(name: str) -> Path:
    """Give a checkout of other people's test vectors; skips, saying so, where it is absent: they are not kept here."""
    path = Path(os.environ.get("HUISU_TEST_VECTORS", ROOT.parent / "shared" / "vectors")) / name
    if not path.is_dir():
        pytest.skip(f"no test vectors at {path} (set HUISU_TEST_VECTORS)")
    return path


@pytest.fixture
def expects_errors() -> list[str]:
    """Let a test name the error messages it expects in the log; any other fails it."""
    return []


@pytest.fixture(autouse=True)
def _no_unexpected_error_logs(caplog: pytest.LogCaptureFixture, expects_errors: list[str]) -> Iterator[None]:
    yield
    unexpected = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR
        and record.name.startswith("services")
        and record.getMessage() not in expects_errors
    ]
    assert not unexpected, f"errors were logged that the test did not expect: {unexpected}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run one PostgreSQL server for all tests of this process, or skip and say why."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> "Empty":
    """Migrate one SQLite database that each test gets a copy of."""
    from tests.archive_fixture import Empty

    return Empty(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def empty_postgres(postgres_server: PostgresServer) -> Iterator["Empty"]:
    """Migrate one PostgreSQL database that each test gets a copy of."""
    from services.bootstrap import new_id
    from tests.archive_fixture import Empty

    empty = Empty(Path(new_id()), postgres_server)
    yield empty
    for name in list(empty.made):
        empty.drop(name)


@pytest.fixture(scope="session")
def empty_served(request: pytest.FixtureRequest) -> "Empty":
    """Give the empty database behind served archives: SQLite, or PostgreSQL where HUISU_TEST_SERVED_ON says so."""
    kind = os.environ.get("HUISU_TEST_SERVED_ON", "sqlite")
    empty: Empty = request.getfixturevalue(f"empty_{kind}")
    return empty


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine_kind(request: pytest.FixtureRequest) -> str:
    """Run the test on each kind of database; `@pytest.mark.parametrize("engine_kind", ["sqlite"])` narrows it."""
    kind: str = request.param
    return kind


@pytest.fixture
def database(engine_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a fresh database at this version's schema, of each kind in turn."""
    home = tmp_path / "home"
    home.mkdir()
    if engine_kind == "sqlite":
        yield request.getfixturevalue("empty_sqlite").sqlite(home)
        return
    empty = request.getfixturevalue("empty_postgres")
    address = empty.postgres()
    yield address
    empty.drop(empty.made[-1])


@pytest.fixture
def clock() -> "HeldClock":
    """Give the clock that `archive` reads; it stands still until the test moves it."""
    from tests.archive_fixture import HeldClock

    return HeldClock()


@pytest.fixture
def archive(database: str, clock: "HeldClock", tmp_path: Path) -> Iterator["Archive"]:
    """Give a fresh migrated archive with a folder store, on each kind of database in turn."""
    from tests.archive_fixture import open_for_test

    with open_for_test(tmp_path / "home", database, clock) as opened:
        yield opened


@pytest.fixture
def sqlite_archive(empty_sqlite: "Empty", clock: "HeldClock", tmp_path: Path) -> Iterator["Archive"]:
    """Give a fresh migrated archive on SQLite only, for tests in which the database plays no part."""
    from tests.archive_fixture import open_for_test

    home = tmp_path / "sqlite-home"
    home.mkdir()
    with open_for_test(home, empty_sqlite.sqlite(home), clock) as opened:
        yield opened
