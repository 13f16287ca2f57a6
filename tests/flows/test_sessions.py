"""Sessions as the pipeline leaves them: a stream's own clock that runs on places exactly, through its wrap too."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from services.api.actions.see_session import see_session
from services.bootstrap import Archive
from services.index.models import SessionMember
from tests.archive_fixture import everywhere
from tests.flows.pipeline import Dock
from tests.footage import make_footage

STARTED = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
WRAP_S = Fraction(2**33, 90_000)


@pytest.fixture
def dock(sqlite_archive: Archive) -> Iterator[Dock]:
    made = Dock(sqlite_archive)
    yield made
    made.close()


def stream(folder: Path, name: str, begins_s: Fraction, frames: int) -> Path:
    """Make a transport stream whose own clock shows `begins_s` at its first picture, as far as 33 bits can."""
    offset = f"{float(begins_s % WRAP_S):.6f}"
    options = ["-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", offset]
    return make_footage(folder / name, frames=frames, audio="aac", options=options)


@pytest.mark.parametrize("before_wrap_s", [1000, 7, 4, 2])
def test_a_clock_that_wraps_between_or_inside_files_places_them_exactly(
    dock: Dock, tmp_path: Path, before_wrap_s: int
) -> None:
    begins = WRAP_S - before_wrap_s
    gap = Fraction(23, 100)
    parts = [
        (stream(tmp_path, "b.ts", begins + 4 + gap, 90), STARTED + timedelta(seconds=5)),
        (stream(tmp_path, "a.ts", begins, 120), STARTED),
    ]
    for path, started_at in parts:
        dock.send(path, session="S1", started_at=started_at.isoformat(), device="D1", kind="body")
    seen = see_session(dock.archive, everywhere("reviewer"), "S1")

    first, second = seen.members
    assert second.method == "pts"
    assert abs(second.offset - 4 - gap) < Fraction(1, 1000)
    assert abs(second.gap_before - gap) < Fraction(1, 20)
    assert first.offset == 0


def test_files_of_one_camera_group_themselves_and_a_late_one_joins(dock: Dock, tmp_path: Path) -> None:
    film = [make_footage(tmp_path / f"{n}.mp4", frames=60, first=60 * n) for n in range(3)]
    sent = [
        dock.send(path, started_at=(STARTED + timedelta(seconds=2 * n)).isoformat(), device="D9", kind="body")
        for n, path in ((0, film[0]), (2, film[2]), (1, film[1]))
    ]
    with dock.archive.reading() as session:
        rows = session.query(SessionMember).all()

    assert {row.recording_id for row in rows} == {upload.recording_id for upload in sent}
    assert len({row.session_id for row in rows}) == 1
    seen = see_session(dock.archive, everywhere("reviewer"), rows[0].session_id)
    assert [member.offset for member in seen.members] == [0, 2, 4]
