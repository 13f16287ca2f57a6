"""Keep a frame index as one small file, and read it back without believing its numbers."""

import base64
import json
import struct
from fractions import Fraction
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt
import zstandard

from services.errors import Invalid
from services.media.columns import Told, pack_column, pack_marks, unpack_column, unpack_marks, wide
from services.media.facts import Kind
from services.media.frames import Bools, FrameIndex, IndexedTrack
from services.media.samples import MOST_SAMPLES, Ints, Samples

MAGIC = b"HUFI"
KINDS: Final = get_args(Kind)
VERSION = 1
"""Raise it when what an index says changes: recordings with an older one are indexed again."""

_HEAD = struct.Struct("<4sBxxxIQ")
"""Magic, version, bytes of the description (JSON), bytes of the columns before compression."""

_MOST_HEAD_BYTES = 16 << 20
"""Room for 64 tracks of the longest descriptions."""

_BYTES_A_SAMPLE = 40
"""More than all columns of one sample take."""

_LEVEL = 1
"""Of compression: the columns are narrow already; higher ones take three times as long for a tenth less."""


def pack(index: FrameIndex) -> bytes:
    """Give the index as bytes: a description in JSON, then the columns of all tracks, compressed together."""
    packed = [_columns(track) for track in index.tracks]
    told = {
        "container": index.container,
        "size_bytes": index.size_bytes,
        "duration": str(index.duration),
        "lead": index.lead,
        "tracks": [_told(track, columns) for track, columns in zip(index.tracks, packed, strict=True)],
    }
    head = json.dumps(told, separators=(",", ":")).encode()
    body = b"".join(column for columns in packed for _, column in columns)
    compressed = zstandard.ZstdCompressor(level=_LEVEL).compress(body)
    return _HEAD.pack(MAGIC, VERSION, len(head), len(body)) + head + compressed


def unpack(packed: bytes) -> FrameIndex:
    """
    Read what `pack` gave, never taking more memory than its counts allow.

    Raises:
        Invalid: these are not an index of a version known here, or they contradict themselves.
    """
    if len(packed) < _HEAD.size:
        raise Invalid(f"a frame index has at least {_HEAD.size} bytes, not {len(packed)}")
    magic, version, head_bytes, body_bytes = _HEAD.unpack_from(packed)
    if (magic, version) != (MAGIC, VERSION):
        raise Invalid(f"a frame index begins with {MAGIC!r} version {VERSION}, not {magic!r} version {version}")
    if head_bytes > _MOST_HEAD_BYTES or body_bytes > MOST_SAMPLES * _BYTES_A_SAMPLE:
        raise Invalid(f"a frame index claims {head_bytes} and {body_bytes} bytes")
    try:
        told = json.loads(packed[_HEAD.size : _HEAD.size + head_bytes])
        body = _decompressed(packed[_HEAD.size + head_bytes :], body_bytes)
        return _index(told, memoryview(body))
    except (zstandard.ZstdError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Invalid(f"a frame index cannot be read: {error}") from error


def _decompressed(packed: bytes, length: int) -> bytes:
    """Decompress at most one byte more than was promised, whatever the frame says of itself."""
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        body = reader.read(length + 1)
    if len(body) != length:
        raise Invalid(f"the columns of a frame index unpack to {len(body)} bytes or more, not to {length}")
    return body


def _columns(track: IndexedTrack) -> list[tuple[Told, bytes]]:
    samples = track.samples
    goes_on, holes = _holes(samples)
    places, ticks = _breaks(samples)
    return [
        pack_column(samples.size),
        pack_column(samples.duration),
        pack_column(samples.cts),
        pack_marks(goes_on),
        pack_column(holes),
        pack_marks(samples.sync),
        pack_marks(track.shown),
        pack_marks(track.closed),
        pack_column(_steps(_moments(track))),
        pack_column(_steps(places)),
        pack_column(ticks),
    ]


def _moments(track: IndexedTrack) -> Ints:
    return np.zeros(0, np.int64) if track.moments is None else track.moments


def _steps(numbers: Ints) -> Ints:
    return np.diff(numbers, prepend=0)


def _holes(samples: Samples) -> tuple[Bools, Ints]:
    """Mark the samples that lie right behind the one before, and say of the others how far they lie from its end."""
    goes_on = np.zeros(len(samples), np.bool_)
    if len(samples) == 0:
        return goes_on, np.zeros(0, np.int64)
    holes = samples.offset.copy()
    holes[1:] -= samples.end[:-1]
    goes_on[1:] = holes[1:] == 0
    return goes_on, holes[~goes_on]


def _breaks(samples: Samples) -> tuple[Ints, Ints]:
    """Give the samples, with their ticks, that are not decoded at the end of the one before: fragments may jump."""
    if len(samples) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    jumps = np.flatnonzero(np.diff(samples.dts) != samples.duration[:-1])
    places = np.concatenate(([0], jumps + 1))
    return places, samples.dts[places]


def _told(track: IndexedTrack, columns: list[tuple[Told, bytes]]) -> dict[str, Any]:
    return {
        "index": track.index,
        "kind": track.kind,
        "codec": track.codec,
        "timescale": track.timescale,
        "description": base64.b64encode(track.description).decode(),
        "shift": None if track.shift is None else str(track.shift),
        "width": track.width,
        "height": track.height,
        "matrix": base64.b64encode(track.matrix).decode(),
        "language": track.language,
        "frame_bytes": track.frame_bytes,
        "step": track.step,
        "blank": track.blank,
        "has_moments": track.moments is not None,
        "count": len(track.samples),
        "columns": [told for told, _ in columns],
    }


def _index(told: dict[str, Any], body: memoryview) -> FrameIndex:
    if sum(track["count"] for track in told["tracks"]) > MOST_SAMPLES:
        raise Invalid(f"a frame index claims more than {MOST_SAMPLES} samples")
    tracks, at = [], 0
    for track in told["tracks"]:
        length = sum(column[2] for column in track["columns"])
        tracks.append(_track(track, body[at : at + length]))
        at += length
    lead = told["lead"]
    if at != len(body) or (lead is not None and not 0 <= lead < len(tracks)):
        raise Invalid(f"a frame index of {len(tracks)} tracks uses {at} of its {len(body)} bytes")
    return FrameIndex(told["container"], told["size_bytes"], Fraction(told["duration"]), lead, tuple(tracks))


def _track(told: dict[str, Any], body: memoryview) -> IndexedTrack:
    columns, at = [], 0
    for form, count, length in told["columns"]:
        columns.append(((form, count, length), body[at : at + length]))
        at += length
    samples, marks, moments = _read_columns(told["count"], columns)
    if told["kind"] not in KINDS or told["timescale"] < 1 or told["step"] < 1:
        raise Invalid(f"a track of a frame index is {told['kind']!r} with ticks of 1/{told['timescale']} s")
    return IndexedTrack(
        index=told["index"],
        kind=told["kind"],
        codec=told["codec"],
        timescale=told["timescale"],
        description=base64.b64decode(told["description"]),
        samples=samples,
        shown=marks[0],
        closed=marks[1],
        shift=None if told["shift"] is None else Fraction(told["shift"]),
        width=told["width"],
        height=told["height"],
        matrix=base64.b64decode(told["matrix"]),
        language=told["language"],
        frame_bytes=told["frame_bytes"],
        step=told["step"],
        blank=told.get("blank", 0),
        moments=moments if told["has_moments"] else None,
    )


def _read_columns(count: int, columns: list[tuple[Told, memoryview]]) -> tuple[Samples, list[Bools], Ints]:
    sizes, durations, offsets, goes_on, holes, *marks, moments, places, ticks = columns
    size = _of_samples(sizes, count).astype(np.uint32, copy=False)
    duration = _of_samples(durations, count).astype(np.uint32, copy=False)
    cts = _of_samples(offsets, count).astype(np.int32, copy=False)
    offset = _placed(size, unpack_marks(*goes_on, count), wide(unpack_column(*holes)))
    dts = _resumed(_sums(duration), np.cumsum(wide(unpack_column(*places))), wide(unpack_column(*ticks)))
    sync, shown, closed = (unpack_marks(*bits, count) for bits in marks)
    return Samples(dts, duration, cts, offset, size, sync), [shown, closed], np.cumsum(wide(unpack_column(*moments)))


def _of_samples(column: tuple[Told, memoryview], count: int) -> npt.NDArray[Any]:
    numbers = unpack_column(*column)
    if len(numbers) != count:
        raise Invalid(f"a column of a frame index has {len(numbers)} numbers; the track has {count} samples")
    return numbers


def _sums(numbers: npt.NDArray[np.uint32]) -> Ints:
    """Give the sum of all numbers before each."""
    sums = np.zeros(len(numbers), np.int64)
    np.cumsum(numbers[:-1], out=sums[1:])
    return sums


def _placed(size: npt.NDArray[np.uint32], goes_on: Bools, holes: Ints) -> Ints:
    """Lay the samples behind each other, with the holes between them."""
    steps = np.zeros(len(size), np.int64)
    steps[1:] = size[:-1]
    jumps = ~goes_on
    if int(np.count_nonzero(jumps)) != len(holes):
        raise Invalid(f"a frame index has {len(holes)} holes for {np.count_nonzero(jumps)} samples behind one")
    steps[jumps] += holes
    np.cumsum(steps, out=steps)
    return steps


def _resumed(run: Ints, places: Ints, values: Ints) -> Ints:
    """Shift a running sum so that it is `values` at `places` and goes on from there."""
    if len(run) == 0:
        return run
    if len(places) == 0 or places[0] != 0 or (np.diff(places) <= 0).any() or int(places[-1]) >= len(run):
        raise Invalid("the jumps of a frame index are out of order")
    if len(places) == 1:
        return run + int(values[0])
    lengths = np.diff(np.append(places, len(run)))
    return run + np.repeat(values - run[places], lengths)
