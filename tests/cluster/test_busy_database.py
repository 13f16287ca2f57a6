"""A database that another holds, or whose disk is full: work waits, nothing is lost, nothing counts as a failure."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from services.bootstrap import utc_now
from services.errors import DatabaseBusy
from services.index.fsck import check
from services.index.models import Recording
from services.ingest import pipeline
from services.ingest.tasks import tasks
from services.jobs.lease import LEASE
from services.jobs.table import JobRow
from services.jobs.worker import drain
from services.sqlite import BUSY_TIMEOUT_MS, sqlite_module
from tests.archive_fixture import open_for_test
from tests.crash.station import ROOT
from tests.flows.pipeline import QUEUES, Dock

BUSY_S = BUSY_TIMEOUT_MS / 1000


@pytest.fixture
def dock(sqlite_archive):
    dock = Dock(sqlite_archive)
    yield dock
    with dock.archive.reading() as session:
        assert [str(finding) for finding in check(session, dock.archive.store, deep=True)] == []
    dock.close()


def jobs(dock):
    with dock.archive.reading() as session:
        return [
            (row.kind, row.state, row.error_code, row.attempts) for row in session.query(JobRow).order_by(JobRow.id)
        ]


def ready(dock, upload):
    row = dock.row(upload)
    with dock.archive.reading() as session:
        return row.state == "verified" and session.get_one(Recording, row.recording_id).state == "ready"


class Holder:
    """Another program that begins to write and takes its time."""

    def __init__(self, dock, seconds):
        self._file = dock.archive.settings.paths.home / "archive.db"
        self._seconds = seconds
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self):
        connection = sqlite_module().connect(str(self._file), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        self._begun.set()
        threading.Event().wait(self._seconds)
        connection.execute("ROLLBACK")
        connection.close()

    def begin(self):
        self._thread.start()
        self._begun.wait()

    def end(self):
        self._thread.join()


HELD = [
    pytest.param(BUSY_S + 2, ("accession", "queued", "database-busy", 0), id="the step finds it held"),
    pytest.param(2 * BUSY_S + 3, ("accession", "running", None, 1), id="its answer finds it held, too"),
]


@pytest.mark.parametrize(("seconds", "said"), HELD if os.environ.get("HUISU_SOAK") else HELD[:1])
def test_a_job_that_finds_the_database_held_is_done_later(dock, film, seconds, said):
    upload = dock.receive(film(1), filename="a.mp4")
    holder, functions = Holder(dock, seconds), tasks(dock.archive)

    def held(running):
        if running.job.attempt == 1:
            holder.begin()
        functions["accession"](running)

    drain(dock.archive.engine, QUEUES, {**functions, "accession": held}, dock.archive.clock)
    holder.end()
    before = jobs(dock)
    dock.archive.clock.advance(LEASE.total_seconds() + 1)
    dock.work()

    assert before == [said]
    assert ready(dock, upload)


def test_a_door_that_finds_the_database_held_says_so_and_keeps_the_bytes(dock, film):
    upload = dock.receive(film(2), filename="a.mp4")
    holder = Holder(dock, BUSY_S + 1)
    holder.begin()

    with pytest.raises(DatabaseBusy, match="did not take the transaction"):
        dock.receive(film(3), filename="b.mp4")
    holder.end()
    dock.work()

    assert ready(dock, upload)
    assert len(dock.staging.unfinished()) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("step", ["seal", "record", "read_back", "examine", "render"])
def test_a_database_that_drops_its_connections_in_a_commit_is_asked_again(empty_postgres, film, tmp_path, clock, step):
    database = empty_postgres.postgres()
    with open_for_test(tmp_path / "home", database, clock) as archive:
        dock = Dock(archive)
        upload = dock.receive(film(5), filename="a.mp4", case="A-5")
        with dropping_connections(database, step):
            dock.work()
        waited = [job for job in jobs(dock) if job[2] == "database-busy"]
        clock.advance(LEASE.total_seconds() + 1)
        dock.work()

        assert [job[1:] for job in waited] == [("queued", "database-busy", 0)]
        assert ready(dock, upload)
        with archive.reading() as session:
            assert [str(finding) for finding in check(session, archive.store, deep=True)] == []
        dock.close()
    empty_postgres.drop(empty_postgres.made[-1])


@contextmanager
def dropping_connections(database, step):
    """End every connection to the database right before the first commit inside a step."""
    inner, dropped, inside = getattr(pipeline, step), [], []

    def drop(*_):
        # The lease of a long step is renewed by another thread, whose commits are none of the step.
        if not dropped and threading.get_ident() in inside:
            with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as other:
                dropped.append(other.execute(OTHERS).fetchall())

    def step_that_is_dropped(*arguments):
        inside.append(threading.get_ident())
        event.listen(Session, "before_commit", drop)
        try:
            return inner(*arguments)
        finally:
            event.remove(Session, "before_commit", drop)

    setattr(pipeline, step, step_that_is_dropped)
    try:
        yield
    finally:
        setattr(pipeline, step, inner)
    assert dropped


OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_a_full_disk_under_the_database_loses_nothing(empty_sqlite, film, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    database = empty_sqlite.sqlite(home)
    with open_for_test(home, database, utc_now) as archive:
        dock = Dock(archive)
        upload = dock.receive(film(4), filename="a.mp4")
        command = [sys.executable, "-m", "tests.cluster.cramped", "4096"]
        environment = os.environ | {"HUISU_HOME": str(home), "HUISU_DATABASE_URL": database}
        cramped = subprocess.run(command, cwd=ROOT, env=environment, timeout=120, check=False, capture_output=True)
        before, staged = jobs(dock), dock.staging.complete()
        later = lambda: utc_now() + timedelta(minutes=2)  # noqa: E731
        drain(archive.engine, QUEUES, tasks(archive), later)

        assert b"DatabaseBusy" in cramped.stderr
        assert before[0][:2] in {("accession", "queued"), ("accession", "running")}
        assert staged == [upload]
        assert ready(dock, upload)
        dock.close()
