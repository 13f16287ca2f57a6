"""
Find how far apart two recorders of one room began, from what both heard. Pure.

Generalised cross-correlation with phase transform: level and colour of the two sounds do not matter, only when
things are heard. Source: Knapp and Carter 1976; measures and thresholds: knowledge/media 5.5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

RATE: Final = 8000
"""Samples a second that are compared: speech needs no more."""

WINDOW_S: Final = 60
EVERY_S: Final = 300
SHORTEST_S: Final = 8
"""A comparison hears a minute of every five; less than eight common seconds prove nothing."""

ACCEPTED: Final = 8.0
"""Height of a peak above its surroundings, in their standard deviations, from which on it counts."""

RIVAL: Final = 0.7
"""A second peak higher than this part of the first says that the sound repeats itself: then neither counts."""

NEAR_S: Final = Fraction(1, 20)
"""What belongs to one peak: echoes of a room come within this."""

RESIDUAL_S: Final = 0.040
"""Windows that stray further from a common line do not tell of the same two clocks."""

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """
    Say which stretches are compared: `length` seconds of the first recording from `first_at` on with the second's
    from `second_at`, which begins `reach` seconds early and ends as much late, so that it may lie anywhere inside.
    """

    first_at: Fraction
    second_at: Fraction
    length: Fraction
    reach: Fraction


@dataclass(frozen=True, slots=True)
class Found:
    """One window's answer: at `at` seconds of the first recording the second begins `begins_at` seconds into it."""

    at: float
    begins_at: float
    score: float
    rival: float

    @property
    def counts(self) -> bool:
        """Say whether the peak stands alone and high enough."""
        return self.score > ACCEPTED and self.rival < RIVAL * self.score


@dataclass(frozen=True, slots=True)
class Measured:
    """
    Say at which second of the first recording the second one begins, by their sound.

    `score` is the best window's peak; `windows` counts those that agree, `ppm` how much faster the first one's clock
    runs, None from fewer than three windows. Not `accepted`: the sound does not tell, `begins_at` is only a guess.
    """

    begins_at: Fraction
    score: float
    windows: int
    ppm: float | None
    accepted: bool


def plan(first: Fraction, second: Fraction, begins_at: Fraction, reach: Fraction) -> tuple[Window, ...]:
    """
    Choose the windows of two recordings of `first` and `second` seconds, the second beginning about `begins_at`.

    Nothing is planned where they have less than eight seconds in common.
    """
    start, end = max(begins_at, Fraction(0)), min(first, begins_at + second)
    windows = []
    at = start
    while end - at >= SHORTEST_S:
        length = min(Fraction(WINDOW_S), end - at)
        windows.append(Window(at, at - begins_at - reach, length, reach))
        at += EVERY_S
    return tuple(windows)


def compare(first: Sound, second: Sound, window: Window) -> Found | None:
    """
    Compare the sound of one window; `second` holds `reach` seconds more on both sides, zeros where nothing is.

    None where one of them is silent.
    """
    if not _heard(first) or not _heard(second):
        return None
    size = 1 << (len(first) + len(second) - 1).bit_length()
    cross = np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size))
    strength = np.abs(cross)
    cross /= np.maximum(strength, strength.max() * 1e-9)
    lags = np.fft.irfft(cross, size)[: int(2 * window.reach * RATE) + 1]
    peak = int(np.argmax(lags))
    apart = np.abs(np.arange(len(lags)) - peak) > NEAR_S * RATE
    deviation = float(lags[apart].std()) if apart.any() else 0.0
    if deviation == 0.0:
        return None
    heard_at = float(window.second_at) + (peak + _between(lags, peak)) / RATE
    return Found(
        float(window.first_at),
        float(window.first_at) - heard_at,
        float(lags[peak]) / deviation,
        float(lags[apart].max()) / deviation,
    )


def _heard(sound: Sound) -> bool:
    return bool(len(sound)) and float(np.abs(sound).max()) > 1e-4


def _between(lags: npt.NDArray[np.float64], peak: int) -> float:
    """Place a peak between the samples, by the parabola through it and its neighbours."""
    if not 0 < peak < len(lags) - 1:
        return 0.0
    before, top, after = lags[peak - 1], lags[peak], lags[peak + 1]
    bend = before - 2 * top + after
    return 0.0 if bend == 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def settle(found: Sequence[Found]) -> Measured | None:
    """Draw one answer from all windows; None where no window heard anything."""
    if not found:
        return None
    best = max(found, key=lambda one: one.score)
    sure = [one for one in found if one.counts]
    middle = float(np.median([one.begins_at for one in sure])) if sure else best.begins_at
    ppm, begins_at = None, middle
    if len(sure) >= 3:
        slope, level = np.polyfit([one.at for one in sure], [one.begins_at for one in sure], 1)
        ppm, begins_at = float(slope) * 1e6, float(level + slope * sure[0].at)
        strays = [abs(level + slope * one.at - one.begins_at) for one in sure]
    else:
        strays = [abs(one.begins_at - middle) for one in sure]
    accepted = bool(sure) and max(strays) < RESIDUAL_S
    return Measured(Fraction(round(begins_at * 1_000_000), 1_000_000), best.score, len(sure), ppm, accepted)


def cut(blocks: Iterator[bytes], windows: Sequence[tuple[Fraction, Fraction]]) -> list[Sound]:
    """
    Take stretches (start, length; seconds, also below 0) out of mono 16-bit sound at `RATE` that streams past.

    Bytes outside are let go as they come; where there is no sound a stretch holds zeros.
    """
    places = [(int(start * RATE), int(length * RATE)) for start, length in windows]
    held = [np.zeros(length, np.float32) for _, length in places]
    at, rest = 0, b""
    for block in blocks:
        whole = rest + block
        usable = len(whole) // 2 * 2
        samples, rest = np.frombuffer(whole[:usable], "<i2"), whole[usable:]
        for (start, length), target in zip(places, held, strict=True):
            low, high = max(start, at), min(start + length, at + len(samples))
            if low < high:
                target[low - start : high - start] = samples[low - at : high - at] / np.float32(32768)
        at += len(samples)
    return held
