"""Every real camera file goes through the whole pipeline and ends as its manifest expects."""

from fractions import Fraction

import pytest

from services.index.fsck import check
from services.index.models import Recording, Rendition
from tests.flows.pipeline import Dock, expected


@pytest.fixture
def dock(sqlite_archive):
    dock = Dock(sqlite_archive)
    yield dock
    dock.close()


@pytest.mark.timeout(600)
def test_the_whole_corpus_ends_as_its_manifest_expects(dock, corpus):
    wrong = []
    for file in expected(corpus / "MANIFEST.tsv"):
        row = dock.send(corpus / file["file"], sha256=file["sha256"], device="cam-1", officer="900001")
        with dock.archive.reading() as session:
            recording = session.get_one(Recording, row.recording_id)
            kinds = {r.kind for r in session.query(Rendition).filter_by(recording_id=recording.id)}
        damaged = "damaged" in file["notes"].split("playable")[0] and "kept" in file["notes"]
        told = (file["file"], row.state, recording.state, recording.duration, recording.flag_kinds, kinds)
        if row.state != "verified" or row.sha256 != file["sha256"]:
            wrong.append(("not verified", told))
        if damaged != (recording.state == "damaged"):
            wrong.append(("damage", told))
        if not damaged and (recording.state != "ready" or "proxy" not in kinds):
            wrong.append(("not ready", told))
        if not damaged and abs(float(Fraction(recording.duration)) - float(file["duration_s"])) > 0.15:
            wrong.append(("duration", told))
        if "HOSTILE" in file["notes"] and "hostile-container" not in recording.flag_kinds:
            wrong.append(("hostility", told))

    assert wrong == []
    with dock.archive.reading() as session:
        assert [str(finding) for finding in check(session, dock.archive.store, deep=True)] == []
