"""Read the clock that a transport stream carries in its frames: it may run on from one file into the next."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.media.containers import MPEG_PS, MPEG_TS
from services.media.frames import FrameIndex

WRAP: Final = 2**33
"""Ticks after which the clock of a transport stream starts anew: 26.5 hours at 90 kHz. Source: ISO/IEC 13818-1."""


@dataclass(frozen=True, slots=True)
class OwnClock:
    """
    Say where a file's frames lie on the clock that they carry: [first, end), in ticks of `time_base` seconds.

    `wrap` is the number of ticks after which that clock starts anew, None where it never does.
    """

    first: int
    end: int
    time_base: Fraction
    wrap: int | None = WRAP

    def gap_to(self, later: "OwnClock") -> Fraction | None:
        """
        Give the seconds from this file's end to the beginning of `later`; negative where they overlap.

        None where the two cannot be compared: another tick, or a clock that begins at 0 with each file.
        """
        if later.time_base != self.time_base or later.wrap != self.wrap or (self.wrap is None and later.first == 0):
            return None
        return fold(later.first - self.end, self.wrap) * self.time_base


def fold(ticks: int, wrap: int | None) -> int:
    """Give a difference of two readings of a clock as the smallest that it can be, to either side of 0."""
    if wrap is None:
        return ticks
    rest = ticks % wrap
    return rest - wrap if 2 * rest >= wrap else rest


def own_clock(index: FrameIndex) -> OwnClock | None:
    """
    Say where a recording lies on the clock of its frames; None for files whose clock begins anew with each.

    That is every kind but transport and program streams, and those whose clock starts anew inside the file.
    """
    if index.container not in {MPEG_TS.name, MPEG_PS.name} or index.lead is None:
        return None
    track = index.tracks[index.lead]
    if track.shift is None:
        return None
    first = round(-track.shift * track.timescale)
    return OwnClock(first, first + round(index.duration * track.timescale), Fraction(1, track.timescale))
