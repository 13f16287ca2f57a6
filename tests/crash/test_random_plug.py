"""Kill servers, workers, agents and everything at random moments: nothing acknowledged is lost, nothing is doubled."""

import hashlib
import os
import random
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select

from services.custody.heads import newest_head
from services.custody.ledger import history
from services.custody.logtree import log_size, log_tree
from services.custody.tables import pending
from services.digest import Digest, digest_blocks
from services.index.models import Arrival, Object, Recording, Upload
from services.jobs.lease import retry
from services.jobs.table import JobRow
from services.storage import keys
from tests.crash.station import ROOT, Station
from tests.footage import make_footage
from tests.servers import free_port

KILLS = 100 if os.environ.get("HUISU_SOAK") else 10
SEED = int(os.environ.get("HUISU_SEED", "20261121"))
WHOM = ("serve", "gate", "examine", "render", "sequencer", "signer", "agent", "supervisor", "everything")
LONGEST_PAUSE_S = 3.0
HEALING_S = 240.0
"""A lease of 30 s, starts of all parts, and the work itself, on a busy machine."""
ACKNOWLEDGED = ("received", "stored", "verified")


@pytest.fixture
def station(tmp_path):
    footage = tmp_path / "执法记录"
    footage.mkdir()
    station = Station(tmp_path / "home", footage, free_port())
    yield station
    station.stop()


def bring(folder, wave):
    """Bring a camera's eight files: recordings, wrecks, and what is none."""
    film = [
        make_footage(folder / f"{wave}-录像-{n}.mp4", frames=30, size=(160, 90), first=100 * wave + n) for n in range(4)
    ]
    whole = film[0].read_bytes()
    (folder / f"{wave}-断.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / f"{wave}-文字.mp4").write_text(f"第 {wave} 次，不是录像\n" * 9, "utf-8")
    (folder / f"{wave}-noise.mp4").write_bytes(random.Random(wave).randbytes(300_000))
    if wave == 0:
        (folder / "空.mp4").touch()


def acknowledged(archive):
    with archive.reading() as session:
        return {row.id: row.sha256 for row in session.query(Upload).filter(Upload.state.in_(ACKNOWLEDGED))}


def until(holds, seconds=HEALING_S):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not heal in time"
        time.sleep(0.2)


def pull_plugs(station, archive):
    """Kill so many times; the camera brings more whenever the dock is done, so that each death meets work."""
    chance, wave = random.Random(SEED), 0
    killed: list[str] = []
    told: dict[str, str | None] = {}
    while len(killed) < KILLS:
        time.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
        told |= acknowledged(archive)
        whom = chance.choice(WHOM)
        if station.kill(whom):
            killed.append(whom)
        station.start_archive()
        if station.agent.poll() is not None:
            if station.agent.returncode == 0:
                wave += 1
                bring(station.footage, wave)
            station.start_agent()
    return killed, told


def is_idle(archive):
    with archive.reading() as session:
        return session.query(JobRow).filter(JobRow.state.in_(("queued", "running"))).count() == 0


def is_signed(archive):
    """Say whether all that was recorded is in the log, and its head signed."""
    with archive.reading() as session:
        head = newest_head(session)
        waits = session.scalar(select(func.count()).select_from(pending))
        return waits == 0 and head is not None and (head.size, head.root) == (log_size(session), log_tree(session).root)


def tend(archive):
    """Do what an operator does: give a job that lost its worker three times (we killed it) new attempts."""
    with archive.plain() as session:
        for row in session.query(JobRow).filter_by(state="set_aside", error_code="worker-lost"):
            retry(session, row.id, archive.clock())


@pytest.mark.timeout(900)
def test_what_was_acknowledged_survives_random_deaths_and_nothing_is_doubled(station):
    bring(station.footage, 0)
    station.start_archive()
    station.start_agent()
    archive = station.open()

    killed, told = pull_plugs(station, archive)
    if station.agent.poll() is not None:
        station.start_agent()
    until(lambda: tend(archive) or station.agent.poll() is not None)
    until(lambda: tend(archive) or is_idle(archive))
    until(lambda: is_signed(archive))

    assert station.agent.returncode == 0, (SEED, killed, station.told.read_text("utf-8")[-2000:])
    assert [line for line in station.alarms() if "job set aside" not in line] == []
    assert station.verified() == set(station.footage.iterdir())
    with archive.reading() as session:
        for upload, sha256 in told.items():
            row = session.get_one(Upload, upload)
            assert row.state == "verified"
            assert sha256 in {None, row.sha256}
        for path in station.footage.iterdir():
            check_once(session, archive, path)
        assert {job.state for job in session.query(JobRow)} == {"done"}
    archive.close()
    fsck = [sys.executable, "-m", "services.cli", "fsck", "--deep", "--home", str(station.home)]
    found = subprocess.run(fsck, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "nothing is wrong\n"), found.stderr


def check_once(session, archive, path):
    """See that a file is one object with its very bytes, one recording, one arrival, each entered once."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert session.query(Object).filter_by(sha256=sha256).count() == 1, path
    [recording] = session.query(Recording).filter_by(sha256=sha256).all()
    assert session.query(Arrival).filter_by(recording_id=recording.id).count() == 1, path
    assert recording.state == ("ready" if "录像-" in path.name else "damaged"), path
    stored, size = digest_blocks(archive.store.read(keys.original(Digest.from_hex(sha256))))
    assert (stored.hex, size) == (sha256, len(content))
    events = [line.entry.type for line in history(session, recording.id)]
    assert (events.count("rec.ingest"), events.count("rec.verify")) == (1, 1), path
