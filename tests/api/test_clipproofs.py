"""What leaves the archive with a proof was checked first, against the root that the ledger has."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from services.api.clipproofs import Proven, prove, reader_of
from services.api.stored import Stored
from services.bootstrap import Archive
from services.custody.clipcheck import check_clip
from services.custody.clipproof import read_proof
from services.errors import ProofRefused
from services.index.essence import leaves_row, recorded_root
from services.index.models import Object, Recording
from services.ingest.steps.fingerprint import fingerprint_original
from services.media.timecode import TimeRange
from services.media.verbatim import cut_verbatim
from services.media.virtual import VirtualFile
from tests.custody.clips import FFMPEG, reader
from tests.flows.pipeline import Dock
from tests.footage import _run, make_footage
from tests.media.written import content_of


@pytest.fixture
def dock(archive: Archive) -> Iterator[Dock]:
    dock = Dock(archive)
    yield dock
    dock.close()


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return make_footage(tmp_path / "执法.mp4", frames=300, bframes=2)


@pytest.fixture
def recording(dock: Dock, footage: Path) -> str:
    upload = dock.receive(footage)
    dock.work(["gate.g1", "examine"])
    found = dock.row(upload).recording_id
    assert found is not None
    return found


def cut(archive: Archive, recording: str) -> tuple[Stored, VirtualFile]:
    index = archive.index_of(recording)
    assert index is not None
    with archive.reading() as session:
        stored = Stored.original(session.get_one(Object, session.get_one(Recording, recording).object_id))
    return stored, cut_verbatim(index, TimeRange(Fraction(22, 10), Fraction(41, 10))).file


def proven(found: Proven | None) -> Proven:
    assert found is not None
    return found


def test_a_clip_out_of_the_store_is_proven_to_whoever_has_it(dock: Dock, footage: Path, recording: str) -> None:
    archive = dock.archive
    stored, file = cut(archive, recording)
    read = reader_of(archive, stored, file)

    before = prove(archive, recording, read, file.size_bytes, file)
    fingerprint_original(archive, recording)
    found = proven(prove(archive, recording, read, file.size_bytes, file))

    content = content_of(file, footage.read_bytes())
    with archive.reading() as session:
        root = recorded_root(session, recording)
    assert before is None
    assert root == found.root
    assert found.checked.is_proven
    assert found.unproven == {}
    assert check_clip(reader(content), len(content), read_proof(found.proof), found.root) == found.checked


def test_of_an_encoded_clip_the_copied_sound_is_proven(
    dock: Dock, footage: Path, recording: str, tmp_path: Path
) -> None:
    archive = dock.archive
    _, file = cut(archive, recording)
    source, target = tmp_path / "cut.mp4", tmp_path / "encoded.mp4"
    source.write_bytes(content_of(file, footage.read_bytes()))
    _run([*FFMPEG, "-i", f"file:{source}", "-c:v", "libx264", "-c:a", "copy", "-f", "mp4", f"file:{target}"])
    content = target.read_bytes()
    fingerprint_original(archive, recording)

    found = proven(prove(archive, recording, reader(content), len(content)))

    assert [track.is_proven for track in found.checked.tracks] == [False, True]
    assert list(found.unproven) == [0]


def test_leaves_that_were_changed_in_the_store_prove_nothing(dock: Dock, recording: str) -> None:
    archive = dock.archive
    stored, file = cut(archive, recording)
    fingerprint_original(archive, recording)
    with archive.reading() as session:
        row = leaves_row(session, recording)
    assert row is not None
    kept = b"".join(archive.store.read(row.key, row.version_id))
    archive.store.put_bytes(row.key, kept[:-40] + bytes([kept[-40] ^ 1]) + kept[-39:])

    with pytest.raises(ProofRefused):
        prove(archive, recording, reader_of(archive, stored, file), file.size_bytes, file)
