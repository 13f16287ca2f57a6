"""Planted skews are found again to a few milliseconds; sounds that tell nothing are said to tell nothing."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from services.media.skew import RATE, Found, Measured, Sound, compare, cut, plan, settle

Floats = npt.NDArray[np.float64]


def talk(seconds: float, seed: int = 1) -> Floats:
    """Make something like speech: coloured noise in syllables and pauses, never the same again."""
    chance = np.random.default_rng(seed)
    count = int(seconds * RATE)
    noise = np.convolve(chance.normal(size=count), np.hanning(12), "same")
    syllables = np.repeat(chance.random(count // 1600 + 1) > 0.4, 1600)[:count]
    return noise * np.convolve(syllables, np.hanning(400) / 200, "same")


def recorder(room, begins_s, seconds, *, noise, seed):
    """Hear the room from `begins_s` on, through another microphone: other level, echo, hiss of its own."""
    chance = np.random.default_rng(seed)
    start = round(begins_s * RATE)
    heard = room[start : start + int(seconds * RATE)]
    echo = np.zeros_like(heard)
    echo[160:] = 0.3 * heard[:-160]
    out = 0.2 * (heard + echo) / np.abs(heard).max() + noise * chance.normal(size=len(heard))
    return out.astype(np.float32)


def measure(first: Sound, second: Sound, guess: float, reach: float = 5.0) -> Measured | None:
    windows = plan(
        Fraction(len(first), RATE), Fraction(len(second), RATE), Fraction(guess).limit_denominator(1000),
        Fraction(reach).limit_denominator(1000),
    )  # fmt: skip
    found = []
    for window in windows:
        a = stretch(first, window.first_at, window.length)
        b = stretch(second, window.second_at, window.length + 2 * window.reach)
        answer = compare(a, b, window)
        if answer is not None:
            found.append(answer)
    return settle(found)


def stretch(sound: Sound, start: Fraction, length: Fraction) -> Sound:
    pcm = (sound * 32767).astype("<i2").tobytes()
    blocks = (pcm[at : at + 9973] for at in range(0, len(pcm), 9973))
    return cut(blocks, [(start, length)])[0]


@pytest.mark.parametrize("skew", [-1.2, -0.4003, -0.05, 0.0, 0.0071, 0.4])
def test_a_planted_skew_is_found_to_five_milliseconds(skew: float) -> None:
    room = talk(90)
    first = recorder(room, 5, 70, noise=0.01, seed=2)
    second = recorder(room, 5 + 8 + skew, 60, noise=0.02, seed=3)

    found = measure(first, second, guess=8)
    assert found is not None
    assert found.accepted
    assert found.score > 8
    assert abs(float(found.begins_at) - (8 + skew)) < 0.005


def test_a_recorder_that_began_before_the_other_is_found_too() -> None:
    room = talk(60)
    first, second = recorder(room, 10, 40, noise=0.01, seed=2), recorder(room, 6.6, 50, noise=0.01, seed=3)

    found = measure(first, second, guess=-3)
    assert found is not None
    assert found.accepted
    assert abs(float(found.begins_at) + 3.4) < 0.005


def test_clocks_that_drift_apart_are_followed() -> None:
    room = talk(1300)
    first = recorder(room, 0, 1290, noise=0.01, seed=2)
    grid = np.arange(int(1280 * RATE)) * (1 + 50e-6) + 0.7 * RATE
    second = np.interp(grid, np.arange(len(room)), room * 0.2 / np.abs(room).max()).astype(np.float32)

    found = measure(first, second, guess=1)
    assert found is not None
    assert found.accepted
    assert found.windows == 5
    assert found.ppm is not None
    assert abs(found.ppm - 50) < 5
    assert abs(float(found.begins_at) - 0.7) < 0.005


def test_another_rooms_sound_is_not_believed() -> None:
    first, second = recorder(talk(40), 0, 40, noise=0.01, seed=2), recorder(talk(40, 9), 0, 40, noise=0.01, seed=3)

    found = measure(first, second, guess=0)
    assert found is not None
    assert not found.accepted


def test_a_sound_that_repeats_itself_is_not_believed() -> None:
    found = measure(beeps(40, 7), beeps(60, 8), guess=-10)

    assert found is not None
    assert not found.accepted


def beeps(seconds: int, seed: int) -> Sound:
    second = np.zeros(RATE, np.float32)
    second[:400] = 0.5 * np.sin(np.arange(400) * 0.7)
    hiss = np.random.default_rng(seed).normal(size=seconds * RATE) * 1e-4
    return (np.tile(second, seconds) + hiss).astype(np.float32)


def test_silence_is_not_compared() -> None:
    silent = np.zeros(40 * RATE, np.float32)

    assert measure(silent, recorder(talk(40), 0, 40, noise=0.01, seed=2), guess=0) is None


def test_recordings_that_hardly_meet_are_not_compared() -> None:
    assert plan(Fraction(100), Fraction(100), Fraction(93), Fraction(5)) == ()


def test_a_long_interview_is_heard_a_minute_in_five() -> None:
    windows = plan(Fraction(4 * 3600), Fraction(4 * 3600), Fraction(2), Fraction(5))

    assert len(windows) == 48
    assert windows[1].first_at - windows[0].first_at == 300
    assert windows[0].second_at == -5


def test_windows_that_disagree_settle_nothing() -> None:
    found = settle([Found(0, 1.0, 20, 3), Found(300, 1.5, 20, 3)])

    assert found is not None
    assert not found.accepted
