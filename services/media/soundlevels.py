"""
Judge the sound channel by channel: silence, channels without any sound, channels with the same sound.

Worked on the 8 kHz samples that the outline is drawn from, block by block, in bounded memory. Thresholds are measured
in docs/quality.md.
"""

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from services.media.facts import Flag

VERSION = 1
"""Raise it when a measure or threshold here changes."""
DETECTOR = "sound-levels"

WINDOW = 160
"""Samples of one measure: 20 ms at 8 kHz."""

SILENT_LEVEL = 32.768
"""Standard deviation below which a window is silent: -60 dB of full scale. A quiet room under a real microphone
measures -55 and more; a muted or missing one -70 and less."""
LEAST_SILENT_S = Fraction(3)

DEAD_SHARE = 0.995
"""A channel is dead when hardly any of its windows is not silent: a plug's click does not bring it to life."""

SAME = 0.995
"""Correlation from which two channels carry the same sound. Two microphones of one small camera reach 0.993."""
LEAST_SOUND_S = Fraction(1)
"""Sound that two channels must have before they are compared."""

MOST_RUNS = 10_000


@dataclass(slots=True)
class Levels:
    """
    Gather what a stream's samples say, given block by block; `channels` in a row of each.

    A window is silent by its standard deviation: a constant offset is no sound.
    """

    channels: int
    rate: int
    windows: int = 0
    loud: npt.NDArray[np.int64] = field(init=False)
    products: npt.NDArray[np.float64] = field(init=False)
    sums: npt.NDArray[np.float64] = field(init=False)
    compared: int = 0
    runs: list[list[tuple[int, int]]] = field(init=False)
    _since: list[int | None] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.loud = np.zeros(self.channels, np.int64)
        self.products = np.zeros((self.channels, self.channels))
        self.sums = np.zeros(self.channels)
        self.runs = [[] for _ in range(self.channels)]
        self._since = [None] * self.channels

    def add(self, samples: npt.NDArray[np.int16]) -> None:
        """Take rows of samples, whole windows of them; the rest of a last block is left out."""
        count = len(samples) // WINDOW
        if count == 0:
            return
        sound = samples[: count * WINDOW].astype(np.float32)
        spread = sound.reshape(count, WINDOW, self.channels).std(axis=1)
        silent = spread < SILENT_LEVEL
        self.loud += (~silent).sum(axis=0)
        for channel in range(self.channels):
            self._note_runs(channel, silent[:, channel])
        heard = np.repeat(~silent.all(axis=1), WINDOW)
        sound = sound[heard]
        self.products += sound.T.astype(np.float64) @ sound.astype(np.float64)
        self.sums += sound.sum(axis=0, dtype=np.float64)
        self.compared += len(sound)
        self.windows += count

    def _note_runs(self, channel: int, silent: npt.NDArray[np.bool_]) -> None:
        edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=np.int8(self._since[channel] is not None)))
        runs = self.runs[channel]
        for edge in edges.tolist():
            begin = self._since[channel]
            if begin is None:
                self._since[channel] = self.windows + edge
            else:
                self._close(runs, begin, self.windows + edge)
                self._since[channel] = None

    def _close(self, runs: list[tuple[int, int]], begin: int, end: int) -> None:
        if (end - begin) * Fraction(WINDOW, self.rate) >= LEAST_SILENT_S and len(runs) < MOST_RUNS:
            runs.append((begin, end))

    def finish(self) -> None:
        """Close what is still silent at the end."""
        for channel, begin in enumerate(self._since):
            if begin is not None:
                self._close(self.runs[channel], begin, self.windows)
                self._since[channel] = None

    @property
    def dead(self) -> list[bool]:
        """Say which channels have no sound from beginning to end."""
        return [self.windows > 0 and int(one) <= (1 - DEAD_SHARE) * self.windows for one in self.loud]

    def correlation(self, one: int, other: int) -> float:
        """Compare two channels where either is heard; 0 where too little is."""
        if self.compared < LEAST_SOUND_S * self.rate:
            return 0.0
        means = self.sums / self.compared
        covariance = self.products / self.compared - np.outer(means, means)
        scale = float(np.sqrt(max(covariance[one, one], 0) * max(covariance[other, other], 0)))
        return float(covariance[one, other]) / scale if scale > 0 else 0.0


def judge(levels: Levels, stream: int, duration: Fraction, *, version: str) -> list[Flag]:
    """Flag what a person should know of one stream's channels; `stream` is its number in the file."""
    names = [f"stream {stream} channel {channel + 1}" for channel in range(levels.channels)]
    flags = []
    for channel, (name, dead) in enumerate(zip(names, levels.dead, strict=True)):
        if dead:
            detail = f"{name}: no sound above -60 dB from beginning to end"
            flags.append(Flag("dead-channel", None, None, detail, DETECTOR, version, 1.0, name))
            continue
        flags += [_silence(levels, run, name, duration, version) for run in levels.runs[channel]]
    for one, other in itertools.combinations(range(levels.channels), 2):
        correlation = 0.0 if levels.dead[one] or levels.dead[other] else levels.correlation(one, other)
        if correlation > SAME:
            detail = f"{names[one]} and {other + 1} carry the same sound: correlation {correlation:.4f}"
            score = round((correlation - SAME) / (1 - SAME), 3)
            name = f"stream {stream} channels {one + 1} and {other + 1}"
            flags.append(Flag("identical-channels", None, None, detail, DETECTOR, version, min(score, 1.0), name))
    return flags


def _silence(levels: Levels, run: tuple[int, int], name: str, duration: Fraction, version: str) -> Flag:
    start, end = (min(window * Fraction(WINDOW, levels.rate), duration) for window in run)
    length = end - start
    score = round(min(1.0, float(length / (4 * LEAST_SILENT_S))), 3)
    return Flag("silence", start, end, f"{name}: {float(length):.3f} s", DETECTOR, version, score, name)
