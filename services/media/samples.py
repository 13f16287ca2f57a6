"""
Expand the sample tables of one track into arrays, each claim checked before memory is taken for it.

A *sample* is one coded picture or sound frame. Uncompressed sound has one sample per chunk here: its
48,000 a second are not worth a row each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from services.errors import BadSampleTables
from services.media.boxes import Node

MOST_SAMPLES = 1 << 24
"""Of all tracks of a file together. Source: knowledge/integrity 8.2; 77 hours of pictures at 60 a second."""

LONGEST_STEP_S = 24 * 3600
LONGEST_S = 7 * 24 * 3600
"""No camera pauses a day inside one file, or records a week into it."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """
    List the samples of one track in decoding order, as arrays of one length.

    `dts`, `duration` and `cts` are ticks of the track; a sample is presented at `dts + cts`.
    `offset` and `size` are bytes in the file; `sync` says that decoding can start here.
    """

    dts: Ints
    duration: npt.NDArray[np.uint32]
    cts: npt.NDArray[np.int32]
    offset: Ints
    size: npt.NDArray[np.uint32]
    sync: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.dts)

    @property
    def pts(self) -> Ints:
        """Give the ticks at which each is presented, before any edit list. Not to be written to."""
        return self.dts + self.cts if self.cts.any() else self.dts

    @property
    def end(self) -> Ints:
        """Give the offset after each sample's last byte."""
        return self.offset + self.size

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Samples":
        """Keep those marked in `chosen`."""
        return Samples(*(getattr(self, field.name)[chosen] for field in fields(self)))


def none() -> Samples:
    """Give the samples of a track that has none."""
    return Samples(
        np.zeros(0, np.int64),
        np.zeros(0, np.uint32),
        np.zeros(0, np.int32),
        np.zeros(0, np.int64),
        np.zeros(0, np.uint32),
        np.zeros(0, np.bool_),
    )


def join(pieces: Sequence[Samples]) -> Samples:
    """Put pieces of one track behind each other."""
    if not pieces:
        return none()
    return Samples(*(np.concatenate([getattr(piece, field.name) for piece in pieces]) for field in fields(Samples)))


def expand(stbl: Node, timescale: int, *, budget: int, file_size: int, frame_bytes: int | None = None) -> Samples:
    """
    Expand the tables of one track.

    `budget` is how many samples the file may still have; `frame_bytes` is the size of one uncompressed
    sound sample (all channels), which makes a sample of each chunk.

    Raises:
        BadSampleTables: the tables contradict each other or the file, or claim more than may be.
    """
    sizes = stbl.need(b"stsz") if stbl.child(b"stsz") else stbl.need(b"stz2")
    uniform = sizes.number(4, 4) if sizes.kind == b"stsz" else 0
    count = sizes.number(8, 4)
    if count == 0:
        return none()
    steps = stbl.need(b"stts").table(2)
    if frame_bytes and uniform and len(steps) == 1:
        if count * frame_bytes > file_size or int(steps[0, 1]) * count > LONGEST_S * timescale:
            raise BadSampleTables(f"{count} samples of {frame_bytes} bytes are claimed; the file has {file_size} bytes")
        return _expand_plain_sound(stbl, count, int(steps[0, 1]), frame_bytes)
    if count > budget:
        raise BadSampleTables(f"the tables claim {count} samples; {budget} are the most")
    size = _sizes(sizes, uniform, count, file_size)
    duration = _durations(steps, count, timescale)
    dts = np.empty(count, np.int64)
    dts[0] = 0
    np.cumsum(duration[:-1], dtype=np.int64, out=dts[1:])
    cts = _offsets_of_presentation(stbl.child(b"ctts"), count, timescale)
    chunks, per_chunk = _chunks(stbl, count)
    offset = _places(chunks, per_chunk, size)
    return Samples(dts, duration, cts, offset, size, _syncs(stbl.child(b"stss"), count))


def check_times(first: int, last: int, timescale: int) -> None:
    """Raise `BadSampleTables` if a track is longer than any recording."""
    if last - first > LONGEST_S * timescale:
        raise BadSampleTables(f"the tables claim {(last - first) // timescale} seconds; {LONGEST_S} are the most")


def _sizes(box: Node, uniform: int, count: int, file_size: int) -> npt.NDArray[np.uint32]:
    if uniform:
        if uniform * count > file_size:
            raise BadSampleTables(f"{count} samples of {uniform} bytes are claimed; the file has {file_size} bytes")
        return np.full(count, uniform, np.uint32)
    if box.kind == b"stsz":
        return box.array(12, count, ">u4").astype(np.uint32)
    width = box.number(7, 1)
    if width not in {8, 16}:
        raise BadSampleTables(f"sample sizes of {width} bits are not known; 8, 16 and 32 are")
    return box.array(12, count, f">u{width // 8}").astype(np.uint32)


def _durations(steps: npt.NDArray[np.uint32], count: int, timescale: int) -> npt.NDArray[np.uint32]:
    _same_count("stts", steps[:, 0], count)
    used = steps[steps[:, 0] > 0]
    if int(used[:, 1].max(initial=0)) > LONGEST_STEP_S * timescale:
        raise BadSampleTables(f"a sample claims {int(used[:, 1].max()) // timescale} seconds")
    total = int((used[:, 0].astype(np.float64) * used[:, 1]).sum())
    check_times(0, total, timescale)
    return repeated(used[:, 1].astype(np.uint32), used[:, 0])


def _same_count(name: str, counts: npt.NDArray[np.uint32], count: int) -> None:
    claimed = int(counts.sum(dtype=np.uint64))
    if claimed != count:
        raise BadSampleTables(f"{name} describes {claimed} samples; the track has {count}")


def repeated(values: npt.NDArray[Any], counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Expand runs, the usual ones at once: a single run, or runs of one."""
    if len(values) == 1:
        return np.full(int(counts[0]), values[0], values.dtype)
    return values if len(values) and int(counts.max()) == int(counts.min()) == 1 else np.repeat(values, counts)


def _offsets_of_presentation(box: Node | None, count: int, timescale: int) -> npt.NDArray[np.int32]:
    if box is None:
        return np.zeros(count, np.int32)
    rows = box.table(2)
    _same_count("ctts", rows[:, 0], count)
    # version 0 says unsigned, yet writers put negative numbers there; no real offset needs the 32nd bit
    rows = rows.astype(np.uint32)
    rows = rows if rows[:, 0].all() else rows[rows[:, 0] > 0]
    values = rows[:, 1].view(np.int32)
    furthest = max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0))))
    if furthest > LONGEST_STEP_S * timescale:
        raise BadSampleTables("a picture claims to be presented more than a day from its place")
    return np.ascontiguousarray(repeated(values, rows[:, 0]))


def _chunks(stbl: Node, count: int) -> tuple[Ints, Ints]:
    """Give the offset of each chunk and how many samples lie in it, together exactly `count`."""
    stco = stbl.child(b"stco")
    rows = stco.table(1) if stco else stbl.need(b"co64").table(1, ">u8")
    places = rows[:, 0].astype(np.int64 if stco else np.uint64)
    if len(places) and int(places.max()) >= 1 << 62:
        raise BadSampleTables(f"a chunk claims to lie at {int(places.max())}")
    runs = stbl.need(b"stsc").table(3)
    first = runs[:, 0].astype(np.int64)
    number = len(places)
    if len(first) == 0 or first[0] != 1 or (np.diff(first) <= 0).any() or int(first[-1]) > number:
        raise BadSampleTables(f"the table of chunks does not count from 1 up to at most {number}")
    lengths = np.diff(np.append(first, number + 1))
    each = np.minimum(runs[:, 1].astype(np.int64), count + 1)
    held = int((lengths * each).sum())
    if held < count:
        raise BadSampleTables(f"{count} samples are claimed; the chunks hold {held}")
    per_chunk = repeated(each, lengths)
    if held > count:
        per_chunk = np.diff(np.minimum(np.cumsum(per_chunk), count), prepend=0)
    return places.astype(np.int64, copy=False), per_chunk


def _places(chunks: Ints, per_chunk: Ints, size: npt.NDArray[np.uint32]) -> Ints:
    if len(chunks) == len(size) and int(per_chunk.min()) == 1:
        return chunks
    before = np.zeros(len(size) + 1, np.int64)
    np.cumsum(size, dtype=np.int64, out=before[1:])
    first = np.cumsum(per_chunk) - per_chunk
    places: Ints = repeated(chunks - before[first], per_chunk)
    places += before[:-1]
    return places


def _syncs(box: Node | None, count: int) -> npt.NDArray[np.bool_]:
    if box is None:
        return np.ones(count, np.bool_)
    numbers = box.table(1)[:, 0]
    sync = np.zeros(count, np.bool_)
    if len(numbers) and (int(numbers.min()) < 1 or int(numbers.max()) > count):
        raise BadSampleTables(f"keyframes {int(numbers.min())} to {int(numbers.max())} of {count} samples are claimed")
    sync[numbers.astype(np.int64) - 1] = True
    return sync


def _expand_plain_sound(stbl: Node, count: int, step: int, frame_bytes: int) -> Samples:
    chunks, per_chunk = _chunks(stbl, count)
    if len(per_chunk) and int(per_chunk.max()) * max(frame_bytes, step) >= 1 << 32:
        raise BadSampleTables(f"one chunk claims {int(per_chunk.max())} samples of sound")
    return Samples(
        dts=(np.cumsum(per_chunk) - per_chunk) * step,
        duration=(per_chunk * step).astype(np.uint32),
        cts=np.zeros(len(chunks), np.int32),
        offset=chunks,
        size=(per_chunk * frame_bytes).astype(np.uint32),
        sync=np.ones(len(chunks), np.bool_),
    )
