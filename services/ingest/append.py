"""
Add bytes to one upload, from its durable offset on, and settle what of them counts.

An append ends in one of two ways: `keep` (the body came whole) or `leave` (it did not). Without a
checksum both keep every byte that came; with one, only a whole body that matches it counts.
"""

import hashlib
import os
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from services.errors import ChecksumMismatch, Conflict, TooLarge
from services.ingest.shelf import refusal

BLOCKS_PER_WRITE = 512
"""Blocks given to one `pwritev`; the system takes at most IOV_MAX = 1024."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """The sum that a client sent with a body: the body counts only when it matches."""

    algorithm: Literal["sha256", "sha1"]
    value: bytes

    def __str__(self) -> str:
        return f"{self.algorithm} {b64encode(self.value).decode()}"


class Append:
    """One running addition to an upload's bytes; made by `Staging.append`. A write and an end exclude each other."""

    def __init__(
        self,
        upload: str,
        opened: int,
        *,
        base: int,
        size_bytes: int,
        checksum: Checksum | None,
        settle: Callable[["Append", int], None],
    ) -> None:
        self.upload = upload
        self.base = base
        self.offset = base
        self._opened = opened
        self.size_bytes = size_bytes
        self._checksum = checksum
        self._hash = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        self._settle = settle
        self._is_spoiled = False
        self._is_over = False
        # A server that is stopped abandons a thread inside a write; its file must not be closed under it.
        self._lock = threading.Lock()

    @property
    def opened(self) -> int:
        """The descriptor of the bytes; for the staging that made this append."""
        return self._opened

    @property
    def is_checksummed(self) -> bool:
        """Whether the bytes count only all together."""
        return self._checksum is not None

    def write(self, blocks: Sequence[bytes]) -> None:
        """
        Write the next blocks behind the last. Nothing is promised before `keep` or `leave`.

        Raises:
            TooLarge: the blocks pass the declared size; nothing of this append will be kept.
            DiskFull: no room; what was written so far can still be left.
            Unavailable: the disk failed.
        """
        count = sum(map(len, blocks))
        with self._lock:
            if self._is_over:
                raise Conflict(f"this addition to upload {self.upload} has ended at byte {self.offset}")
            if self.offset + count > self.size_bytes:
                self._is_spoiled = True
                raise TooLarge(f"upload {self.upload}: {self.size_bytes} bytes were declared, more were sent")
            if self._hash is not None:
                for block in blocks:
                    self._hash.update(block)
            for first in range(0, len(blocks), BLOCKS_PER_WRITE):
                self._write_all(list(blocks[first : first + BLOCKS_PER_WRITE]))

    def keep(self) -> int:
        """
        Make the whole body count and give the new durable offset.

        Raises:
            ChecksumMismatch: the body differs from its sum; nothing of it is kept.
            Unavailable: the bytes could not be made durable; nothing of them is kept.
        """
        if self._hash is not None and self._checksum is not None and self._hash.digest() != self._checksum.value:
            found = Checksum(self._checksum.algorithm, self._hash.digest())
            self._end(counts=False)
            raise ChecksumMismatch(f"upload {self.upload} at {self.base}: sent with {self._checksum}, came as {found}")
        return self._end(counts=True)

    def leave(self) -> int:
        """End an append whose body broke off: keep what came if that can count. Harmless after an end."""
        return self._end(counts=not (self._is_spoiled or self.is_checksummed))

    def _end(self, *, counts: bool) -> int:
        with self._lock:
            if not self._is_over:
                self._is_over = True
                offset, self.offset = self.offset if counts else self.base, self.base
                self._settle(self, offset)
                self.offset = offset
        return self.offset

    def _write_all(self, blocks: list[bytes]) -> None:
        while blocks:
            try:
                written = os.pwritev(self._opened, blocks, self.offset)
            except OSError as error:
                raise refusal(error, f"upload {self.upload} from byte {self.offset}") from error
            self.offset += written
            while blocks and written >= len(blocks[0]):
                written -= len(blocks.pop(0))
            if written:  # the disk took a part of a block: the next call says why
                blocks[0] = blocks[0][written:]
