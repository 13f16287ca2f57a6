"""
Find black and frozen pictures, and cuts, while a review copy is made: detectors of ffmpeg on the same decoded frames.

Each detector prints the one or two values that it is asked for into a file of its own, nothing else: `scdet`, asked
for everything, prints 9 MB an hour (knowledge/media 3).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.media.facts import Flag, FrameTimes
from services.media.programs import ffmpeg_version

VERSION = 1
"""Raise it when a threshold here changes; it stands in every flag beside ffmpeg's."""

BLACK_PIXEL = 0.07
BLACK_SHARE = 0.98
LEAST_BLACK_S = Fraction(1)
"""A picture is black when 98 of 100 pixels lie within 7 % of black: night scenes are darker than 10 %, sensors
under a cap are not brighter than 5. Measured: docs/quality.md."""

FREEZE_NOISE = 0.001
FREEZE_PIECE_S = 0.5
FREEZE_BRIDGE_S = Fraction(1, 4)
LEAST_FROZEN_S = Fraction(5, 2)
"""-60 dB between frames. A key frame codes the frozen picture anew, a little differently, and ends ffmpeg's stretch: so
short ones are asked for, and those that a quarter of a second parts are joined. Measured: docs/quality.md."""

CUT = 10
"""Score of `scdet`, of 100, from which a change of picture is a cut. Source: ffmpeg's own default."""

MOST_EVENTS = 20_000
"""Prints of one kind that are read. A file of them is bounded by the render's limit on files anyway."""

_KEYS = {
    "black-start": "lavfi.black_start",
    "black-end": "lavfi.black_end",
    "freeze-start": "lavfi.freezedetect.freeze_start",
    "freeze-end": "lavfi.freezedetect.freeze_end",
    "cut": "lavfi.scd.time",
}
_VALUE = re.compile(r"^lavfi\.[a-z_.]+=(-?\d+(?:\.\d+)?)\s*$")

MOST_CODING_CHANGE, MOST_STILL_CHANGE = 25.0, 1.0
"""Levels by which a frozen picture may seem to change: where a key frame lies between, coarsely coded; and at least
once. A scene in which nothing happens changes by 2 and more, unless its encoder threw all of that away."""

Stretch = tuple[Fraction, Fraction]
Change = tuple[Fraction, Fraction, float]
"""From when to when two pictures were compared, and by how many levels they differ where they differ most."""


@dataclass(frozen=True, slots=True)
class Prints:
    """Name the files that the detectors of one render print into, all in one folder."""

    folder: Path

    @property
    def files(self) -> dict[str, Path]:
        """Give the file of each kind of print."""
        return {kind: self.folder / f"{kind}.txt" for kind in _KEYS}


def watched(stream: Any, prints: Prints) -> Any:
    """Let a stream of pictures pass the detectors; every print goes to its file."""
    stream = (
        stream.filter("blackdetect", d=0, pix_th=BLACK_PIXEL, pic_th=BLACK_SHARE)
        .filter("freezedetect", n=FREEZE_NOISE, d=FREEZE_PIECE_S)
        .filter("scdet", t=CUT)
    )
    for kind, path in prints.files.items():
        stream = stream.filter("metadata", mode="print", key=_KEYS[kind], file=f"file:{path.absolute()}")
    return stream


@dataclass(frozen=True, slots=True)
class Watched:
    """Hold what the detectors saw, in seconds from the first frame: stretches half-open, and moments of cuts."""

    black: tuple[Stretch, ...]
    frozen: tuple[Stretch, ...]
    cuts: tuple[Fraction, ...]

    def flags(self, changes: Sequence[Change] = ()) -> tuple[Flag, ...]:
        """
        Give what a person should look at: long enough black, and frozen pictures that are not just black.

        `changes` between pictures further apart tell more: what is small and moves is little to ffmpeg's mean.
        """
        black = [one for one in self.black if one[1] - one[0] >= LEAST_BLACK_S]
        frozen = [one for one in frozen_through(self.frozen, changes) if one[1] - one[0] >= LEAST_FROZEN_S]
        frozen = [one for one in frozen if _shared(one, self.black) * 2 < one[1] - one[0]]
        return (
            *(_flag("black", "blackdetect", one, LEAST_BLACK_S) for one in black),
            *(_flag("frozen", "freezedetect", one, LEAST_FROZEN_S) for one in frozen),
        )

    def to_json(self) -> dict[str, Any]:
        """Give all that was seen as JSON values, short stretches too."""
        return {
            "black": [[str(start), str(end)] for start, end in self.black],
            "frozen": [[str(start), str(end)] for start, end in self.frozen],
            "cuts": [str(moment) for moment in self.cuts],
        }


def read_prints(prints: Prints, duration: Fraction, frame_times: FrameTimes | None) -> Watched:
    """
    Read what the detectors of a finished render printed; what began and did not end lasts to the end.

    ffmpeg prints microseconds: with `frame_times` each moment becomes that of its frame, exactly.
    """
    exact = _exactly(frame_times)
    moments = {kind: [exact(time) for time in _values(path)] for kind, path in prints.files.items()}
    return Watched(
        black=_stretches(moments["black-start"], moments["black-end"], duration),
        frozen=_stretches(moments["freeze-start"], moments["freeze-end"], duration),
        cuts=tuple(moments["cut"]),
    )


def frozen_through(pieces: Sequence[Stretch], changes: Sequence[Change]) -> list[Stretch]:
    """
    Join pieces that only a key frame parts, leave out what moves, and keep what stood still at least once.

    In each joined stretch two pictures must be the same but for their coding, if any were compared.
    """
    moves = [(start, end) for start, end, change in changes if change > MOST_CODING_CHANGE]
    still = [part for piece in pieces for part in _without(piece, moves)]
    found: list[Stretch] = []
    for start, end in sorted(still):
        if found and start - found[-1][1] <= FREEZE_BRIDGE_S and not any(a < start <= b for a, b in moves):
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return [one for one in found if _least_change(one, changes) <= MOST_STILL_CHANGE]


def _without(piece: Stretch, moves: Sequence[Stretch]) -> list[Stretch]:
    """Cut out the moves that lie inside a piece; one across its edge may be of what is beside it."""
    parts, begin = [], piece[0]
    for start, end in moves:
        if piece[0] <= start and end < piece[1]:
            parts.append((begin, start))
            begin = end
    return [(start, end) for start, end in [*parts, (begin, piece[1])] if end > start]


def _least_change(stretch: Stretch, changes: Sequence[Change]) -> float:
    return min((change for start, end, change in changes if stretch[0] <= start and end < stretch[1]), default=0.0)


def _flag(kind: str, detector: str, stretch: Stretch, least: Fraction) -> Flag:
    start, end = stretch
    return Flag(
        kind,
        start,
        end,
        f"{float(end - start):.3f} s",
        detector=detector,
        version=f"{VERSION}/ffmpeg-{ffmpeg_version()}",
        score=round(min(1.0, float((end - start) / (2 * least))), 3),
    )


def _shared(stretch: Stretch, others: Sequence[Stretch]) -> Fraction:
    overlaps = (min(stretch[1], end) - max(stretch[0], start) for start, end in others)
    return sum((max(overlap, Fraction(0)) for overlap in overlaps), Fraction(0))


def _stretches(starts: Sequence[Fraction], ends: Sequence[Fraction], duration: Fraction) -> tuple[Stretch, ...]:
    """Pair each start with the next end; a clock that was printed out of order gives no stretch."""
    found, rest = [], sorted(ends)
    for start in sorted(starts):
        while rest and rest[0] <= start:
            rest.pop(0)
        end = rest.pop(0) if rest else duration
        if end > start:
            found.append((start, end))
    return tuple(found)


def _values(path: Path) -> list[Fraction]:
    values: list[Fraction] = []
    if not path.is_file():
        return values
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if value := _VALUE.match(line):
                values.append(max(Fraction(value[1]), Fraction(0)))
            if len(values) >= MOST_EVENTS:
                break
    return values


def _exactly(frame_times: FrameTimes | None) -> Callable[[Fraction], Fraction]:
    if frame_times is None or len(frame_times) == 0:
        return lambda time: time
    near = Fraction(1, 1000)

    def snap(time: Fraction) -> Fraction:
        exact = frame_times.time_of(frame_times.shown_at(time + near))
        return exact if abs(exact - time) <= near else time

    return snap
