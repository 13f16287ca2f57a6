"""Read fragmented MP4: where each fragment lies, when it plays, and which samples it adds to a track."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from services.errors import BadSampleTables, NoIndex, Truncated
from services.media.boxes import Box, Node, Read, load, walk
from services.media.samples import LONGEST_S, LONGEST_STEP_S, MOST_SAMPLES, Samples, join
from services.media.tracks import Track, track_of

_MOST_ALIKE = 1 << 20
"""Samples of one run that has no row for each: 20 seconds of uncompressed sound."""

_NOT_SYNC = 0x10000
"""Bit of a sample's flags. Source: ISO/IEC 14496-12 section 8.8.3.1."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """
    Say where one fragment (`moof` and what follows up to the next) lies and when it plays.

    `start` and `duration` are seconds of the leading track (pictures, else sound), `start` counted from the
    first fragment; it lasts until the next one starts. `sync` says that decoding can begin with it.
    """

    offset: int
    length: int
    start: Fraction
    duration: Fraction
    sync: bool


@dataclass(frozen=True, slots=True)
class Defaults:
    """Hold what a track's samples are where a fragment does not say otherwise."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(slots=True)
class _Growing:
    """Hold what is known of one track while its fragments are read in order."""

    timescale: int
    defaults: Defaults
    pieces: list[Samples]
    next_dts: int = 0


def fragments(read: Read, size: int) -> tuple[int, list[Fragment]]:
    """
    Give the length of the initialisation (all up to the end of `moov`) and the fragments behind it.

    Raises:
        NoIndex: the file is not fragmented.
        MediaError: it is damaged; a rendition of ours that is must be made again.
    """
    boxes = list(walk(read, size))
    moov = next((box for box in boxes if box.kind == b"moov"), None)
    moofs = [box for box in boxes if box.kind == b"moof"]
    if moov is None or not moofs:
        raise NoIndex("the file has no fragments")
    if boxes[-1].end > size:
        raise Truncated(f"the file ends at {size}, inside box {boxes[-1].kind!r}")
    index = load(read, moov, size)
    tracks = [track_of(n, trak) for n, trak in enumerate(index.children()) if trak.kind == b"trak"]
    leading = next((t for t in tracks if t.is_picture), next((t for t in tracks if t.is_sound), None))
    if leading is None:
        raise NoIndex("the file has neither pictures nor sound")
    growing = _Growing(leading.timescale, defaults_of(index).get(leading.number, Defaults()), [])
    found: list[tuple[Box, Samples]] = []
    for moof in moofs:
        before = len(growing.pieces)
        _read_moof(load(read, moof, size), moof, {leading.number: growing}, min(MOST_SAMPLES, size))
        found.append((moof, join(growing.pieces[before:])))
    return moov.end, _placed(found, [box for box in boxes if box.kind in {b"moof", b"mdat"}], leading.timescale)


def _placed(found: list[tuple[Box, Samples]], boxes: list[Box], timescale: int) -> list[Fragment]:
    """Let each fragment reach to the end of the last `mdat` before the next one."""
    ends, current = {}, -1
    for box in boxes:
        current = box.offset if box.kind == b"moof" else current
        ends[current] = box.end
    first = next((int(samples.dts[0]) for _, samples in found if len(samples)), 0)
    starts, now = [], 0
    for _, samples in found:
        now = int(samples.dts[0]) - first if len(samples) else now
        starts.append(now)
        now += int(samples.duration.sum(dtype=np.int64))
    starts.append(now)
    return [
        Fragment(
            offset=moof.offset,
            length=ends[moof.offset] - moof.offset,
            start=Fraction(start, timescale),
            duration=Fraction(max(following - start, 0), timescale),
            sync=bool(len(samples) and samples.sync[0]),
        )
        for (moof, samples), (start, following) in zip(found, itertools.pairwise(starts), strict=True)
    ]


def defaults_of(moov: Node) -> dict[int, Defaults]:
    """Read the defaults of each track by its id. Source: ISO/IEC 14496-12 section 8.8.3."""
    mvex = moov.child(b"mvex")
    boxes = [box for box in mvex.children() if box.kind == b"trex"] if mvex else []
    return {box.number(4, 4): Defaults(box.number(12, 4), box.number(16, 4), box.number(20, 4)) for box in boxes}


def samples_of_fragments(
    read: Read, moofs: Iterable[Box], size: int, tracks: Iterable[Track], *, index: Node, start_of: Mapping[int, int]
) -> tuple[dict[int, Samples], bool]:
    """
    Read the samples that fragments add to each track, by track id, and whether the last fragment is cut.

    `start_of` says at which tick each track goes on if the first fragment does not.

    Raises:
        BadSampleTables: a fragment contradicts itself.
        HostileMedia: it nests or claims beyond any camera.
    """
    defaults = defaults_of(index)
    growing = {
        track.number: _Growing(
            track.timescale, defaults.get(track.number, Defaults()), [], start_of.get(track.number, 0)
        )
        for track in tracks
    }
    budget, cut = min(MOST_SAMPLES, size), False  # each sample has a byte
    for moof in moofs:
        if moof.end > size:
            cut = True
            break
        budget = _read_moof(load(read, moof, size), moof, growing, budget)
    return {number: join(track.pieces) for number, track in growing.items()}, cut


def _read_moof(node: Node, moof: Box, growing: Mapping[int, _Growing], budget: int) -> int:
    data_end = moof.offset
    for traf in (child for child in node.children() if child.kind == b"traf"):
        tfhd = traf.need(b"tfhd")
        track = growing.get(tfhd.number(4, 4))
        if track is None:
            continue
        defaults, base = _fragment_header(tfhd, track.defaults, moof.offset, data_end)
        data_end = base
        tfdt = traf.child(b"tfdt")
        if tfdt is not None:
            track.next_dts = tfdt.number(4, 8 if tfdt.number(0, 1) == 1 else 4)
            if track.next_dts >= 1 << 61:
                raise BadSampleTables(f"a fragment claims to begin at tick {track.next_dts}")
        for trun in (child for child in traf.children() if child.kind == b"trun"):
            if trun.number(4, 4) > budget:
                raise BadSampleTables(f"a fragment claims {trun.number(4, 4)} samples; {budget} are the most")
            samples = _run(trun, defaults, track, base, data_end)
            budget -= len(samples)
            if len(samples):
                track.pieces.append(samples)
                track.next_dts += int(samples.duration.sum(dtype=np.int64))
                data_end = int(samples.end[-1])
    return budget


def _fragment_header(tfhd: Node, known: Defaults, moof_offset: int, data_end: int) -> tuple[Defaults, int]:
    """Give the defaults of one `traf` and the offset that its data counts from. Source: section 8.8.7."""
    flags, at = tfhd.number(1, 3), 8
    base = data_end if not flags & 0x20000 else moof_offset
    if flags & 1:
        base, at = tfhd.number(at, 8), at + 8
    at += 4 if flags & 2 else 0
    values = [known.duration, known.size, known.flags]
    for place, bit in enumerate((8, 0x10, 0x20)):
        if flags & bit:
            values[place], at = tfhd.number(at, 4), at + 4
    if base >= 1 << 61:
        raise BadSampleTables(f"a fragment claims data at {base}")
    return Defaults(*values), base


def _run(trun: Node, defaults: Defaults, track: _Growing, base: int, data_end: int) -> Samples:
    """Read one run of samples. Source: ISO/IEC 14496-12 section 8.8.8."""
    flags, count, at = trun.number(1, 3), trun.number(4, 4), 8
    place = data_end
    if flags & 1:
        place, at = base + trun.number(at, 4, signed=True), at + 4
    first_flags = None
    if flags & 4:
        first_flags, at = trun.number(at, 4), at + 4
    bits = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if not bits and count > _MOST_ALIKE:
        raise BadSampleTables(f"a fragment claims {count} samples without a row for each; {_MOST_ALIKE} are the most")
    rows = trun.array(at, count * len(bits), ">u4").reshape(count, len(bits))
    column = {bit: rows[:, n].astype(np.uint32) for n, bit in enumerate(bits)}
    duration = column.get(0x100, np.full(count, defaults.duration, np.uint32))
    size = column.get(0x200, np.full(count, defaults.size, np.uint32))
    marks = column.get(0x400, np.full(count, defaults.flags, np.uint32))
    if count and first_flags is not None and 0x400 not in column:
        marks[0] = first_flags
    cts = column.get(0x800, np.zeros(count, np.uint32)).view(np.int32)
    _check_steps(duration, cts, track.timescale)
    before = np.cumsum(size, dtype=np.int64) - size
    dts = track.next_dts + np.cumsum(duration, dtype=np.int64) - duration
    return Samples(dts, duration, cts, place + before, size, marks & _NOT_SYNC == 0)


def _check_steps(duration: npt.NDArray[np.uint32], cts: npt.NDArray[np.int32], timescale: int) -> None:
    longest = LONGEST_STEP_S * timescale
    furthest = int(np.abs(cts.astype(np.int64)).max(initial=0))
    if int(duration.max(initial=0)) > longest or furthest > longest:
        raise BadSampleTables("a sample of a fragment claims to last, or to wait, more than a day")
    total = int(duration.sum(dtype=np.uint64))
    if total > LONGEST_S * timescale:
        raise BadSampleTables(f"one fragment claims {total // timescale} seconds")
