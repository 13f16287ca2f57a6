"""
Know every coded frame of a recording: where its bytes lie, when it is shown, where decoding can begin.

The frame index is what retrieval works from: clips, playlists and stills are found in it without reading the
recording. Built once at `examine`, kept as one file (`framefile`), rebuilt when its version rises.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from services.errors import RangeOutside
from services.media.facts import Kind
from services.media.frametimes import FrameTimes
from services.media.samples import Ints, Samples

Bools = npt.NDArray[np.bool_]

_EARLIEST = np.iinfo(np.int64).min

_SAMPLE_BYTES = 29 + 2 + 3 * 8
"""Of memory: the columns of `Samples`, two marks, and its place in `order`, `ticks` or `moments`, and `frame_times`."""


@dataclass(frozen=True, eq=False)
class IndexedTrack:
    """
    Hold one track: its description as the file has it and every coded frame whose bytes are in the file.

    `index` is the stream's number in libav's order. `description` is the payload of its `stsd`, b"" where the
    container has no boxes. `samples` stand in decoding order; frame n is shown at `samples.pts[n] / timescale +
    shift` seconds from the recording's first picture. `shown` marks those that the file presents: an edit list may
    hide others, which must never leave in an exact clip. `closed` marks where decoding can begin with nothing
    missing: an instantaneous refresh that no earlier frame is shown after and no later one before.

    `shift` is None where an edit list repeats or reorders the track: then only `moments` knows when frames are
    shown, and nothing is cut by copying. All its ticks are multiples of `step`: containers without boxes may count
    time in 1001/30000 s. `blank` counts the key frames in whose bytes no coded picture is. `frame_bytes` is the size
    of one instant of uncompressed sound (whose samples are chunks of many), else None. `matrix` is the 36 bytes of
    `tkhd`, b"" without boxes.
    """

    index: int
    kind: Kind
    codec: str
    timescale: int
    description: bytes
    samples: Samples
    shown: Bools
    closed: Bools
    shift: Fraction | None
    width: int = 0
    height: int = 0
    matrix: bytes = b""
    language: str | None = None
    frame_bytes: int | None = None
    moments: Ints | None = None
    step: int = 1
    blank: int = 0

    @cached_property
    def order(self) -> Ints:
        """Number the shown samples in the order of their times: frame n of the recording is sample `order[n]`."""
        shown = np.flatnonzero(self.shown)
        return shown[np.argsort(self.samples.pts[shown], kind="stable")]

    @cached_property
    def ticks(self) -> Ints:
        """List when each shown frame is presented, in ticks of the track, in order, before `shift`."""
        return self.samples.pts[self.order] if self.moments is None else self.moments

    @cached_property
    def entries(self) -> Ints:
        """Number the samples at which decoding can begin, in order."""
        return np.flatnonzero(self.closed)

    @property
    def held_bytes(self) -> int:
        """Say how much memory its arrays take, with those that are made from them when first asked for."""
        return len(self.samples) * _SAMPLE_BYTES + len(self.description)

    @property
    def opens(self) -> bool:
        """Say whether some key frame needs frames before it: a player that begins there fails or conceals."""
        return bool((self.samples.sync & ~self.closed).any())

    def seconds(self, tick: int) -> Fraction:
        """Give the recording's time of a tick of this track; needs `shift`."""
        assert self.shift is not None  # noqa: S101  (the caller chose a track that is plain)
        return Fraction(int(tick), self.timescale) + self.shift

    def tick_at(self, position: Fraction) -> int:
        """Give the first tick that is not before a time of the recording; needs `shift`."""
        assert self.shift is not None  # noqa: S101
        exact = (position - self.shift) * self.timescale
        return -(-exact.numerator // exact.denominator)


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """
    Hold all tracks of one original of `size_bytes`; `lead` is the place in `tracks` of the one time counts from.

    `duration` is what is really there, in seconds from the first picture (sound-only: the first sound).
    """

    container: str
    size_bytes: int
    duration: Fraction
    lead: int | None
    tracks: tuple[IndexedTrack, ...]

    @property
    def held_bytes(self) -> int:
        """Say how much memory it takes."""
        return sum(track.held_bytes for track in self.tracks)

    @property
    def video(self) -> IndexedTrack | None:
        """Give the track whose pictures are shown."""
        return None if self.lead is None or self.tracks[self.lead].kind != "video" else self.tracks[self.lead]

    @property
    def sounds(self) -> tuple[IndexedTrack, ...]:
        """Give the tracks that are heard."""
        return tuple(track for track in self.tracks if track.kind == "audio" and len(track.samples))

    @cached_property
    def frame_times(self) -> FrameTimes | None:
        """List when each picture is shown; None without pictures."""
        video = self.video
        if video is None or len(video.ticks) == 0:
            return None
        return FrameTimes(Fraction(video.step, video.timescale), (video.ticks - int(video.ticks[0])) // video.step)

    def sample_of(self, frame: int) -> int:
        """
        Give the place, in decoding order, of the picture with a number.

        Raises:
            RangeOutside: there is no such picture.
        """
        count = 0 if self.video is None else len(self.video.order)
        if self.video is None or not 0 <= frame < count:
            raise RangeOutside(f"the recording has {count} frames, counted from 0, not frame {frame}")
        return int(self.video.order[frame])


def entries_of(samples: Samples, refreshes: Bools) -> Bools:
    """
    Mark the samples at which decoding can begin with nothing missing.

    `refreshes` marks those whose bytes say that the decoder forgets all before (IDR); where the codec has no such
    mark, those the container calls sync. Further no frame before is shown after them, and none behind before.

    Source: knowledge/media 8.4, where browsers fail when decoding begins at any other key frame.
    """
    closed = np.zeros(len(samples), np.bool_)
    keys = np.flatnonzero(samples.sync)
    if len(keys) == 0:
        return closed
    pts = samples.pts
    latest = np.maximum.accumulate(np.maximum.reduceat(pts, keys))
    latest_before = np.concatenate(([int(pts[: keys[0]].max(initial=_EARLIEST))], latest[:-1]))
    earliest_from = np.minimum.accumulate(np.minimum.reduceat(pts, keys)[::-1])[::-1]
    closed[keys] = refreshes[keys] & (np.maximum(latest_before, latest_before[0]) < pts[keys])
    closed[keys] &= pts[keys] <= earliest_from
    return closed
