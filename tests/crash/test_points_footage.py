"""Fail at every named point of what is done to footage: taking it in, its trees, reading it again, repair, exports."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.bootstrap import Archive, utc_now
from services.custody.events import SYSTEM
from services.custody.ledger import history
from services.digest import Digest
from services.errors import Conflict
from services.index.models import Arrival, Object, Recording, Rendition, Upload
from services.index.upkeep import FixityCheck, Repair
from services.ingest.scratch import sweep_scratch
from services.ingest.tasks import tasks
from services.ingest.upkeep.repair import approve_repair
from services.jobs.table import JobRow
from services.jobs.worker import drain
from services.storage import keys
from tests.archive_fixture import Empty, HeldClock, add_recording
from tests.crash import flows
from tests.crash.points import Case, cases_of
from tests.crash.pulling import Place, findings, lost, pull
from tests.crash.test_exports import ask, settle
from tests.exporting import EXPORTS, Desk, fresh_desk
from tests.flows.pipeline import QUEUES, Dock
from tests.footage import make_footage
from tests.ingest.test_fixity import entries, file_of, rot
from tests.ingest.test_repair import CONTENT, Scene

TIMES_UNTIL_DONE = 4


@pytest.fixture
def dock(sqlite_archive: Archive) -> Iterator[Dock]:
    opened = Dock(replace(sqlite_archive, clock=utc_now))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_footage(tmp_path_factory.mktemp("footage") / "执法 三.mp4", frames=30, size=(160, 90))


def heal(archive: Archive, queues: list[str]) -> None:
    """Start again once leases have ended and attempts may be repeated."""
    sweep_scratch(archive.settings.paths.scratch)
    for hour in range(1, TIMES_UNTIL_DONE):
        drain(archive.engine, queues, tasks(archive), HeldClock(utc_now() + timedelta(hours=hour)))


def counts(archive: Archive) -> dict[str, int]:
    with archive.reading() as session:
        return {table.__tablename__: session.query(table).count() for table in (Object, Arrival, Recording, Rendition)}


def whole(dock: Dock, upload: str, content: bytes) -> str:
    """See that an upload is one recording, verified, its bytes those received; gives the recording."""
    row = dock.row(upload)
    assert (row.state, row.reason) == ("verified", None)
    assert row.sha256 is not None
    assert row.recording_id is not None
    assert b"".join(dock.archive.store.read(keys.original(Digest.from_hex(row.sha256)))) == content
    with dock.archive.reading() as session:
        events = [line.entry.type for line in history(session, row.recording_id)]
        assert {job.state for job in session.query(JobRow) if job.queue in QUEUES} <= {"done", "queued"}
        assert session.query(Upload).count() == 1
    assert [events.count(name) for name in ("rec.ingest", "rec.verify")] == [1, 1]
    assert findings(dock.archive) == []
    return row.recording_id


@pytest.mark.parametrize("case", cases_of("upload"), ids=str)
def test_an_upload_that_was_acknowledged_is_kept_once(dock: Dock, case: Case) -> None:
    archive, content = dock.archive, os.urandom(70_000)
    upload = dock.receive(content, officer="900001")

    pull(case, flows.upload, archive.settings.home, Place.of(archive), ["gate.g1"])

    assert lost(archive) == []
    heal(archive, ["gate.g1"])
    whole(dock, upload, content)
    done = counts(archive)
    heal(archive, ["gate.g1"])
    assert counts(archive) == done == {"objects": 1, "arrivals": 1, "recordings": 1, "renditions": 0}


@pytest.mark.parametrize("case", cases_of("essence"), ids=str)
def test_the_trees_of_a_recording_are_entered_once(dock: Dock, film: Path, case: Case) -> None:
    archive = dock.archive
    upload = dock.receive(film, officer="900001")

    pull(case, flows.upload, archive.settings.home, Place.of(archive), QUEUES)

    assert lost(archive) == []
    heal(archive, QUEUES)
    recording = whole(dock, upload, film.read_bytes())
    assert len(entries(archive, recording, "rec.essence")) == 1
    with archive.reading() as session:
        assert session.query(Rendition).where(Rendition.kind == "essence").count() == 1


@pytest.mark.parametrize("case", cases_of("fixity"), ids=str)
def test_what_is_damaged_is_entered_once_and_each_day_once(
    sqlite_archive: Archive, clock: HeldClock, case: Case, expects_errors: list[str]
) -> None:
    expects_errors.append("stored original is not what was taken in")
    archive = sqlite_archive
    recordings = [recorded(archive, number) for number in range(4)]
    clock.advance(86_400)
    flows.fixity(Place.of(archive))
    path = file_of(archive, recordings[2])
    rot(path, 100)
    damaged = path.read_bytes()
    clock.advance(86_400 * 85)

    pull(case, flows.fixity, archive.settings.home, Place.of(archive))
    for _ in range(2):
        flows.fixity(Place.of(archive))

    assert [len(entries(archive, one, "rec.fixity")) for one in recordings] == [0, 0, 1, 0]
    assert len(entries(archive, SYSTEM, "sys.fixity")) == 1
    with archive.reading() as session:
        read = [(check.object_id, check.cycle) for check in session.query(FixityCheck) if check.chunk is None]
    assert len(read) == len(set(read)), "no original was read twice for one round"
    assert path.read_bytes() == damaged
    assert {line.split(": ")[1] for line in findings(archive)} == {"changed"}


def recorded(archive: Archive, number: int) -> str:
    return add_recording(archive, content=os.urandom(2_000_000 + number))


@pytest.fixture
def scene(sqlite_archive: Archive, tmp_path: Path) -> Scene:
    return Scene(sqlite_archive, tmp_path)


@pytest.mark.parametrize("case", cases_of("propose"), ids=str)
def test_a_proposal_is_entered_or_was_never_made(scene: Scene, case: Case) -> None:
    archive = scene.archive

    pull(case, flows.propose, archive.settings.home, Place.of(archive), scene.recording, scene.copy, scene.li.id)

    with archive.reading() as session:
        made = session.query(Repair).count()
    assert len(entries(archive, scene.recording, "rec.repair.propose")) == made == 0
    approve_repair(archive, scene.propose(), scene.wang)
    assert scene.pinned_bytes() == CONTENT


@pytest.mark.parametrize("case", cases_of("approve"), ids=str)
def test_a_repair_is_whole_or_can_be_repeated(scene: Scene, case: Case) -> None:
    archive, (key, former) = scene.archive, scene.pinned()
    proposal = scene.propose()

    pull(case, flows.approve, archive.settings.home, Place.of(archive), proposal, scene.wang.id)

    assert b"".join(archive.store.read(key, former)) == scene.damaged, "what was there stays"
    is_pinned = scene.pinned() != (key, former)
    assert len(entries(archive, scene.recording, "rec.repair")) == int(is_pinned)
    if is_pinned:
        with pytest.raises(Conflict):
            approve_repair(archive, proposal, scene.wang)
    else:
        approve_repair(archive, proposal, scene.wang)
    assert scene.pinned_bytes() == CONTENT
    assert len(archive.store.versions(key)) == 2
    assert [len(entries(archive, one, "rec.repair")) for one in (scene.recording, scene.twin)] == [1, 1]
    assert findings(archive) == []


@pytest.fixture(scope="module")
def desk(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with fresh_desk(empty_sqlite, tmp_path_factory) as opened:
        yield opened


@pytest.mark.parametrize("case", cases_of("export"), ids=str)
def test_an_export_is_made_whole_and_never_half_seen(desk: Desk, case: Case, tmp_path: Path) -> None:
    wanted = ask(desk)

    pull(case, flows.export, desk.archive.settings.home, Place.of(desk.archive))

    is_out = case.point.place.endswith(("_release", "_tidy"))
    assert len(desk.see(wanted)["packages"]) == (2 if is_out else 0)
    assert is_out or desk.reviewer.get(f"{EXPORTS}/{wanted}/package").status_code == 409
    assert lost(desk.archive) == []
    settle(desk, wanted, tmp_path)
    assert len(list(desk.archive.store.keys(f"derived/exports/{wanted}/"))) == 2
