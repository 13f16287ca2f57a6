"""
Describe a file that nobody writes: bytes made here, and stretches of originals that are read as it leaves.

Its length is known before anything is read, any range of it is cut without reading, and whoever sends it never
holds more than one block of it.
"""

import bisect
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Protocol

import numpy as np

from services.errors import RangeOutside, StoreUnavailable, VerbatimNotPossible
from services.media.samples import Ints

HOLE_BYTES: Final = 512 << 10
"""Smallest hole that is worth a request of its own: a smaller one is read and dropped. Source: knowledge/media 4.2."""

MOST_EXTENTS: Final = 1 << 18
"""Stretches of one virtual file: three days of a camera that writes one between its other tracks each second."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Name `length` bytes from `offset` on of an original; `source` tells which, where a file is made of several."""

    offset: int
    length: int
    source: int = 0

    @property
    def end(self) -> int:
        """Give the offset after its last byte."""
        return self.offset + self.length


Piece = bytes | Extent


@dataclass(frozen=True, eq=False)
class VirtualFile:
    """List what a file is made of, in order; `size_bytes` is the length of all pieces together."""

    pieces: tuple[Piece, ...]
    size_bytes: int

    @classmethod
    def of(cls, *pieces: Piece) -> "VirtualFile":
        """Make a file of these pieces; empty ones are left out."""
        kept = tuple(piece for piece in pieces if _length(piece))
        return cls(kept, sum(map(_length, kept)))

    @cached_property
    def _starts(self) -> list[int]:
        return list(itertools.accumulate(map(_length, self.pieces), initial=0))

    def slice(self, start: int, length: int) -> tuple[Piece, ...]:
        """
        Give the pieces that are the bytes [start, start + length).

        Raises:
            RangeOutside: they do not all lie inside the file.
        """
        if start < 0 or length < 0 or start + length > self.size_bytes:
            raise RangeOutside(f"bytes {start:,} up to {start + length:,} were asked for, it has {self.size_bytes:,}")
        if length == 0:
            return ()
        first = bisect.bisect_right(self._starts, start) - 1
        end = bisect.bisect_left(self._starts, start + length)
        cut = list(self.pieces[first:end])
        cut[-1] = _part(cut[-1], 0, start + length - self._starts[end - 1])
        cut[0] = _part(cut[0], start - self._starts[first], _length(cut[0]))
        return tuple(cut)


def _length(piece: Piece) -> int:
    return piece.length if isinstance(piece, Extent) else len(piece)


def _part(piece: Piece, start: int, end: int) -> Piece:
    if isinstance(piece, Extent):
        return Extent(piece.offset + start, end - start, piece.source)
    return piece[start:end]


def gather(offset: Ints, size: Ints) -> tuple[tuple[Extent, ...], Ints]:
    """
    Find the stretches of an original that hold samples, and nothing else, in the order of the original.

    Gives them, and where in their concatenation each sample begins. Samples that share bytes share them here too.

    Raises:
        VerbatimNotPossible: they lie in more pieces than any camera scatters them to.
    """
    if len(offset) == 0:
        return (), np.zeros(0, np.int64)
    order = np.argsort(offset, kind="stable")
    starts, ends = offset[order], offset[order] + size[order]
    reach = np.maximum.accumulate(ends)
    begins = np.concatenate(([True], starts[1:] > reach[:-1]))
    first = np.flatnonzero(begins)
    if len(first) > MOST_EXTENTS:
        raise VerbatimNotPossible(f"its samples lie in {len(first)} pieces; {MOST_EXTENTS} are the most")
    low, high = starts[first], reach[np.append(first[1:], len(reach)) - 1]
    places = np.cumsum(high - low) - (high - low)
    position = np.empty(len(offset), np.int64)
    of = np.cumsum(begins) - 1
    position[order] = starts - low[of] + places[of]
    return tuple(Extent(int(a), int(b - a)) for a, b in zip(low, high, strict=True)), position


@dataclass(frozen=True, slots=True)
class Request:
    """One range to read of one source, and which parts of it are wanted, in order and apart."""

    source: int
    offset: int
    length: int
    wanted: tuple[Extent, ...]


def requests(pieces: Sequence[Piece]) -> Iterator[bytes | Request]:
    """Join neighbouring stretches of one source, with the small holes between them, to one request each."""
    group: list[Extent] = []
    for piece in pieces:
        if group and not (isinstance(piece, Extent) and _follows(group[-1], piece)):
            yield _request(group)
            group = []
        if isinstance(piece, Extent):
            group.append(piece)
        else:
            yield piece
    if group:
        yield _request(group)


def _follows(before: Extent, after: Extent) -> bool:
    return after.source == before.source and 0 <= after.offset - before.end < HOLE_BYTES


def _request(group: Sequence[Extent]) -> Request:
    return Request(group[0].source, group[0].offset, group[-1].end - group[0].offset, tuple(group))


class Block(NamedTuple):
    """Bytes to send; `ranges` says which of `source` they are. Bytes made here are of no source."""

    content: bytes
    source: int | None = None
    ranges: tuple[tuple[int, int], ...] = ()


class Opened(Protocol):
    """What a store gives for a range: its bytes in blocks; `close` lets the source go."""

    def __next__(self) -> bytes:
        """Give the next block."""

    def close(self) -> None:
        """Let the source go; harmless when repeated."""


Open = Callable[[int, int, int], Opened]
"""Open the range (source, offset, length)."""


class Flow(Iterator[Block]):
    """
    Give the bytes of pieces, block by block, and drop what lies between them.

    The first request is opened by the call itself, so that what the store refuses is still an answer. Only one
    request is open at any time.
    """

    def __init__(self, pieces: Sequence[Piece], opened_by: Open) -> None:
        self._open = opened_by
        self._steps = requests(pieces)
        self._made: list[bytes] = []
        self._request: Request | None = None
        self._blocks: Opened | None = None
        self._at = self._next_wanted = 0
        self._go_on()

    def __next__(self) -> Block:
        while True:
            if self._made:
                return Block(self._made.pop(0))
            if self._request is None:
                raise StopIteration
            block = self._read()
            if self._at >= self._request.offset + self._request.length:
                self.close()
                self._go_on()
            if block is not None:
                return block

    def close(self) -> None:
        """Let the store's object go; nothing more comes."""
        blocks, self._blocks, self._request = self._blocks, None, None
        if blocks is not None:
            blocks.close()

    def _go_on(self) -> None:
        """Collect made bytes up to the next request, and open that."""
        for step in self._steps:
            if isinstance(step, Request):
                self._request, self._at, self._next_wanted = step, step.offset, 0
                self._blocks = self._open(step.source, step.offset, step.length)
                return
            self._made.append(step)

    def _read(self) -> Block | None:
        """
        Read one block; None if nothing of it is wanted.

        Raises:
            StoreUnavailable: the store gave less than was asked for, or more. Break the connection.
        """
        assert self._request is not None  # noqa: S101  (asked for by __next__)
        assert self._blocks is not None  # noqa: S101
        end, content = self._request.offset + self._request.length, b""
        with suppress(StopIteration):
            content = next(self._blocks)
        if not content or self._at + len(content) > end:
            at, self._at = self._at + len(content), end
            length = self._request.length
            source = self._request.source
            given = at - self._request.offset
            self.close()
            raise StoreUnavailable(f"{length:,} bytes of source {source} were asked for, the store gave {given:,}")
        start, self._at = self._at, self._at + len(content)
        return _wanted_of(content, start, self._request, self._take_wanted(start, self._at))

    def _take_wanted(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        assert self._request is not None  # noqa: S101
        wanted, found = self._request.wanted, []
        while self._next_wanted < len(wanted) and wanted[self._next_wanted].offset < end:
            extent = wanted[self._next_wanted]
            found.append((max(extent.offset, start), min(extent.end, end)))
            if extent.end > end:
                break
            self._next_wanted += 1
        return tuple(found)


def _wanted_of(content: bytes, start: int, request: Request, ranges: tuple[tuple[int, int], ...]) -> Block | None:
    if not ranges:
        return None
    if ranges == ((start, start + len(content)),):
        return Block(content, request.source, ranges)
    view = memoryview(content)
    return Block(b"".join(view[low - start : high - start] for low, high in ranges), request.source, ranges)
