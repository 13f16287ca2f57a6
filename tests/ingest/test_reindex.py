"""Recordings that an older version examined: they open as they are, and are indexed when there is time."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import NotFound, Unplayable
from services.index.fsck import check
from services.index.models import Recording, Rendition
from services.ingest.steps.missing import AT_ONCE
from services.ingest.steps.reindex import BEFORE_ALL, KIND, ask_for_indexes, reindex
from services.jobs.table import JobRow
from services.media.facts import Flag
from services.media.frametimes import FrameTimes
from services.media.probe import Examination, examine
from services.up.rounds import indexes
from tests.archive_fixture import HeldClock, add_recording, add_rendition
from tests.flows.pipeline import Dock
from tests.footage import make_footage


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return make_footage(tmp_path / "执法.mp4", frames=40, bframes=2)


@pytest.fixture
def dock(archive: Archive) -> Iterator[Dock]:
    dock = Dock(archive)
    yield dock
    dock.close()


def as_of_before(archive: Archive, footage: Path) -> tuple[str, FrameTimes]:
    """Make a recording as the version before left it: facts and frame times, no index."""
    examined: Examination = examine(footage)
    assert examined.frame_times is not None
    recording = add_recording(
        archive,
        content=footage.read_bytes(),
        duration=examined.facts.duration,
        facts=examined.facts.to_json(),
        playable=True,
        state="ready",
    )
    add_rendition(archive, recording, "frame-times", examined.frame_times.to_bytes())
    return recording, examined.frame_times


def _kinds(archive: Archive, recording: str) -> list[str]:
    with archive.reading() as session:
        return sorted(row.kind for row in session.query(Rendition).where(Rendition.recording_id == recording))


def test_a_recording_of_before_opens_and_is_indexed_later(dock: Dock, footage: Path) -> None:
    archive = dock.archive
    recording, times = as_of_before(archive, footage)

    before = archive.frame_times_of(recording), archive.index_of(recording)
    indexes(archive)()
    dock.work(["examine"])

    assert before == (times, None)
    index = archive.index_of(recording)
    assert index is not None
    assert index.frame_times == archive.frame_times_of(recording) == times
    assert _kinds(archive, recording) == ["frame-index", "frame-times"]
    with archive.reading() as session:
        entries = [line.entry.type for line in history(session, recording)]
        assert entries.count("rec.rendition") == 2
        assert {(job.kind, job.state) for job in session.query(JobRow)} == {("index", "done")}
        assert session.get_one(Recording, recording).state == "ready"
        assert list(check(session, archive.store, deep=True)) == []


def test_an_index_of_another_version_is_replaced(archive: Archive, footage: Path) -> None:
    recording, _ = as_of_before(archive, footage)
    recipe = {"tool": "test", "kind": "frame-index", "version": 0}
    add_rendition(archive, recording, "frame-index", b"of another version", recipe=recipe)

    reindex(archive, recording)
    reindex(archive, recording)

    assert archive.index_of(recording) is not None
    assert _kinds(archive, recording) == ["frame-index", "frame-times"]
    with archive.reading() as session:
        entries = [line.entry.type for line in history(session, recording)]
        assert entries.count("rec.rendition.drop") == 1
        assert list(check(session, archive.store, deep=True)) == []


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_what_the_index_tells_is_flagged_and_all_else_stays_as_it_was(archive: Archive, tmp_path: Path) -> None:
    options = ["-x264-params", "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
    recording, _ = as_of_before(archive, make_footage(tmp_path / "a.mp4", frames=90, bframes=2, options=options))
    with archive.work() as work:
        row = work.session.get_one(Recording, recording)
        row.flags = [Flag("unknown-device", detail="K-1").to_json()]
        work.append("rec.facts", recording, flags=row.flags)

    reindex(archive, recording)

    with archive.reading() as session:
        row = session.get_one(Recording, recording)
        found = [Flag.from_json(flag) for flag in row.flags]
        assert [(flag.kind, flag.detector, flag.version) for flag in found] == [
            ("unknown-device", "", ""),
            ("open-gop", "frame-index", "1"),
        ]
        assert (row.state, row.flag_kinds) == ("ready", " open-gop unknown-device ")
        last = [line for line in history(session, recording) if line.entry.type == "rec.facts"][-1]
        assert "open-gop" in last.values["flags"]


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_what_has_an_index_does_not_play_or_is_gone_is_left_alone(dock: Dock, footage: Path) -> None:
    dock.send(footage, officer="900001")
    for facts in (
        {"playable": False, "facts": {}},
        {"playable": True, "facts": {}, "state": "quarantined"},
        {"playable": True},
    ):
        add_recording(dock.archive, **facts)

    assert ask_for_indexes(dock.archive, BEFORE_ALL) is None


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_few_are_asked_for_at_a_time_and_all_in_the_end(archive: Archive, clock: HeldClock) -> None:
    made = {add_recording(archive, playable=True, facts={}) for _ in range(AT_ONCE + 5)}
    turn = indexes(archive)

    turn()
    turn()
    with archive.plain() as session:
        first = {job.key for job in session.query(JobRow)}
        session.query(JobRow).update({"state": "done"})
    turn()
    turn()
    with archive.reading() as session:
        asked = {job.key for job in session.query(JobRow).where(JobRow.kind == KIND)}

    assert len(first) == AT_ONCE
    assert asked == made


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_after_the_whole_catalogue_the_round_rests_an_hour(archive: Archive, clock: HeldClock) -> None:
    turn = indexes(archive)
    turn()
    add_recording(archive, playable=True, facts={})

    turn()
    with archive.reading() as session:
        resting = session.query(JobRow).count()
    clock.advance(3600)
    turn()

    with archive.reading() as session:
        assert (resting, session.query(JobRow).count()) == (0, 1)


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_an_original_that_reads_no_more_is_an_error_and_changes_nothing(archive: Archive) -> None:
    recording = add_recording(archive, playable=True, facts={}, duration=Fraction(3))

    with pytest.raises(Unplayable, match="cannot be read again"):
        reindex(archive, recording)
    with pytest.raises(NotFound):
        reindex(archive, "0199a000-0000-7000-8000-000000000000")

    assert _kinds(archive, recording) == []
