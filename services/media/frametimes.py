"""Know the exact time of every presented picture, so that "from … up to …" names frames without doubt."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from services.errors import Invalid, RangeOutside
from services.media.timecode import TimeRange

MAGIC = b"HUFT"
VERSION = 1

MOST_FRAMES = 1 << 24
"""More pictures than any recording has: 77 hours at 60 a second."""

_HEAD = struct.Struct("<4sBBIIIq")
_WIDTHS: dict[int, np.dtype[Any]] = {4: np.dtype("<u4"), 8: np.dtype("<i8")}


@dataclass(frozen=True, slots=True, eq=False)
class FrameTimes:
    """
    List when each picture is presented, in order, counted from the first one.

    `time_base` is seconds of one tick; `pts` are ticks, int64, never falling, `pts[0] == 0`.
    """

    time_base: Fraction
    pts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrameTimes):
            return NotImplemented
        return self.time_base == other.time_base and np.array_equal(self.pts, other.pts)

    def __hash__(self) -> int:
        return hash((self.time_base, self.pts.tobytes()))

    def frames_in(self, stretch: TimeRange) -> tuple[int, int]:
        """
        Number the frames with `start` ≤ time < `end`, as (first, end): half-open, compared exactly.

        `first == end` says that no frame begins in the stretch.
        """
        first, end = np.searchsorted(self.pts, [self._tick(stretch.start), self._tick(stretch.end)])
        return int(first), int(end)

    def time_of(self, frame: int) -> Fraction:
        """
        Give the time at which a frame is presented, in seconds.

        Raises:
            RangeOutside: the recording has no such frame.
        """
        if not 0 <= frame < len(self.pts):
            raise RangeOutside(f"the recording has frames 0 to {len(self.pts) - 1}, not frame {frame}")
        return int(self.pts[frame]) * self.time_base

    def shown_at(self, position: Fraction) -> int:
        """Number the frame that a viewer sees at `position`: the last that began; the first before all."""
        after = int(np.searchsorted(self.pts, self._floor(position), side="right"))
        return max(after - 1, 0)

    def _tick(self, position: Fraction) -> int:
        ticks = position / self.time_base
        return min(-(-ticks.numerator // ticks.denominator), 2**62)

    def _floor(self, position: Fraction) -> int:
        ticks = position / self.time_base
        return min(ticks.numerator // ticks.denominator, 2**62)

    def to_bytes(self) -> bytes:
        """Pack it: magic, version, width, count, time base, first tick, then zstd of the steps."""
        steps = np.diff(self.pts)
        width = 4 if len(steps) == 0 or int(steps.max()) < 2**32 else 8
        first = int(self.pts[0]) if len(self.pts) else 0
        base = self.time_base
        head = _HEAD.pack(MAGIC, VERSION, width, len(self.pts), base.numerator, base.denominator, first)
        return head + zstandard.ZstdCompressor(level=9).compress(steps.astype(_WIDTHS[width]).tobytes())

    @classmethod
    def from_bytes(cls, packed: bytes) -> "FrameTimes":
        """
        Unpack what `to_bytes` gave, never taking more memory than its count allows.

        Raises:
            Invalid: these are not frame times of a version known here, or they contradict themselves.
        """
        if len(packed) < _HEAD.size:
            raise Invalid(f"frame times have at least {_HEAD.size} bytes, not {len(packed)}")
        magic, version, width, count, numerator, denominator, first = _HEAD.unpack_from(packed)
        if (magic, version) != (MAGIC, VERSION) or width not in _WIDTHS:
            raise Invalid(f"frame times begin with {MAGIC!r} version {VERSION}, not {magic!r} version {version}")
        if count > MOST_FRAMES or 0 in {numerator, denominator} or abs(first) >= 2**62:
            raise Invalid(f"frame times claim {count} frames of {numerator}/{denominator} seconds")
        steps = _unpack(packed[_HEAD.size :], max(count - 1, 0), _WIDTHS[width])
        pts = np.zeros(count, np.int64)
        if count:
            pts[0] = first
            np.cumsum(steps, out=pts[1:])
            pts[1:] += first
        if len(steps) and (int(steps.min()) < 0 or int(pts.min()) < first or int(pts.max()) >= 2**62):
            raise Invalid("frame times run backwards or out of bounds")
        return cls(Fraction(numerator, denominator), pts)


def _unpack(packed: bytes, count: int, kind: np.dtype[Any]) -> npt.NDArray[np.int64]:
    expected = count * kind.itemsize
    try:
        if zstandard.frame_content_size(packed) != expected:
            raise Invalid(f"frame times of {count} steps unpack to {expected} bytes, not to what they claim")
        raw = zstandard.ZstdDecompressor().decompress(packed, max_output_size=expected)
    except zstandard.ZstdError as error:
        raise Invalid(f"frame times do not unpack: {error}") from error
    return np.frombuffer(raw, kind).astype(np.int64)
