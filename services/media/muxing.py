"""
Write the boxes of an MP4 around media bytes that stay where they are: whole files, and fragments.

Source of all boxes: ISO/IEC 14496-12, sections named beside them; which values players take: knowledge/media 8.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.errors import VerbatimNotPossible
from services.media.outtrack import SHORT, OutTrack, box, full, movie_timescale, mvhd, ticks_of, trak, u32
from services.media.samples import Ints

__all__ = ["VERSION", "OutTrack", "fragment", "initialisation", "progressive"]

VERSION = 1
"""Raise it when other bytes are written for the same tracks: it is part of the tag by which clients name them."""

_SYNC, _NOT_SYNC = 0x02000000, 0x01010000
"""Flags of a sample: depends on no other; depends on others and is no place to start. Source: section 8.8.3.1."""


def file_type(tracks: Sequence[OutTrack]) -> bytes:
    """Say that any player of MP4 can read it; QuickTime's own sound is marked as such."""
    quick = b"qt  " if any(_is_quicktime_sound(track) for track in tracks) else b""
    return box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41", quick)


def _is_quicktime_sound(track: OutTrack) -> bool:
    """Say whether a sound is described in QuickTime's way: version 1 or 2, or uncompressed."""
    entry = track.description[8:]
    return track.kind == "audio" and (track.frame_bytes is not None or entry[16:18] not in {b"", b"\0\0"})


def progressive(tracks: Sequence[OutTrack], body_bytes: int) -> bytes:
    """
    Give everything of a file that stands before its body of `body_bytes`: `ftyp`, `moov`, header of `mdat`.

    Raises:
        VerbatimNotPossible: a track cannot be described (nothing in it, or longer than any player counts).
    """
    movie = movie_timescale([track.timescale for track in tracks])
    head = file_type(tracks)
    long = body_bytes + 8 >= SHORT
    mdat = struct.pack(">I4sQ", 1, b"mdat", body_bytes + 16) if long else struct.pack(">I4s", body_bytes + 8, b"mdat")
    # offsets have one width for all chunks: decided with room to spare, so that the index's own length is no riddle
    wide = body_bytes + (64 << 20) >= SHORT
    written = [_Written.of(track, wide=wide) for track in tracks]
    length = len(_moov(written, movie, 0))
    return head + _moov(written, movie, len(head) + length + len(mdat)) + mdat


@dataclass(frozen=True, slots=True, eq=False)
class _Written:
    """Hold a track's tables; only where its chunks lie depends on the length of them all."""

    track: OutTrack
    tables: bytes
    chunks: Ints
    wide: bool

    @classmethod
    def of(cls, track: OutTrack, *, wide: bool) -> "_Written":
        if len(track.size) == 0:
            raise VerbatimNotPossible("a track without samples cannot be written")
        units = _units(track)
        chunks, per_chunk = _chunks(track, units)
        timing = _runs(b"stts", *_steps(track, units))
        if (track.cts + track.lift).any():
            timing += _runs(b"ctts", None, track.cts.astype(np.int64) + track.lift)
        if not track.sync.all():
            numbers = np.flatnonzero(track.sync) + 1
            timing += full(b"stss", 0, 0, struct.pack(">I", len(numbers)), numbers.astype(">u4").tobytes())
        return cls(track, timing + _chunk_runs(per_chunk) + _sizes(track, units), chunks, wide)

    def stbl(self, base: int) -> bytes:
        kind, width = (b"co64", ">u8") if self.wide else (b"stco", ">u4")
        places = (self.chunks + base).astype(width).tobytes()
        stsd = box(b"stsd", self.track.description)
        return box(b"stbl", stsd, self.tables, full(kind, 0, 0, struct.pack(">I", len(self.chunks)), places))


def _units(track: OutTrack) -> Ints:
    """Count the instants of each row of uncompressed sound; other rows are one sample."""
    ones = np.ones(len(track.size), np.int64)
    if not track.frame_bytes:
        return ones
    units = track.size.astype(np.int64) // track.frame_bytes
    whole = bool((units * track.frame_bytes == track.size).all()) and bool((units > 0).all())
    step = int(track.duration[0]) // max(int(units[0]), 1)
    return units if whole and step and bool((units * step == track.duration).all()) else ones


def _steps(track: OutTrack, units: Ints) -> tuple[Ints | None, npt.NDArray[Any]]:
    if bool((units == 1).all()):
        return None, track.duration
    return np.array([units.sum()]), np.array([int(track.duration[0]) // int(units[0])])


def _runs(kind: bytes, counts: Ints | None, values: npt.NDArray[Any]) -> bytes:
    """Write (count, value) for each run of equal values. Source: sections 8.6.1.2, 8.6.1.3."""
    if counts is None:
        first = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
        counts, values = np.diff(np.append(first, len(values))), values[first]
    rows = np.stack((counts, values), axis=1)
    return full(kind, 0, 0, struct.pack(">I", len(rows)), rows.astype(">u4").tobytes())


def _chunks(track: OutTrack, units: Ints) -> tuple[Ints, Ints]:
    """Join samples that lie one behind the other; gives where each chunk begins and how many samples it has."""
    ends = track.position + track.size
    first = np.flatnonzero(np.concatenate(([True], track.position[1:] != ends[:-1])))
    per_chunk = np.add.reduceat(units, first)
    return track.position[first], per_chunk


def _chunk_runs(per_chunk: Ints) -> bytes:
    """Source: section 8.7.4; one sample description."""
    first = np.flatnonzero(np.concatenate(([True], per_chunk[1:] != per_chunk[:-1])))
    rows = np.stack((first + 1, per_chunk[first], np.ones(len(first), np.int64)), axis=1)
    return full(b"stsc", 0, 0, struct.pack(">I", len(rows)), rows.astype(">u4").tobytes())


def _sizes(track: OutTrack, units: Ints) -> bytes:
    """Source: section 8.7.3.2."""
    if bool((units == 1).all()):
        return full(b"stsz", 0, 0, struct.pack(">II", 0, len(track.size)), track.size.astype(">u4").tobytes())
    return full(b"stsz", 0, 0, struct.pack(">II", int(track.frame_bytes or 0), int(units.sum())))


def _moov(written: Sequence[_Written], movie: int, base: int) -> bytes:
    lengths = [ticks_of(one.track.delay + one.track.edit_duration, movie) for one in written]
    traks = [
        trak(number, one.track, one.track.ticks, movie, one.stbl(base)) for number, one in enumerate(written, start=1)
    ]
    return box(b"moov", mvhd(movie, max(lengths, default=0), len(written) + 1), *traks)


def initialisation(tracks: Sequence[OutTrack]) -> bytes:
    """
    Give the init segment of a fragmented file: tracks without samples, numbered from 1.

    Each track's edit is of length 0, which says "all that fragments bring": players then show tick `media_time`
    at time 0. Source: section 8.8; knowledge/media 8.2, timeline B.
    """
    movie = movie_timescale([track.timescale for track in tracks])
    nothing = full(b"stts", 0, 0, u32(0)) + full(b"stsc", 0, 0, u32(0))
    nothing += full(b"stsz", 0, 0, u32(0), u32(0)) + full(b"stco", 0, 0, u32(0))
    traks, extends = [], []
    for number, track in enumerate(tracks, start=1):
        traks.append(trak(number, track, 0, movie, box(b"stbl", box(b"stsd", track.description), nothing)))
        extends.append(full(b"trex", 0, 0, struct.pack(">IIIII", number, 1, 0, 0, 0)))
    quick = b"qt  " if any(_is_quicktime_sound(track) for track in tracks) else b""
    ftyp = box(b"ftyp", b"iso6", u32(1), b"iso6mp41", quick)
    return ftyp + box(b"moov", mvhd(movie, 0, len(tracks) + 1), *traks, box(b"mvex", *extends))


def fragment(number: int, tracks: Sequence[tuple[int, OutTrack]], body_bytes: int) -> bytes:
    """
    Give `moof` and the header of the `mdat` before a body of `body_bytes`.

    `tracks` are pairs of the tick at which the first sample is decoded, and the track; their place is their
    number. `cts` stays as it is: an `OutTrack` of fragments is normalised over its whole recording beforehand.

    Raises:
        VerbatimNotPossible: the body is longer than a fragment can say.
    """
    head = len(_moof(number, tracks, 0)) + 8
    if head + body_bytes > (1 << 31) - 1:
        raise VerbatimNotPossible(f"a fragment of {body_bytes:,} bytes is longer than its own numbers")
    return _moof(number, tracks, head) + struct.pack(">I4s", body_bytes + 8, b"mdat")


def _moof(number: int, tracks: Sequence[tuple[int, OutTrack]], base: int) -> bytes:
    trafs = []
    for place, (start, track) in enumerate(tracks, start=1):
        if len(track.size) == 0:
            continue
        tfhd = full(b"tfhd", 0, 0x020000, u32(place))
        tfdt = full(b"tfdt", 1, 0, struct.pack(">Q", start))
        trafs.append(box(b"traf", tfhd, tfdt, *_truns(track, base)))
    return box(b"moof", full(b"mfhd", 0, 0, u32(number)), *trafs)


def _truns(track: OutTrack, base: int) -> list[bytes]:
    """Write one run for each stretch of samples that lie one behind the other. Source: section 8.8.8."""
    flags = 0x000701 | (0x800 if track.cts.any() else 0)
    marks = np.where(track.sync, _SYNC, _NOT_SYNC)
    columns = [track.duration.astype(np.int64), track.size.astype(np.int64), marks]
    if flags & 0x800:
        columns.append(track.cts.astype(np.int64))
    # one width for all numbers: offsets of presentation are signed, and their bits are the same
    rows = (np.stack(columns, axis=1) & 0xFFFFFFFF).astype(">u4")
    ends = track.position + track.size
    first = np.flatnonzero(np.concatenate(([True], track.position[1:] != ends[:-1])))
    truns = []
    for low, high in zip(first, np.append(first[1:], len(rows)), strict=True):
        head = struct.pack(">Ii", int(high - low), base + int(track.position[low]))
        truns.append(full(b"trun", 1, flags, head, rows[low:high].tobytes()))
    return truns
