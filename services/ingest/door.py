"""Keep what is known of uploads in the catalogue: the door's register over the archive's database."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import select

from services.accounts.credentials import authenticate
from services.accounts.rights import require
from services.bootstrap import Archive
from services.errors import Conflict, Gone, NotFound
from services.index.models import Upload
from services.ingest.register import Sender, UploadStage, UploadState
from services.jobs.lease import ask
from services.queue import KINDS

PRIORITY = {"interview": 2, "facility": 4}
"""Interviews first (rule 9); lower goes first, the rest are 5."""

assert "accession" in KINDS  # noqa: S101  (a misspelt kind would strand every upload)


class CatalogueRegister:
    """Answer the door from the database. Threads may share it; each call is its own transaction."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._gate = archive.settings.gate

    def authenticate(self, headers: Mapping[str, str]) -> Sender:
        """Accept a bearer token, or a browser's login session (whose CSRF token the border has checked)."""
        settings = self._archive.settings
        secure = settings.behind_proxy or settings.tls_cert is not None
        who = authenticate(self._archive.engine, headers, self._archive.clock(), secure=secure).who
        require(who, "upload.send")
        units = frozenset({who.unit}) if who.unit else frozenset[str]()
        return Sender(who.id, who.name, units, who.name if who.role == "dock" else None)

    def open(
        self, sender: Sender, upload: str, size_bytes: int, metadata: Mapping[str, str], expires_at: datetime
    ) -> None:
        """Note a new upload as `receiving`."""
        now = self._archive.clock()
        # PostgreSQL keeps no NUL in text; the manifest and the arrival object keep the header as it came.
        metadata = {key.replace("\0", "\ufffd"): value.replace("\0", "\ufffd") for key, value in metadata.items()}
        with self._archive.plain() as session:
            session.add(
                Upload(
                    id=upload,
                    gate=self._gate,
                    state="receiving",
                    size_bytes=size_bytes,
                    sender_id=sender.account,
                    sender=sender.name,
                    unit_id=next(iter(sender.units), None),
                    dock=sender.dock,
                    filename=metadata.get("filename", "")[:4000],
                    kind=(metadata.get("kind") or None) and metadata["kind"][:32],
                    device=metadata.get("device") or None,
                    officer=metadata.get("officer") or None,
                    given=dict(metadata),
                    created_at=now,
                    changed_at=now,
                    expires_at=expires_at,
                )
            )

    def look(self, sender: Sender, upload: str) -> UploadState:
        """Tell an upload's state to the one who sends it."""
        with self._archive.reading() as session:
            row = session.get(Upload, upload)
            if row is None or row.sender_id != sender.account:
                raise NotFound(f"there is no upload {upload}")
            if row.state == "terminated":
                raise Gone(f"upload {upload} was given up by its sender")
            return state_of(row)

    def received(self, upload: str) -> None:
        """Note that all bytes are durable here and ask for the accession, in one transaction."""
        now = self._archive.clock()
        with self._archive.plain() as session:
            row = session.execute(select(Upload).where(Upload.id == upload).with_for_update()).scalar_one_or_none()
            if row is None:
                raise NotFound(f"there is no upload {upload}")
            if row.state == "receiving":
                row.state, row.received_at, row.changed_at = "received", now, now
            bell = ask(session, "accession", upload, now, gate=self._gate, priority=PRIORITY.get(row.kind or "", 5))
        self._archive.ring([bell])

    def terminated(self, sender: Sender, upload: str) -> None:
        """Note that the sender gave up an upload that is not complete."""
        self._end(upload, "terminated", f"given up by {sender.name}", sender)

    def expired(self, upload: str) -> None:
        """Note that an unfinished upload ran out of time."""
        try:
            self._end(upload, "expired", "not finished in time", None)
        except (NotFound, Conflict):
            return

    def _end(self, upload: str, state: str, reason: str, sender: Sender | None) -> None:
        with self._archive.plain() as session:
            row = session.get(Upload, upload)
            if row is None or (sender is not None and row.sender_id != sender.account):
                raise NotFound(f"there is no upload {upload}")
            if row.state != "receiving":
                raise Conflict(f"upload {upload} is {row.state} and cannot become {state}")
            row.state, row.reason, row.changed_at = state, reason, self._archive.clock()


def state_of(row: Upload) -> UploadState:
    """Show an upload as `GET /uploads/{id}` does; the offset of one still receiving is the door's to fill in."""
    return UploadState(
        id=row.id,
        state=cast("UploadStage", row.state),
        reason=row.reason,
        offset=0 if row.state in {"receiving", "expired"} else row.size_bytes,
        size=row.size_bytes,
        sha256=row.sha256,
        recording=row.recording_id,
        duplicate=row.duplicate,
    )
