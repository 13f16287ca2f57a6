"""Build the frame index of an MP4, MOV or 3GP from what its boxes say, and from the first bytes of its key frames."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from services.media.boxes import Read
from services.media.facts import Kind
from services.media.frames import Bools, FrameIndex, IndexedTrack, entries_of
from services.media.movie import Movie, ReadTrack
from services.media.nalunits import LENGTH_SIZE_AT, MOST_UNITS, REFRESHES, SLICES, kind_of
from services.media.samples import Samples

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
    moved = track.presented.pts - track.samples.pts[track.presented.sample]
    is_plain = len(moved) == 0 or bool((moved == moved[0]).all())
    shift = Fraction(int(moved[0]) if len(moved) else 0, info.timescale) - origin
    closed = samples.sync
    if info.is_picture:
        closed = entries_of(samples, refreshes_of(info.codec.name, info.codec.config, samples, read))
    return IndexedTrack(
        index=info.index,
        kind=_kind(track),
        codec=info.codec.name,
        timescale=info.timescale,
        description=info.description,
        samples=samples,
        shown=shown,
        closed=closed,
        shift=shift if is_plain else None,
        width=info.codec.width or 0,
        height=info.codec.height or 0,
        matrix=info.matrix,
        language=info.language,
        frame_bytes=info.codec.frame_bytes,
        moments=None if is_plain else np.sort(track.presented.pts),
    )


def refreshes_of(codec: str, config: bytes, samples: Samples, read: Read) -> Bools:
    """
    Mark the key frames whose first slice says that the decoder forgets all before it.

    Codecs without such a mark, and files that do not say how long a length is, are believed.
    """
    marked = np.ones(len(samples), np.bool_)
    at = LENGTH_SIZE_AT.get(codec)
    if at is None or len(config) <= at:
        return marked
    prefix = (config[at] & 3) + 1
    for number in np.flatnonzero(samples.sync):
        kind = _first_slice(codec, prefix, int(samples.offset[number]), int(samples.size[number]), read)
        marked[number] = kind in REFRESHES[codec]
    return marked


def _first_slice(codec: str, prefix: int, offset: int, size: int, read: Read) -> int | None:
    return next((kind for kind in _units(codec, prefix, offset, size, read) if kind in SLICES[codec]), None)


def _units(codec: str, prefix: int, offset: int, size: int, read: Read) -> Iterator[int]:
    """Give the types of the first units of one sample, reading only their heads."""
    base, block, at = offset, read(offset, min(_HEAD_BYTES, size)), 0
    for _ in range(MOST_UNITS):
        if at + prefix + 1 > size:
            return
        if offset + at + prefix + 1 > base + len(block):
            base, block = offset + at, read(offset + at, min(_HEAD_BYTES, size - at))
        here = offset + at - base
        head = block[here : here + prefix + 1]
        if len(head) <= prefix:
            return
        yield kind_of(codec, head[prefix])
        at += prefix + int.from_bytes(head[:prefix], "big")
