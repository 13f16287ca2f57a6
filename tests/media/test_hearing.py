"""The sound of a stretch comes as samples, each at its own time, whatever the container."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.media.facts import FrameTimes, MediaFacts
from services.media.hearing import count, hear
from services.media.probe import examine_in_child
from services.media.timecode import TimeRange
from tests.footage import make_footage, make_sound

RATE = 8000


def heard(path: Path, start: float, end: float, channels: int = 1) -> np.ndarray:
    found = examine_in_child(path)
    facts: MediaFacts = found.facts
    times: FrameTimes | None = found.frame_times
    stretch = TimeRange(Fraction(start).limit_denominator(10**6), Fraction(end).limit_denominator(10**6))
    with hear(path, facts, times, stretch, rate=RATE, channels=channels) as blocks:
        samples = np.frombuffer(b"".join(blocks), "<i2")
    assert len(samples) == count(stretch, RATE) * channels
    return samples


def rises(samples: np.ndarray) -> list[float]:
    """Give the seconds at which beeps begin."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 3000) / RATE
    return [float(at) for n, at in enumerate(loud) if n == 0 or at - loud[n - 1] > 0.3]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.ts", "a.avi"])
def test_beeps_are_heard_at_their_seconds(tmp_path: Path, name: str) -> None:
    film = make_footage(tmp_path / name, frames=300)

    assert rises(heard(film, 3.5, 7.25)) == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.02)


def test_sound_without_pictures_is_heard_in_both_channels(tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "a.wav", seconds=5)
    samples = heard(sound, 0.5, 4, channels=2)

    assert rises(samples[::2]) == rises(samples[1::2]) == pytest.approx([0.5, 1.5, 2.5], abs=0.02)


def test_behind_the_end_and_without_sound_there_is_silence(tmp_path: Path) -> None:
    short = make_footage(tmp_path / "short.mp4", frames=300, audio_seconds=4)
    mute = make_footage(tmp_path / "mute.mp4", frames=60, audio=False)

    assert not heard(short, 4.5, 9).any()
    assert not heard(mute, 0, 2).any()
