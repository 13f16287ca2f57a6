"""Grow a tree leaf by leaf without keeping it: give each tile as it becomes whole, and the root at any moment. Pure."""

import hashlib
from dataclasses import dataclass

from services.custody.tiles import WIDTH
from services.custody.tree import EMPTY_ROOT, NODE_PREFIX, node_hash


@dataclass(frozen=True, slots=True)
class WholeTile:
    """A tile that has all its hashes: where it stands, the root over it, and the hashes in a row."""

    level: int
    index: int
    root: bytes
    hashes: bytes


class Frontier:
    """The right edge of a growing tree: at most 256 hashes and 8 subtrees of each level of tiles."""

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = [[]]
        self._subtrees: list[list[bytes]] = [[]]

    def push(self, leaf: bytes) -> list[WholeTile]:
        """Add a leaf hash; gives the tiles that it made whole, lowest level first."""
        self.size += 1
        whole: list[WholeTile] = []
        level, value, step = 0, leaf, WIDTH
        while True:
            if level == len(self._rows):
                self._rows.append([])
                self._subtrees.append([])
            row, subtrees = self._rows[level], self._subtrees[level]
            row.append(value)
            _merge(subtrees, value, len(row))
            if len(row) < WIDTH:
                return whole
            value = subtrees.pop()
            whole.append(WholeTile(level, self.size // step - 1, value, b"".join(row)))
            row.clear()
            level, step = level + 1, step * WIDTH

    @property
    def root(self) -> bytes:
        """Give the root over all leaves so far."""
        parts = [one for subtrees in reversed(self._subtrees) for one in subtrees]
        if not parts:
            return EMPTY_ROOT
        found = parts.pop()
        while parts:
            found = node_hash(parts.pop(), found)
        return found


def _merge(subtrees: list[bytes], value: bytes, count: int) -> None:
    """Put the `count`-th hash of a row behind the whole subtrees of those before it."""
    while not count & 1:
        value = hashlib.sha256(NODE_PREFIX + subtrees.pop() + value).digest()
        count >>= 1
    subtrees.append(value)
