"""
Fingerprint what a recording shows, frame by frame: a tree over each track's samples, one root over the tracks. Pure.

Whoever holds a clip alone can then see that its frames are those of the original, with nothing else of it disclosed.
Leaf 0 of a track's tree is its header, leaf i + 1 its sample i in decoding order. Of uncompressed sound 1,024 instants
are one sample. Source of the bytes: knowledge/integrity 3.2; spelled out for others in docs/formats/essence.md.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.custody.entry import LEAF_PREFIX
from services.custody.tree import root
from services.media.samples import Ints
from services.media.strict import StrictTrack

INSTANTS: Final = 1024
"""Of uncompressed sound in one leaf."""

MATRIX_BYTES: Final = 36
_HEADER: Final = struct.Struct(">2sI4sIQ32s36s")
_TRACK: Final = struct.Struct(">2sIQ32s")
_LEAF: Final = np.dtype(
    [("prefix", "u1"), ("tag", "S2"), ("track", ">u4"), ("sample", ">u8"), ("dts", ">i8"), ("cts", ">i4"),
     ("sync", "u1"), ("size", ">u4"), ("digest", "V32")]
)  # fmt: skip
"""The leaf of a sample behind the prefix that every leaf is hashed with."""

_AT_ONCE: Final = 1 << 14
"""Leaves that are laid out in memory together: one MiB."""

READ_BYTES: Final = 1 << 20
"""Longest read: what was read is hashed while the processor still has it near."""

_HOLE_BYTES: Final = 64 << 10
"""Bytes between two samples that are read over rather than asked for apart."""

Block = bytes | memoryview
ReadBlock = Callable[[int, int], Block]
"""Give the bytes at (offset, length); done with before the next call, so that one buffer serves all."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """
    List the samples of a track as its tree has them, and where the bytes of each lie in the file.

    Piece k is `piece_size[k]` bytes at `piece_offset[k]` of leaf `piece_leaf[k]`, in the order of the leaves: one
    of each leaf, but of uncompressed sound as many as the file scatters 1,024 instants into.
    """

    dts: Ints
    cts: npt.NDArray[np.int32]
    sync: npt.NDArray[np.bool_]
    size: Ints
    piece_leaf: Ints
    piece_offset: Ints
    piece_size: Ints

    def __len__(self) -> int:
        return len(self.dts)

    @property
    def numbers(self) -> Ints:
        """Number them from 0."""
        return np.arange(len(self), dtype=np.int64)

    def only(self, first: int, count: int) -> "Leaves":
        """Keep the leaves [first, first + count), numbered from 0 on."""
        chosen = slice(first, first + count)
        low, high = np.searchsorted(self.piece_leaf, [first, first + count])
        pieces = slice(int(low), int(high))
        return Leaves(
            self.dts[chosen], self.cts[chosen], self.sync[chosen], self.size[chosen],
            self.piece_leaf[pieces] - first, self.piece_offset[pieces], self.piece_size[pieces],
        )  # fmt: skip


def leaves_of(track: StrictTrack, skip: int = 0) -> Leaves:
    """List the leaves of a track; of uncompressed sound without its first `skip` instants."""
    samples = track.samples
    if track.frame_bytes and len(samples):
        return _grouped(track, track.frame_bytes, skip)
    size = samples.size.astype(np.int64)
    numbers = np.arange(len(samples), dtype=np.int64)
    return Leaves(samples.dts, samples.cts, samples.sync, size, numbers, samples.offset, size)


def instants_of(track: StrictTrack) -> int:
    """Count the instants of uncompressed sound."""
    return int(track.samples.size.sum(dtype=np.int64)) // (track.frame_bytes or 1)


def _grouped(track: StrictTrack, frame: int, skip: int) -> Leaves:
    """Cut runs of instants at every 1,024th."""
    samples, whole = track.samples, instants_of(track)
    units = samples.size.astype(np.int64) // frame
    begins = np.cumsum(units) - units
    marks = np.arange(skip, whole, INSTANTS, dtype=np.int64)
    cuts = np.union1d(begins[begins > skip], marks) if len(marks) else marks
    row = np.searchsorted(begins, cuts, side="right") - 1
    length = np.diff(np.append(cuts, whole)) * frame
    leaf = (cuts - skip) // INSTANTS
    size = np.diff(np.append(marks, whole)) * frame
    return Leaves(
        dts=int(samples.dts[0]) + marks * track.step,
        cts=np.zeros(len(marks), np.int32),
        sync=np.ones(len(marks), np.bool_),
        size=size,
        piece_leaf=leaf,
        piece_offset=samples.offset[row] + (cuts - begins[row]) * frame,
        piece_size=length,
    )


def digests_of(tracks: Sequence[Leaves], read: ReadBlock) -> list[npt.NDArray[np.void]]:
    """
    Hash the samples of several tracks in one pass through the file, in its order; gives the digests of each track.

    Raises what `read` does, and `EOFError` where it gives less than was asked for.
    """
    starts = np.cumsum([0, *(len(track) for track in tracks)])
    leaf = np.concatenate([track.piece_leaf + start for track, start in zip(tracks, starts[:-1], strict=True)])
    offset = np.concatenate([track.piece_offset for track in tracks])
    size = np.concatenate([track.piece_size for track in tracks])
    order = np.lexsort((leaf, offset))
    pass_ = _Pass(read, leaf[order].tolist(), offset[order].tolist(), size[order].tolist(), int(starts[-1]))
    found = pass_.run()
    return [found[low:high] for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]


class _Pass:
    """Go once through a file: read neighbours together, hash each sample, keep a leaf of many pieces open."""

    def __init__(self, read: ReadBlock, leaf: list[int], offset: list[int], size: list[int], count: int) -> None:
        self._read, self._leaf, self._offset, self._size = read, leaf, offset, size
        self._found = bytearray(32 * count)
        pieces = np.bincount(np.array(leaf, np.int64), minlength=count) if leaf else np.zeros(count, np.int64)
        self._left = {int(number): int(pieces[number]) for number in np.flatnonzero(pieces > 1)}
        self._open: dict[int, Any] = {}

    def run(self) -> npt.NDArray[np.void]:
        offset, size, at, count = self._offset, self._size, 0, len(self._leaf)
        while at < count:
            start, until, end = offset[at], offset[at] + size[at], at + 1
            while end < count and offset[end] - until <= _HOLE_BYTES and offset[end] + size[end] - start <= READ_BYTES:
                until = max(until, offset[end] + size[end])
                end += 1
            if until - start > READ_BYTES:
                self._hash_long(at)
            else:
                self._hash_all(start, until, at, end)
            at = end
        return np.frombuffer(bytes(self._found), "V32")

    def _hash_all(self, start: int, until: int, at: int, end: int) -> None:
        view = memoryview(self._read(start, until - start))
        if len(view) != until - start:
            raise EOFError(f"{until - start} bytes at {start} were asked for, {len(view)} came")
        sha256, found, left = hashlib.sha256, self._found, self._left
        for leaf, offset, size in zip(self._leaf[at:end], self._offset[at:end], self._size[at:end], strict=True):
            part = view[offset - start : offset - start + size]
            if left and leaf in left:
                self._add(leaf, part)
            else:
                found[32 * leaf : 32 * leaf + 32] = sha256(part).digest()

    def _hash_long(self, at: int) -> None:
        leaf, offset, end = self._leaf[at], self._offset[at], self._offset[at] + self._size[at]
        digest = self._open.pop(leaf, None) or hashlib.sha256()
        while offset < end:
            block = self._read(offset, min(READ_BYTES, end - offset))
            if not block:
                raise EOFError(f"the file ends at {offset}, inside a sample")
            digest.update(block)
            offset += len(block)
        self._open[leaf] = digest
        self._close(leaf)

    def _add(self, leaf: int, part: memoryview) -> None:
        self._open.setdefault(leaf, hashlib.sha256()).update(part)
        self._close(leaf)

    def _close(self, leaf: int) -> None:
        left = self._left.get(leaf, 1) - 1
        if left:
            self._left[leaf] = left
            return
        self._found[32 * leaf : 32 * leaf + 32] = self._open.pop(leaf).digest()


def sample_leaves(track: int, numbers: Ints, leaves: Leaves, digests: npt.NDArray[np.void]) -> list[bytes]:
    """Hash the leaves of the samples with these numbers; `leaves` hold the times they have in the original."""
    found: list[bytes] = []
    for low in range(0, len(leaves), _AT_ONCE):
        part = slice(low, min(low + _AT_ONCE, len(leaves)))
        rows = np.zeros(part.stop - low, _LEAF)
        rows["prefix"], rows["tag"], rows["track"] = LEAF_PREFIX[0], b"S1", track
        rows["sample"] = numbers[part]
        rows["dts"], rows["cts"], rows["sync"] = leaves.dts[part], leaves.cts[part], leaves.sync[part]
        rows["size"], rows["digest"] = leaves.size[part], digests[part]
        packed, width = memoryview(rows.tobytes()), _LEAF.itemsize
        found += [hashlib.sha256(packed[at : at + width]).digest() for at in range(0, len(packed), width)]
    return found


def header_leaf(track: int, handler: bytes, timescale: int, samples: int, config: bytes, matrix: bytes) -> bytes:
    """
    Hash the leaf that says what a track is.

    Raises:
        ValueError: handler or matrix have other lengths than 4 and 36.
    """
    if len(handler) != 4 or len(matrix) != MATRIX_BYTES:
        raise ValueError(f"a track has a handler of 4 and a matrix of 36 bytes, not {len(handler)} and {len(matrix)}")
    leaf = _HEADER.pack(b"T1", track, handler, timescale, samples, hashlib.sha256(config).digest(), matrix)
    return hashlib.sha256(LEAF_PREFIX + leaf).digest()


def essence_root(tracks: Sequence[tuple[int, bytes]]) -> bytes:
    """Give the root over all tracks of a file, each by the number of its samples and the root of its tree."""
    leaves = [
        hashlib.sha256(LEAF_PREFIX + _TRACK.pack(b"E1", track, samples + 1, tree)).digest()
        for track, (samples, tree) in enumerate(tracks)
    ]
    return root(leaves)
