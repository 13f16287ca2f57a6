"""Read back a fragmented MP4 that we made, to judge it by what is in it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.media.facts import FrameTimes
from services.media.movie import read_movie
from services.media.samples import Samples

_SAME_US = 50
"""Times nearer than this are the same frame: a rendition may count in other ticks."""


@dataclass(frozen=True, slots=True, eq=False)
class MadeTrack:
    """
    Say what one track presents: `pts` in ticks of 1/`timescale` s, in order; `end` in seconds.

    `has_open_groups`: a picture is coded after a key frame and shown before it.
    """

    is_picture: bool
    pts: npt.NDArray[np.int64]
    timescale: int
    end: Fraction
    has_open_groups: bool = False

    @property
    def samples(self) -> int:
        """Count what is presented."""
        return len(self.pts)

    def gap_in(self, frame_times: FrameTimes) -> tuple[Fraction | None, Fraction | None]:
        """Give the stretch from the first to after the last frame of `frame_times` that is not here."""
        base = frame_times.time_base
        wanted = _micros(frame_times.pts, base.numerator, base.denominator)
        here = _micros(self.pts, 1, self.timescale)
        near = np.minimum(np.searchsorted(here, wanted - _SAME_US), len(here) - 1)
        missing = np.flatnonzero(np.abs(here[near] - wanted) > _SAME_US)
        if len(missing) == 0:
            return None, None
        after = int(missing[-1]) + 1
        end = frame_times.time_of(after) if after < len(frame_times) else None
        return frame_times.time_of(int(missing[0])), end


def _micros(ticks: npt.NDArray[np.int64], numerator: int, denominator: int) -> npt.NDArray[np.int64]:
    return np.round(ticks * (numerator * 1e6 / denominator)).astype(np.int64)


def read_made(path: Path) -> list[MadeTrack]:
    """
    Read the tracks of a rendition.

    Raises:
        MediaError: it is damaged or has no tracks.
    """
    with path.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        movie = read_movie(read, path.stat().st_size)
    return [
        MadeTrack(
            track.track.is_picture,
            track.presented.pts,
            track.track.timescale,
            track.end,
            track.track.is_picture and _has_open_groups(track.samples),
        )
        for track in movie.tracks
        if track.track.is_picture or track.track.is_sound
    ]


def _has_open_groups(samples: Samples) -> bool:
    """Compare each picture's time with that of the last key frame coded before it."""
    if len(samples) == 0:
        return False
    pts = samples.dts + samples.cts
    latest_key = np.maximum.accumulate(np.where(samples.sync, np.arange(len(samples)), 0))
    return bool((pts < pts[latest_key]).any())
