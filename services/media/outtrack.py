"""
Say what a track of a written MP4 holds, and write the boxes that whole and fragmented files share.

Source of all boxes: ISO/IEC 14496-12, sections named beside them; which values players take: knowledge/media 8.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from services.media.facts import Kind
from services.media.samples import Ints

UNITY: Final = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""The matrix that turns and scales nothing."""

_MOST_MOVIE_TICKS: Final = (1 << 31) - 1
SHORT: Final = 1 << 32
"""What no longer fits into the older boxes' numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class OutTrack:
    """
    Say what one track of a file that is written here holds, sample by sample in decoding order.

    `description` is the payload of its `stsd`. `position` is where each sample lies, counted from the first byte
    of the body. `cts` may be negative: it is normalised. The edit list is `delay` seconds of nothing, then
    `edit_duration` seconds from tick `media_time` of the track on (ticks of `dts + cts` as they come in, the first
    sample being decoded at tick 0). Rows of uncompressed sound with `frame_bytes` are runs of many instants.
    """

    kind: Kind
    timescale: int
    description: bytes
    duration: npt.NDArray[np.uint32]
    cts: npt.NDArray[np.int32]
    size: npt.NDArray[np.uint32]
    sync: npt.NDArray[np.bool_]
    position: Ints
    delay: Fraction = Fraction(0)
    media_time: int = 0
    edit_duration: Fraction = Fraction(0)
    matrix: bytes = b""
    width: int = 0
    height: int = 0
    language: str | None = None
    frame_bytes: int | None = None

    @property
    def lift(self) -> int:
        """Give what makes the earliest presentation offset no longer negative; many readers go wrong on those."""
        return max(-int(self.cts.min(initial=0)), 0)

    @property
    def ticks(self) -> int:
        """Give how long it is decoded."""
        return int(self.duration.sum(dtype=np.int64))


def box(kind: bytes, *parts: bytes) -> bytes:
    """Wrap a payload. Source: section 4.2."""
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Wrap the payload of a box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def movie_timescale(timescales: Sequence[int]) -> int:
    """Choose ticks in which all tracks' times are whole, or else a fine enough number."""
    common = math.lcm(*timescales)
    return common if common <= _MOST_MOVIE_TICKS else 1_000_000


def ticks_of(seconds: Fraction, timescale: int) -> int:
    """Give seconds in the nearest whole number of ticks."""
    return round(seconds * timescale)


def mvhd(timescale: int, duration: int, next_id: int) -> bytes:
    """Source: section 8.2.2; times of making are left out, a clip's are in the ledger."""
    version, form = (1, ">QQIQ") if duration >= SHORT else (0, ">IIII")
    head = struct.pack(form, 0, 0, timescale, duration)
    return full(b"mvhd", version, 0, head, struct.pack(">IH10x", 1 << 16, 1 << 8), UNITY, bytes(24), u32(next_id))


def u32(value: int) -> bytes:
    """Write a number in the width that most have."""
    return struct.pack(">I", value)


def trak(number: int, track: OutTrack, ticks: int, movie: int, stbl: bytes) -> bytes:
    """Write a track around its sample tables: `ticks` of its own, its times in the movie's. Source: section 8.3."""
    shown = ticks_of(track.delay + track.edit_duration, movie)
    return box(b"trak", _tkhd(number, track, shown), _edts(track, movie), _mdia(track, ticks, stbl))


def _tkhd(number: int, track: OutTrack, duration: int) -> bytes:
    """Source: section 8.3.2; flags: enabled, in the movie."""
    version, form = (1, ">QQIIQ") if duration >= SHORT else (0, ">IIIII")
    head = struct.pack(form, 0, 0, number, 0, duration)
    volume = 1 << 8 if track.kind == "audio" else 0
    matrix = track.matrix if len(track.matrix) == len(UNITY) else UNITY
    size = struct.pack(">II", track.width << 16, track.height << 16)
    return full(b"tkhd", version, 3, head, struct.pack(">8xHHHH", 0, 0, volume, 0), matrix, size)


def _edts(track: OutTrack, movie: int) -> bytes:
    """Write at most one edit, and nothing before it for a delay. Source: section 8.6.6."""
    edits = [(ticks_of(track.delay, movie), -1)] if ticks_of(track.delay, movie) else []
    edits.append((ticks_of(track.edit_duration, movie), track.media_time + track.lift))
    rows = b"".join(struct.pack(">QqI", length, time, 1 << 16) for length, time in edits)
    return box(b"edts", full(b"elst", 1, 0, u32(len(edits)), rows))


def _mdia(track: OutTrack, ticks: int, stbl: bytes) -> bytes:
    version, form = (1, ">QQIQ") if ticks >= SHORT else (0, ">IIII")
    language = track.language if track.language and len(track.language) == 3 and track.language.isalpha() else "und"
    packed = 0
    for letter in language.lower():
        packed = packed << 5 | (ord(letter) - 0x60) & 31
    mdhd = full(b"mdhd", version, 0, struct.pack(form, 0, 0, track.timescale, ticks), struct.pack(">HH", packed, 0))
    handler, name = (b"vide", b"VideoHandler\0") if track.kind == "video" else (b"soun", b"SoundHandler\0")
    hdlr = full(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, handler), name)
    media = full(b"vmhd", 0, 1, bytes(8)) if track.kind == "video" else full(b"smhd", 0, 0, bytes(4))
    dinf = box(b"dinf", full(b"dref", 0, 0, u32(1), full(b"url ", 0, 1)))
    return box(b"mdia", mdhd, hdlr, box(b"minf", media, dinf, stbl))
