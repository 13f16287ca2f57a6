"""Silence is told per channel and to 20 ms; channels are dead or the same only if they are so throughout."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from services.media.facts import Flag
from services.media.soundlevels import WINDOW, Levels, judge

RATE = 8000


def noise(seconds: float, *, seed: int = 0, level: float = 1000) -> npt.NDArray[np.int16]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * level).astype(np.int16)


def judged(*channels: npt.NDArray[np.int16], blocks: int = 7) -> list[Flag]:
    samples = np.stack(channels, axis=1)
    levels = Levels(len(channels), RATE)
    for at in range(0, len(samples), blocks * WINDOW):
        levels.add(samples[at : at + blocks * WINDOW])
    levels.finish()
    return judge(levels, 1, Fraction(len(samples), RATE), version="1")


def test_silence_of_one_channel_is_told_with_its_place():
    left, right = noise(20, seed=1), noise(20, seed=2)
    left[5 * RATE : 9 * RATE] = 0

    (flag,) = judged(left, right)

    assert (flag.kind, flag.channel, flag.start, flag.end) == ("silence", "stream 1 channel 1", 5, 9)


def test_a_short_pause_and_a_quiet_room_are_no_silence() -> None:
    left = noise(20, seed=1)
    left[5 * RATE : 7 * RATE] = 0

    assert judged(left, noise(20, seed=2, level=60)) == []


def test_silence_up_to_the_end_is_closed():
    left = noise(10)
    left[6 * RATE :] = 3

    (flag,) = judged(left)

    assert (flag.start, flag.end) == (6, 10)


def test_a_channel_with_nothing_but_an_offset_and_a_click_is_dead() -> None:
    dead = np.full(60 * RATE, 500, np.int16)
    dead[RATE] = 20000

    assert [(flag.kind, flag.channel) for flag in judged(noise(60), dead)] == [("dead-channel", "stream 1 channel 2")]


def test_the_same_sound_is_the_same_whatever_its_loudness() -> None:
    left = noise(10)
    (flag,) = judged(left, (left // 3 + noise(10, seed=5, level=5)).astype(np.int16))

    assert flag.kind == "identical-channels"
    assert flag.channel == "stream 1 channels 1 and 2"


def test_two_microphones_of_one_room_are_not_the_same() -> None:
    common = noise(10, level=2000)

    assert judged(common + noise(10, seed=1, level=150), common + noise(10, seed=2, level=150)) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 50), st.integers(0, 100), st.integers(150, 400))
def test_blocks_make_no_difference(blocks: int, begin: int, length: int) -> None:
    left = noise(12)
    left[begin * WINDOW : (begin + length) * WINDOW] = 0

    assert judged(left, blocks=blocks) == judged(left, blocks=10_000)
