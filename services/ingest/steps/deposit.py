"""Deposit a sealed upload: keep its bytes in the object store, locked, with a small object telling of the arrival."""

import json
import logging
from datetime import timedelta

from services.bootstrap import Archive
from services.digest import CHUNK_LOG2, Digest
from services.index.models import Upload
from services.ingest.shelf import Shelf
from services.storage import keys
from services.storage.store import LockMode

log = logging.getLogger(__name__)

ARRIVAL_FORMAT = 1


def deposit(archive: Archive, upload: str) -> None:
    """Put the original under its digest's key (the same bytes twice are a no-op) and pin the version kept."""
    with archive.reading() as session:
        row = session.get_one(Upload, upload)
        if row.deposited or row.sha256 is None:
            return
        arrival = _arrival(row)
        digest = Digest.from_hex(row.sha256)
    source = Shelf(archive.settings.paths.staging).complete_path(upload)
    kept = archive.store.put(keys.original(digest), source, give=True)
    until = archive.clock() + timedelta(days=archive.settings.lock_days)
    lock = archive.store.lock(kept.key, kept.version, mode=LockMode.GOVERNANCE, until=until)
    if not lock.covers(LockMode.GOVERNANCE, until):
        log.warning("original is not locked as asked", extra={"upload": upload, "lock": str(lock)})
    told = archive.store.put_bytes(keys.arrival(digest, upload), arrival)
    archive.store.lock(told.key, told.version, mode=LockMode.GOVERNANCE, until=until)
    with archive.plain() as session:
        row = session.get_one(Upload, upload)
        row.deposited, row.object_version, row.changed_at = True, kept.version, archive.clock()


def _arrival(row: Upload) -> bytes:
    """Write the arrival object: enough to rebuild the catalogue's facts from the store alone."""
    told = {
        "format": ARRIVAL_FORMAT,
        "upload": row.id,
        "gate": row.gate,
        "sender": row.sender,
        "sender_id": row.sender_id,
        "unit_id": row.unit_id,
        "dock": row.dock,
        "received_at": row.received_at.isoformat() if row.received_at else None,
        "sha256": row.sha256,
        "size": row.size_bytes,
        "chunk_log2": CHUNK_LOG2,
        "chunk_root": row.chunk_root.hex() if row.chunk_root else None,
        "metadata": row.given,
        "quarantine": row.reason,
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1).encode()
