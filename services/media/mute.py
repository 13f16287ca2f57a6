"""
Add a track of silence to segments of a recording without sound, so that it can play among recordings that have it.

A player decides by the first recording whether there is sound, and stops at one with other tracks. Only what is
streamed in a session is added to: no clip, no export and no stored file ever holds this track.

Source of all boxes: ISO/IEC 14496-12; of the configuration: ISO/IEC 14496-1 section 7.2.6, 14496-3 section 1.6.2.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import numpy as np

from services.errors import MediaError, NotPlayable
from services.media.boxes import Box, walk
from services.media.filler import silent_frame
from services.media.outtrack import OutTrack, box, full, trak, u32
from services.media.virtual import VirtualFile

RATE: Final = 48_000
FRAME: Final = 1024
"""Instants of one frame of AAC."""

MOST_FRAMES: Final = 60_000
"""Of one segment: twenty minutes, more than any group of pictures lasts."""

HEAD_BYTES: Final = 4 << 20
"""Longest header of a fragment that is looked at."""

_CONFIGURATION: Final = bytes([2 << 3 | 3 >> 1, (3 & 1) << 7 | 1 << 3])
"""AAC-LC, 48 kHz (number 3), one channel."""


def _described(tag: int, payload: bytes) -> bytes:
    return bytes([tag, len(payload)]) + payload


_DECODER: Final = _described(4, bytes([0x40, 0x15, 0, 0, 0]) + bytes(8) + _described(5, _CONFIGURATION))
_ESDS: Final = full(b"esds", 0, 0, _described(3, b"\0\0\0" + _DECODER + _described(6, b"\x02")))
_ENTRY: Final = box(b"mp4a", bytes(6), struct.pack(">H8xHHHHI", 1, 1, 16, 0, 0, RATE << 16), _ESDS)
DESCRIPTION: Final = struct.pack(">II", 0, 1) + _ENTRY


def frames_in(start: Fraction, end: Fraction) -> tuple[int, int]:
    """Number the frames of silence of a stretch: stretches that touch share none and leave none out."""
    return round(start * RATE / FRAME), round(end * RATE / FRAME)


def muted_init(init: bytes) -> bytes:
    """
    Add the track to an init segment.

    Raises:
        NotPlayable: these are no init segment.
    """
    parts = []
    for top in _boxes(init):
        body = init[top.offset : top.end]
        parts.append(_muted_moov(body) if top.kind == b"moov" else body)
    return b"".join(parts)


def _muted_moov(moov: bytes) -> bytes:
    inner = moov[8:]
    children = list(_boxes(inner))
    head = next((child for child in children if child.kind == b"mvhd"), None)
    if head is None:
        raise NotPlayable("an init segment has no header of its movie")
    fields = inner[head.body : head.end]
    timescale = int.from_bytes(fields[20:24] if fields[0] == 1 else fields[12:16], "big")
    number = _count(inner) + 1
    silent = trak(number, _track(), 0, timescale, _empty_tables())
    extends = full(b"trex", 0, 0, struct.pack(">IIIII", number, 1, FRAME, len(_silence()), 0))
    parts = []
    for child in children:
        body = inner[child.offset : child.end]
        if child.kind == b"mvex":
            parts.append(silent)
            body = box(b"mvex", body[8:], extends)
        parts.append(body)
    return box(b"moov", *parts)


def silent_number(init: bytes) -> int:
    """Give the number of the silent track beside an init segment's own, which are numbered from 1."""
    moov = next((top for top in _boxes(init) if top.kind == b"moov"), None)
    return 1 if moov is None else _count(init[moov.body : moov.end]) + 1


def _count(moov: bytes) -> int:
    return sum(child.kind == b"trak" for child in _boxes(moov))


def _track() -> OutTrack:
    nothing = np.zeros(0, np.int64)
    return OutTrack(
        kind="audio",
        timescale=RATE,
        description=DESCRIPTION,
        duration=nothing.astype(np.uint32),
        cts=nothing.astype(np.int32),
        size=nothing.astype(np.uint32),
        sync=nothing.astype(np.bool_),
        position=nothing,
    )


def _empty_tables() -> bytes:
    nothing = full(b"stts", 0, 0, u32(0)) + full(b"stsc", 0, 0, u32(0))
    nothing += full(b"stsz", 0, 0, u32(0), u32(0)) + full(b"stco", 0, 0, u32(0))
    return box(b"stbl", box(b"stsd", DESCRIPTION), nothing)


def muted_segment(segment: VirtualFile, head: bytes, number: int, first: int, end: int) -> VirtualFile:
    """
    Add the frames [first, end) of silence to a segment, behind the media of its first fragment.

    `head` is the beginning of the segment, at least its first `moof` and the header of the `mdat` behind it; `number`
    is the track's. The media bytes stay where they are.

    Raises:
        NotPlayable: the segment does not begin with a fragment.
    """
    tops = list(_boxes(head))
    if [top.kind for top in tops[:2]] != [b"moof", b"mdat"] or tops[1].header_bytes != 8:
        raise NotPlayable("a segment does not begin with a fragment")
    moof, mdat = tops[:2]
    silence = _silence() * (end - first)
    grown = _muted_moof(head[moof.body : moof.end], number, first, end - first, mdat.size - 8)
    header = grown + struct.pack(">I4s", mdat.size + len(silence), b"mdat")
    media = segment.slice(mdat.body, mdat.end - mdat.body)
    rest = segment.slice(mdat.end, segment.size_bytes - mdat.end)
    return VirtualFile.of(header, *media, silence, *rest)


def _muted_moof(inner: bytes, number: int, first: int, count: int, media_bytes: int) -> bytes:
    length = len(_traf(number, first, count, 0))
    parts = [_moved(inner[child.offset : child.end], length) for child in _boxes(inner)]
    size = 8 + sum(map(len, parts)) + length
    return box(b"moof", *parts, _traf(number, first, count, size + 8 + media_bytes))


def _moved(child: bytes, by: int) -> bytes:
    """Move the places of a fragment's samples: they count from the beginning of a `moof` that has grown."""
    if child[4:8] != b"traf":
        return child
    parts = []
    inner = child[8:]
    for one in _boxes(inner):
        body = bytearray(inner[one.offset : one.end])
        flags = int.from_bytes(body[9:12], "big")
        if one.kind == b"tfhd" and (flags & 1 or not flags & 0x020000):
            raise NotPlayable("a fragment names its media by their place in a file")
        if one.kind == b"trun" and flags & 1:
            struct.pack_into(">i", body, 16, struct.unpack_from(">i", body, 16)[0] + by)
        parts.append(bytes(body))
    return box(b"traf", *parts)


def _traf(number: int, first: int, count: int, place: int) -> bytes:
    """Source: sections 8.8.7, 8.8.8, 8.8.12; lengths and sizes are those of `trex`."""
    tfhd = full(b"tfhd", 0, 0x020000, u32(number))
    tfdt = full(b"tfdt", 1, 0, struct.pack(">Q", first * FRAME))
    return box(b"traf", tfhd, tfdt, full(b"trun", 0, 1, struct.pack(">Ii", count, place)))


def _silence() -> bytes:
    frame = silent_frame(DESCRIPTION)
    assert frame is not None  # noqa: S101  (AAC-LC of one channel)
    return frame


def _boxes(content: bytes) -> Iterator[Box]:
    try:
        yield from walk(lambda offset, length: content[offset : offset + length], len(content))
    except MediaError as error:
        raise NotPlayable(f"a segment cannot be read: {error}") from error
