"""
The port every store keeps: whole objects under keys, never changed once kept.

Three areas (`services.storage.keys`): *originals* and *custody* are write-once and may be locked;
*derived* holds what can be made again and may be replaced or removed. One contract suite
(tests/storage/test_contract.py) runs against every adapter.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

from services.digest import Digest
from services.errors import Invalid, RangeOutside, StoreUnavailable

BLOCK_BYTES = 1 << 20
"""Longest block that `read` gives at once: bounds the memory of every reader."""


@dataclass(frozen=True, slots=True)
class Kept:
    """
    Name one version of one kept object; `version` is None where an area has no versions.

    `is_hidden`, told by `keys` alone: somebody deleted the object, and a delete marker lies on top of what is kept.
    """

    key: str
    version: str | None
    size_bytes: int
    is_hidden: bool = False


class LockMode(StrEnum):
    """Tell who may lift a lock before its date: a special right (GOVERNANCE), or nobody (COMPLIANCE)."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class Lock:
    """What protects one version: a mode until an instant (aware UTC), and a hold without an end."""

    mode: LockMode | None
    until: datetime | None
    hold: bool

    def covers(self, mode: LockMode, until: datetime) -> bool:
        """Is this at least as strong and as long as `mode` until `until`?"""
        if self.mode is None or self.until is None:
            return False
        return self.until >= until and (self.mode is mode or self.mode is LockMode.COMPLIANCE)

    def raised(self, mode: LockMode, until: datetime) -> "Lock":
        """
        Give the lock that has the stronger mode and the later date of this one and the one asked for.

        `until` is rounded up to the whole second, the finest that S3 keeps. Raises `Invalid` on a naive instant.
        """
        if until.tzinfo is None:
            raise Invalid(f"a lock ends at an instant with its offset, not at {until.isoformat()}")
        whole = until.astimezone(UTC)
        if whole.microsecond:
            whole = whole.replace(microsecond=0) + timedelta(seconds=1)
        strong = LockMode.COMPLIANCE in {mode, self.mode}
        return Lock(
            mode=LockMode.COMPLIANCE if strong else LockMode.GOVERNANCE,
            until=max(whole, self.until or whole),
            hold=self.hold,
        )


NO_LOCK = Lock(mode=None, until=None, hold=False)


@dataclass(frozen=True, slots=True)
class WormReport:
    """What the probe of write-once saw; `findings` are sentences for `doctor`, one a line."""

    enforced: bool
    findings: tuple[str, ...]


class Blocks(Iterator[bytes]):
    """
    Give an opened object's bytes in blocks of at most `BLOCK_BYTES`, exactly as many as promised.

    Closes its source at the end, on an error, by `close`, or when dropped unread. Raises
    `StoreUnavailable` where the source ends early: never a silent short read.
    """

    def __init__(self, name: str, size_bytes: int, take: Callable[[int], bytes], finish: Callable[[], None]) -> None:
        self.size_bytes = size_bytes
        self._name = name
        self._left = size_bytes
        self._take = take
        self._finish: Callable[[], None] | None = finish

    def __next__(self) -> bytes:
        if self._left == 0 or self._finish is None:
            self.close()
            raise StopIteration
        try:
            block = self._take(min(self._left, BLOCK_BYTES))
        except BaseException:
            self.close()
            raise
        if not block:
            self.close()
            given = self.size_bytes - self._left
            raise StoreUnavailable(f"{self._name}: expected {self.size_bytes:,} bytes, the store gave {given:,}")
        self._left -= len(block)
        return block

    def close(self) -> None:
        """Let the source go; harmless when repeated."""
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def check_range(key: str, offset: int, length: int | None, size_bytes: int) -> int:
    """Give how many bytes a range inside an object has; raises `RangeOutside` with both values."""
    wanted = size_bytes - offset if length is None else length
    if offset < 0 or wanted < 0 or offset + wanted > size_bytes:
        end = "its end" if length is None else f"{offset + length:,}"
        raise RangeOutside(f"{key}: bytes {offset:,} up to {end} were asked for, it has {size_bytes:,}")
    return wanted


class ObjectStore(Protocol):
    """
    Keep whole objects under keys and never change one once kept.

    Every call may raise `StoreUnavailable` (nothing was kept or changed, trying again may help),
    `DiskFull`, `Misconfigured` (wrong credentials, no such bucket or folder) and `Invalid` (a key
    that `keys` would not make). All instances of one place, in any number of processes, are one store.
    """

    def prepare(self) -> None:
        """Create what the store needs (folders; buckets with versions and lock). Repeating it is harmless."""

    def put(self, key: str, source: Path, *, give: bool = False) -> Kept:
        """
        Keep the bytes of the local file `source` under `key`: whole or not at all, durable on return.

        The same bytes again are a no-op that gives the version already kept, so a retried job is
        safe. In *derived* other bytes replace the old ones at once. `give` says that the caller
        gives the complete file up and never writes to it again: a folder store on the same disk
        links it instead of writing it twice, and makes it read-only; the caller still removes its own name.

        Raises:
            ObjectConflict: other bytes are kept under this write-once key. Never retry; raise the alarm.
            DiskFull: no room; nothing was kept.

        """

    def put_bytes(self, key: str, content: bytes) -> Kept:
        """Keep a small content (an arrival, a playlist) under the same promises as `put`."""

    def mend(self, key: str, source: Path) -> Kept:
        """
        Keep a good copy as the newest version of a write-once object whose kept one is damaged or gone.

        For repairs alone, which know the bytes that must be there: the caller compares `source` with the ledger before
        and reads the version given back after. What was kept stays under its version. Any version that has these bytes
        already is given back, so a repeated repair is safe.

        Raises:
            NotAllowed: the key lies in *derived*, where `put` replaces.
            DiskFull: no room; nothing was changed.

        """

    def stat(self, key: str, version: str | None = None) -> Kept:
        """Tell version and size; without `version` the newest. Raises `NotFound`."""

    def read(self, key: str, version: str | None = None, *, offset: int = 0, length: int | None = None) -> Blocks:
        """
        Give the bytes [offset, offset + length), or up to the end, in blocks of at most 1 MiB.

        Exactly as many as asked for: a body cut short raises `StoreUnavailable` at the block where
        it breaks. An empty range at or before the end is legal.

        Raises, by the call itself and not at the first block, so that a handler can still answer:
            NotFound: no such object or version.
            RangeOutside: the range does not lie inside the object.
        """

    def versions(self, key: str) -> list[Kept]:
        """List the kept versions, oldest first; empty where there are none. Delete markers are no versions."""

    def keys(self, prefix: str) -> Iterator[Kept]:
        """
        List every object whose key starts with `prefix` (`originals/`, `derived/sha256/ab`), once each, unordered.

        Gives the newest kept version, also where a delete marker hides it, and says so.
        """

    def lock(self, key: str, version: str | None, *, mode: LockMode, until: datetime) -> Lock:
        """
        Protect one version until `until` (aware; rounded up to the second) and read back what holds.

        Never shortens and never weakens: the later date and the stronger mode of old and new remain.
        What comes back is what the store says; where it cannot lock, it is less than asked
        for: compare with `Lock.covers` and say so.

        Raises:
            NotFound: no such version.
            NotAllowed: the key lies in *derived*, which is never locked.

        """

    def hold(self, key: str, version: str | None, *, on: bool) -> Lock:
        """Set or lift the hold of one version and read back what holds. Raises as `lock`."""

    def lock_state(self, key: str, version: str | None) -> Lock:
        """Read what protects one version. Raises `NotFound`."""

    def remove_derived(self, key: str) -> None:
        """
        Remove what can be made again; a key that is not there is a no-op.

        Raises:
            NotAllowed: the key does not lie in *derived*. Originals are never removed here.

        """

    def lend(self, key: str, version: str | None, digest: Digest) -> AbstractContextManager[Path]:
        """
        Lend the object as a local file, read-only, for programs that need one.

        A folder lends the object itself, unverified; S3 lends a copy from the spool whose bytes were
        verified against `digest`. Valid inside the `with` only; never written to, moved or removed.

        Raises:
            NotFound: no such object or version.
            DigestMismatch: the stored bytes are not those of `digest`. Raise the alarm.
            DiskFull: the spool cannot hold the object now.

        """

    def sweep_temporary(self, older_than: datetime) -> int:
        """Remove leftovers of puts that never ended and began before `older_than`; tells how many."""

    def probe(self, now: datetime) -> WormReport:
        """Try to break write-once with canaries locked for a short time, and report what the store let happen."""
