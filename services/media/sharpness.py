"""
Judge by single pictures whether something stands before the lens, or the picture is out of focus, with OpenCV.

Two measures of the strongest edges in the middle three quarters of a picture (printed clocks stand above and below):
how strong they are when the picture is smoothed, and how much of their steepness a second smoothing takes. Sharp edges
lose much, edges that are already smooth lose nothing, however strong they are. Thresholds: docs/quality.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from services.media.facts import Flag

VERSION = 2
"""Raise it when a measure or threshold here changes. 2: a lens counts as covered up to 0.65 of the brightness."""

LINES = 360
"""Height (of the shorter side) that pictures are measured at; smaller ones are measured as they are."""

FINE, COARSE = 0.8, 2.0
"""Widths of the two smoothings, in pixels of a picture of 360 lines."""
STRONGEST = 1000
"""One in so many pixels belongs to the strongest edges."""
EDGE = slice(1, 7)
"""Eighths of the height that are looked at."""

COVERED_BRIGHTNESS = 6.0
COVERED_EDGE, COVERED_EDGE_SHARE = 25.0, 0.65
"""A covered lens sees light, and no edge: the strongest is weak, also against the brightness. At night edges
are as weak, but strong against what little light there is."""

FOCUS_CONTRAST = 40.0
FOCUS_RATIO = 1.28
"""Out of focus: there are edges, and smoothing them again takes less than a fifth of their steepness."""

LEAST_COVERED, LEAST_BLURRED = 2, 3
"""Pictures in a row: a hand that passes, or one picture blurred by a step, is no finding."""

Gray = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """
    Hold what was measured of one picture.

    `brightness` is the mean, 0 to 255. `fine` and `coarse` are the steepness of the strongest edges after the first
    and the second smoothing, in levels times 8 of a Sobel kernel. `change` is how many levels the picture differs from
    the one before where it differs most (one pixel in a thousand), after the second smoothing; 0 of the first.
    """

    brightness: float
    fine: float
    coarse: float
    change: float = 0.0

    @property
    def sharpness(self) -> float:
        """Say how much steeper edges were before the second smoothing: 1.0 is as smooth as can be."""
        return self.fine / max(self.coarse, 0.001)

    @property
    def is_covered(self) -> bool:
        """Say whether there is light and nothing to see."""
        return (
            self.brightness >= COVERED_BRIGHTNESS
            and self.coarse < COVERED_EDGE
            and self.coarse < COVERED_EDGE_SHARE * self.brightness
        )

    @property
    def is_blurred(self) -> bool:
        """Say whether there are edges, and none of them is sharp."""
        return self.fine >= FOCUS_CONTRAST and self.sharpness < FOCUS_RATIO and not self.is_covered

    def to_json(self) -> list[float]:
        """Give it as JSON values."""
        return [round(value, 2) for value in (self.brightness, self.fine, self.coarse, self.change)]

    @classmethod
    def from_json(cls, value: Sequence[float]) -> "Seen":
        """Read what `to_json` gave."""
        brightness, fine, coarse, change = map(float, value)
        return cls(brightness, fine, coarse, change)


def see(pictures: Iterable[Gray]) -> Iterator[Seen]:
    """Measure grey pictures one after the other, best of 360 lines."""
    import cv2  # noqa: PLC0415  only who sees pays for it

    cv2.setNumThreads(1)
    before: Plane | None = None
    planes: list[Plane] = []
    for number, picture in enumerate(pictures):
        height = picture.shape[0]
        scale = min(height, picture.shape[1], LINES) / LINES
        middle = picture[height * EDGE.start // 8 : height * EDGE.stop // 8]
        if not planes or planes[0].shape != middle.shape:
            # used again for every picture: fresh pages from the system cost more than all of the arithmetic
            planes, before = [np.empty(middle.shape, np.float32) for _ in range(6)], None
        plain, fine, work = planes[0], planes[1], planes[2:4]
        coarse = planes[4 + number % 2]
        plain[...] = middle
        _smooth(cv2, plain, COARSE * scale, coarse)
        _smooth(cv2, plain, FINE * scale, fine)
        change = 0.0 if before is None else _reached_by_few(cv2, cv2.absdiff(coarse, before, dst=work[0]))
        yield Seen(
            brightness=float(picture.mean()),
            fine=_reached_by_few(cv2, _steepness(cv2, fine, work)),
            coarse=_reached_by_few(cv2, _steepness(cv2, coarse, work)),
            change=change,
        )
        before = coarse


def _smooth(cv2: Any, picture: Plane, width: float, into: Plane) -> None:
    reach = 2 * max(1, round(2.25 * width)) + 1
    cv2.GaussianBlur(picture, (reach, reach), width, dst=into)


def _steepness(cv2: Any, picture: Plane, work: Sequence[Plane]) -> Any:
    across, down = work
    cv2.Sobel(picture, cv2.CV_32F, 1, 0, dst=across)
    cv2.Sobel(picture, cv2.CV_32F, 0, 1, dst=down)
    return cv2.magnitude(across, down, magnitude=across)


def _reached_by_few(cv2: Any, values: Any) -> float:
    """Give the value that one in a thousand pixels reaches, from a histogram: sorting costs four times as much."""
    counts = cv2.calcHist([values], [0], None, [_BINS], [0, _BINS * _BIN]).ravel()
    above = np.cumsum(counts[::-1])[::-1]
    return float(np.argmax(above < max(1, values.size // STRONGEST)) * _BIN)


_BIN, _BINS = 0.25, 6000
"""Sobel's steepest edge, black against white across a corner, is 1,443."""


def judge(seen: Sequence[tuple[Fraction, Fraction, Seen]], *, detector: str, version: str) -> list[Flag]:
    """Flag the stretches of (start, end, measures), in order, that show nothing or nothing sharp."""
    covered = _runs(seen, "is_covered", LEAST_COVERED)
    blurred = _runs(seen, "is_blurred", LEAST_BLURRED)
    return [
        *(_flag("covered", run, 1 - _middle([one.coarse for _, _, one in run]) / COVERED_EDGE, detector, version)
          for run in covered),
        *(_flag("out-of-focus", run, _softness(run), detector, version) for run in blurred),
    ]  # fmt: skip


Run = Sequence[tuple[Fraction, Fraction, Seen]]


def _runs(seen: Run, claim: str, least: int) -> list[Run]:
    runs: list[list[tuple[Fraction, Fraction, Seen]]] = [[]]
    for one in seen:
        if getattr(one[2], claim):
            runs[-1].append(one)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) >= least]


def _flag(kind: str, run: Run, score: float, detector: str, version: str) -> Flag:
    detail = (
        f"{len(run)} pictures: brightness {_middle([one.brightness for _, _, one in run]):.0f} of 255, "
        f"strongest edges {_middle([one.fine for _, _, one in run]):.0f}, "
        f"sharpness {_middle([one.sharpness for _, _, one in run]):.2f}"
    )
    return Flag(kind, run[0][0], run[-1][1], detail, detector, version, round(min(max(score, 0.0), 1.0), 3))


def _softness(run: Run) -> float:
    return (FOCUS_RATIO - _middle([one.sharpness for _, _, one in run])) / (FOCUS_RATIO - 1)


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values))
