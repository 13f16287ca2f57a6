"""
Keep arriving bytes on the disk of one gate: the offset of an upload is what its disk holds.

Nothing here is told before it is durable. After a crash the files alone tell how far each upload
came; a staging therefore makes a file's bytes durable before it first speaks of them, and cuts
away what a checksum had not yet confirmed.

A failed fsync means that the bytes since the last good one are lost, whatever a later fsync says
(the kernel marks such pages clean): they are cut off and must be sent again.
"""

import fcntl
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from services.errors import Conflict, DiskFull, Misconfigured, NotFound, OffsetMismatch
from services.ingest.append import Append, Checksum
from services.ingest.shelf import (
    BASE,
    FRESH,
    LEAVING,
    PART,
    WHOLE,
    Manifest,
    Shelf,
    Sync,
    refusal,
    sync_folder,
    write_manifest,
)

log = logging.getLogger(__name__)

RESERVE_BYTES = 1 << 30
"""Free space that no new upload may claim: the database and the log share this disk in an embedded archive."""


@dataclass(frozen=True, slots=True)
class Staged:
    """How far an upload came: `offset` counts durable bytes only."""

    manifest: Manifest
    offset: int
    is_complete: bool


class Staging(Shelf):
    """
    Own a staging folder and receive into it. Different uploads may be used from different threads.

    Raises:
        Misconfigured: another process receives into this folder, or it cannot be used.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int = RESERVE_BYTES, sync: Sync = os.fsync) -> None:
        super().__init__(folder)
        self._reserve_bytes = reserve_bytes
        self._sync = sync
        self._guard = threading.Lock()
        self._claims: set[str] = set()
        self._durable: dict[str, int] = {}  # made durable by this process, so known without another fsync
        self._lost: dict[str, int] = {}  # bytes from here on were not made durable and could not be cut off yet
        self._settled: set[str] = set()  # unfinished uploads whose folder this process made durable as it is
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "gate.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Misconfigured(f"staging folder {folder} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Misconfigured(f"another gate receives into {folder}: each gate needs a staging folder") from error
        for entry in list(folder.iterdir()):
            if entry.name.startswith((FRESH, LEAVING)):
                shutil.rmtree(entry, ignore_errors=True)

    def close(self) -> None:
        """Give the folder free for another gate. Repeating is harmless."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, manifest: Manifest) -> None:
        """
        Make room for an upload: its manifest and no bytes yet. An upload of zero bytes is complete at once.

        Raises:
            DiskFull: the declared size does not fit into the free space above the reserve.
        """
        disk = os.statvfs(self.folder)
        free = disk.f_bavail * disk.f_frsize
        if manifest.size_bytes > free - self._reserve_bytes:
            raise DiskFull(
                f"an upload of {manifest.size_bytes} bytes: {free} free, {self._reserve_bytes} kept in reserve"
            )
        place, fresh = self._place(manifest.upload), self.folder / f"{FRESH}{manifest.upload}"
        try:
            fresh.mkdir(mode=0o700)
            write_manifest(fresh, manifest, self._sync)
            (fresh / PART).touch(mode=0o600, exist_ok=False)
            sync_folder(fresh, self._sync)
            fresh.rename(place)
            sync_folder(self.folder, self._sync)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise refusal(error, f"the manifest of upload {manifest.upload}") from error
        self._durable[manifest.upload] = 0
        self._settled.add(manifest.upload)
        if manifest.size_bytes == 0:
            self.look(manifest.upload)

    def look(self, upload: str) -> Staged:
        """
        Tell how far an upload came, after making that durable and cutting away what does not count.

        Raises:
            NotFound: nothing is staged under this id.
            Conflict: an append to it is running.
            Unavailable: its bytes could not be made durable; those in doubt are cut away, ask again.
        """
        with self._claimed(upload):
            return self._look(upload)

    def append(self, upload: str, offset: int, checksum: Checksum | None = None) -> Append:
        """
        Begin to add bytes at `offset`; the caller must end it with `keep` or `leave`.

        Raises:
            NotFound, Conflict, Unavailable: as `look`.
            OffsetMismatch: the durable bytes do not end at `offset`.
        """
        self._claim(upload)
        try:
            staged = self._look(upload)
            if staged.offset != offset or staged.is_complete:
                raise OffsetMismatch(f"upload {upload} goes on at byte {staged.offset}, not at {offset}")
            with self._disk(f"upload {upload}"):
                opened = os.open(self._place(upload) / PART, os.O_WRONLY)
                if checksum is not None:
                    (self._place(upload) / f"{BASE}{offset}").touch(mode=0o600)
                    sync_folder(self._place(upload), self._sync)
            size_bytes = staged.manifest.size_bytes
            return Append(
                upload, opened, base=offset, size_bytes=size_bytes, checksum=checksum, settle=self._settle_append
            )
        except BaseException:
            self._release(upload)
            raise

    def expire(self, now: datetime, told: Callable[[str], None]) -> list[str]:
        """
        Remove unfinished uploads whose time is over, telling of each before its bytes go; gives their ids.

        One that is receiving bytes at this moment is left to the next round.
        """
        gone: list[str] = []
        for upload in self.unfinished():
            with suppress(NotFound, Conflict), self._claimed(upload):
                if self.manifest(upload).expires_at > now or self._look(upload).is_complete:
                    continue
                told(upload)
                super().discard(upload)
                self._forget(upload)
                gone.append(upload)
                log.info("upload expired", extra={"upload": upload})
        return gone

    def discard(self, upload: str) -> None:
        """As on the shelf; raises `Conflict` while an append to it is running."""
        with self._claimed(upload):
            super().discard(upload)
            self._forget(upload)

    def _look(self, upload: str) -> Staged:
        manifest, place = self.manifest(upload), self._place(upload)
        with self._disk(f"upload {upload}"):
            if self.is_complete(upload):
                self._forget(upload)
                (place / WHOLE).chmod(0o400)
                sync_folder(place, self._sync)  # a process killed after the renaming had not come to it
                return Staged(manifest, manifest.size_bytes, is_complete=True)
            with _opened(place / PART) as part:
                notes = self._notes(upload)
                counted = [int(note.name.removeprefix(BASE)) for note in notes]
                size, end = os.fstat(part).st_size, min([*counted, self._lost.get(upload, manifest.size_bytes)])
                if size > end:
                    os.ftruncate(part, end)
                    size = end
                if notes or self._durable.get(upload) != size:
                    self._make_durable(upload, part, size, trusted=min(self._durable.get(upload, 0), size))
                is_complete = size == manifest.size_bytes
                self._confirm(upload, part, is_complete=is_complete)
        return Staged(manifest, size, is_complete)

    def _settle_append(self, append: Append, offset: int) -> None:
        """End an append: what lies below `offset` becomes durable and counts, the rest is cut off."""
        upload = append.upload
        try:
            with self._disk(f"upload {upload} at byte {offset}"):
                if os.fstat(append.opened).st_size > offset:
                    os.ftruncate(append.opened, offset)
                self._make_durable(upload, append.opened, offset, trusted=append.base)
                self._confirm(upload, append.opened, is_complete=offset == append.size_bytes)
        finally:
            os.close(append.opened)
            self._release(upload)

    def _make_durable(self, upload: str, part: int, size: int, *, trusted: int) -> None:
        """Sync bytes; where that fails those behind `trusted` are lost, now or at the next look."""
        try:
            self._sync(part)
        except OSError:
            self._lost[upload] = trusted
            self._durable.pop(upload, None)
            log.warning("bytes were lost by the staging disk", extra={"upload": upload, "bytes": size - trusted})
            os.ftruncate(part, trusted)
            raise
        self._durable[upload] = size
        self._lost.pop(upload, None)

    def _confirm(self, upload: str, part: int, *, is_complete: bool) -> None:
        """Take away the notes of checksummed appends and give a complete upload its final name, durably."""
        place, notes = self._place(upload), self._notes(upload)
        if notes or is_complete:
            self._settled.discard(upload)
        if is_complete:
            # The final name goes first: after it a leftover note means nothing, before it the note must hold.
            (place / PART).rename(place / WHOLE)
            os.fchmod(part, 0o400)
        for note in notes:
            note.unlink()
        if upload not in self._settled:
            sync_folder(place, self._sync)
            self._settled.add(upload)
        if is_complete:
            self._forget(upload)

    def _notes(self, upload: str) -> list[Path]:
        return [entry for entry in self._place(upload).iterdir() if entry.name.startswith(BASE)]

    def _forget(self, upload: str) -> None:
        self._durable.pop(upload, None)
        self._lost.pop(upload, None)
        self._settled.discard(upload)

    @contextmanager
    def _disk(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"{what} is not staged here any more") from error
        except OSError as error:
            raise refusal(error, what) from error

    def _claim(self, upload: str) -> None:
        with self._guard:
            if upload in self._claims:
                raise Conflict(f"upload {upload} is in use by another request")
            self._claims.add(upload)

    def _release(self, upload: str) -> None:
        with self._guard:
            self._claims.discard(upload)

    @contextmanager
    def _claimed(self, upload: str) -> Iterator[None]:
        self._claim(upload)
        try:
            yield
        finally:
            self._release(upload)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDWR)
    try:
        yield opened
    finally:
        os.close(opened)
