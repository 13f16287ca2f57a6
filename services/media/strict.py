"""
Read an MP4 or MOV strictly: every track with its samples, and each reason why two readers might see different ones.

Players differ in what they make of odd files. What is proven of a file must be what every reader finds in it, so the
rules leave no room: knowledge/integrity 3.3, written down in docs/formats/essence.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from services.media.boxes import Box, Node, Read, load, walk
from services.media.codecconfig import codec_config
from services.media.movie import ReadTrack, read_movie
from services.media.outtrack import UNITY
from services.media.samples import Ints, Samples

MOST_LEAVES: Final = 1 << 22
"""Samples of all tracks together: 38 hours of pictures at 30 a second. A tree of them takes 130 MB."""

_ONE_EACH: Final = (
    (b"tkhd",), (b"mdia",), (b"mdia", b"mdhd"), (b"mdia", b"hdlr"), (b"mdia", b"minf"), (b"mdia", b"minf", b"stbl"),
)  # fmt: skip
_TABLES: Final = ((b"stsd",), (b"stts",), (b"stsc",), (b"stsz", b"stz2"), (b"stco", b"co64"))
_AT_MOST_ONE: Final = (b"ctts", b"stss")
_PLAYED: Final = (b"vide", b"soun")
_ENABLED: Final = 1
"""Of the flags of `tkhd`. Source: ISO/IEC 14496-12 section 8.3.2."""

_SELF_CONTAINED: Final = 1
_DESCRIBED: Final = 2
"""Flags of a data reference and of `tfhd`. Source: ISO/IEC 14496-12 sections 8.7.2 and 8.8.7."""


@dataclass(frozen=True, slots=True)
class Shown:
    """
    Say what an edit list shows of a track: its samples with times (`dts + cts`) from `first` to `last`, each `shift`
    later; all are ticks of the track.
    """

    first: int
    last: int
    shift: int

    @property
    def numbers(self) -> list[int]:
        """Give it as the log has it. Source: docs/formats/essence.md, "What is shown"."""
        return [self.first, self.last, self.shift]


@dataclass(frozen=True, slots=True, eq=False)
class StrictTrack:
    """
    Hold what is fingerprinted of one track: `place` counts the file's tracks from 0, `config` is its `codec_config`.

    Only samples whose bytes are in the file are listed. Uncompressed sound of `frame_bytes` an instant has long runs.
    `shown` is None where nothing is, or an edit list shows more than one stretch. `end` is the second of the movie at
    which its edit list ends, or without a length its last sample.
    """

    place: int
    handler: bytes
    timescale: int
    matrix: bytes
    config: bytes
    samples: Samples
    frame_bytes: int | None
    shown: Shown | None = None
    end: Fraction = Fraction(0)

    @property
    def step(self) -> int:
        """Give how many ticks one instant of uncompressed sound lasts."""
        return int(self.samples.duration[0]) * (self.frame_bytes or 1) // int(self.samples.size[0])


@dataclass(frozen=True, slots=True, eq=False)
class StrictMovie:
    """Hold the tracks of a file and every fault found; with one fault nothing is proven of it."""

    tracks: tuple[StrictTrack, ...]
    faults: tuple[str, ...]


def read_strictly(read: Read, size: int, *, clip: bool = False) -> StrictMovie:
    """
    Read a file and say what is wrong with it; of a `clip` more is asked: an edit list may show one stretch only.

    Of an original that was cut off, the samples that are there are read: they must be the first of each track.

    Raises:
        MediaError: it has no index, or one that cannot be believed.
    """
    movie = read_movie(read, size)
    faults = [f"track {one.track.index}: {one.fault}" for one in movie.tracks if one.fault]
    moovs = [box for box in movie.boxes if box.kind == b"moov"]
    if len(moovs) != 1:
        faults.append(f"the file has {len(moovs)} indexes (moov)")
    index = load(read, moovs[0], size)
    traks = [child for child in index.children() if child.kind == b"trak"]
    for place, trak in enumerate(traks):
        faults += [f"track {place}: {fault}" for fault in _faults_of(trak, clip=clip)]
    if movie.is_fragmented:
        faults += _faults_of_fragments(read, size, index)
    if clip:
        faults += _faults_of_screen(index)
    if clip and movie.is_cut:
        faults.append("the file ends inside a box")
    for one in movie.tracks:
        faults += [f"track {one.track.index}: {fault}" for fault in _faults_of_samples(one, clip=clip)]
        if clip and not _shows_something(one, movie.timescale):
            faults.append(f"track {one.track.index}: its edit list shows nothing of it")
    tracks = tuple(_track(one, movie.timescale) for one in movie.tracks)
    count = sum(len(track.samples) for track in tracks)
    if count > MOST_LEAVES:
        faults.append(f"the file has {count} samples; {MOST_LEAVES} are the most")
    if _overlap(tracks):
        faults.append("samples share bytes with each other")
    return StrictMovie(tracks, tuple(faults))


def _track(one: ReadTrack, movie_timescale: int) -> StrictTrack:
    info = one.track
    edits, end = info.edits, one.end
    if edits and edits[-1].duration and edits[-1].media_time >= 0:
        end = Fraction(sum(edit.duration for edit in edits), movie_timescale)
    samples = one.samples if one.here.all() else one.samples.only(one.here)
    config = codec_config(info.handler, info.description)
    return StrictTrack(
        info.index, info.handler, info.timescale, info.matrix, config, samples, info.codec.frame_bytes or None,
        _shown(one), end,
    )  # fmt: skip


def _shown(one: ReadTrack) -> Shown | None:
    presented = one.presented
    if presented.shift is None or len(presented) == 0:
        return None
    return Shown(int(presented.pts[0]) - presented.shift, int(presented.pts[-1]) - presented.shift, presented.shift)


def _faults_of(trak: Node, *, clip: bool) -> Iterator[str]:
    """Find what of one track's boxes can be read in two ways."""
    for *around, kind in _ONE_EACH:
        count = len(_all(trak.need(*around) if around else trak, (kind,)))
        if count != 1:
            yield f"it has {count} boxes {kind.decode()}"
            return
    stbl = trak.need(b"mdia", b"minf", b"stbl")
    for kinds in _TABLES:
        if len(_all(stbl, kinds)) != 1:
            yield f"it has {len(_all(stbl, kinds))} tables {' or '.join(kind.decode() for kind in kinds)}"
            return
    for kind in _AT_MOST_ONE:
        if len(_all(stbl, (kind,))) > 1:
            yield f"it has {len(_all(stbl, (kind,)))} tables {kind.decode()}"
    entries = len(list(stbl.need(b"stsd").children(skip=8)))
    if entries != 1 or stbl.need(b"stsd").number(4, 4) != 1:
        yield f"it has {entries} sample descriptions, {stbl.need(b'stsd').number(4, 4)} are claimed"
    runs = stbl.need(b"stsc").table(3)
    if len(runs) and bool((runs[:, 2] != 1).any()):
        yield "some chunks name another sample description than the first"
    dinfs = _all(trak.need(b"mdia", b"minf"), (b"dinf",))
    drefs = [dref for dinf in dinfs for dref in _all(dinf, (b"dref",))]
    if any(not one.number(1, 3) & _SELF_CONTAINED for dref in drefs for one in dref.children(skip=8)):
        yield "its samples lie in another file"
    if clip:
        if len(dinfs) != 1 or len(drefs) != 1 or not _is_one_place(stbl, drefs[0]):
            yield "it does not say once where its samples lie"
        yield from _faults_of_clip(stbl)
        yield from _faults_of_edits(trak)


def _is_one_place(stbl: Node, dref: Node) -> bool:
    """Say whether there is one data reference, counted so, and the sample description names it."""
    entry = next(stbl.need(b"stsd").children(skip=8), None)
    is_one = dref.number(4, 4) == 1 and len(list(dref.children(skip=8))) == 1
    return is_one and entry is not None and entry.number(6, 2) == 1


def _faults_of_clip(stbl: Node) -> Iterator[str]:
    """Ask of a clip what every writer of today keeps, and cameras of old may not."""
    for table in _all(stbl, [kind for kinds in (*_TABLES, _AT_MOST_ONE) for kind in kinds]):
        if table.number(0, 4) not in ({0, 1 << 24} if table.kind == b"ctts" else {0}):
            yield f"its table {table.kind.decode()} is of version and flags {table.number(0, 4):08x}"
    runs, chunks = stbl.need(b"stsc").table(3).astype(np.int64), _all(stbl, _TABLES[4])[0].number(4, 4)
    held = int((np.diff(np.append(runs[:, 0], chunks + 1)) * runs[:, 1]).sum()) if len(runs) else 0
    described = _all(stbl, _TABLES[3])[0].number(8, 4)
    if held != described:
        yield f"its chunks hold {held} samples, {described} are described"
    timed = int(stbl.need(b"stts").table(2)[:, 0].sum(dtype=np.uint64))
    if timed != described:
        yield f"its table stts has times of {timed} samples, {described} are described"


def _faults_of_screen(index: Node) -> Iterator[str]:
    """Ask of a clip that what is proven is what is seen: pictures and sound, switched on, nothing drawn over them."""
    mvhd, pictures = index.need(b"mvhd"), 0
    if mvhd.bytes(48 if mvhd.number(0, 1) == 1 else 36, len(UNITY)) != UNITY:
        yield "it turns all its pictures"
    for place, trak in enumerate(child for child in index.children() if child.kind == b"trak"):
        handler = trak.need(b"mdia", b"hdlr").bytes(8, 4)
        pictures += handler == b"vide"
        if handler not in _PLAYED or pictures > 1:
            yield f"track {place}: {handler.decode('latin-1')} may be drawn over the pictures"
        if not trak.need(b"tkhd").number(1, 3) & _ENABLED:
            yield f"track {place}: it is switched off"


def _all(node: Node, kinds: Sequence[bytes]) -> list[Node]:
    return [child for child in node.children() if child.kind in kinds]


def _faults_of_edits(trak: Node) -> Iterator[str]:
    """Allow no edits, or one of rate 1, before which nothing may be shown for a while."""
    edts = _all(trak, (b"edts",))
    if len(edts) > 1:
        yield f"it has {len(edts)} boxes edts"
    lists = [elst for one in edts for elst in _all(one, (b"elst",))]
    if len(lists) > 1:
        yield f"it has {len(lists)} edit lists"
    for elst in lists:
        wide = elst.number(0, 1) == 1
        width, count = (8 if wide else 4), elst.number(4, 4)
        rows = [8 + n * (2 * width + 4) for n in range(min(count, 3))]
        times = [elst.number(at + width, width, signed=True) for at in rows]
        rates = [elst.number(at + 2 * width, 4) for at in rows]
        shown = [time for time in times if time != -1]
        if (
            count > 2
            or len(shown) > 1
            or (len(times) == 2 and times[0] != -1)
            or min(times, default=0) < -1
            or any(rate != 1 << 16 for rate in rates)
        ):
            yield f"its edit list has {count} edits: more than one stretch, or another speed"


def _shows_something(one: ReadTrack, movie_timescale: int) -> bool:
    """Say whether the edit list was followed: one that would show nothing is passed over by some players."""
    edits, shift = one.track.edits, one.presented.shift
    begins = [edit.media_time for edit in edits if edit.media_time >= 0]
    if not begins or shift is None:
        return True
    delay = sum(edit.duration for edit in edits if edit.media_time < 0) * one.track.timescale / movie_timescale
    return abs(delay - begins[0] - shift) <= 1


def _faults_of_fragments(read: Read, size: int, index: Node) -> Iterator[str]:
    """Find fragments whose samples are described by another entry than the first."""
    mvex = index.child(b"mvex")
    for trex in _all(mvex, (b"trex",)) if mvex else []:
        if trex.number(8, 4) != 1:
            yield f"fragments of the track with id {trex.number(4, 4)} name sample description {trex.number(8, 4)}"
    for moof in (box for box in walk(read, size) if box.kind == b"moof" and box.end <= size):
        yield from _faults_of_fragment(load(read, moof, size), moof)


def _faults_of_fragment(node: Node, moof: Box) -> Iterator[str]:
    for traf in _all(node, (b"traf",)):
        tfhd = traf.need(b"tfhd")
        flags = tfhd.number(1, 3)
        if flags & _DESCRIBED and tfhd.number(8 + (8 if flags & 1 else 0), 4) != 1:
            yield f"the fragment at {moof.offset} names another sample description than the first"


def _faults_of_samples(one: ReadTrack, *, clip: bool) -> Iterator[str]:
    here = one.here
    if one.missing and (clip or bool(here[len(here) - one.missing :].any())):
        yield f"{one.missing} of {len(here)} samples lie outside the media of the file"
    samples, frame = one.samples.only(here), one.track.codec.frame_bytes
    if frame and len(samples):
        yield from _faults_of_plain_sound(samples, frame)


def _faults_of_plain_sound(samples: Samples, frame: int) -> Iterator[str]:
    units = samples.size.astype(np.int64) // frame
    step = int(samples.duration[0]) // max(int(units[0]), 1)
    uneven = bool((units * frame != samples.size).any()) or bool((units * step != samples.duration).any())
    if uneven or step == 0 or bool((units == 0).any()):
        yield "its uncompressed sound has instants of uneven size or length"
        return
    begins = samples.dts[0] + (np.cumsum(units) - units) * step
    if not np.array_equal(begins, samples.dts):
        yield "its uncompressed sound has gaps"
    if bool((np.diff(samples.offset) < 0).any()):
        yield "its uncompressed sound does not lie in its order"


def _overlap(tracks: Sequence[StrictTrack]) -> bool:
    """Say whether any byte belongs to two samples."""
    if not tracks:
        return False
    offset = np.concatenate([track.samples.offset for track in tracks])
    end = np.concatenate([_ends(track.samples) for track in tracks])
    kept = end > offset
    offset, end = offset[kept], end[kept]
    order = np.argsort(offset, kind="stable")
    return bool((offset[order][1:] < end[order][:-1]).any())


def _ends(samples: Samples) -> Ints:
    return samples.offset + samples.size.astype(np.int64)
