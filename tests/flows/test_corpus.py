"""Every real camera file goes through the whole pipeline and ends as its manifest expects."""

import io
from fractions import Fraction

import av
import pytest

from services.digest import Digest, digest_blocks
from services.index.fsck import check
from services.index.models import Recording, Rendition
from services.storage import keys
from tests.flows.pipeline import Dock, expected

CLOSE_S = 0.15
"""Manifest durations are from another reader, rounded to 10 ms; sound may end some frames after the picture."""


@pytest.fixture
def dock(sqlite_archive):
    dock = Dock(sqlite_archive)
    yield dock
    dock.close()


def proxy_of(dock, recording):
    """Give duration and size of the pictures as a decoder sees the review proxy, or of sound alone (size None)."""
    with dock.archive.reading() as session:
        row = session.query(Rendition).filter_by(recording_id=recording.id, kind="proxy").one()
    content = b"".join(dock.archive.store.read(row.key, row.version_id))
    with av.open(io.BytesIO(content), format="mp4") as media:
        ends = [
            float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for packet in media.demux()
            if packet.pts is not None
        ]
        pictures = media.streams.video[0] if media.streams.video else None
        return max(ends), (pictures.width, pictures.height) if pictures else None


def disagreements(dock, file, row):
    """Say where a file's end differs from what the manifest told."""
    with dock.archive.reading() as session:
        recording = session.get_one(Recording, row.recording_id)
        made = {rendition.kind for rendition in session.query(Rendition).filter_by(recording_id=recording.id)}
    notes = file["notes"]
    stored, size = digest_blocks(dock.archive.store.read(keys.original(Digest.from_hex(file["sha256"]))))
    if (row.state, row.sha256, stored.hex, size) != (
        "verified",
        file["sha256"],
        file["sha256"],
        int(file["size_bytes"]),
    ):
        yield "is not kept whole", row.state, row.reason
    if "hostile" in notes.lower() and "hostile-container" not in recording.flag_kinds:
        yield "is not called hostile", recording.flag_kinds
    if "kept, marked damaged" in notes:
        if recording.state != "damaged" or recording.playable or not recording.flags or "proxy" in made:
            yield "is not called damaged", recording.state, recording.flag_kinds, made
        return
    wanted = {"proxy"} if file["video_codec"] == "-" else {"proxy", "poster", "storyboard", "frame-index"}
    if file["audio_codec"] != "-" and "sound may be marked damaged" not in notes:
        wanted |= {"peaks"}
    if recording.state != "ready" or not wanted <= made:
        yield "is not ready", recording.state, recording.flag_kinds, made
        return
    seconds, found = float(file["duration_s"]), float(Fraction(recording.duration))
    played, picture = proxy_of(dock, recording)
    if abs(found - seconds) > CLOSE_S or abs(played - found) > CLOSE_S:
        yield "has another duration", seconds, found, played
    if (picture is None) != (file["video_codec"] == "-"):
        yield "shows no picture, or one too many", picture
    if "rotation -90" in notes and picture and picture[0] > picture[1]:
        yield "does not stand upright", picture


@pytest.mark.timeout(600)
def test_the_whole_corpus_ends_as_its_manifest_expects(dock, corpus):
    wrong = []
    files = expected(corpus / "MANIFEST.tsv")

    for file in files:
        row = dock.send(corpus / file["file"], sha256=file["sha256"], device="cam-1", officer="900001")
        wrong += [(file["file"], *said) for said in disagreements(dock, file, row)]

    assert wrong == []
    assert len(files) >= 20
    with dock.archive.reading() as session:
        assert session.query(Recording).count() == len(files)
        assert [str(finding) for finding in check(session, dock.archive.store, deep=True)] == []
