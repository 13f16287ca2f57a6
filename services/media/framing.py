"""Build the frame index of an MP4, MOV or 3GP from what its boxes say, and from the first bytes of its key frames."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from services.media.boxes import Read
from services.media.facts import Kind
from services.media.frames import FrameIndex, IndexedTrack, entries_of
from services.media.movie import Movie, ReadTrack
from services.media.nalunits import BLANK, LEANS, LENGTH_SIZE_AT, MOST_UNITS, REFRESH, REFRESHES, SLICES
from services.media.nalunits import kind_of as kind_of_unit
from services.media.samples import Ints, Samples

MOST_KEYS = 1 << 20
"""Key frames that are looked at: 12 days at one a second, ten hours if all pictures are. Later ones are no entry."""

_HEAD_BYTES = 64


def index_of_movie(movie: Movie, leading: ReadTrack | None, container: str, size: int, read: Read) -> FrameIndex:
    """
    Index every track; time counts from the start of `leading`.

    Raises:
        OSError: the file cannot be read.
    """
    origin = leading.start if leading else Fraction(0)
    tracks = tuple(_indexed(track, origin, read) for track in movie.tracks)
    ends = [track.end - origin for track in movie.tracks if _kind(track) != "data" and len(track.presented)]
    lead = None if leading is None else movie.tracks.index(leading)
    return FrameIndex(container, size, max(ends, default=Fraction(0)), lead, tracks)


def _kind(track: ReadTrack) -> Kind:
    return "video" if track.track.is_picture else "audio" if track.track.is_sound else "data"


def _indexed(track: ReadTrack, origin: Fraction, read: Read) -> IndexedTrack:
    info, whole = track.track, track.here.all()
    samples = track.samples if whole else track.samples.only(track.here)
    shown = np.zeros(len(track.samples), np.bool_)
    shown[track.presented.sample] = True
    shown = shown if whole else shown[track.here]
    shift = track.presented.shift
    closed, blank = samples.sync, 0
    if info.is_picture:
        marks = marks_of(info.codec.name, info.codec.config, samples, read)
        closed, blank = entries_of(samples, marks == REFRESH), int((marks == BLANK).sum())
    return IndexedTrack(
        index=info.index,
        kind=_kind(track),
        codec=info.codec.name,
        timescale=info.timescale,
        description=info.description,
        samples=samples,
        shown=shown,
        closed=closed,
        shift=None if shift is None else Fraction(shift, info.timescale) - origin,
        width=info.codec.width or 0,
        height=info.codec.height or 0,
        matrix=info.matrix,
        language=info.language,
        frame_bytes=info.codec.frame_bytes,
        moments=np.sort(track.presented.pts) if shift is None else None,
        blank=blank,
    )


def marks_of(codec: str, config: bytes, samples: Samples, read: Read) -> npt.NDArray[np.int8]:
    """
    Say of each key frame what its first slice is: `REFRESH`, `LEANS` or, where there is none, `BLANK`.

    Codecs without such a mark, and files that do not say how long a length is, are believed.
    """
    marks = np.full(len(samples), REFRESH, np.int8)
    at = LENGTH_SIZE_AT.get(codec)
    if at is None or len(config) <= at:
        return marks
    keys = np.flatnonzero(samples.sync)[:MOST_KEYS]
    marks[samples.sync] = LEANS
    kinds = _first_slices(codec, (config[at] & 3) + 1, samples.offset[keys], samples.size[keys].astype(np.int64), read)
    marks[keys] = np.where(np.isin(kinds, list(REFRESHES[codec])), REFRESH, np.where(kinds < 0, BLANK, LEANS))
    return marks


def _first_slices(codec: str, prefix: int, offset: Ints, size: Ints, read: Read) -> npt.NDArray[np.int8]:
    """
    Give the type of the first coded slice of each sample, -1 where none is found.

    Most begin with it, or with a few short units: one small read a sample. Behind longer ones is looked again.
    """
    kinds = np.full(len(offset), -1, np.int8)
    at = np.zeros(len(offset), np.int64)
    left = np.arange(len(offset))
    for _ in range(MOST_UNITS):
        left = left[at[left] + prefix < size[left]]
        if len(left) == 0:
            break
        heads = _heads(offset[left] + at[left], read)
        found, steps = _look(codec, prefix, heads, size[left] - at[left])
        kinds[left] = found
        at[left] += steps
        left = left[found < 0]
    return kinds


def _heads(places: Ints, read: Read) -> npt.NDArray[np.uint8]:
    """Read the bytes at each place; zeros stand behind the end of the file."""
    blocks = [read(place, _HEAD_BYTES) for place in places.tolist()]
    joined = b"".join(blocks)
    if len(joined) != len(blocks) * _HEAD_BYTES:
        joined = b"".join(block.ljust(_HEAD_BYTES, b"\0") for block in blocks)
    return np.frombuffer(joined, np.uint8).reshape(len(blocks), _HEAD_BYTES)


def _look(codec: str, prefix: int, heads: npt.NDArray[np.uint8], size: Ints) -> tuple[npt.NDArray[np.int8], Ints]:
    """
    Step from unit to unit in the heads of samples of these sizes.

    Gives the type of the first slice, -1 where it is not in the head, and how far was stepped.
    """
    kind_of = np.array([kind_of_unit(codec, first) for first in range(256)], np.int8)
    is_slice = np.isin(np.arange(64), list(SLICES[codec]))
    found, at = np.full(len(heads), -1, np.int8), np.zeros(len(heads), np.int64)
    rows = np.arange(len(heads))
    while len(rows):
        rows = rows[at[rows] + prefix < np.minimum(size[rows], _HEAD_BYTES)]
        here = at[rows]
        length = np.zeros(len(rows), np.int64)
        for byte in range(prefix):
            length = length << 8 | heads[rows, here + byte]
        kind = kind_of[heads[rows, here + prefix]]
        hit = is_slice[kind] & (length > 0)
        found[rows[hit]] = kind[hit]
        rows = rows[~hit]
        at[rows] += prefix + length[~hit]
    return found, at
