"""Cut a verbatim clip across the joints of a session: whole groups of pictures of each recording, in one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.errors import ClipTooLong, VerbatimNotPossible
from services.media.frames import FrameIndex
from services.media.muxing import progressive
from services.media.splice import Part, splice
from services.media.stretch import MOST_SAMPLES, Stretch, frames_between, require_boxed, sound_between
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import Verbatim, cut_verbatim
from services.media.virtual import VirtualFile

MOST_PARTS: Final = 31
"""Recordings in one clip: its headers name them all, and parameter sets have 31 ids beside 0 (H.264 7.4.2.1.1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Ask for `stretch` of one recording, whose second 0 lies at `at` seconds of the session's axis."""

    index: FrameIndex
    stretch: TimeRange
    at: Fraction


@dataclass(frozen=True, slots=True)
class Taken:
    """Say what a clip holds of one recording: seconds and frames of it, half-open (None: sound alone)."""

    start: Fraction
    end: Fraction
    frames: tuple[int, int] | None


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """
    Hold a clip of several recordings: its range and gaps in seconds of the session's axis, what it holds of each, and
    its bytes (`Extent.source` counts the recordings in their order).
    """

    start: Fraction
    end: Fraction
    gaps: tuple[tuple[Fraction, Fraction], ...]
    taken: tuple[Taken, ...]
    file: VirtualFile


def join_verbatim(wanted: Sequence[Wanted]) -> Joined:
    """
    Join what covers each recording's stretch; they follow each other on the axis.

    Raises:
        RangeOutside: a stretch lies outside its recording.
        VerbatimNotPossible: they cannot be joined without decoding; the message says why.
        ClipTooLong: the clip would hold more frames than a clip may.
    """
    if len(wanted) > MOST_PARTS:
        raise ClipTooLong(f"a clip holds at most {MOST_PARTS} recordings, not {len(wanted)}: make an export")
    cuts = [cut_verbatim(one.index, one.stretch) for one in wanted]
    for one, cut in zip(wanted[1:], cuts[1:], strict=True):
        if print_seconds(cut.start) != print_seconds(one.stretch.start):
            raise VerbatimNotPossible(
                f"a recording that overlaps the one before can be entered at {print_seconds(cut.start)}, not at "
                f"{print_seconds(one.stretch.start)} where that one ends: ask for mode=exact"
            )
    zero = wanted[0].at + cuts[0].start
    most = max(len(one.index.sounds) for one in wanted)
    parts = [
        Part(source, _stretches(one, cut, most), one.at - zero, one.at - zero + cut.start, one.at - zero + cut.end)
        for source, (one, cut) in enumerate(zip(wanted, cuts, strict=True))
    ]
    count = sum(len(stretch) for part in parts for stretch in part.stretches if stretch is not None)
    if count > MOST_SAMPLES:
        raise ClipTooLong(f"a clip holds at most {MOST_SAMPLES:,} coded frames, not {count:,}")
    spliced = splice(parts, parts[-1].end)
    file = VirtualFile.of(progressive(spliced.tracks, spliced.body_bytes), *spliced.body)
    return Joined(
        start=zero,
        end=zero + parts[-1].end,
        gaps=tuple((zero + start, zero + end) for start, end in spliced.gaps),
        taken=tuple(Taken(cut.start, cut.end, cut.frames) for cut in cuts),
        file=file,
    )


def _stretches(one: Wanted, cut: Verbatim, sounds: int) -> tuple[Stretch | None, ...]:
    """Take the pictures and all sounds, each in its place among the file's tracks."""
    lead = require_boxed(one.index)
    heard = [sound_between(track, cut.start, cut.end) for track in one.index.sounds]
    padded = [*heard, *[None] * (sounds - len(heard))]
    if lead.kind != "video":
        return tuple(padded)
    return (frames_between(lead, *cut.samples), *padded)
