"""Choose the coded frames of a track that a clip or a segment copies, and say what they are where they go."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from services.errors import ClipTooLong, VerbatimNotPossible
from services.media.descriptions import plain_description
from services.media.frames import FrameIndex, IndexedTrack
from services.media.muxing import OutTrack
from services.media.samples import Ints, Samples
from services.media.virtual import Extent, gather

BOXED: Final = frozenset({"mp4", "mov", "3gp"})
"""Containers whose samples lie in the file as they are decoded; others wrap or cut them."""

MOST_SAMPLES: Final = 1 << 22
"""Of one clip: 38 hours of pictures at 30 a second; its index takes some 100 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """
    Hold coded frames of one track in decoding order, to be copied.

    `duration` is from one decoding to the next, so that gaps stay. `first_tick` is when the first of them is
    decoded; `pts` when each is presented: ticks of the track, before its shift.
    """

    track: IndexedTrack
    first_tick: int
    duration: npt.NDArray[np.uint32]
    cts: npt.NDArray[np.int32]
    pts: Ints
    offset: Ints
    size: npt.NDArray[np.uint32]
    sync: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def first_shown(self) -> int:
        """Give the tick at which the first of those that are shown is presented."""
        return int(self.pts[self.shown].min())

    @property
    def end_tick(self) -> int:
        """Give the tick at which the last of those that are shown stops, were it decoded alone."""
        last = int(np.argmax(np.where(self.shown, self.pts, np.iinfo(np.int64).min)))
        return int(self.pts[last]) + int(self.duration[last])


def frames_between(track: IndexedTrack, low: int, high: int) -> Stretch:
    """
    Take the samples [low, high) of a track in decoding order.

    Raises:
        VerbatimNotPossible: their times of decoding run backwards.
        ClipTooLong: they are more than a clip may hold.
    """
    samples = track.samples
    if high - low > MOST_SAMPLES:
        raise ClipTooLong(f"a clip holds at most {MOST_SAMPLES:,} coded frames of a track, not {high - low:,}")
    chosen = slice(low, high)
    following = samples.dts[low + 1 : high + 1]
    if high >= len(samples):
        following = np.append(following, samples.dts[-1] + samples.duration[-1])
    return Stretch(
        track=track,
        first_tick=int(samples.dts[low]),
        duration=_durations(samples.dts[chosen], following, track.index),
        cts=samples.cts[chosen],
        pts=samples.dts[chosen] + samples.cts[chosen],
        offset=samples.offset[chosen],
        size=samples.size[chosen],
        sync=samples.sync[chosen],
        shown=track.shown[chosen],
    )


def _durations(dts: Ints, following: Ints, index: int) -> npt.NDArray[np.uint32]:
    steps = following - dts
    if len(steps) and (int(steps.min()) < 0 or int(steps.max()) >= 1 << 32):
        raise VerbatimNotPossible(f"the times of decoding of stream {index} run backwards")
    return steps.astype(np.uint32)


def sound_between(track: IndexedTrack, start: Fraction, end: Fraction) -> Stretch | None:
    """
    Take the sound whose frames begin in [start, end) seconds of the recording; None if there is none.

    Uncompressed sound is cut at its instants, coded sound between its frames.

    Raises:
        VerbatimNotPossible, ClipTooLong: as `frames_between`; also where an edit list reorders the track.
    """
    if track.shift is None:
        raise VerbatimNotPossible(f"an edit list reorders stream {track.index}")
    low, high = track.tick_at(start), track.tick_at(end)
    if track.frame_bytes and len(track.samples):
        return _instants_between(track, low, high)
    near = _near(track.samples, low, high)
    pts = track.samples.dts[near] + track.samples.cts[near]
    chosen = np.flatnonzero(track.shown[near] & (pts >= low) & (pts < high)) + near.start
    if len(chosen) == 0:
        return None
    return frames_between(track, int(chosen[0]), int(chosen[-1]) + 1)


def _near(samples: Samples, low: int, high: int) -> slice:
    """Narrow the search by when samples are decoded: a clip's cost does not grow with the recording."""
    earliest, latest = int(samples.cts.min(initial=0)), int(samples.cts.max(initial=0))
    begin, end = np.searchsorted(samples.dts, [low - latest, high - earliest])
    return slice(int(begin), int(end))


def instant_ticks(track: IndexedTrack) -> int:
    """
    Give how many ticks one instant of uncompressed sound lasts.

    Raises:
        VerbatimNotPossible: its runs do not say one number.
    """
    samples, frame = track.samples, track.frame_bytes or 1
    units = samples.size.astype(np.int64) // frame
    step = int(samples.duration[0]) // max(int(units[0]), 1)
    if step == 0 or bool((units * frame != samples.size).any()) or bool((units * step != samples.duration).any()):
        raise VerbatimNotPossible(f"the uncompressed sound of stream {track.index} has frames of uneven length")
    return step


def _instants_between(track: IndexedTrack, low: int, high: int) -> Stretch | None:
    """Cut the first and the last run of uncompressed sound where the ticks say."""
    frame, samples, step = track.frame_bytes or 1, track.samples, instant_ticks(track)
    units = samples.size.astype(np.int64) // frame
    # counted in instants from the run's own first one, rounded up: the first that is not before the tick
    skip = np.clip(-((samples.pts - low) // step), 0, units)
    keep = np.clip(-((samples.pts - high) // step), 0, units)
    chosen = np.flatnonzero(track.shown & (keep > skip))
    if len(chosen) == 0:
        return None
    skip, keep = skip[chosen], keep[chosen]
    pts = samples.pts[chosen] + skip * step
    length = (keep - skip) * step
    following = np.append(pts[1:], pts[-1] + length[-1])
    if not np.array_equal(following - pts, length):
        raise VerbatimNotPossible(f"the uncompressed sound of stream {track.index} has gaps")
    return Stretch(
        track=track,
        first_tick=int(pts[0]),
        duration=length.astype(np.uint32),
        cts=np.zeros(len(chosen), np.int32),
        pts=pts,
        offset=samples.offset[chosen] + skip * frame,
        size=((keep - skip) * frame).astype(np.uint32),
        sync=np.ones(len(chosen), np.bool_),
        shown=np.ones(len(chosen), np.bool_),
    )


def out_track(stretch: Stretch, position: Ints, *, zero: Fraction, end: Fraction | None = None) -> OutTrack:
    """
    Describe a stretch for a whole file whose second 0 is `zero` of the recording; it is shown up to `end`.

    No edit hides a frame that the original shows: the one there is begins with the first frame, and a delay goes
    before it.

    Raises:
        VerbatimNotPossible: its description cannot be taken over.
    """
    track, first = stretch.track, stretch.first_shown
    begins = track.seconds(first)
    ends = track.seconds(stretch.end_tick) if end is None else end
    return OutTrack(
        kind=track.kind,
        timescale=track.timescale,
        description=plain_description(track.description, track.kind, track.codec),
        duration=stretch.duration,
        cts=stretch.cts,
        size=stretch.size,
        sync=stretch.sync,
        position=position,
        delay=begins - zero,
        media_time=first - stretch.first_tick,
        edit_duration=ends - begins,
        matrix=track.matrix,
        width=track.width,
        height=track.height,
        language=track.language,
        frame_bytes=track.frame_bytes,
    )


def gathered(stretches: list[Stretch]) -> tuple[tuple[Extent, ...], list[Ints]]:
    """Give the bytes of several stretches in the order of the original, and where each sample lies in them."""
    offset = np.concatenate([stretch.offset for stretch in stretches])
    size = np.concatenate([stretch.size.astype(np.int64) for stretch in stretches])
    extents, position = gather(offset, size)
    return extents, np.split(position, np.cumsum([len(stretch) for stretch in stretches])[:-1])


def require_boxed(index: FrameIndex) -> IndexedTrack:
    """
    Give the track that times count from, if the file's samples can be copied.

    Raises:
        VerbatimNotPossible: the container has no sample tables, or the track cannot be cut.
    """
    if index.container not in BOXED:
        raise VerbatimNotPossible(f"samples of {index.container} cannot be copied into MP4 as they are")
    lead = None if index.lead is None else index.tracks[index.lead]
    if lead is None or len(lead.samples) == 0:
        raise VerbatimNotPossible("the recording has no frames")
    if lead.shift is None:
        raise VerbatimNotPossible("an edit list repeats or reorders its pictures: no copy would show them so")
    return lead
