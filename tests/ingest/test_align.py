"""Recorders of one room that began apart are put right by what both heard, through the whole pipeline."""

import wave
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.bootstrap import Archive
from services.index.fsck import check
from services.index.models import Rendition
from services.index.session_axis import fetch_session, lay
from services.index.session_view import Skew, facts, measured
from services.ingest.steps.align import align
from tests.archive_fixture import NOON, everywhere
from tests.flows.pipeline import Dock
from tests.footage import make_footage

RATE = 16_000
STARTED = NOON - timedelta(hours=2)


@pytest.fixture
def dock(sqlite_archive: Archive) -> Iterator[Dock]:
    made = Dock(sqlite_archive)
    yield made
    made.close()


def room(seconds):
    chance = np.random.default_rng(5)
    count = int(seconds * RATE)
    noise = np.convolve(chance.normal(size=count), np.hanning(16), "same")
    syllables = np.repeat(chance.random(count // 3200 + 1) > 0.4, 3200)[:count]
    loud: np.ndarray = noise * np.convolve(syllables, np.hanning(800) / 400, "same")
    return 8000 * loud / np.abs(loud).max()


def hear_room(path: Path, begins_s: float, seconds: float, seed: int) -> Path:
    """Write what a recorder hears that begins so many seconds into the room's day."""
    start = round(begins_s * RATE)
    heard = room(60)[start : start + int(seconds * RATE)]
    heard = heard + np.random.default_rng(seed).normal(size=len(heard)) * 40
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(heard.astype("<i2").tobytes())
    return path


def send(dock: Dock, path: Path, channel: str, starts_s: float = 0.0) -> str:
    upload = dock.send(
        path,
        session="讯问 7",
        channel=channel,
        kind="interview",
        device=f"R-{channel}",
        started_at=(STARTED + timedelta(seconds=starts_s)).isoformat(),
    )
    assert upload.recording_id is not None
    return upload.recording_id


def skews(archive: Archive) -> dict[str | None, Skew | None]:
    with archive.reading() as session:
        laid = lay(*fetch_session(session, everywhere("reviewer"), "recording.see", "讯问 7"), {})
        return {one.channel: one.skew for one in facts(laid, measured(session, laid)).channels}


def test_channels_that_began_apart_are_measured_as_they_arrive(dock: Dock, tmp_path: Path) -> None:
    # the clocks say 0, 2 and 0 seconds; truly they began at 5, 5.8 and 5.4 seconds of the room's day
    late = send(dock, hear_room(tmp_path / "b.wav", 5.8, 40, seed=2), "2", starts_s=2)
    send(dock, hear_room(tmp_path / "c.wav", 5.4, 40, seed=3), "3")
    lead = send(dock, hear_room(tmp_path / "a.wav", 5.0, 45, seed=1), "1")
    send(dock, make_footage(tmp_path / "d.mp4", frames=60, audio=False), "4")

    found = skews(dock.archive)
    assert found["1"] is None
    assert found["4"] == Skew(None, None, "clock")
    for channel, planted in (("2", -1.2), ("3", 0.4)):
        skew = found[channel]
        assert skew is not None
        assert skew.method == "sound"
        assert skew.seconds is not None
        assert abs(float(skew.seconds) - planted) < 0.005
    with dock.archive.reading() as session:
        row = session.query(Rendition).filter_by(recording_id=late, kind="skew").one()
        assert (row.facts["against"], row.facts["accepted"]) == (lead, True)
        assert Fraction(row.facts["begins_at"]) == pytest.approx(0.8, abs=0.005)
        assert [str(finding) for finding in check(session, dock.archive.store, deep=True)] == []


def test_measuring_again_changes_nothing(dock: Dock, tmp_path: Path) -> None:
    send(dock, hear_room(tmp_path / "a.wav", 5, 20, seed=1), "1")
    other = send(dock, hear_room(tmp_path / "b.wav", 5.3, 20, seed=2), "2")
    with dock.archive.reading() as session:
        before = [row.id for row in session.query(Rendition).filter_by(kind="skew")]
    align(dock.archive, other)

    with dock.archive.reading() as session:
        assert [row.id for row in session.query(Rendition).filter_by(kind="skew")] == before
    assert len(before) == 1
