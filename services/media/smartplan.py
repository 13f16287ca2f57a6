"""
Decide whether an exact clip can be copied but for its seams, and which samples are copied, which made anew.

The frames before the first whole group of pictures, and those after the last, are encoded again; between them every
packet is the original's. Pure: works on the frame index alone. Source of the preconditions: knowledge/media 4.3, 8.1.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from services.errors import BadSampleTables, HostileMedia, VerbatimNotPossible
from services.media.avcc import MOST_SEQUENCE_SETS, Configuration, read_configuration
from services.media.boxes import Node
from services.media.clip import ExactPlan
from services.media.codecs import codec_of
from services.media.codedrun import CodedRun, run_between
from services.media.descriptions import plain_description
from services.media.frames import FrameIndex, IndexedTrack
from services.media.parameters import SequenceSet
from services.media.samples import Ints

Reason = Literal[
    "no-index", "codec", "open-gop", "edit-list", "interlaced", "parameter-sets", "variable-rate", "hidden-frames",
    "sound", "timing", "no-whole-group", "long-group", "check-failed",
]  # fmt: skip
"""Why a clip is encoded as a whole; written into the answer."""

PROFILES: Final = frozenset({66, 77, 100})
"""Baseline, Main and High: what x264 writes, too, and browsers play."""

_TICKS_APART = 2
_PART_APART = 20
"""Frames of a constant rate differ by a tick of rounding, or by a twentieth of their time where a clock is coarse."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Say why a clip cannot be copied: a word for the answer, a sentence for the log."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Seam:
    """
    Name pictures that are encoded anew: decode `run`, keep those shown at `ticks`.

    `reorder` is how many ticks before its showing each is decoded, as the key frame of the copied part beside it.
    """

    run: CodedRun
    ticks: Ints
    reorder: int


@dataclass(frozen=True, slots=True, eq=False)
class SmartPlan:
    """
    Say how a clip of the frames [first, end) is made: head and tail anew (None: there is none), samples copied.

    `copied` are frame numbers, `middle` the samples in decoding order; both half-open. `step` is the usual time from
    frame to frame in ticks. `finish` is the tick at which the last frame is over.
    """

    exact: ExactPlan
    track: IndexedTrack
    description: bytes
    configuration: Configuration
    free_id: int
    head: Seam | None
    middle: tuple[int, int]
    tail: Seam | None
    copied: tuple[int, int]
    step: int
    finish: int

    @property
    def sides(self) -> tuple[Seam | None, Seam | None]:
        """Give head and tail."""
        return self.head, self.tail

    @property
    def seams(self) -> tuple[Seam, ...]:
        """Give the seams that there are."""
        return tuple(seam for seam in self.sides if seam is not None)


def plan_smart(index: FrameIndex, exact: ExactPlan) -> SmartPlan | Unfit:
    """Find the largest copied part of an exact clip, or say why there is none."""
    track = index.video
    if track is None or exact.frames == 0:
        return Unfit("no-index", "no pictures are indexed")
    described = _described(track)
    if isinstance(described, Unfit):
        return described
    description, configuration, free_id = described
    unfit = _unfit_tracks(index, track)
    if unfit is not None:
        return unfit
    found = _middle(track, exact)
    if isinstance(found, Unfit):
        return found
    middle, copied = found
    head, tail = _head(track, exact, middle, copied), _tail(track, exact, middle, copied)
    for seam in (head, tail):
        if isinstance(seam, Unfit):
            return seam
    assert not isinstance(head, Unfit)  # noqa: S101  (looked at above)
    assert not isinstance(tail, Unfit)  # noqa: S101
    finish = _finish(track, exact)
    step = _even_step(track, exact, copied, finish)
    if step is None and (head or tail):
        return Unfit("variable-rate", "frames near a seam are not evenly spaced")
    return SmartPlan(
        exact, track, description, configuration, free_id, head, middle, tail, copied, step or 1, finish
    )  # fmt: skip


def _described(track: IndexedTrack) -> tuple[bytes, Configuration, int] | Unfit:
    """Read the sample description, and whether pictures of x264 can stand beside those it describes."""
    if track.codec != "h264" or not track.description:
        return Unfit("codec", f"the pictures are {track.codec}, not H.264 with a sample description")
    try:
        description = plain_description(track.description, "video", track.codec)
        codec = codec_of(b"vide", Node(b"stsd", memoryview(description)))
        configuration = read_configuration(codec.config)
        sets, free_id = configuration.sets, configuration.free_id
    except (BadSampleTables, HostileMedia, VerbatimNotPossible) as error:
        return Unfit("parameter-sets", str(error))
    if codec.fourcc != b"avc1" or configuration.length_bytes != 4:
        return Unfit("parameter-sets", f"the entry is {codec.fourcc!r} with lengths of {configuration.length_bytes}")
    if not sets or free_id is None or len(sets) >= MOST_SEQUENCE_SETS:
        return Unfit("parameter-sets", f"there are {len(sets)} sequence parameter sets, free id {free_id}")
    return _unfit_sets(sets) or (description, configuration, free_id)


def _unfit_sets(sets: tuple[SequenceSet, ...]) -> Unfit | None:
    pictures, usabilities = {one.picture for one in sets}, {one.usability for one in sets}
    if not all(one.is_progressive for one in sets):
        return Unfit("interlaced", "pictures may be fields")
    if len(pictures) > 1 or len(usabilities) > 1:
        return Unfit("parameter-sets", f"its parameter sets describe {len(pictures)} kinds of picture")
    picture = sets[0].picture
    if picture.chroma != 1 or picture.bit_depth != 8 or not {one.profile for one in sets} <= PROFILES:
        return Unfit("codec", f"H.264 of profile {sets[0].profile}, chroma {picture.chroma}, {picture.bit_depth} bits")
    if picture.width % 2 or picture.height % 2:
        return Unfit("codec", f"a picture of {picture.width} x {picture.height} cannot be encoded as it is")
    return None


def _unfit_tracks(index: FrameIndex, track: IndexedTrack) -> Unfit | None:
    if track.opens:
        return Unfit("open-gop", "some key frames need frames before them")
    if track.shift is None:
        return Unfit("edit-list", "the edit list repeats or reorders frames")
    for sound in index.sounds:
        if sound.codec != "aac" or sound.shift is None or sound.samples.cts.any():
            return Unfit("sound", f"track {sound.index} of {sound.codec} cannot be copied in parts")
    return None


def _middle(track: IndexedTrack, exact: ExactPlan) -> tuple[tuple[int, int], tuple[int, int]] | Unfit:
    """Find the longest run of whole groups inside the clip: as samples and as frames."""
    ticks, pts = track.ticks, track.samples.pts
    entries = track.entries[track.shown[track.entries]]
    numbers = np.searchsorted(ticks, pts[entries])
    low = int(np.searchsorted(numbers, exact.first_frame))
    high = int(np.searchsorted(numbers, exact.end_frame, side="right")) - 1
    if low >= len(entries):
        return Unfit("no-whole-group", "no group of pictures begins in the clip")
    begin, first = int(entries[low]), int(numbers[low])
    end, last = (int(entries[high]), int(numbers[high])) if high > low else (begin, first)
    samples = len(track.samples)
    if exact.end_frame == len(ticks) and int(track.shown[end:].sum()) == samples - end == exact.end_frame - last:
        end, last = samples, exact.end_frame
    if end <= begin:
        return Unfit("no-whole-group", "no whole group of pictures lies in the clip")
    if not track.shown[begin:end].all():
        return Unfit("hidden-frames", "an edit list hides frames inside the clip")
    inside = track.order[first:last]
    if last - first != end - begin or int(inside.min()) != begin or int(inside.max()) != end - 1:
        return Unfit("timing", "frames of different groups are shown between each other")
    return (begin, end), (first, last)


def _head(
    track: IndexedTrack, exact: ExactPlan, middle: tuple[int, int], copied: tuple[int, int]
) -> Seam | Unfit | None:
    if copied[0] == exact.first_frame:
        return None
    wanted = track.order[exact.first_frame : copied[0]]
    before = int(np.searchsorted(track.entries, int(wanted.min()), side="right")) - 1
    if before < 0:
        return Unfit("no-whole-group", "decoding cannot begin before the clip")
    return _seam(track, int(track.entries[before]), wanted, middle[0])


def _tail(
    track: IndexedTrack, exact: ExactPlan, middle: tuple[int, int], copied: tuple[int, int]
) -> Seam | Unfit | None:
    if copied[1] == exact.end_frame:
        return None
    return _seam(track, middle[1], track.order[copied[1] : exact.end_frame], middle[1])


def _seam(track: IndexedTrack, begin: int, wanted: Ints, key: int) -> Seam | Unfit:
    run = run_between(track, begin, int(wanted.max()) + 1)
    if run is None:
        return Unfit("long-group", f"a seam needs {int(wanted.max()) + 1 - begin} pictures to be decoded")
    return Seam(run, track.samples.pts[wanted], int(track.samples.cts[key]))


def _finish(track: IndexedTrack, exact: ExactPlan) -> int:
    if exact.end_frame < len(track.ticks):
        return int(track.ticks[exact.end_frame])
    last = int(track.order[-1])
    return int(track.ticks[-1]) + int(track.samples.duration[last])


def _even_step(track: IndexedTrack, exact: ExactPlan, copied: tuple[int, int], finish: int) -> int | None:
    """Give the time from frame to frame around the seams, or None where it is not the same."""
    ticks = np.append(track.ticks[exact.first_frame : exact.end_frame], finish)
    first, last = copied[0] - exact.first_frame, copied[1] - exact.first_frame
    steps = np.diff(ticks)
    near = np.concatenate((steps[: first + 1] if first else steps[:0], steps[max(last - 1, 0) :]))
    if len(near) == 0:
        return int(np.median(steps))
    usual = int(np.median(near))
    apart = int(near.max() - near.min())
    return usual if int(near.min()) > 0 and apart <= max(_TICKS_APART, usual // _PART_APART) else None
