"""
Lend folders for work in progress that go with their user, even one that was killed.

The user holds a lock on its folder, which the kernel lifts when it dies; whoever starts next removes
the folders that nobody holds. What lies in them was never anybody's only copy.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.errors import Unavailable
from services.storage.durable import translated

PREFIX = "work-"


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """
    Lend an empty folder below `parent` until the end of the context.

    Raises:
        DiskFull, StoreUnavailable: the disk gives none.
    """
    with translated(f"scratch folder in {parent}"):
        folder, lock = _held(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _held(parent: Path) -> tuple[Path, int]:
    for _ in range(10):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # swept between its making and its opening
        fcntl.flock(lock, fcntl.LOCK_SH)
        if folder.is_dir():
            return folder, lock
        os.close(lock)
    raise Unavailable(f"scratch folder in {parent}: each new folder was removed by another at once")


def sweep_scratch(parent: Path) -> int:
    """Remove the folders of users that died; tells how many. Those in use are left alone."""
    swept = 0
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue  # gone meanwhile
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
        except BlockingIOError:
            continue  # in use
        finally:
            os.close(lock)
    return swept
