"""
Cut a verbatim clip: whole groups of pictures that cover what was asked for, every packet as the camera wrote it.

Nothing is decoded and nothing is read: what comes out is an index written here over byte ranges of the original.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from services.errors import ClipTooLong, RangeOutside, VerbatimNotPossible
from services.media.frames import FrameIndex, IndexedTrack
from services.media.muxing import progressive
from services.media.stretch import (
    MOST_SAMPLES,
    Stretch,
    frames_between,
    gathered,
    instant_ticks,
    out_track,
    require_boxed,
    sound_between,
)
from services.media.timecode import TimeRange
from services.media.virtual import VirtualFile

MICRO = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Verbatim:
    """
    Hold a verbatim clip: the true range in seconds of the recording, its frames (None: sound alone), its bytes.

    `samples` are the numbers, in decoding order, of the leading track's samples that it holds: half-open.
    """

    start: Fraction
    end: Fraction
    frames: tuple[int, int] | None
    samples: tuple[int, int]
    file: VirtualFile


def cut_verbatim(index: FrameIndex, wanted: TimeRange) -> Verbatim:
    """
    Cut the groups of pictures that cover [start, end), all their sound, and nothing else.

    The clip's second 0 is its first picture; sound keeps its distance to it. Where the original hides frames by
    its edit list at its very beginning or end, a clip that reaches there holds them, hidden the same way: a group of
    pictures is whole. Limits are compared as they are printed, in whole microseconds, so that a clip's own range
    gives the same clip again.

    Raises:
        RangeOutside: the range starts after the recording.
        VerbatimNotPossible: it cannot be cut without decoding; the message says why.
        ClipTooLong: it would hold more frames than a clip may.
    """
    inside = wanted.inside(index.duration)
    lead = require_boxed(index)
    if lead.kind != "video":
        return _sound_alone(index, lead, inside)
    low, high = _groups(lead, inside)
    pictures = frames_between(lead, low, high)
    if not pictures.shown.any():
        raise RangeOutside(f"the recording shows no picture from {wanted}")
    _require_whole(pictures)
    start = lead.seconds(pictures.first_shown)
    to_end = high >= len(lead.samples) or not lead.shown[high:].any()
    end = max(index.duration, start) if to_end else lead.seconds(int(lead.samples.dts[high] + lead.samples.cts[high]))
    first = int(lead.shown[:low].sum())
    frames = (first, first + int(pictures.shown.sum()))
    shown_until = None if to_end else end
    return _assembled(index, pictures, (start, end), frames, (low, high), shown_until)


def _groups(track: IndexedTrack, inside: TimeRange) -> tuple[int, int]:
    """
    Number the samples from the last place to enter that is not after the range, up to the first not before its end.

    The file's own first sample is one too, whatever it is: nothing is missing before it that the original had.
    """
    entries = track.entries
    if len(entries) == 0 or entries[0] != 0:
        entries = np.concatenate(([0], entries)).astype(np.int64)
    moments = track.samples.dts[entries] + track.samples.cts[entries]
    before = max(int(np.searchsorted(moments, _tick_after(track, inside.start))) - 1, 0)
    after = max(int(np.searchsorted(moments, _tick_from(track, inside.end))), before + 1)
    if after < len(entries):
        return int(entries[before]), int(entries[after])
    return int(entries[before]), _last_shown(track)


def _last_shown(track: IndexedTrack) -> int:
    """Leave out what follows the last frame that is shown: nothing leans on it."""
    shown = np.flatnonzero(track.shown)
    return int(shown[-1]) + 1 if len(shown) else len(track.samples)


def _tick_after(track: IndexedTrack, position: Fraction) -> int:
    """Give the first tick that is printed as a later microsecond than `position` lies in."""
    return track.tick_at(Fraction(position * MICRO // 1 + 1, MICRO))


def _tick_from(track: IndexedTrack, position: Fraction) -> int:
    """Give the first tick that is printed as `position` or later."""
    return track.tick_at(Fraction(-(-position * MICRO // 1), MICRO))


def _require_whole(pictures: Stretch) -> None:
    """Raise where a frame between two that are shown is not: one edit cannot keep it hidden."""
    shown = pictures.pts[pictures.shown]
    hidden = pictures.pts[~pictures.shown]
    if len(hidden) and bool(((hidden > shown.min()) & (hidden < shown.max())).any()):
        raise VerbatimNotPossible("an edit list hides pictures between those that it shows: a copy would show them")


def _sound_alone(index: FrameIndex, lead: IndexedTrack, inside: TimeRange) -> Verbatim:
    """Cut between the frames of sound, or between instants: what is heard at the start is in the clip."""
    begun = lead.samples.pts[lead.shown & (lead.samples.pts < _tick_after(lead, inside.start))]
    start = inside.start
    if len(begun):
        frame = int(begun[-1])
        if lead.frame_bytes:
            step = instant_ticks(lead)
            frame += (_tick_after(lead, inside.start) - 1 - frame) // step * step
        start = lead.seconds(frame)
    chosen = sound_between(lead, start, lead.seconds(_tick_from(lead, inside.end)))
    if chosen is None:
        raise RangeOutside(f"no sound begins in {inside}")
    low = int(np.searchsorted(lead.samples.pts, chosen.pts[0], side="right")) - 1
    begin, end = lead.seconds(int(chosen.pts[0])), lead.seconds(chosen.end_tick)
    return _assembled(index, chosen, (begin, end), None, (low, low + len(chosen)), None)


def _assembled(
    index: FrameIndex,
    lead: Stretch,
    span: tuple[Fraction, Fraction],
    frames: tuple[int, int] | None,
    samples: tuple[int, int],
    shown_until: Fraction | None,
) -> Verbatim:
    start, end = span
    others = (sound_between(track, start, end) for track in index.sounds if track is not lead.track)
    stretches = [lead, *(sound for sound in others if sound is not None)]
    if sum(map(len, stretches)) > MOST_SAMPLES:
        raise ClipTooLong(f"a clip holds at most {MOST_SAMPLES:,} coded frames, not {sum(map(len, stretches)):,}")
    extents, places = gathered(stretches)
    tracks = [
        out_track(stretch, place, zero=start, end=shown_until if stretch is lead else None)
        for stretch, place in zip(stretches, places, strict=True)
    ]
    header = progressive(tracks, sum(extent.length for extent in extents))
    return Verbatim(start, end, frames, samples, VirtualFile.of(header, *extents))
