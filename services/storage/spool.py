"""
Keep verified local copies of remote objects, named by digest, within a fixed number of bytes.

Any number of threads and processes share one folder; the files' own locks (flock, which the kernel lifts
when a process dies) tell who fills and who holds:

```
<hex>        a whole, verified, read-only copy
<hex>.part   being filled, its room reserved on the disk beforehand
<hex>.lock   shared: somebody holds the copy · exclusive: somebody fills or evicts it
.room.lock   exclusive: somebody counts or reserves room
```

`kill -9` leaves at most a `.part` without a holder, which is the first thing to be evicted.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO

from services.digest import Digest
from services.errors import DigestMismatch, DiskFull
from services.storage.durable import sync_folder, translated

DEFAULT_CAPACITY_BYTES = 20 * 1000**3


class Spool:
    """Lend verified copies from `root`, which never holds more than `capacity_bytes`."""

    def __init__(self, root: Path, capacity_bytes: int = DEFAULT_CAPACITY_BYTES) -> None:
        self._root = root
        self._capacity = capacity_bytes

    def prepare(self) -> None:
        """Create the folder; repeating it is harmless."""
        with translated(str(self._root)):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def lend(self, digest: Digest, size_bytes: int, fetch: Callable[[], Iterable[bytes]]) -> Iterator[Path]:
        """
        Lend the file with this digest; `fetch` gives its bytes when no copy is here.

        While lent the copy is not evicted. Whoever asks for a copy that another is filling waits for it.

        Raises:
            DiskFull: the copy does not fit beside those that are held now.
            DigestMismatch: `fetch` gave other bytes; nothing of them is kept.
            StoreUnavailable: the folder does not work, or what `fetch` raised.
        """
        copy = self._root / digest.hex
        while True:
            with self._locked(copy, fcntl.LOCK_SH):
                if copy.is_file():
                    with suppress(FileNotFoundError):
                        os.utime(copy)  # the least recently used is evicted first
                    yield copy
                    return
            with self._locked(copy, fcntl.LOCK_EX):
                if not copy.is_file():
                    self._fill(copy, digest, size_bytes, fetch)

    def _fill(self, copy: Path, digest: Digest, size_bytes: int, fetch: Callable[[], Iterable[bytes]]) -> None:
        part = copy.with_suffix(".part")
        try:
            self._reserve(part, size_bytes)
            whole, size = hashlib.sha256(), 0
            with translated(f"spool {part}"), part.open("r+b", buffering=0) as file:
                for block in _closing(fetch()):
                    size += len(block)
                    if size > size_bytes:
                        break
                    whole.update(block)
                    _write_all(file, block)
                if size != size_bytes or whole.digest() != digest.value:
                    raise DigestMismatch(
                        f"expected {digest} with {size_bytes:,} bytes, the store gave"
                        f" sha256:{whole.hexdigest()} with {'at least ' if size > size_bytes else ''}{size:,}"
                    )
                os.fchmod(file.fileno(), 0o400)
                os.fsync(file.fileno())  # else a power cut could leave a whole name on empty bytes
            with translated(f"spool {copy}"), self._counting():  # renamed while counted it could be missed
                part.rename(copy)
                sync_folder(self._root)
        finally:
            part.unlink(missing_ok=True)

    def _reserve(self, part: Path, size_bytes: int) -> None:
        """Make room and take it on the disk, so that a filling never runs out of it half-way."""
        if size_bytes > self._capacity:
            raise DiskFull(f"spool {self._root}: {size_bytes:,} bytes never fit into {self._capacity:,}")
        with translated(f"spool {part}"), self._counting():
            part.unlink(missing_ok=True)
            self._evict_until(self._capacity - size_bytes)
            with part.open("xb") as file:
                if size_bytes:
                    os.posix_fallocate(file.fileno(), 0, size_bytes)

    def _counting(self) -> AbstractContextManager[Path]:
        """Let one count, reserve or rename at a time, so that the files' sizes add up."""
        return self._locked(self._root / ".room", fcntl.LOCK_EX)

    def _evict_until(self, most_bytes: int) -> None:
        copies = sorted(self._copies(), key=lambda each: (each[0].suffix != ".part", each[1].st_mtime_ns))
        held = sum(status.st_size for _, status in copies)
        for path, status in copies:
            if held <= most_bytes:
                return
            if self._evict(path):
                held -= status.st_size
        if held > most_bytes:
            raise DiskFull(f"spool {self._root}: {held:,} of {self._capacity:,} bytes are in use now")

    def _evict(self, path: Path) -> bool:
        try:
            with self._locked(path.with_suffix(""), fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
                path.unlink(missing_ok=True)
                lock.unlink(missing_ok=True)  # whoever waits for it sees that it went and opens a new one
                return True
        except BlockingIOError:
            return False

    def _copies(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._root.iterdir():
            if path.suffix in {"", ".part"} and not path.name.startswith("."):
                with suppress(FileNotFoundError):
                    yield path, path.stat()

    @contextmanager
    def _locked(self, copy: Path, how: int) -> Iterator[Path]:
        """Hold the lock of one copy; a lock file that was removed while we waited for it protects nothing."""
        path = copy.with_name(copy.name + ".lock")
        while True:
            with translated(f"spool {path}"):
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, how)
                if _is_still(path, handle):
                    yield path
                    return
            finally:
                os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _write_all(file: IO[bytes], block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


def _closing(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the blocks and let their source go also when filling stops early."""
    try:
        yield from blocks
    finally:
        close = getattr(blocks, "close", None)
        if close is not None:
            close()
