"""
Lay uploads out on a gate's disk, so that each process of that gate finds them.

```
{folder}/gate.lock                   held by the one process that receives
{folder}/{upload}/manifest.json      what was declared; written once, never changed
{folder}/{upload}/part               the bytes so far, while some are missing
{folder}/{upload}/base-{offset}      while a checksummed append runs: bytes from here on do not count yet
{folder}/{upload}/whole              all bytes, durable and read-only
{folder}/.new-… .gone-…              being made, being removed: whatever a crash leaves here means nothing
```
Only ids of our own making become paths; names given by docks stay values inside the manifest.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

from services.errors import DiskFull, HuisuError, NotFound, Unavailable

UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
MANIFEST, PART, WHOLE, BASE, FRESH, LEAVING = "manifest.json", "part", "whole", "base-", ".new-", ".gone-"

Sync = Callable[[int], None]
"""Make the file or folder behind a descriptor durable, or raise `OSError`: `os.fsync`."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was declared when an upload began. `metadata_header` is the client's own text, given back verbatim."""

    upload: str
    size_bytes: int
    metadata: Mapping[str, str]
    metadata_header: str
    opened_at: datetime
    expires_at: datetime


def refusal(error: OSError, what: str) -> HuisuError:
    """Name a failure of the disk: full (also by quota or file-size limit), or not working."""
    if error.errno in {ENOSPC, EDQUOT, EFBIG}:
        return DiskFull(f"no room to keep {what}: {error.strerror}")
    return Unavailable(f"the staging disk failed at {what}: {error.strerror or error}")


def sync_folder(folder: Path, sync: Sync) -> None:
    """Make the names in a folder durable."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(opened)
    finally:
        os.close(opened)


class Shelf:
    """Find and hand over what lies in a staging folder; needs no lock, so the gate's worker uses it too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self, upload: str) -> Manifest:
        """Read what was declared; raises `NotFound` where nothing lies under this id (any more)."""
        try:
            told = json.loads((self._place(upload) / MANIFEST).read_bytes())
        except FileNotFoundError as error:
            raise NotFound(f"no upload {upload} is staged here") from error
        except OSError as error:
            raise refusal(error, f"the manifest of upload {upload}") from error
        return Manifest(
            upload=told["upload"],
            size_bytes=told["size_bytes"],
            metadata=told["metadata"],
            metadata_header=told["metadata_header"],
            opened_at=datetime.fromisoformat(told["opened_at"]),
            expires_at=datetime.fromisoformat(told["expires_at"]),
        )

    def is_complete(self, upload: str) -> bool:
        """Say whether all bytes are here and durable."""
        return (self._place(upload) / WHOLE).is_file()

    def complete_path(self, upload: str) -> Path:
        """Give the read-only file of a complete upload; raises `NotFound` for any other."""
        path = self._place(upload) / WHOLE
        if not path.is_file():
            raise NotFound(f"upload {upload} is not complete here")
        return path

    def complete(self) -> list[str]:
        """List the uploads that wait for the store, oldest first."""
        return [upload for upload in self._uploads() if self.is_complete(upload)]

    def unfinished(self) -> list[str]:
        """List the uploads that miss bytes, oldest first."""
        return [upload for upload in self._uploads() if not self.is_complete(upload)]

    def discard(self, upload: str) -> None:
        """Remove an upload that the store has, or that was given up: bytes and manifest. Repeating is harmless."""
        leaving = self.folder / f"{LEAVING}{upload}"
        try:
            self._place(upload).rename(leaving)
        except (FileNotFoundError, NotFound):
            return
        except OSError as error:
            raise refusal(error, f"the removal of upload {upload}") from error
        shutil.rmtree(leaving, ignore_errors=True)

    def _place(self, upload: str) -> Path:
        if not UPLOAD_ID.match(upload):
            raise NotFound(f"{upload[:80]!r} is not the id of an upload")
        return self.folder / upload

    def _uploads(self) -> list[str]:
        # UUIDv7 sort by their time of making.
        return sorted(entry.name for entry in os.scandir(self.folder) if UPLOAD_ID.match(entry.name))


def write_manifest(folder: Path, manifest: Manifest, sync: Sync) -> None:
    """Write a manifest into a folder that nobody sees yet; durable on return."""
    told = {
        "upload": manifest.upload,
        "size_bytes": manifest.size_bytes,
        "metadata": dict(manifest.metadata),
        "metadata_header": manifest.metadata_header,
        "opened_at": manifest.opened_at.isoformat(),
        "expires_at": manifest.expires_at.isoformat(),
    }
    opened = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(opened, "wb") as file:
        file.write(json.dumps(told, ensure_ascii=False, indent=1).encode())
        file.flush()
        sync(file.fileno())
