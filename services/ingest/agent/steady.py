"""Read a file in blocks and notice when somebody changes it under the reader."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from services.errors import Conflict

BLOCK_BYTES = 1 << 20


class SteadyFile:
    """
    A file held open, with the size and time it had when it was opened.

    Raises:
        OSError: on opening or reading; the caller says which file.
        Conflict: size or modification time differ from those at opening. What was sent is not one file.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        facts = os.fstat(self._fd)
        self.size_bytes, self.mtime_ns = facts.st_size, facts.st_mtime_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """Give the bytes of [start, end) in blocks of at most 1 MiB, one in memory at a time."""
        at = start
        while at < end:
            self.check()
            block = os.pread(self._fd, min(BLOCK_BYTES, end - at), at)
            if not block:
                raise Conflict(f"changed while being sent: it ends at byte {at}, {self.size_bytes} were expected")
            at += len(block)
            yield block

    def check(self) -> None:
        """Raises `Conflict` if the file is not what it was at opening."""
        facts = os.fstat(self._fd)
        check_same(facts, self.size_bytes, self.mtime_ns)


def check_same(facts: os.stat_result, size_bytes: int, mtime_ns: int) -> None:
    """Raises `Conflict` if size or modification time differ, with both values."""
    if facts.st_size != size_bytes:
        raise Conflict(f"changed while being sent: {size_bytes} bytes became {facts.st_size}")
    if facts.st_mtime_ns != mtime_ns:
        raise Conflict(f"changed while being sent: modified at {mtime_ns} ns, now {facts.st_mtime_ns} ns")
