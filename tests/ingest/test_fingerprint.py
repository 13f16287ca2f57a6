"""Every verified MP4 and MOV gets its trees, an entry and a sidecar that proofs can be made from; others do not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.bootstrap import Archive
from services.custody.fingerprint import fingerprint
from services.custody.ledger import Recorded, history
from services.custody.sidecar import Sidecar
from services.index.models import Recording, Rendition
from services.ingest.steps.fingerprint import KIND, ask_for, fingerprint_original
from services.ingest.tasks import tasks
from services.jobs.lease import claim
from services.jobs.table import JobRow
from services.jobs.worker import run
from services.media.probe import examine
from services.storage.filesystem import FolderStore
from services.up.rounds import fingerprints
from tests.archive_fixture import add_recording
from tests.flows.pipeline import Dock
from tests.footage import make_footage


@pytest.fixture
def dock(archive: Archive) -> Iterator[Dock]:
    dock = Dock(archive)
    yield dock
    dock.close()


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return make_footage(tmp_path / "执法.mp4", frames=40, bframes=2)


def root_of(path: Path) -> str:
    content = path.read_bytes()

    def read(at: int, length: int) -> bytes:
        return content[at : at + length]

    return fingerprint(read, read, len(content)).root.hex()


def essences(archive: Archive, recording: str) -> list[Recorded]:
    with archive.reading() as session:
        return [line for line in history(session, recording) if line.entry.type == "rec.essence"]


def sidecars(archive: Archive, recording: str) -> list[Rendition]:
    with archive.reading() as session:
        return list(session.query(Rendition).where(Rendition.recording_id == recording, Rendition.kind == "essence"))


def recording_of(dock: Dock, footage: Path) -> str:
    """Have a file verified, examined and fingerprinted, but not rendered."""
    upload = dock.receive(footage)
    dock.work(["gate.g1", "examine"])
    recording = dock.row(upload).recording_id
    assert recording is not None
    fingerprint_original(dock.archive, recording)
    return recording


def test_what_arrives_is_fingerprinted_once_from_its_verified_bytes(dock: Dock, footage: Path) -> None:
    archive = dock.archive

    recording = dock.send(footage).recording_id
    assert recording is not None
    fingerprint_original(archive, recording)

    (line,) = essences(archive, recording)
    (row,) = sidecars(archive, recording)
    kept = Sidecar.open(lambda at, length: b"".join(archive.store.read(row.key, offset=at, length=length)))
    told = {name: json.loads(value) for name, value in line.values.items()}
    with archive.reading() as session:
        types = [one.entry.type for one in history(session, recording)]
        assert told["sha256"] == session.get_one(Recording, recording).sha256
    assert types.index("rec.essence") > types.index("rec.verify")
    assert told["essence_root"] == root_of(footage) == kept.root.hex()
    assert [track["n"] for track in told["tracks"]] == [header.samples for header in kept.headers]
    assert [track["root"] for track in told["tracks"]] == [header.root.hex() for header in kept.headers]
    assert row.size_bytes < 4096 + 32 * sum(header.samples + 1 for header in kept.headers)


@pytest.mark.parametrize("last", ["examine", "read-back"])
def test_whichever_of_reading_back_and_examining_is_last_asks_for_it(dock: Dock, footage: Path, last: str) -> None:
    archive = dock.archive
    dock.receive(footage)
    todo = tasks(archive)

    asked = []
    for kind in ("accession", *sorted({"examine", "read-back"}, key=last.__eq__)):
        with archive.reading() as session:
            row = session.query(JobRow).where(JobRow.kind == kind).one()
            queue, number = row.queue, row.id
        job = claim(archive.engine, [queue], archive.clock(), job_id=number)
        assert job is not None
        run(archive.engine, job, todo, archive.clock)
        with archive.reading() as session:
            asked.append(session.query(JobRow).where(JobRow.kind == KIND).count())

    assert asked == [0, 0, 1]


def test_bytes_that_are_not_read_back_are_not_fingerprinted(archive: Archive, footage: Path) -> None:
    known = examine(footage)
    recording = add_recording(
        archive, content=footage.read_bytes(), facts=known.facts.to_json(), container="mp4", verified=False
    )

    ask_for(archive, [recording])
    fingerprint_original(archive, recording)

    assert essences(archive, recording) == []
    with archive.reading() as session:
        assert session.query(JobRow).count() == 0


def test_a_recording_of_before_is_fingerprinted_later(dock: Dock, footage: Path) -> None:
    archive = dock.archive
    known = examine(footage)
    recording = add_recording(archive, content=footage.read_bytes(), facts=known.facts.to_json(), container="mp4")

    go_on = fingerprints(archive)
    go_on()
    with archive.reading() as session:
        assert session.query(JobRow.kind, JobRow.key).all() == [(KIND, recording)]
    dock.work(["render"])

    (line,) = essences(archive, recording)
    assert json.loads(line.values["essence_root"]) == root_of(footage)


def test_a_container_without_boxes_has_none(dock: Dock, tmp_path: Path) -> None:
    recording = recording_of(dock, make_footage(tmp_path / "a.mkv", frames=30))

    assert essences(dock.archive, recording) == []
    assert sidecars(dock.archive, recording) == []


def test_a_file_that_two_readers_would_read_differently_has_a_reason_and_no_root(dock: Dock, footage: Path) -> None:
    content = bytearray(footage.read_bytes())
    at = content.index(b"stsc")
    content[at + 23] = 2  # the first chunks name the second description, of which there is none
    footage.write_bytes(content)

    recording = recording_of(dock, footage)

    (line,) = essences(dock.archive, recording)
    assert json.loads(line.values["reason"]) == ("track 0: some chunks name another sample description than the first")
    assert "essence_root" not in line.values
    assert sidecars(dock.archive, recording) == []


def test_the_original_is_read_once(dock: Dock, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lent: list[str] = []
    lend = FolderStore.lend

    def counted(store: FolderStore, key: str, version: str | None, digest: object) -> object:
        lent.append(key)
        return lend(store, key, version, digest)  # type: ignore[arg-type]

    dock.receive(footage)
    dock.work(["gate.g1", "examine"])
    monkeypatch.setattr(FolderStore, "lend", counted)
    with dock.archive.reading() as session:
        recording = session.query(Recording).one().id

    fingerprint_original(dock.archive, recording)
    fingerprint_original(dock.archive, recording)

    assert len(lent) == 1
