"""
Rebuild what the catalogue knew of footage from the arrivals that lie beside the originals in the store.

An arrival tells all that an upload told. So the upload is noted again as it was when its bytes were deposited, and
recorded by the very step that records every upload; the recording comes back under its id, its chain goes on, and the
jobs that read the bytes back, examine, link and render are asked for as ever.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import Unit
from services.bootstrap import Archive
from services.custody.tables import object_head
from services.digest import Digest
from services.errors import Invalid
from services.index.models import Arrival, Object, Upload
from services.ingest.steps.deposit import ARRIVAL_FORMAT
from services.ingest.steps.record import record, recording_id_of
from services.storage import keys
from services.storage.keys import Area
from services.storage.store import Kept

PORTION: Final = 500
ARRIVAL_MAX_BYTES: Final = 1 << 20
"""An arrival holds an upload's metadata; anything longer is not one."""


@dataclass(frozen=True, slots=True)
class Told:
    """An arrival as its object in the store tells it; sizes in bytes."""

    upload: str
    gate: str
    sender: str
    sender_id: str
    unit_id: str | None
    dock: str | None
    received_at: datetime | None
    digest: Digest
    size_bytes: int
    chunk_root: bytes
    metadata: dict[str, str]
    quarantine: str | None

    @property
    def recording_id(self) -> str:
        """The recording that this upload made, if it made one."""
        return recording_id_of(self.upload, self.received_at)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of one arrival: the recording that it belongs to again, or why it could not come back."""

    arrival: str
    recording: str | None
    trouble: str | None = None


def rebuild(archive: Archive) -> Iterator[Rebuilt]:
    """
    Bring back every arrival that the catalogue lacks; gives each as it is done. Repeating it goes on where it ended.

    Raises:
        StoreUnavailable, DatabaseBusy: not all was looked at; repeat it.
    """
    listed = archive.store.keys(f"{Area.ORIGINALS}/")
    while portion := list(islice(listed, PORTION)):
        named = {made: kept.key for kept in portion if (made := keys.arrival_of(kept.key)) is not None}
        with archive.reading() as session:
            known = set(session.scalars(select(Arrival.key).where(Arrival.key.in_(named.values()))))
        lacking = {digest for (digest, _), key in named.items() if key not in known}
        for digest in sorted(lacking, key=lambda one: one.hex):
            yield from _rebuild_original(archive, digest)


def _rebuild_original(archive: Archive, digest: Digest) -> Iterator[Rebuilt]:
    """Bring back all arrivals of one original: first those that made recordings, for others may belong to these."""
    told: list[Told] = []
    for kept in list(archive.store.keys(keys.arrivals_of(digest))):
        try:
            # what was put there first is locked; who writes into the store can only lay other versions above it
            first, *_ = archive.store.versions(kept.key) or [kept]
            told.append(_read(archive, first))
        except Invalid as error:
            yield Rebuilt(kept.key, None, str(error))
    with archive.reading() as session:
        uploads = [one.upload for one in told]
        known = set(session.scalars(select(Arrival.upload_id).where(Arrival.upload_id.in_(uploads))))
        begun = _begun(session, [one.recording_id for one in told])
        pinned = session.scalar(select(Object.version_id).where(Object.sha256 == digest.hex))
    lacking = [one for one in told if one.upload not in known]
    kept_versions = archive.store.versions(keys.original(digest))
    for one in sorted(lacking, key=lambda one: (one.recording_id not in begun, one.upload)):
        version = _version_of(kept_versions, one, pinned)
        if version is None:
            found = ", ".join(f"{kept.size_bytes:,}" for kept in kept_versions) or "none"
            trouble = f"no original of {one.size_bytes:,} bytes is in the store ({found})"
            yield Rebuilt(one.upload, one.recording_id, trouble)
            continue
        _note_upload(archive, one, version)
        record(archive, one.upload)
        with archive.reading() as session:
            yield Rebuilt(one.upload, session.get_one(Upload, one.upload).recording_id)


def _begun(session: Session, recordings: Sequence[str]) -> set[str]:
    """Choose those that the ledger knows: an upload that only added an arrival made no recording."""
    return set(session.scalars(select(object_head.c.obj).where(object_head.c.obj.in_(recordings))))


def _version_of(kept: Sequence[Kept], told: Told, pinned: str | None) -> Kept | None:
    """Choose the version to pin: the one that is, else the oldest of the right size. Its bytes are read back later."""
    fitting = [one for one in kept if one.size_bytes == told.size_bytes]
    same = [one for one in fitting if pinned is not None and one.version == pinned]
    return next(iter([*same, *fitting]), None)


def _read(archive: Archive, kept: Kept) -> Told:
    """
    Read an arrival's object.

    Raises:
        Invalid: it is none of ours, or one of another format.
    """
    if kept.size_bytes > ARRIVAL_MAX_BYTES:
        raise Invalid(f"an arrival has at most {ARRIVAL_MAX_BYTES:,} bytes, {kept.key} has {kept.size_bytes:,}")
    named = keys.arrival_of(kept.key)
    try:
        said: dict[str, Any] = json.loads(b"".join(archive.store.read(kept.key, kept.version)))
        told = Told(
            upload=said["upload"],
            gate=said["gate"],
            sender=said["sender"],
            sender_id=said["sender_id"],
            unit_id=said["unit_id"],
            dock=said["dock"],
            received_at=datetime.fromisoformat(said["received_at"]) if said["received_at"] else None,
            digest=Digest.from_hex(said["sha256"]),
            size_bytes=said["size"],
            chunk_root=bytes.fromhex(said["chunk_root"]),
            metadata=dict(said["metadata"]),
            quarantine=said["quarantine"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{kept.key} is no arrival: {type(error).__name__}: {error}") from error
    if said.get("format") != ARRIVAL_FORMAT or named != (told.digest, told.upload):
        raise Invalid(f"{kept.key} tells of upload {told.upload} of {told.digest}, in format {said.get('format')}")
    return told


def _note_upload(archive: Archive, told: Told, kept: Kept) -> None:
    """Note the upload as it was when its bytes lay in the store and it was no recording yet."""
    now = archive.clock()
    with archive.plain() as session:
        unit = session.get(Unit, told.unit_id) if told.unit_id else None
        row = session.get(Upload, told.upload, with_for_update=True)
        if row is None:
            row = Upload(id=told.upload, created_at=told.received_at or now, expires_at=now + timedelta(days=1))
            session.add(row)
        row.gate, row.sender, row.sender_id, row.dock = told.gate, told.sender, told.sender_id, told.dock
        row.unit_id = unit.id if unit else None  # a unit made since is lost; the recording is unassigned then
        row.given = told.metadata
        row.filename = told.metadata.get("filename", "")[:4000]
        row.kind = told.metadata.get("kind", "")[:32] or None
        row.device, row.officer = told.metadata.get("device") or None, told.metadata.get("officer") or None
        row.state, row.reason, row.received_at = "received", told.quarantine, told.received_at
        row.size_bytes, row.sha256, row.chunk_root = told.size_bytes, told.digest.hex, told.chunk_root
        row.object_version, row.deposited, row.changed_at = kept.version, True, now
