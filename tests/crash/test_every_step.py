"""Pull the plug before, inside and after every step: nothing is lost, nothing doubled, fsck is clean."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.bootstrap import open_archive, utc_now
from services.custody.ledger import history
from services.digest import Digest
from services.index.fsck import check
from services.index.models import Arrival, Link, Object, Recording, Rendition, Upload
from services.ingest.scratch import sweep_scratch
from services.ingest.staging import Staging
from services.ingest.steps.reindex import BEFORE_ALL, ask_for_indexes
from services.ingest.tasks import tasks
from services.jobs.table import JobRow
from services.jobs.worker import drain
from services.settings import load_settings
from services.storage import keys
from tests.crash.victim import QUEUES, STEPS
from tests.flows.pipeline import Dock
from tests.footage import make_footage
from tests.ingest.test_reindex import as_of_before

ROOT = Path(__file__).resolve().parents[2]

IN_STEP = (
    ("before", "commit-1", "committed-1", "after") if os.environ.get("HUISU_SOAK") else ("commit-1", "committed-1")
)
"""One step's end is nearly the next one's beginning: only the soak dies at both."""

POINTS = [
    *(f"{step}:{moment}" for step in STEPS for moment in IN_STEP),
    *(f"deposit:{moment}" for moment in ("sync-1", "sync-4", "sync-8", "put-1", "put-2")),
    "read_back:read-1",
    "read_back:clear-1",
    "examine:child-1",
    "examine:put-1",
    "fingerprint_original:put-1",
    "remux:child-1",
    "remux:put-1",
    *(f"render:{moment}" for moment in ("child-1", "put-1", "put-2", "put-3", "put-4", "sync-5")),
    *(f"job:{moment}" for moment in ("claim-1", "claim-3", "finish-1", "finish-2", "finish-3", "finish-4")),
]


@pytest.fixture(scope="module")
def victim():
    """Have a process work on an archive and be killed at a point; gives its exit status."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.victim"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        orders, answers = process.stdin, process.stdout
        assert orders is not None
        assert answers is not None

        def kill_at(home: Path, point: str) -> int:
            orders.write(json.dumps({"home": str(home), "point": point}) + "\n")
            orders.flush()
            return int(answers.readline())

        yield kill_at
        orders.close()


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return make_footage(tmp_path_factory.mktemp("footage") / "执法 一.mp4", frames=30, size=(160, 90))


@pytest.fixture(scope="module")
def copied_footage(tmp_path_factory):
    """Make what is copied into fragments: H.264 in another container than MP4."""
    path = tmp_path_factory.mktemp("footage") / "执法 二.mkv"
    return make_footage(path, frames=30, size=(160, 90), audio="aac")


@pytest.fixture
def dock(tmp_path, empty_sqlite):
    home = tmp_path / "home"
    home.mkdir()
    settings = load_settings({}, home=home, database_url=empty_sqlite.sqlite(home), staging_reserve_bytes=0)
    archive = open_archive(settings)
    archive.store.prepare()
    dock = Dock(archive)
    yield dock
    dock.close()
    archive.close()


def heal(archive):
    """Start again once the dead worker's leases have ended."""
    later = replace(archive, clock=lambda: utc_now() + timedelta(seconds=60))
    sweep_scratch(later.settings.paths.scratch)
    drain(later.engine, QUEUES, tasks(later), later.clock)


def programs_of(home):
    """List the processes that still work with files of an archive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(home).encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("point", POINTS)
def test_a_plug_pulled_at_this_point_loses_and_doubles_nothing(dock, victim, footage, copied_footage, point):
    footage = copied_footage if point.startswith("remux:") else footage
    archive, home = dock.archive, dock.archive.settings.paths.home
    upload = dock.receive(footage, officer="900001", case="A-1", started_at="2026-03-02T08:00:00+08:00")

    died = victim(home, point)
    deadline = time.monotonic() + 10
    while programs_of(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = programs_of(home)
    heal(archive)

    assert (died, left) == (-signal.SIGKILL, [])
    with archive.reading() as session:
        row = session.get_one(Upload, upload)
        [recording] = session.query(Recording).all()
        assert (row.state, recording.state) == ("verified", "ready")
        assert [session.query(table).count() for table in (Object, Arrival, Link)] == [1, 1, 1]
        kinds = sorted(rendition.kind for rendition in session.query(Rendition))
        essence = [] if footage is copied_footage else ["essence"]  # of MP4 and MOV alone
        assert kinds == ["analysis", *essence, "frame-index", "peaks", "poster", "proxy", "storyboard"]
        events = [line.entry.type for line in history(session, recording.id)]
        assert [events.count(name) for name in ("rec.ingest", "rec.verify", "rec.link")] == [1, 1, 1]
        assert events.count("rec.essence") == len(essence)
        assert {job.state for job in session.query(JobRow)} == {"done"}
        made = {rendition.key for rendition in session.query(Rendition)}
        digest = Digest.from_hex(row.sha256)
        assert [str(finding) for finding in check(session, archive.store, deep=True)] == []
    assert b"".join(archive.store.read(keys.original(digest))) == footage.read_bytes()
    assert {kept.key for kept in archive.store.keys(keys.renditions_of(digest))} == made
    assert list(archive.settings.paths.scratch.iterdir()) == []
    dock.close()
    Staging(archive.settings.paths.staging).close()
    assert [entry.name for entry in archive.settings.paths.staging.iterdir()] == ["gate.lock"]


def test_what_is_never_killed_ends_the_same(dock, victim, footage):
    """Guard the test above: without a death it must pass, so that a death is what it is about."""
    upload = dock.receive(footage, officer="900001")

    assert victim(dock.archive.settings.paths.home, "none") == 0
    assert dock.row(upload).state == "verified"


@pytest.mark.parametrize("moment", ["before", "child-1", "put-1", "commit-1", "committed-1", "after"])
def test_a_plug_pulled_while_an_old_recording_is_indexed_leaves_one_index(dock, victim, footage, moment):
    archive, home = dock.archive, dock.archive.settings.paths.home
    recording, times = as_of_before(archive, footage)
    ask_for_indexes(archive, BEFORE_ALL)

    died = victim(home, f"reindex:{moment}")
    heal(archive)

    assert died == -signal.SIGKILL
    assert archive.frame_times_of(recording) == times
    with archive.reading() as session:
        made = {row.key: row.kind for row in session.query(Rendition)}
        assert sorted(made.values()) == ["frame-index", "frame-times"]
        assert {job.state for job in session.query(JobRow)} == {"done"}
        digest = Digest.from_hex(session.get_one(Recording, recording).sha256)
        assert [str(finding) for finding in check(session, archive.store, deep=True)] == []
    assert {kept.key for kept in archive.store.keys(keys.renditions_of(digest))} == set(made)
