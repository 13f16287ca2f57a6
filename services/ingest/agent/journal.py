"""
Remember across restarts which upload belongs to which file.

One small JSON file per upload, named by the hash of its key, replaced atomically and made durable. It is written
once before the upload is made (the attempt's id, sent as `Idempotency-Key`, lets an archive answer a repeated
creation with the same upload) and once with the upload's address. No token is ever written.
"""

import fcntl
import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from services.digest import Digest
from services.errors import Misconfigured

KEPT_S = 90 * 24 * 3600
"""Entries of files that are gone are dropped after this many seconds; the archive knows the digest anyway."""


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two attempts the same upload: a change of any of these is another file."""

    url: str
    path: Path
    size_bytes: int
    mtime_ns: int
    digest: Digest

    @property
    def name(self) -> str:
        """A file name for it; paths of any bytes and length fit."""
        parts = (self.url, str(self.path), str(self.size_bytes), str(self.mtime_ns), self.digest.hex)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Entry:
    """An attempt that was begun, and its upload's address once the archive gave it."""

    attempt: str
    location: str | None


class Claim:
    """The right to send one file; another agent on this machine waits for it. Ends with the process at the latest."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path, self._fd = path, fd

    def release(self) -> None:
        """Give it back; releasing twice is harmless."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1


class Journal:
    """
    The folder of entries.

    Raises:
        Misconfigured: the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "uploads"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Misconfigured(f"the resume memory {folder} cannot be made: {error.strerror}; use --state") from error

    def recall(self, key: Key) -> Entry | None:
        """Give what is known of this upload, if anything."""
        try:
            facts = json.loads(self._path(key).read_bytes())
            return Entry(str(facts["attempt"]), facts["location"] and str(facts["location"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, key: Key, entry: Entry) -> None:
        """Keep an entry: whole or not at all, and durable when this returns."""
        facts = {
            "attempt": entry.attempt,
            "location": entry.location,
            "path": str(key.path),
            "size": key.size_bytes,
            "sha256": key.digest.hex,
        }
        target = self._path(key)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            with temporary.open("wb") as file:
                file.write(json.dumps(facts).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            self._sync_folder()
        except OSError as error:
            raise Misconfigured(f"the resume memory {self._folder} cannot be written: {error.strerror}") from error

    def forget(self, key: Key) -> None:
        """Drop an entry whose upload is gone."""
        self._path(key).unlink(missing_ok=True)

    def claim(self, key: Key) -> Claim | None:
        """Take the right to send this file, or give nothing while another agent has it."""
        path = self._folder / f"{key.name}.lock"
        while True:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise Misconfigured(f"the resume memory {path.parent} cannot be written: {error.strerror}") from error
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.stat(path).st_ino == os.fstat(fd).st_ino:  # noqa: PTH116  beside fstat
                    return Claim(path, fd)
            except BlockingIOError:
                os.close(fd)
                return None
            except FileNotFoundError:
                pass
            os.close(fd)  # its holder removed it between our open and our lock: it guards nothing

    def prune(self, now: float) -> None:
        """Drop old entries whose files are gone, and what a killed agent left; `now` in seconds since 1970."""
        limit = now - KEPT_S
        for path in self._folder.iterdir():
            try:
                if path.stat().st_mtime < limit and not self._is_needed(path):
                    path.unlink()
            except OSError:  # another agent was faster
                continue

    @staticmethod
    def _is_needed(path: Path) -> bool:
        if path.suffix != ".json":
            return False
        try:
            return Path(json.loads(path.read_bytes())["path"]).exists()
        except (ValueError, KeyError, TypeError):
            return False

    def _path(self, key: Key) -> Path:
        return self._folder / f"{key.name}.json"

    def _sync_folder(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
