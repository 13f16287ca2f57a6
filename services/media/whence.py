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
    found: list[Copied] = []
    for track in clip:
        places = _places_in_source(file, track, source)
        for other in index.tracks:
            runs = _runs_of_instants if track.frame_bytes else _runs
            found += _longest(runs(track, other, places))
    return found


def _places_in_source(file: VirtualFile, track: StrictTrack, source: int) -> Ints:
    """Give where in the original each sample lies whole, -1 where it does not."""
    lengths = [piece.length if isinstance(piece, Extent) else len(piece) for piece in file.pieces]
    begins = np.cumsum([0, *lengths])[:-1]
    shift = [p.offset if isinstance(p, Extent) and p.source == source else -1 for p in file.pieces]
    samples = track.samples
    piece = np.searchsorted(begins, samples.offset, side="right") - 1
    # runs of uncompressed sound may reach into the next piece: their first instant is what is asked for
    width = np.full(len(samples), track.frame_bytes) if track.frame_bytes else samples.size.astype(np.int64)
    inside = samples.offset + width <= begins[piece] + np.array(lengths)[piece]
    at = np.array(shift)[piece]
    places: Ints = np.where(inside & (at >= 0), at + samples.offset - begins[piece], -1)
    return places


def _runs(track: StrictTrack, other: IndexedTrack, places: Ints) -> Iterator[Copied]:
    samples = other.samples
    order = np.argsort(samples.offset, kind="stable")
    at = np.minimum(np.searchsorted(samples.offset[order], places), max(len(order) - 1, 0))
    if len(order) == 0 or other.frame_bytes:
        return
    number = order[at]
    same = (places >= 0) & (samples.offset[number] == places) & (samples.size[number] == track.samples.size)
    yield from _rows(track, other, np.where(same, number, -1))


def _rows(track: StrictTrack, other: IndexedTrack, number: Ints) -> Iterator[Copied]:
    """Join neighbours in the clip that are neighbours in the original; -1 is no sample of it."""
    hits = np.flatnonzero(number >= 0)
    if len(hits) == 0:
        return
    breaks = np.flatnonzero((np.diff(hits) != 1) | (np.diff(number[hits]) != 1)) + 1
    for part in np.split(hits, breaks):
        yield Copied(track.place, int(part[0]), other.index, int(number[part[0]]), len(part))


def _runs_of_instants(track: StrictTrack, other: IndexedTrack, places: Ints) -> Iterator[Copied]:
    """Find the first instant; that the others follow is for the proof to show."""
    frame = track.frame_bytes or 1
    if other.frame_bytes != frame or len(other.samples) == 0 or len(places) == 0 or int(places[0]) < 0:
        return
    sizes = other.samples.size.astype(np.int64)
    ends = other.samples.offset + sizes
    row = int(np.searchsorted(ends, int(places[0]), side="right"))
    if row == len(ends) or int(places[0]) < int(other.samples.offset[row]):
        return
    first = (int(sizes[:row].sum()) + int(places[0]) - int(other.samples.offset[row])) // frame
    count = int(track.samples.size.sum(dtype=np.int64)) // frame
    yield Copied(track.place, 0, other.index, first, count)


def _longest(runs: Iterator[Copied]) -> list[Copied]:
    kept = sorted(itertools.islice(runs, 1 << 16), key=lambda run: -run.count)[:MOST_RUNS]
    return sorted(kept, key=lambda run: run.clip_first)
