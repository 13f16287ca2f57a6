"""
Walk the boxes of MP4, MOV and 3GP files without believing any number in them.

A file is given as `read(offset, length)` and its size, so the same reader serves a local file and a
range of an object. Whatever the bytes are, the only errors are those of `services.errors`.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.errors import BadSampleTables, HostileMedia, Truncated

Read = Callable[[int, int], bytes]
"""Give the bytes at (offset, length); fewer only at the end of the file."""

MOST_TOP_BOXES = 1 << 18
"""Fragmented recordings have two boxes a fragment: room for 36 hours at one a second."""
MOST_CHILDREN = 4096
DEEPEST = 10
"""Source of both limits: knowledge/integrity 8.2, knowledge/media 5.2."""
INDEX_BYTES = 256 << 20
"""Longest `moov` that is read into memory: 8 MB hold two hours."""

_HEADER_BYTES, _LONG_HEADER_BYTES = 8, 16


@dataclass(frozen=True, slots=True)
class Box:
    """
    Say where a top-level box lies. `size` is what its header claims, which may end beyond the file.

    Source: ISO/IEC 14496-12 section 4.2.
    """

    kind: bytes
    offset: int
    header_bytes: int
    size: int

    @property
    def body(self) -> int:
        """Give the offset of its first byte after the header."""
        return self.offset + self.header_bytes

    @property
    def end(self) -> int:
        """Give the offset of the first byte after it."""
        return self.offset + self.size


def walk(read: Read, size: int) -> Iterator[Box]:
    """
    Give the top-level boxes in order; the last may end beyond the file (it was cut).

    Bytes after the last whole header that are too few for another one are passed over, and so is
    anything after a box whose kind is no text: what follows a damage is not trusted.

    Raises:
        HostileMedia: a box of 2⁶² bytes or more, or more boxes than any camera writes.
        Truncated: a box smaller than its own header.
    """
    offset = 0
    for _ in range(MOST_TOP_BOXES):
        if offset + _HEADER_BYTES > size:
            return
        box = _header(read, offset, size)
        if box is None:
            return
        yield box
        offset = box.end
    raise HostileMedia(f"the file has more than {MOST_TOP_BOXES} boxes")


def _header(read: Read, offset: int, size: int) -> Box | None:
    head = read(offset, _LONG_HEADER_BYTES)
    if len(head) < _HEADER_BYTES:
        return None
    length, kind = struct.unpack_from(">I4s", head)
    header_bytes = _HEADER_BYTES
    if not _is_name(kind):
        return None
    if length == 1:
        if len(head) < _LONG_HEADER_BYTES:
            return None
        length = struct.unpack_from(">Q", head, 8)[0]
        header_bytes = _LONG_HEADER_BYTES
    elif length == 0:
        length = size - offset
    if length >= 1 << 62:
        raise HostileMedia(f"box {kind!r} at {offset} claims {length} bytes; the file has {size}")
    if length < header_bytes:
        raise Truncated(f"box {kind!r} at {offset} claims {length} bytes, less than its own header of {header_bytes}")
    return Box(kind, offset, header_bytes, length)


def _is_name(kind: bytes) -> bool:
    """Say whether these are four characters of a box name; old ones begin with a copyright sign."""
    return all(32 <= character < 127 or character == 0xA9 for character in kind)


@dataclass(frozen=True, slots=True)
class Node:
    """
    Read one box in memory. Every access is checked against the box's own length first.

    All methods raise `BadSampleTables` where the box is too short for what is asked, and
    `HostileMedia` where it nests or repeats beyond any camera.
    """

    kind: bytes
    body: memoryview
    depth: int = 0

    def __len__(self) -> int:
        return len(self.body)

    def children(self, skip: int = 0) -> Iterator["Node"]:
        """Give the boxes inside, after `skip` bytes of fields. A zero length ends them, as QuickTime writes."""
        if self.depth >= DEEPEST:
            raise HostileMedia(f"boxes lie more than {DEEPEST} deep inside each other")
        at, end = skip, len(self.body)
        for _ in range(MOST_CHILDREN):
            if at + _HEADER_BYTES > end:
                return
            length, kind = struct.unpack_from(">I4s", self.body, at)
            header_bytes = _HEADER_BYTES
            if length == 0:
                return
            if length == 1:
                length = self.number(at + 8, 8)
                header_bytes = _LONG_HEADER_BYTES
            if length < header_bytes or length > end - at:
                raise BadSampleTables(
                    f"box {kind!r} claims {length} bytes; {end - at} are left in the box {self.kind!r} around it"
                )
            yield Node(kind, self.body[at + header_bytes : at + length], self.depth + 1)
            at += length
        raise HostileMedia(f"box {self.kind!r} has more than {MOST_CHILDREN} children")

    def child(self, *path: bytes) -> "Node | None":
        """Give the first box along `path` of kinds, or None."""
        node: Node | None = self
        for kind in path:
            node = next((child for child in node.children() if child.kind == kind), None) if node else None
        return node

    def need(self, *path: bytes) -> "Node":
        """Give the first box along `path`; without one the tables are bad."""
        node = self.child(*path)
        if node is None:
            raise BadSampleTables(f"box {self.kind!r} has no {b'/'.join(path)!r}")
        return node

    def number(self, at: int, length: int, *, signed: bool = False) -> int:
        """Read a whole number of `length` bytes, big-endian."""
        return int.from_bytes(self.bytes(at, length), "big", signed=signed)

    def bytes(self, at: int, length: int) -> bytes:
        """Read `length` bytes at `at`."""
        if at < 0 or length < 0 or at + length > len(self.body):
            raise BadSampleTables(f"box {self.kind!r} has {len(self.body)} bytes, not {at + length}")
        return bytes(self.body[at : at + length])

    def array(self, at: int, count: int, kind: str) -> npt.NDArray[Any]:
        """See `count` numbers of the numpy `kind` (such as `>u4`) at `at`, without copying them."""
        shape = np.dtype(kind)
        if at < 0 or count < 0 or at + count * shape.itemsize > len(self.body):
            raise BadSampleTables(
                f"box {self.kind!r} has {len(self.body)} bytes; {count} entries of {shape.itemsize} are claimed"
            )
        return np.frombuffer(self.body, shape, count, at)

    def table(self, columns: int, kind: str = ">u4", at: int = 4) -> npt.NDArray[Any]:
        """See the rows of a table whose count (32 bit) stands at `at`, followed by `columns` numbers a row."""
        count = self.number(at, 4)
        return self.array(at + 4, count * columns, kind).reshape(count, columns)


def load(read: Read, box: Box, size: int) -> Node:
    """
    Read a whole top-level box into memory.

    Raises:
        HostileMedia: it is larger than any index of a recording.
        Truncated: the file ends inside it.
    """
    if box.end > size:
        raise Truncated(f"the file ends at {size}, inside box {box.kind!r}, which ends at {box.end}")
    if box.size > INDEX_BYTES:
        raise HostileMedia(f"box {box.kind!r} claims {box.size} bytes, more than {INDEX_BYTES}")
    length = box.size - box.header_bytes
    body = read(box.body, length)
    if len(body) != length:
        raise Truncated(f"box {box.kind!r} has {length} bytes, {len(body)} could be read")
    return Node(box.kind, memoryview(body))
