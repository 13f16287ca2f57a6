"""The whole pipeline on S3 and PostgreSQL; a store that goes away, is slow or answers 500; disks that are full."""

import os
import subprocess
import sys
import tempfile
import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from minio import Minio

from services.bootstrap import Archive, open_archive, utc_now
from services.db import open_engine
from services.digest import Digest
from services.index.fsck import check
from services.index.models import Arrival, Object, Recording
from services.jobs.table import JobRow
from services.settings import load_settings
from services.storage.open import open_place
from services.storage.store import LockMode
from tests.archive_fixture import HeldClock
from tests.cluster.cluster import Cluster
from tests.cluster.line import Line
from tests.crash.station import ROOT
from tests.flows.pipeline import Dock
from tests.storage.conftest import place_on

pytestmark = [pytest.mark.s3, pytest.mark.postgres, pytest.mark.timeout(300)]
SOAK = bool(os.environ.get("HUISU_SOAK"))
OUTAGE_S = 6


@pytest.fixture
def engine_kind():
    return "postgres"


@pytest.fixture
def clock():
    """Stand at the present: an S3 server refuses locks that end in its past."""
    return HeldClock(utc_now())


@pytest.fixture
def line(s3_server):
    host, _, port = s3_server.endpoint.partition(":")
    with Line((host, int(port))) as line:
        yield line


@pytest.fixture
def patience_s():
    """How long the store may be silent: long where silence is not the test's matter, for a busy machine has much."""
    return 60.0


@pytest.fixture
def dock(s3_server, line, database, clock, patience_s, tmp_path):
    """Give a dock before an archive whose store is at the other end of `line`."""
    home = tmp_path / "home"
    settings = load_settings({}, home=home, database_url=database, staging_reserve_bytes=0)
    settings.paths.scratch.mkdir(parents=True)
    place = place_on(
        s3_server, settings.paths.spool, endpoint=line.endpoint, connect_s=patience_s, read_s=patience_s, retries=0
    )
    store = open_place(place)
    store.prepare()
    archive = Archive(settings, open_engine(database), store, clock)
    dock = Dock(archive)
    yield dock
    dock.close()
    archive.close()


def stranger(s3_server):
    return Minio(s3_server.endpoint, s3_server.access_key, s3_server.secret_key, secure=False, region="us-east-1")


def state_of(dock, upload):
    row = dock.row(upload)
    with dock.archive.reading() as session:
        recording = session.get(Recording, row.recording_id) if row.recording_id else None
        return row.state, recording and recording.state


def waiting(dock):
    """Give (kind, why it waits, failures that count) of each job that is not done."""
    with dock.archive.reading() as session:
        rows = session.query(JobRow).filter(JobRow.state != "done").order_by(JobRow.id)
        return [(row.kind, row.state, row.error_code, row.attempts) for row in rows]


def finish(dock, clock):
    """Work until nothing waits any more: what met a moment's silence of a busy machine's store is tried again."""
    for _ in range(20):
        dock.work()
        if not waiting(dock):
            return
        clock.advance(OUTAGE_S)


def sound(dock):
    with dock.archive.reading() as session:
        return [str(finding) for finding in check(session, dock.archive.store, deep=True)] == []


def test_a_recording_is_kept_locked_pinned_and_ready(dock, s3_server, film):
    content = film(1)
    upload = dock.send(content, filename="执法.mp4", device="c1")
    again = dock.send(content, filename="副本.mp4", device="c1")

    store = dock.archive.store
    with dock.archive.reading() as session:
        [obj] = session.query(Object).all()
        assert session.query(Arrival).count() == 2
    assert state_of(dock, upload.id) == state_of(dock, again.id) == ("verified", "ready")
    assert again.recording_id == upload.recording_id
    assert [kept.version for kept in store.versions(obj.key)] == [obj.version_id]
    lock = store.lock_state(obj.key, obj.version_id)
    assert lock.covers(LockMode.GOVERNANCE, dock.archive.clock() + timedelta(days=34))
    assert (obj.lock_mode, obj.lock_until) == (lock.mode.value, lock.until)
    assert (dock.archive.settings.paths.spool / upload.sha256).read_bytes() == content
    assert sound(dock)


def test_what_a_stranger_puts_over_an_original_is_never_read(dock, s3_server, film, tmp_path):
    content = film(2)
    upload = dock.send(content, filename="a.mp4")
    with dock.archive.reading() as session:
        [obj] = session.query(Object).all()
    bucket = dock.archive.store._place.originals_bucket
    (tmp_path / "other").write_bytes(b"other")
    stranger(s3_server).fput_object(bucket, obj.key, str(tmp_path / "other"))
    (dock.archive.settings.paths.spool / upload.sha256).unlink()

    assert b"".join(dock.archive.store.read(obj.key, obj.version_id)) == content
    with dock.archive.store.lend(obj.key, obj.version_id, Digest.from_hex(upload.sha256)) as lent:
        assert lent.read_bytes() == content


@pytest.mark.parametrize("patience_s", [2.0])
@pytest.mark.parametrize("trouble", ["refused", "error", "silent", "broken"])
def test_a_deposit_waits_while_the_store_is_away_and_no_attempt_counts(dock, line, clock, film, trouble):
    upload = dock.receive(film(3), filename="a.mp4")
    line.trouble = trouble
    seen = []
    for _ in range(4):
        dock.work()
        seen.append((state_of(dock, upload), waiting(dock)))
        clock.advance(OUTAGE_S)
    staged = dock.staging.complete()

    line.trouble = "none"
    finish(dock, clock)

    assert seen == [(("received", None), [("accession", "queued", "store-unavailable", 0)])] * 4
    assert staged == [upload]
    assert state_of(dock, upload) == ("verified", "ready")
    assert dock.staging.complete() == []
    assert sound(dock)


GOOD_FOR = range(0, 110, 2) if SOAK else (2, 9, 16, 23, 37, 58)


@pytest.mark.parametrize("trouble", ["refused", "error"])
def test_whenever_the_store_goes_away_the_work_goes_on_when_it_is_back(dock, line, clock, film, trouble):
    uploads = []
    for number, good_for in enumerate(GOOD_FOR):
        uploads.append(dock.receive(film(10 + number), filename=f"{good_for}.mp4"))
        line.good_for, line.then = good_for, trouble
        dock.work()
        clock.advance(OUTAGE_S)
        line.good_for, line.trouble = None, "none"
    finish(dock, clock)

    assert [state_of(dock, upload) for upload in uploads] == [("verified", "ready")] * len(uploads)
    assert waiting(dock) == []
    assert sound(dock)


def test_a_slow_store_only_takes_longer(dock, line, film):
    line.delay_s = 0.15

    upload = dock.send(film(4), filename="a.mp4")

    assert line.pieces > 10
    assert state_of(dock, upload.id) == ("verified", "ready")


ROOM_BYTES = 4096


def cramped(settings, more):
    """Do the waiting jobs in a process whose files may not grow past a limit."""
    own = {"HUISU_HOME": str(settings.paths.home), "HUISU_DATABASE_URL": settings.database}
    command = [sys.executable, "-m", "tests.cluster.cramped", str(ROOM_BYTES)]
    subprocess.run(command, cwd=ROOT, env=os.environ | own | more, timeout=120, check=True)


def s3_settings(server, originals, derived):
    return {
        "HUISU_STORE": "s3",
        "HUISU_S3_ENDPOINT": server.endpoint,
        "HUISU_S3_ACCESS_KEY": server.access_key,
        "HUISU_S3_SECRET_KEY": server.secret_key,
        "HUISU_S3_SECURE": "false",
        "HUISU_S3_ORIGINALS": originals,
        "HUISU_S3_DERIVED": derived,
    }


def test_a_full_disk_under_the_spool_waits_for_room(dock, clock, film):
    upload = dock.receive(film(5), filename="a.mp4")
    place = dock.archive.store._place
    cramped(dock.archive.settings, s3_settings(place, place.originals_bucket, place.derived_bucket))
    before = state_of(dock, upload), waiting(dock)
    clock.now = utc_now() + timedelta(minutes=1)
    dock.work()

    assert before == (("verified", "kept"), [("examine", "queued", "disk-full", 0)])
    assert state_of(dock, upload) == ("verified", "ready")
    assert sound(dock)


@contextmanager
def folder_elsewhere(here):
    """Give a folder on another disk than `here`, or skip and say why."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == here.stat().st_dev:
        pytest.skip("no second disk here: /dev/shm is missing or the same as the tests' folder")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def dock_elsewhere(database, clock, tmp_path):
    """Give a dock whose gate stages on another disk than the folder store's."""
    with folder_elsewhere(tmp_path) as staging:
        given = {"home": tmp_path / "home", "database_url": database, "staging_path": staging}
        archive = open_archive(load_settings({}, staging_reserve_bytes=0, **given), clock=clock)
        archive.store.prepare()
        dock = Dock(archive)
        yield dock
        dock.close()
        archive.close()


def test_a_full_disk_under_the_folder_store_waits_for_room(dock_elsewhere, clock, film):
    dock, settings = dock_elsewhere, dock_elsewhere.archive.settings
    upload = dock.receive(film(6), filename="a.mp4")
    cramped(settings, {"HUISU_STAGING_PATH": str(settings.paths.staging)})
    before = state_of(dock, upload), waiting(dock), dock.staging.complete()
    clock.now = utc_now() + timedelta(minutes=1)
    dock.work()

    assert before == (("received", None), [("accession", "queued", "disk-full", 0)], [upload])
    assert state_of(dock, upload) == ("verified", "ready")
    assert sound(dock)


@pytest.mark.broker
def test_all_larger_parts_together(redis_broker, s3_server, database, film, tmp_path):
    tag = uuid.uuid4().hex[:12]
    store = s3_settings(s3_server, f"originals-{tag}", f"derived-{tag}")
    with Cluster(tmp_path / "home", redis_broker.url, database, store) as cluster:
        for queues in ("gate", "examine", "render"):
            cluster.worker(queues)
        uploads = [cluster.dock.receive(film(20 + n), filename=f"{n}.mp4") for n in range(20 if SOAK else 3)]
        cluster.settle(uploads, 150)

        assert {cluster.recording(upload).state for upload in uploads} == {"ready"}
        assert cluster.findings() == []
