"""A fresh recording has poster, storyboard and first findings before its render, and the render's afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.bootstrap import Archive
from services.custody.ledger import history
from services.index.flags import answer_flag, flags_of
from services.index.fsck import check
from services.index.models import Recording, Rendition
from services.media import look_over, suspicion
from services.media.facts import Dismissal, Flag
from services.media.transcode import DETECTORS
from tests.archive_fixture import NOON
from tests.flows.pipeline import Dock
from tests.footage import make_footage
from tests.media.faults import FAULTS, Scene, plant

STRETCH = (2.0, 6.0)


@pytest.fixture
def dock(sqlite_archive: Archive) -> Iterator[Dock]:
    dock = Dock(sqlite_archive)
    yield dock
    dock.close()


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Ten seconds of numbers, black from second 2 to 6."""
    whole = make_footage(tmp_path / "whole.mp4", frames=300, size=(640, 360))
    black = next(fault for fault in FAULTS if fault.name == "black")
    return plant(Scene(whole, 360, "30", seconds=10), black, tmp_path / "遮挡.mp4", stretch=STRETCH)


def made(archive: Archive, recording: str) -> dict[str, set[str]]:
    with archive.reading() as session:
        rows = session.query(Rendition).where(Rendition.recording_id == recording).all()
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row.kind, set()).add(row.recipe.get("kind", "render"))
        return found


def flags(archive: Archive, recording: str) -> list[Flag]:
    with archive.reading() as session:
        return flags_of(session.get_one(Recording, recording))


def test_the_first_look_comes_before_the_render_which_takes_its_place(dock, footage):
    archive = dock.archive
    upload = dock.receive(footage)
    dock.work(["gate.g1", "examine"])
    recording = dock.row(upload).recording_id
    assert recording is not None

    early = made(archive, recording)
    assert {"poster": {"look-over"}, "storyboard": {"look-over"}}.items() <= early.items()
    assert "proxy" not in early
    first = [flag for flag in flags(archive, recording) if flag.detector == look_over.DETECTOR]
    assert [flag.kind for flag in first] == ["black"]
    with archive.work() as work:
        row = work.session.get_one(Recording, recording)
        answer_flag(row, first[0].id, Dismissal("li", NOON, "夜空"))
        work.append("rec.facts", recording, flags=row.flags)

    dock.work()

    assert made(archive, recording)["storyboard"] == {"render"}
    assert made(archive, recording)["poster"] == {"render"}
    assert made(archive, recording)["analysis"] == {"analysis"}
    later = flags(archive, recording)
    (black,) = [flag for flag in later if flag.kind == "black"]
    assert black.detector in DETECTORS
    assert (black.start, black.end) == STRETCH
    assert black.dismissed is not None
    assert black.dismissed.reason == "夜空"
    assert not {flag.detector for flag in later} & {look_over.DETECTOR, suspicion.DETECTOR}
    with archive.reading() as session:
        events = [one.entry.type for one in history(session, recording)]
    assert events.count("rec.rendition.drop") == 2
    kept = [key.key for key in archive.store.keys("derived/") if "/storyboard/" in key.key or "/poster/" in key.key]
    assert len(kept) == 2
    with archive.reading() as session:
        assert list(check(session, archive.store, deep=True)) == []


def test_a_first_look_that_comes_late_changes_nothing(dock: Dock, footage: Path) -> None:
    from services.ingest.steps.look_over import look_over as step

    upload = dock.send(footage)
    assert upload.recording_id is not None
    before = made(dock.archive, upload.recording_id), flags(dock.archive, upload.recording_id)

    step(dock.archive, upload.recording_id)

    assert (made(dock.archive, upload.recording_id), flags(dock.archive, upload.recording_id)) == before


def test_what_cannot_be_looked_at_so_waits_for_its_render(dock: Dock, tmp_path: Path) -> None:
    upload = dock.send(make_footage(tmp_path / "a.avi", frames=60))

    assert upload.recording_id is not None
    assert made(dock.archive, upload.recording_id)["storyboard"] == {"render"}
