"""Read a whole MP4, MOV or 3GP: its tracks, their samples, what is presented, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from services.errors import BadSampleTables, HostileMedia, NoIndex
from services.media import metadata
from services.media.boxes import Box, Node, Read, load, walk
from services.media.edits import Presented, present
from services.media.fragments import samples_of_fragments
from services.media.samples import MOST_SAMPLES, Ints, Samples, expand, join, none
from services.media.tracks import Track, track_of

MOST_TRACKS = 64


@dataclass(frozen=True, slots=True, eq=False)
class ReadTrack:
    """
    Hold one track with its samples. `here` marks those whose bytes are all in the file.

    `presented` numbers only samples that are here. `claimed_end` is the second at which the track would
    end if all were. `fault` says why its tables could not be read.
    """

    track: Track
    samples: Samples
    here: npt.NDArray[np.bool_]
    presented: Presented
    claimed_end: Fraction = Fraction(0)
    fault: str = ""

    @property
    def start(self) -> Fraction:
        """Give the second of the movie at which it begins to be seen or heard."""
        return Fraction(self.presented.start, self.track.timescale)

    @property
    def end(self) -> Fraction:
        """Give the second of the movie at which its last sample that is here stops."""
        return Fraction(self.presented.end, self.track.timescale)

    @property
    def missing(self) -> int:
        """Count the samples whose bytes are not in the file."""
        return len(self.here) - int(self.here.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Movie:
    """Hold what the boxes of a file say. `is_cut` says that the file ends inside a box."""

    boxes: tuple[Box, ...]
    tracks: tuple[ReadTrack, ...]
    timescale: int
    recorded_at: datetime | None
    location: tuple[float, float] | None
    is_fragmented: bool
    is_cut: bool


def read_movie(read: Read, size: int) -> Movie:
    """
    Read the index of a file wherever it lies: in front, at the end or in fragments.

    A track with bad tables is kept without samples and with its fault; the others are read.

    Raises:
        NoIndex: there is no `moov`.
        Truncated: the file ends inside it.
        BadSampleTables: it lacks what every movie has.
        HostileMedia: it claims sizes, counts or nesting beyond any camera.
    """
    boxes = tuple(walk(read, size))
    is_cut = bool(boxes) and boxes[-1].end > size
    moov = next((box for box in boxes if box.kind == b"moov"), None)
    if moov is None:
        kinds = ", ".join(sorted({box.kind.decode("latin-1") for box in boxes})) or "none"
        raise NoIndex(f"the file has no index of its pictures (moov); its boxes are: {kinds}")
    index = load(read, moov, size)
    mvhd = index.need(b"mvhd")
    timescale = mvhd.number(20 if mvhd.number(0, 1) == 1 else 12, 4)
    if timescale == 0:
        raise BadSampleTables("the movie counts its time in ticks of 1/0 seconds")
    tracks = _tracks(index)
    samples, faults = _all_samples(tracks, size)
    moofs = [box for box in boxes if box.kind == b"moof"]
    if moofs:
        ends = {t.number: _end_of(samples[t.index]) for t in tracks}
        added, cut = samples_of_fragments(read, moofs, size, tracks, index=index, start_of=ends)
        is_cut |= cut
        samples = [join([samples[track.index], added[track.number]]) for track in tracks]
    extents = _extents(boxes, size)
    return Movie(
        boxes=boxes,
        tracks=tuple(
            _read_track(track, samples[track.index], faults[track.index], extents, timescale) for track in tracks
        ),
        timescale=timescale,
        recorded_at=metadata.recorded_at(index),
        location=metadata.location(index),
        is_fragmented=bool(moofs),
        is_cut=is_cut,
    )


def _tracks(index: Node) -> list[Track]:
    traks = [child for child in index.children() if child.kind == b"trak"]
    if len(traks) > MOST_TRACKS:
        raise HostileMedia(f"the file claims {len(traks)} tracks; {MOST_TRACKS} are the most")
    tracks = [track_of(n, trak) for n, trak in enumerate(traks)]
    if len({track.number for track in tracks}) != len(tracks):
        raise BadSampleTables("two tracks have the same id")
    return tracks


def _all_samples(tracks: Sequence[Track], size: int) -> tuple[list[Samples], list[str]]:
    found, faults, budget = [none()] * len(tracks), [""] * len(tracks), MOST_SAMPLES
    for n, track in enumerate(tracks):
        plain = track.codec.frame_bytes
        try:
            found[n] = expand(track.table, track.timescale, budget=budget, file_size=size, frame_bytes=plain)
        except BadSampleTables as error:
            faults[n] = str(error)
        budget -= len(found[n])
    return found, faults


def _end_of(samples: Samples) -> int:
    return int(samples.dts[-1]) + int(samples.duration[-1]) if len(samples) else 0


def _extents(boxes: Sequence[Box], size: int) -> tuple[Ints, Ints]:
    """Give where the bytes of samples may lie: the bodies of all `mdat`, up to the end of the file."""
    bodies = [(box.body, min(box.end, size)) for box in boxes if box.kind == b"mdat"]
    return np.array([b for b, _ in bodies], np.int64), np.array([e for _, e in bodies], np.int64)


def _read_track(
    track: Track, samples: Samples, fault: str, extents: tuple[Ints, Ints], movie_timescale: int
) -> ReadTrack:
    here = _in_extents(samples, extents)
    try:
        whole = present(samples, track.edits, track.timescale, movie_timescale, sound=track.is_sound)
    except BadSampleTables as error:
        nothing = np.zeros(0, np.int64)
        return ReadTrack(track, none(), np.zeros(0, np.bool_), Presented(nothing, nothing, 0, 0), fault=str(error))
    kept = whole
    if not here.all():
        shown = here[whole.sample]
        kept = Presented(whole.sample[shown], whole.pts[shown], *_reach(samples, whole, shown), whole.shift)
    return ReadTrack(track, samples, here, kept, Fraction(whole.end, track.timescale), fault)


def _reach(samples: Samples, whole: Presented, shown: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Give where the samples that are here begin and end."""
    if not shown.any():
        return 0, 0
    first, last = int(np.argmax(shown)), len(shown) - 1 - int(np.argmax(shown[::-1]))
    end = int(whole.pts[last]) + int(samples.duration[whole.sample[last]])
    return max(int(whole.pts[first]), whole.start), min(end, whole.end)


def _in_extents(samples: Samples, extents: tuple[Ints, Ints]) -> npt.NDArray[np.bool_]:
    starts, ends = extents
    if len(starts) == 0 or len(samples) == 0:
        return np.zeros(len(samples), np.bool_)
    if len(starts) == 1:
        return np.asarray((samples.offset >= starts[0]) & (samples.end <= ends[0]))
    body = np.searchsorted(starts, samples.offset, side="right") - 1
    inside: npt.NDArray[np.bool_] = (body >= 0) & (samples.end <= ends[body])
    return inside
