"""
Keep a tree as tiles, and read any part of it from them. Pure: a function gives the tiles.

A tile holds up to 256 hashes of one level in a row; the tiles of level L + 1 are made of whole tiles of level L. A
whole tile never changes, so that a log's tiles are only ever added to. Source: C2SP tlog-tiles (paths, widths).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.custody.proof import HASH_BYTES, split
from services.custody.tree import EMPTY_ROOT, node_hash, root
from services.errors import ProofRefused

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
ENTRIES: Final = "entries"
"""What stands in a path for the level of the entries themselves."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Name a tile: hashes [index × 256, index × 256 + width) of the subtrees of 256^level leaves."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Name it as others look for it: tile/0/x001/x234/067, tile/1/000.p/12."""
        return tile_path(str(self.level), self.index, self.width)


def tile_path(level: str, index: int, width: int = WIDTH) -> str:
    """Give the path of a tile, or of a bundle of entries where `level` is `ENTRIES`."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?\Z"
)


def parse_tile(path: str) -> tuple[str, int, int] | None:
    """Read a path as level (or `ENTRIES`), index and width; None for any path that `tile_path` would not write."""
    found = _PATH.match(path)
    if found is None or found[2].startswith("x000/"):
        return None
    index = int(found[2].replace("x", "").replace("/", "") + found[3])
    return found[1], index, int(found[4] or WIDTH)


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Name the tiles that a tree of `size` leaves has and one of `since` lacks, or has in part; lowest level first."""
    level = 0
    while size:
        for index in range(since // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - index * WIDTH)
            if index * WIDTH + width > since:
                yield Tile(level, index, width)
        size, since, level = size // WIDTH, since // WIDTH, level + 1


@dataclass(frozen=True, slots=True)
class TiledTree:
    """
    A tree of `size` leaves whose tiles `read` gives, each as its hashes in a row, 32 bytes each.

    A tile shorter than asked for is refused; a longer one is taken for what it begins with.
    """

    size: int
    read: Callable[[Tile], bytes]

    @property
    def root(self) -> bytes:
        """Give the root over all leaves."""
        return self(0, self.size) if self.size else EMPTY_ROOT

    def __call__(self, start: int, end: int) -> bytes:
        """
        Give the hash over leaves [start, end), which is a subtree of this tree.

        Raises:
            ProofRefused: it is none, or a tile is too short.
        """
        length = end - start
        if not 0 <= start < end <= self.size or start % (1 << (length - 1).bit_length()):
            raise ProofRefused(f"[{start}, {end}) is no subtree of a tree of {self.size} leaves")
        if length & (length - 1):
            middle = start + split(length)
            return node_hash(self(start, middle), self(middle, end))
        level, height = divmod(length.bit_length() - 1, HEIGHT)
        first = start >> level * HEIGHT
        return root(self._hashes(level, first, 1 << height))

    def _hashes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        index, at = divmod(first, WIDTH)
        width = min(WIDTH, (self.size >> level * HEIGHT) - index * WIDTH)
        tile = Tile(level, index, width)
        content = self.read(tile)
        if len(content) < width * HASH_BYTES:
            raise ProofRefused(f"{tile.path} holds {len(content)} bytes, not {width * HASH_BYTES}")
        return [content[place * HASH_BYTES : (place + 1) * HASH_BYTES] for place in range(at, at + count)]
