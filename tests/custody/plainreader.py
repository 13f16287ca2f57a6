"""
Grow the essence of a file once more, from docs/formats/essence.md alone: nothing here is imported from the archive.

Slow and short; it knows the files that tests make, not every file there is.
"""

import hashlib
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
PLAIN_BITS = {b"sowt": 16, b"twos": 16, b"in24": 24}
INSTANTS = 1024


@dataclass
class Plain:
    """One track: what its header leaf says, and each sample as (bytes, dts, cts, sync)."""

    handler: bytes
    number: int
    timescale: int
    matrix: bytes
    config: bytes
    frame: int | None
    samples: list[tuple[bytes, int, int, int]] = field(default_factory=list)

    @property
    def grouped(self) -> list[tuple[bytes, int, int, int]]:
        if not self.frame or not self.samples:
            return self.samples
        instants = [
            (content[at : at + self.frame], dts + (at // self.frame) * step)
            for content, dts, step, _ in self.samples
            for at in range(0, len(content), self.frame)
        ]
        groups = [instants[at : at + INSTANTS] for at in range(0, len(instants), INSTANTS)]
        return [(b"".join(content for content, _ in group), group[0][1], 0, 1) for group in groups]

    def leaves(self, place: int) -> list[bytes]:
        rows = self.grouped
        head = struct.pack(">2sI4sIQ", b"T1", place, self.handler, self.timescale, len(rows))
        found = [head + sha(self.config) + self.matrix]
        for number, (content, dts, cts, sync) in enumerate(rows):
            found.append(struct.pack(">2sIQqiBI", b"S1", place, number, dts, cts, sync, len(content)) + sha(content))
        return [sha(b"\0" + leaf) for leaf in found]


def sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha(b"\1" + tree(leaves[:half]) + tree(leaves[half:]))


def essence(content: bytes) -> bytes:
    """Give the essence root of a file."""
    roots = []
    for place, track in enumerate(tracks(content)):
        leaves = track.leaves(place)
        roots.append(sha(b"\0" + struct.pack(">2sIQ", b"E1", place, len(leaves)) + tree(leaves)))
    return tree(roots)


def boxes(content: bytes, at: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Give kind, begin and end of the body of each box."""
    end = len(content) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        size = size or end - at
        yield kind, at + head, at + size
        at += size


def inside(content: bytes, *path: bytes) -> bytes | None:
    """Give the body of the first box along a path."""
    for kind in path:
        found = next(((low, high) for name, low, high in boxes(content) if name == kind), None)
        if found is None:
            return None
        content = content[found[0] : found[1]]
    return content


def need(content: bytes, *path: bytes) -> bytes:
    found = inside(content, *path)
    assert found is not None, path
    return found


def table(body: bytes | None, form: str) -> list[tuple[int, ...]]:
    if body is None:
        return []
    (count,) = struct.unpack_from(">I", body, 4)
    return [struct.unpack_from(form, body, 8 + n * struct.calcsize(form)) for n in range(count)]


def tracks(content: bytes) -> list[Plain]:
    moov = need(content, b"moov")
    found = [_track(content, moov[low:high]) for kind, low, high in boxes(moov) if kind == b"trak"]
    mvex, defaults = inside(moov, b"mvex") or b"", {}
    for kind, low, high in boxes(mvex):
        if kind == b"trex":
            number, _, *rest = struct.unpack_from(">IIIII", mvex[low:high], 4)
            defaults[number] = rest
    ends = {track.number: 0 for track in found}
    for kind, low, high in boxes(content):
        if kind == b"moof":
            _fragment(content, low - 8, content[low:high], found, defaults, ends)
    return found


def _track(content: bytes, trak: bytes) -> Plain:
    tkhd, mdhd = need(trak, b"tkhd"), need(trak, b"mdia", b"mdhd")
    number = struct.unpack_from(">I", tkhd, 20 if tkhd[0] else 12)[0]
    matrix = tkhd[52:88] if tkhd[0] else tkhd[40:76]
    timescale = struct.unpack_from(">I", mdhd, 20 if mdhd[0] else 12)[0]
    handler = need(trak, b"mdia", b"hdlr")[8:12]
    stbl = need(trak, b"mdia", b"minf", b"stbl")
    config, frame = _config(handler, need(stbl, b"stsd")[8:])
    track = Plain(handler, number, timescale, matrix, config, frame)
    durations = [step for count, step in table(inside(stbl, b"stts"), ">II") for _ in range(count)]
    if durations:
        _samples(content, track, stbl, durations)
    return track


def _samples(content: bytes, track: Plain, stbl: bytes, durations: list[int]) -> None:
    dts = [0, *itertools.accumulate(durations)]
    cts = [shift for count, shift in table(inside(stbl, b"ctts"), ">Ii") for _ in range(count)] or [0] * len(durations)
    stss = inside(stbl, b"stss")
    keys = {number for (number,) in table(stss, ">I")}
    stsz = need(stbl, b"stsz")
    uniform, count = struct.unpack_from(">II", stsz, 4)
    sizes = [uniform] * count if uniform else [one for (one,) in struct.iter_unpack(">I", stsz[12 : 12 + 4 * count])]
    if track.frame:
        sizes = [track.frame] * count
    chunks = [at for (at,) in table(inside(stbl, b"stco"), ">I") or table(inside(stbl, b"co64"), ">Q")]
    runs = table(inside(stbl, b"stsc"), ">III")
    per = {first: each for first, each, _ in runs}
    number, each = 0, 0
    for chunk, begin in enumerate(chunks, 1):
        each, at = per.get(chunk, each), begin
        for _ in range(each):
            if number == count:
                return
            sync = 1 if stss is None or number + 1 in keys else 0
            row = (dts[number], durations[number], 1) if track.frame else (dts[number], cts[number], sync)
            track.samples.append((content[at : at + sizes[number]], *row))
            at, number = at + sizes[number], number + 1


def _fragment(
    content: bytes, moof_at: int, moof: bytes, found: list[Plain], defaults: dict[int, list[int]], ends: dict[int, int]
) -> None:
    base = after = moof_at
    for kind, low, high in boxes(moof):
        if kind != b"traf":
            continue
        traf = moof[low:high]
        tfhd = need(traf, b"tfhd")
        flags, number = struct.unpack_from(">II", tfhd)
        track = next(one for one in found if one.number == number)
        values, at = list(defaults[number]), 8
        base = moof_at if flags & 0x20000 else base
        if flags & 1:
            (base,) = struct.unpack_from(">Q", tfhd, at)
            at += 8
        at += 4 if flags & 2 else 0
        for place, bit in enumerate((8, 16, 32)):
            if flags & bit:
                (values[place],) = struct.unpack_from(">I", tfhd, at)
                at += 4
        tfdt = inside(traf, b"tfdt")
        if tfdt is not None:
            ends[number] = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)[0]
        for name, begin, end in boxes(traf):
            if name == b"trun":
                after = _run(content, base, traf[begin:end], track, values, ends)
        base = after


def _run(content: bytes, base: int, trun: bytes, track: Plain, values: list[int], ends: dict[int, int]) -> int:
    """Add the samples of one run; gives where its bytes end."""
    flags, count = struct.unpack_from(">II", trun)
    assert flags & 1
    shift: int = struct.unpack_from(">i", trun, 8)[0]
    place, at = base + shift, 12
    first = None
    if flags & 4:
        (first,) = struct.unpack_from(">I", trun, at)
        at += 4
    for n in range(count):
        row, cts = list(values), 0
        for column, bit in enumerate((0x100, 0x200, 0x400)):
            if flags & bit:
                (row[column],) = struct.unpack_from(">I", trun, at)
                at += 4
        if flags & 0x800:
            (cts,) = struct.unpack_from(">i", trun, at)
            at += 4
        duration, size, marks = row
        marks = first if n == 0 and first is not None else marks
        sync = 0 if marks & 0x10000 else 1
        dts = ends[track.number]
        track.samples.append((content[place : place + size], dts, duration if track.frame else cts, sync))
        place, ends[track.number] = place + size, dts + duration
    return place


def _config(handler: bytes, stsd: bytes) -> tuple[bytes, int | None]:
    kind, low, high = next(boxes(stsd))
    entry = stsd[low:high]
    told, frame = entry, None
    if handler == b"vide":
        told = entry[24:28] + bytes(8)
        for name, begin, end in boxes(entry, 78):
            if name in {b"avcC", b"hvcC", b"av1C", b"vpcC", b"d263"}:
                told = entry[24:28] + name + struct.pack(">I", end - begin) + entry[begin:end]
            if name == b"esds":
                told = entry[24:28] + name + _counted(b"".join(_decoder(entry[begin:end])))
    elif handler == b"soun":
        version, channels, bits = struct.unpack_from(">H", entry, 8)[0], *struct.unpack_from(">HH", entry, 16)
        rate = struct.unpack_from(">H", entry, 24)[0]
        esds = _esds(entry, 28 + 16 * version)
        if esds is not None:
            object_type, specific = _decoder(esds)
            index = struct.unpack(">H", specific[:2])[0] >> 7 & 15
            told = struct.pack(">I", RATES[index] if index < len(RATES) else rate) + object_type + specific
        elif kind in PLAIN_BITS:
            bits = PLAIN_BITS[kind]
            frame = channels * bits // 8
            name = b"pcm_s24le" if b"enda\x00\x01" in entry else b"pcm_s24be"
            told = struct.pack(">HHI", channels, bits, rate) + (name if kind == b"in24" else b"")
    return _counted(kind + told), frame


def _counted(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _esds(entry: bytes, skip: int) -> bytes | None:
    found = inside(entry[skip:], b"esds")
    return found if found is not None else inside(entry[skip:], b"wave", b"esds")


def _decoder(esds: bytes) -> tuple[bytes, bytes]:
    """Give object type and DecoderSpecificInfo; descriptors of tests lie straight in each other."""
    at, object_type = 4, b""
    while True:
        tag, at = esds[at], at + 1
        length = 0
        while True:
            part, at = esds[at], at + 1
            length = length << 7 | part & 127
            if part < 128:
                break
        if tag == 3:
            at += 5 if esds[at + 2] & 0x80 else 3
        elif tag == 4:
            object_type, at = esds[at : at + 1], at + 13
        else:
            assert tag == 5
            return object_type, esds[at : at + length]
