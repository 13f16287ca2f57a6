"""Hold what reading a file told about it, before any of it was decoded."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from services.media.facts import Flag, Stream
from services.media.frames import FrameIndex
from services.media.frametimes import FrameTimes

MOST_PIXELS = 36_000_000
"""Of one picture: 8K has 33 million. Source: knowledge/media 5.2."""


@dataclass(frozen=True, slots=True)
class Survey:
    """
    Collect facts of one file. `landmarks` are, for each stream that might decode, up to three points
    (ticks of the stream as libav counts them) from which decoding must yield something.
    """

    streams: tuple[Stream, ...]
    duration: Fraction
    recorded_at: datetime | None
    location: tuple[float, float] | None
    flags: tuple[Flag, ...]
    index: FrameIndex
    landmarks: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def frame_times(self) -> FrameTimes | None:
        """List when each picture is shown; None without pictures."""
        return self.index.frame_times


def landmarks_of(points: list[int]) -> tuple[int, ...]:
    """Choose the first, the middle and the last of the points where decoding can begin."""
    return tuple(sorted({points[0], points[len(points) // 2], points[-1]})) if points else ()
