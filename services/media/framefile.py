"""Keep a frame index as one small file, and read it back without believing its numbers."""

import base64
import json
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from services.errors import Invalid
from services.media.frames import FrameIndex, IndexedTrack
from services.media.samples import MOST_SAMPLES, Ints, Samples

MAGIC = b"HUFI"
VERSION = 1
"""Raise it when what an index says changes: recordings with an older one are indexed again."""

_HEAD = struct.Struct("<4sBxxxIQ")
"""Magic, version, bytes of the description (JSON), bytes of the columns before compression."""

_MOST_HEAD_BYTES = 4 << 20
_BYTES_A_SAMPLE = 40
"""More than all columns of one sample take."""


def pack(index: FrameIndex) -> bytes:
    """Give the index as bytes: a description in JSON, then the columns of all tracks, compressed together."""
    columns = [_columns(track) for track in index.tracks]
    told = {
        "container": index.container,
        "size_bytes": index.size_bytes,
        "duration": str(index.duration),
        "lead": index.lead,
        "tracks": [_told(track, list(map(len, held))) for track, held in zip(index.tracks, columns, strict=True)],
    }
    head = json.dumps(told, separators=(",", ":")).encode()
    body = b"".join(column for held in columns for column in held)
    return _HEAD.pack(MAGIC, VERSION, len(head), len(body)) + head + zstandard.ZstdCompressor(level=3).compress(body)


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
        decompressor = zstandard.ZstdDecompressor()
        body = decompressor.decompress(packed[_HEAD.size + head_bytes :], max_output_size=body_bytes)
        if len(body) != body_bytes:
            raise Invalid(f"the columns of a frame index unpack to {len(body)} bytes, not to {body_bytes}")
        return _index(told, memoryview(body))
    except (zstandard.ZstdError, ValueError, KeyError, TypeError, IndexError, ZeroDivisionError) as error:
        raise Invalid(f"a frame index cannot be read: {error}") from error


def _columns(track: IndexedTrack) -> list[bytes]:
    samples = track.samples
    ends = samples.end
    follows = np.zeros(len(samples), np.bool_)
    follows[1:] = samples.offset[1:] == ends[:-1]
    jumps = np.flatnonzero(~follows)
    columns = [
        samples.size.astype("<u4"),
        samples.duration.astype("<u4"),
        samples.cts.astype("<i4"),
        jumps.astype("<u4"),
        np.diff(samples.offset[jumps], prepend=0).astype("<i8"),
        np.packbits(samples.sync),
        np.packbits(track.shown),
        np.packbits(track.closed),
        np.diff(_moments(track), prepend=0).astype("<i8"),
        _breaks(samples).astype("<i8").ravel(),
    ]
    return [column.tobytes() for column in columns]


def _moments(track: IndexedTrack) -> Ints:
    return np.zeros(0, np.int64) if track.moments is None else track.moments


def _breaks(samples: Samples) -> Ints:
    """List (sample, tick) where decoding does not go on at the end of the sample before: fragments may jump."""
    if len(samples) == 0:
        return np.zeros((0, 2), np.int64)
    expected = samples.dts[:-1] + samples.duration[:-1]
    places = np.concatenate(([0], np.flatnonzero(samples.dts[1:] != expected) + 1))
    return np.stack((places, samples.dts[places]), axis=1)


def _told(track: IndexedTrack, lengths: list[int]) -> dict[str, Any]:
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
        "has_moments": track.moments is not None,
        "count": len(track.samples),
        "lengths": lengths,
    }


def _index(told: dict[str, Any], body: memoryview) -> FrameIndex:
    tracks, at = [], 0
    for track in told["tracks"]:
        length = sum(track["lengths"])
        tracks.append(_track(track, body[at : at + length]))
        at += length
    lead = told["lead"]
    if at != len(body) or (lead is not None and not 0 <= lead < len(tracks)):
        raise Invalid(f"a frame index of {len(tracks)} tracks uses {at} of its {len(body)} bytes")
    return FrameIndex(told["container"], told["size_bytes"], Fraction(told["duration"]), lead, tuple(tracks))


def _track(told: dict[str, Any], body: memoryview) -> IndexedTrack:
    columns, at = [], 0
    for length in told["lengths"]:
        columns.append(body[at : at + length])
        at += length
    samples, marks, moments = _read_columns(told["count"], columns)
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
        moments=moments if told["has_moments"] else None,
    )


def _read_columns(
    count: int, columns: list[memoryview]
) -> tuple[Samples, list[npt.NDArray[np.bool_]], npt.NDArray[np.int64]]:
    sizes, durations, cts, jumps, leaps, *rest = columns
    size = np.frombuffer(sizes, "<u4", count)
    duration = np.frombuffer(durations, "<u4", count)
    jump, leap = np.frombuffer(jumps, "<u4").astype(np.int64), np.frombuffer(leaps, "<i8")
    sync, shown, closed = (
        np.unpackbits(np.frombuffer(bits, np.uint8), count=count).astype(np.bool_) for bits in rest[:3]
    )
    breaks = np.frombuffer(rest[4], "<i8").reshape(-1, 2)
    offset = _resumed(np.cumsum(size, dtype=np.int64) - size, jump, np.cumsum(leap, dtype=np.int64))
    dts = _resumed(np.cumsum(duration, dtype=np.int64) - duration, breaks[:, 0], breaks[:, 1])
    samples = Samples(dts, duration, np.frombuffer(cts, "<i4", count), offset, size, sync)
    return samples, [shown, closed], np.cumsum(np.frombuffer(rest[3], "<i8"), dtype=np.int64)


def _resumed(run: Ints, places: Ints, values: Ints) -> Ints:
    """Shift a running sum so that it is `values` at `places` and goes on from there."""
    if len(run) == 0:
        return run
    if len(places) == 0 or places[0] != 0 or (np.diff(places) <= 0).any() or int(places[-1]) >= len(run):
        raise Invalid("the jumps of a frame index are out of order")
    lengths = np.diff(np.append(places, len(run)))
    return run + np.repeat(values - run[places], lengths)
