"""Tell which samples of an original stand in a clip: a virtual file knows where each of its bytes comes from."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.media.frames import FrameIndex, IndexedTrack
from services.media.samples import Ints
from services.media.strict import StrictTrack
from services.media.virtual import Extent, VirtualFile

MOST_RUNS: Final = 16
"""Of one track; a clip has one. Where there are more, the longest count."""


@dataclass(frozen=True, slots=True)
class Copied:
    """
    Say that samples of a clip's track, `clip_first` and `count - 1` after it, are those of `track` from `first` on.

    Samples are numbered in decoding order, of uncompressed sound instants are; tracks as they stand in their files.
    """

    clip_track: int
    clip_first: int
    track: int
    first: int
    count: int


def copied_in(file: VirtualFile, clip: Sequence[StrictTrack], index: FrameIndex, source: int = 0) -> list[Copied]:
    """Say which samples of the original `source`, which `index` tells of, a virtual file holds."""
    pieces = _Pieces.of(file, source)
    found: list[Copied] = []
    for track in clip:
        for other in index.tracks:
            if not len(track.samples) or not len(other.samples) or track.frame_bytes != other.frame_bytes:
                continue
            runs = _runs_of_instants if track.frame_bytes else _runs
            found += _longest(runs(track, other, pieces))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Say where each piece of a file begins and ends, and what leads from it to the original; nowhere where -1."""

    begin: Ints
    end: Ints
    place: Ints

    @classmethod
    def of(cls, file: VirtualFile, source: int) -> "_Pieces":
        lengths = [piece.length if isinstance(piece, Extent) else len(piece) for piece in file.pieces]
        ends = np.cumsum(np.array(lengths, np.int64))
        places = [p.offset if isinstance(p, Extent) and p.source == source else -1 for p in file.pieces]
        return cls(ends - lengths, ends, np.array(places, np.int64))

    def places_of(self, offset: Ints, size: Ints) -> Ints:
        """Give where in the original each stretch of the file lies whole, -1 where it does not."""
        piece = np.searchsorted(self.begin, offset, side="right") - 1
        inside = (offset + size <= self.end[piece]) & (self.place[piece] >= 0)
        places: Ints = np.where(inside, self.place[piece] + offset - self.begin[piece], -1)
        return places


def _runs(track: StrictTrack, other: IndexedTrack, pieces: _Pieces) -> Iterator[Copied]:
    samples, size = other.samples, track.samples.size.astype(np.int64)
    places = pieces.places_of(track.samples.offset, size)
    order = np.argsort(samples.offset, kind="stable")
    number = order[np.minimum(np.searchsorted(samples.offset[order], places), len(order) - 1)]
    same = (places >= 0) & (samples.offset[number] == places) & (samples.size[number] == size)
    firsts, ones = np.arange(len(size)), np.ones(len(size), np.int64)
    yield from _joined(track, other, firsts, np.where(same, number, -1), ones)


def _runs_of_instants(track: StrictTrack, other: IndexedTrack, pieces: _Pieces) -> Iterator[Copied]:
    """Take uncompressed sound apart wherever it goes on elsewhere, in the file or in the original."""
    frame = track.frame_bytes or 1
    offset, size = _cut(track.samples.offset, track.samples.size.astype(np.int64), pieces.begin, frame)
    places = pieces.places_of(offset, size)
    units = other.samples.size.astype(np.int64) // frame
    row = np.maximum(np.searchsorted(other.samples.offset, places, side="right") - 1, 0)
    inside = (places >= 0) & (places + size <= other.samples.end[row])
    within, uneven = np.divmod(places - other.samples.offset[row], frame)
    number = np.where(inside & (uneven == 0), (np.cumsum(units) - units)[row] + within, -1)
    yield from _joined(track, other, np.cumsum(size // frame) - size // frame, number, size // frame)


def _cut(offset: Ints, size: Ints, begins: Ints, frame: int) -> tuple[Ints, Ints]:
    """Cut runs of instants where a piece begins, if that is between two instants."""
    row = np.searchsorted(offset, begins, side="right") - 1
    within = begins - offset[np.maximum(row, 0)]
    cuts = begins[(row >= 0) & (within > 0) & (within < size[np.maximum(row, 0)]) & (within % frame == 0)]
    starts = np.union1d(offset, cuts)
    of = np.searchsorted(offset, starts, side="right") - 1
    ends = np.append(starts[1:], np.iinfo(np.int64).max)
    return starts, np.minimum(ends, offset[of] + size[of]) - starts


def _joined(track: StrictTrack, other: IndexedTrack, clip_first: Ints, number: Ints, count: Ints) -> Iterator[Copied]:
    """Join what follows each other in the clip and in the original; -1 is nothing of it."""
    hits = np.flatnonzero(number >= 0)
    if len(hits) == 0:
        return
    goes_on = (np.diff(hits) == 1) & (number[hits][1:] == (number + count)[hits][:-1])
    for part in np.split(hits, np.flatnonzero(~goes_on) + 1):
        first = int(part[0])
        yield Copied(track.place, int(clip_first[first]), other.index, int(number[first]), int(count[part].sum()))


def _longest(runs: Iterator[Copied]) -> list[Copied]:
    kept = sorted(itertools.islice(runs, 1 << 16), key=lambda run: -run.count)[:MOST_RUNS]
    return sorted(kept, key=lambda run: run.clip_first)
