"""List when the frames of a recording are shown, in tiles, exactly."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounts.rights import Principal
from services.api.actions.clip import source_of
from services.api.actions.look import look
from services.api.actions.open_viewing import Wish
from services.bootstrap import Archive
from services.errors import NotPlayable, RangeOutside
from services.media.timecode import print_seconds

TILE_FRAMES: Final = 4096
"""Frames of one tile: two minutes at 30 a second, some 30 KB of JSON."""


@dataclass(frozen=True, slots=True)
class Tile:
    """
    Times of consecutive frames: `pts` are ticks of `time_base` seconds from the recording's first frame.

    `first` is the number of the first frame listed, `count` how many the recording has in all.
    """

    etag: str
    time_base: Fraction
    count: int
    number: int
    first: int
    pts: tuple[int, ...]


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
    etag = f'"{source.stored.sha256}-{base.numerator}.{base.denominator}-{len(times)}-{number}"'
    return Tile(etag, base, len(times), number, first, pts)
