"""List when the frames of a recording are shown, in tiles, exactly."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from services.accounts.rights import Principal
from services.api.actions.clip import source_of
from services.api.actions.look import look
from services.api.actions.open_viewing import Wish
from services.bootstrap import Archive
from services.errors import NotPlayable, RangeOutside, VerbatimNotPossible
from services.media.frames import FrameIndex
from services.media.samples import Ints
from services.media.stretch import require_boxed
from services.media.timecode import print_seconds

TILE_FRAMES: Final = 4096
"""Frames of one tile: two minutes at 30 a second, some 30 KB of JSON."""


@dataclass(frozen=True, slots=True)
class Tile:
    """
    Times of consecutive frames: `pts` are ticks of `time_base` seconds from the recording's first frame.

    `first` is the number of the first frame listed, `count` how many the recording has in all. `entries` are the
    numbers, among those listed, at which a verbatim clip may begin or end; None where none can be cut.
    """

    etag: str
    time_base: Fraction
    count: int
    number: int
    first: int
    pts: tuple[int, ...]
    entries: tuple[int, ...] | None


def list_frames(
    archive: Archive,
    who: Principal,
    recording_id: str,
    wish: Wish,
    *,
    tile: int | None = None,
    at: Fraction | None = None,
) -> Tile:
    """
    Give one tile: by its number, or the one with the frame that is shown at `at` seconds; else the first.

    Raises:
        NotFound, NotAllowed, Gone, ReasonRequired: as `look`.
        RangeOutside: the recording has no such tile, or no such moment.
        NotReady, NotPlayable: it is not examined yet, or has no pictures.
    """
    source = source_of(archive, who, recording_id, "recording.play")
    times = source.frame_times
    if times is None or len(times) == 0:
        raise NotPlayable("this recording has no pictures")
    if at is not None and at >= source.facts.duration:
        raise RangeOutside(
            f"the recording has {print_seconds(source.facts.duration)} seconds; nothing is at {print_seconds(at)}"
        )
    number = times.shown_at(at) // TILE_FRAMES if at is not None else tile or 0
    first = number * TILE_FRAMES
    if first >= len(times):
        raise RangeOutside(f"the recording has {-(-len(times) // TILE_FRAMES)} tiles of frames, not tile {number}")
    look(archive, who, recording_id, "recording.play", wish)
    pts = tuple(times.pts[first : first + TILE_FRAMES].tolist())
    base = times.time_base
    entries = _entries(archive.index_of(recording_id))
    kind = "u" if entries is None else "e"
    etag = f'"{source.stored.sha256}-{base.numerator}.{base.denominator}-{len(times)}-{number}{kind}"'
    within = None if entries is None else tuple(int(one) for one in entries if first <= one < first + len(pts))
    return Tile(etag, base, len(times), number, first, pts, within)


def _entries(index: FrameIndex | None) -> Ints | None:
    """Number the frames at which groups of pictures begin that can be copied; the first frame always is one."""
    if index is None:
        return None
    try:
        track = require_boxed(index)
    except VerbatimNotPossible:
        return None
    shown_before = np.concatenate(([0], np.cumsum(track.shown)))
    numbers: Ints = np.unique(np.concatenate(([0], shown_before[track.entries]))).astype(np.int64)
    return numbers
