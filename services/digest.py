"""
Fingerprint bytes while they stream past once: the SHA-256 that courts expect and chunk leaves.

A chunk leaf is the RFC 6962 leaf hash of one MiB of the file; the tree over them
(`services.custody.tree`) lets a stranger check a stretch of a file without the rest.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Buffer

CHUNK_LOG2 = 20
"""Bytes of one chunk leaf, as a power of two: 1 MiB. Fixed for life: it is part of recorded roots."""

LEAF_PREFIX = b"\x00"
"""Domain separation of tree leaves. Source: RFC 6962 section 2.1."""

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """Name bytes by what they are: the algorithm and its raw value."""

    algorithm: str
    value: bytes

    def __post_init__(self) -> None:
        if self.algorithm != "sha256" or len(self.value) != 32:
            raise ValueError(f"a digest is sha256 with 32 bytes, not {self.algorithm} with {len(self.value)}")

    @classmethod
    def from_hex(cls, text: str) -> "Digest":
        """Read 64 hexadecimal digits; raises `ValueError` on any other text."""
        if len(text) != 64:
            raise ValueError(f"a SHA-256 has 64 hexadecimal digits, not {len(text)}")
        return cls("sha256", bytes.fromhex(text))

    @property
    def hex(self) -> str:
        """The value as lower-case hexadecimal digits."""
        return self.value.hex()

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What one read of a file tells: its digest, its size and the leaf of each MiB, in order."""

    digest: Digest
    size_bytes: int
    leaves: tuple[bytes, ...]


class Fingerprinter:
    """Take bytes in any portions and give their `Fingerprint`; holds at most hash states, never bytes."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self._leaf = hashlib.sha256(LEAF_PREFIX)
        self._in_leaf = 0
        self._size = 0
        self._leaves: list[bytes] = []

    def update(self, block: Buffer) -> None:
        """Add the next bytes of the file."""
        view = memoryview(block).cast("B")
        self._whole.update(view)
        self._size += len(view)
        while len(view):
            room = (1 << CHUNK_LOG2) - self._in_leaf
            part = view[:room]
            self._leaf.update(part)
            self._in_leaf += len(part)
            view = view[room:]
            if self._in_leaf == 1 << CHUNK_LOG2:
                self._close_leaf()

    def finish(self) -> Fingerprint:
        """Close the last, shorter chunk and give the whole; an empty file has no leaves."""
        if self._in_leaf:
            self._close_leaf()
        return Fingerprint(Digest("sha256", self._whole.digest()), self._size, tuple(self._leaves))

    def _close_leaf(self) -> None:
        self._leaves.append(self._leaf.digest())
        self._leaf = hashlib.sha256(LEAF_PREFIX)
        self._in_leaf = 0


def fingerprint_file(path: Path) -> Fingerprint:
    """Read a local file once and fingerprint it. A reused buffer: fresh memory costs 8x the copy."""
    taker, buffer = Fingerprinter(), bytearray(READ_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            taker.update(view[:count])
    return taker.finish()


def digest_blocks(blocks: Iterable[Buffer]) -> tuple[Digest, int]:
    """Hash a stream of blocks; gives its digest and how many bytes it had."""
    whole, size = hashlib.sha256(), 0
    for block in blocks:
        whole.update(block)
        size += memoryview(block).nbytes
    return Digest("sha256", whole.digest()), size
