"""
Keep the leaf hashes of a recording's essence beside it, so that a proof needs a few of them and no byte of footage.

A head in JSON says what the tracks are; then stand, for each track, the hashes of its leaves, 32 bytes each, and behind
them those of every whole 256, of every whole 65,536, and so on: tiles as the log has them. What is read from here
proves nothing by itself: a proof made from a wrong one does not lead to the recorded root.
"""

import base64
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from services.custody.essence import MATRIX_BYTES, essence_root
from services.custody.proof import HASH_BYTES
from services.custody.tiles import WIDTH, Tile, TiledTree
from services.custody.tree import root
from services.errors import Invalid
from services.media.boxes import Read
from services.media.strict import Shown

MAGIC: Final = b"HUES"
VERSION: Final = 1
"""Raise it when the tree of the same file changes: then recordings are fingerprinted again."""

_HEAD: Final = struct.Struct(">4sBxxxI")
_MOST_HEAD_BYTES: Final = 16 << 20
"""Room for 64 tracks of the longest descriptions."""

_MOST_SAMPLES: Final = 1 << 24
_BLOCK_HASHES: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class Header:
    """
    Say what one track is, as its header leaf does; `samples` counts the others, `root` is the root of its tree.

    `shown` is what the original's edit list shows of it, which is in no leaf: the log's entry has it.
    """

    handler: bytes
    timescale: int
    samples: int
    config: bytes
    matrix: bytes
    root: bytes
    shown: Shown | None = None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "handler": self.handler.decode("latin-1"),
            "timescale": self.timescale,
            "samples": self.samples,
            "config": base64.b64encode(self.config).decode(),
            "matrix": base64.b64encode(self.matrix).decode(),
            "root": base64.b64encode(self.root).decode(),
            "shown": None if self.shown is None else self.shown.numbers,
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Header":
        """Read what `to_json` gave; raises `ValueError`, `KeyError` or `TypeError` on anything else."""
        found = cls(
            told["handler"].encode("latin-1"), int(told["timescale"]), int(told["samples"]),
            base64.b64decode(told["config"]), base64.b64decode(told["matrix"]), base64.b64decode(told["root"]),
            None if told["shown"] is None else Shown(*told["shown"]),
        )  # fmt: skip
        if len(found.matrix) != MATRIX_BYTES or len(found.root) != HASH_BYTES or not 0 <= found.samples < _MOST_SAMPLES:
            raise ValueError("a track of a sidecar does not have the lengths of one")
        return found


@dataclass(frozen=True, slots=True)
class Grown:
    """Hold a track's tree: its leaf hashes, and level by level the roots of every whole 256 below."""

    levels: tuple[Sequence[bytes], ...]

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> "Grown":
        """Build the levels over these leaf hashes."""
        levels: list[Sequence[bytes]] = [leaves]
        while len(levels[-1]) >= WIDTH:
            below = levels[-1]
            levels.append([root(below[at : at + WIDTH]) for at in range(0, len(below) - WIDTH + 1, WIDTH)])
        return cls(tuple(levels))

    @property
    def root(self) -> bytes:
        """Give the root over all leaves."""
        return TiledTree(len(self.levels[0]), self._tile).root

    def _tile(self, tile: Tile) -> bytes:
        return b"".join(self.levels[tile.level][tile.index * WIDTH : tile.index * WIDTH + tile.width])


def write(headers: Sequence[Header], trees: Sequence[Grown], about: dict[str, Any]) -> Iterator[bytes]:
    """Give the bytes of a sidecar in blocks; `about` is JSON that says where it is from."""
    told = {**about, "tracks": [header.to_json() for header in headers]}
    head = json.dumps(told, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    yield _HEAD.pack(MAGIC, VERSION, len(head)) + head
    for tree in trees:
        for level in tree.levels:
            for at in range(0, len(level), _BLOCK_HASHES):
                yield b"".join(level[at : at + _BLOCK_HASHES])


@dataclass(frozen=True, eq=False)
class Sidecar:
    """Read a sidecar through a function that gives its bytes; only what is asked for is read, and once."""

    headers: tuple[Header, ...]
    _body: int
    _read: Read
    _tiles: dict[tuple[int, int, int], bytes] = field(default_factory=dict)

    @classmethod
    def open(cls, read: Read) -> "Sidecar":
        """
        Read the head.

        Raises:
            Invalid: these are not the bytes of a sidecar of a version known here.
        """
        start = read(0, _HEAD.size)
        if len(start) != _HEAD.size:
            raise Invalid(f"an essence file has at least {_HEAD.size} bytes, not {len(start)}")
        magic, version, length = _HEAD.unpack(start)
        if (magic, version) != (MAGIC, VERSION) or length > _MOST_HEAD_BYTES:
            raise Invalid(f"an essence file begins with {MAGIC!r} version {VERSION}, not {magic!r} version {version}")
        try:
            told = json.loads(read(_HEAD.size, length))
            headers = tuple(Header.from_json(track) for track in told["tracks"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Invalid(f"the head of an essence file cannot be read: {error}") from error
        return cls(headers, _HEAD.size + length, read)

    @property
    def root(self) -> bytes:
        """Give the essence root that the head claims."""
        return essence_root([(header.samples, header.root) for header in self.headers])

    def tree(self, track: int) -> TiledTree:
        """Give the tree of a track, read as it is asked for."""
        size = self.headers[track].samples + 1
        return TiledTree(size, lambda tile: self._tile(track, tile))

    @cached_property
    def _starts(self) -> list[int]:
        starts = [self._body]
        for header in self.headers:
            starts.append(starts[-1] + HASH_BYTES * sum(_widths(header.samples + 1)))
        return starts

    def _tile(self, track: int, tile: Tile) -> bytes:
        key = (track, tile.level, tile.index)
        if key not in self._tiles:
            below = sum(_widths(self.headers[track].samples + 1)[: tile.level])
            at = self._starts[track] + HASH_BYTES * (below + tile.index * WIDTH)
            self._tiles[key] = self._read(at, HASH_BYTES * tile.width)
        return self._tiles[key]


def _widths(size: int) -> list[int]:
    """Count the hashes of each level of a tree of `size` leaves."""
    widths = [size]
    while widths[-1] >= WIDTH:
        widths.append(widths[-1] // WIDTH)
    return widths
