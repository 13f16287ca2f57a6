"""Make files and folder entries survive a power cut, and say in our words why the disk refused."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.errors import DiskFull, HuisuError, Invalid, StoreUnavailable
from services.storage.store import BLOCK_BYTES

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, over the quota, over the process's limit: more room is what helps with each."""


def refusal(error: OSError, what: str) -> HuisuError:
    """Put an operating system's refusal in our words; `what` names the thing it was about."""
    if error.errno in FULL:
        return DiskFull(f"{what}: no room to keep its bytes ({error.strerror})")
    return StoreUnavailable(f"{what}: {error.strerror or error}")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise `DiskFull` or `StoreUnavailable` for what the operating system refuses inside."""
    try:
        yield
    except OSError as error:
        raise refusal(error, what) from error


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable: a link or rename is lost in a power cut before this."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the bytes of a file durable. An error means that they are lost: never try the fsync again."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folders(folder: Path, below: Path) -> None:
    """
    Create `folder` and its missing parents, each entry durable, but never `below` itself.

    Were `below` created too, an archive whose disk is not mounted would fill the disk underneath.
    """
    missing = []
    while folder != below and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700)
        sync_folder(each.parent)


def source_size(source: Path) -> int:
    """Tell the size of a local file that is to be kept; raises `Invalid` unless it is a regular file."""
    if source.is_symlink() or not source.is_file():
        raise Invalid(f"{source}: not a regular file that could be kept")
    return source.stat().st_size


def same_bytes(one: Path, other: Path) -> bool:
    """Compare two files by all of their bytes; two names of one file are equal unread."""
    if one.samefile(other):
        return True
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb", buffering=0) as left, other.open("rb", buffering=0) as right:
        while True:
            block, twin = left.read(BLOCK_BYTES), right.read(BLOCK_BYTES)
            if block != twin:
                return False
            if not block:
                return True
