"""
Read originals again and compare them: the whole with digest and chunk root, or one chunk with its kept leaf.

A chunk alone cannot be compared with the root. So the first whole reading that is equal keeps the leaves that it
computed, 32 bytes a MiB, beside the renditions. They prove themselves: their root must be the recorded one. An original
without them is read whole when one of its chunks is drawn, and has them from then on.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from services.custody import tree
from services.digest import CHUNK_LOG2, LEAF_PREFIX, Digest, Fingerprint, Fingerprinter
from services.errors import NotFound, RangeOutside, StoreUnavailable
from services.index.fixity import Original
from services.storage import keys
from services.storage.store import ObjectStore

EQUAL: Final = "equal"
DIFFERS: Final = "differs"
MISSING: Final = "missing"
UNREADABLE: Final = "unreadable"

HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading an original came to; `found` says what is there instead, in words."""

    outcome: str
    bytes_read: int
    found: str | None = None
    chunk: int | None = None


@dataclass(slots=True)
class Pace:
    """Take no more than so many bytes a second, over all of a run."""

    bytes_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float = field(default=0.0)

    def took(self, count: int) -> None:
        """Wait until reading this much was not too fast."""
        now = self.clock()
        self._free_at = max(self._free_at, now) + count / self.bytes_s
        if self._free_at - now > 0.01:
            self.sleep(self._free_at - now)


def read_whole(store: ObjectStore, one: Original, pace: Pace) -> Reading:
    """
    Compare all bytes of an original; what seems wrong is read a second time before it is said.

    Raises:
        StoreUnavailable: the store as a whole does not answer; nothing can be said about the original.
    """
    first = _read_once(store, one, pace)
    return first if first.outcome == EQUAL else _read_once(store, one, pace)


def _read_once(store: ObjectStore, one: Original, pace: Pace) -> Reading:
    taker, count = Fingerprinter(), 0
    try:
        with store.read(one.key, one.version) as blocks:
            for block in blocks:
                taker.update(block)
                count += len(block)
                pace.took(len(block))
    except NotFound as error:
        return Reading(MISSING, count, str(error))
    except StoreUnavailable as error:
        store.stat(one.key, one.version)  # it answers for this very object: the fault is the object's, or this raises
        return Reading(UNREADABLE, count, str(error))
    found = taker.finish()
    if (found.digest.hex, tree.root(found.leaves)) != (one.sha256, one.chunk_root):
        return Reading(DIFFERS, count, f"{found.size_bytes:,} bytes with SHA-256 {found.digest.hex}")
    _keep_leaves(store, one, found)
    return Reading(EQUAL, count)


def read_chunk(store: ObjectStore, one: Original, chunk: int, pace: Pace) -> Reading:
    """Compare one chunk with its leaf; where there is none, or they differ, compare the whole. Raises as that."""
    leaves = _kept_leaves(store, one)
    if leaves is None:
        return read_whole(store, one, pace)
    size = 1 << CHUNK_LOG2
    taker, count = hashlib.sha256(LEAF_PREFIX), 0
    try:
        with store.read(
            one.key, one.version, offset=chunk * size, length=min(size, one.size_bytes - chunk * size)
        ) as blocks:
            for block in blocks:
                taker.update(block)
                count += len(block)
                pace.took(len(block))
    except (NotFound, RangeOutside, StoreUnavailable):
        return read_whole(store, one, pace)
    if taker.digest() != leaves[chunk * HASH_BYTES : (chunk + 1) * HASH_BYTES]:
        return read_whole(store, one, pace)
    return Reading(EQUAL, count, chunk=chunk)


def _keep_leaves(store: ObjectStore, one: Original, found: Fingerprint) -> None:
    if len(found.leaves) > 1:
        store.put_bytes(_leaves_key(one), b"".join(found.leaves))


def _kept_leaves(store: ObjectStore, one: Original) -> bytes | None:
    """Give the leaves of all chunks, proved by the recorded root; None: there are none, or others."""
    if one.chunks <= 1:
        return None
    try:
        content = b"".join(store.read(_leaves_key(one)))
    except NotFound:
        return None
    leaves = [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
    return content if len(leaves) == one.chunks and tree.root(leaves) == one.chunk_root else None


def _leaves_key(one: Original) -> str:
    return keys.rendition(Digest.from_hex(one.sha256), "leaves", str(CHUNK_LOG2), "leaves.bin")
