"""Show uploads on their way in, to those who may see them: one's own, those that name one, or those of one's units."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from services.accounts.models import User
from services.accounts.rights import Principal
from services.errors import Gone, Invalid, NotFound
from services.index.keyset import LIMIT_DEFAULT, Key, Page, page
from services.index.models import Upload
from services.index.visible import is_id

STATES = ("receiving", "received", "stored", "verified", "quarantined", "expired")
TERMINATED = "terminated"
"""Given up by its sender; shown to nobody."""

OVERSEERS = frozenset({"reviewer", "supervisor", "head", "auditor", "admin"})
"""Roles that see the uploads of their units' subtree; everybody else sees their own."""


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """An upload as people see it; `offset` in bytes, None where only the gate knows it."""

    id: str
    state: str
    reason: str | None
    offset: int | None
    size: int
    sha256: str | None
    recording: str | None
    duplicate: bool
    filename: str
    kind: str | None
    device: str | None
    officer: str | None
    sender: str
    dock: str | None
    gate: str
    created_at: datetime
    changed_at: datetime
    received_at: datetime | None
    expires_at: datetime
    receipt: str | None = None
    """The log's signed word that the recording's entry will be in it; only where one upload is asked for."""


def visible_uploads(who: Principal) -> ColumnElement[bool]:
    """
    Give the condition on `Upload` that holds for those `who` may see.

    A dock sends for many: an upload is its sender's, that of the officer it names, and of the units of both.
    """
    own = Upload.sender_id == who.id
    if who.number is not None:
        own = or_(own, Upload.officer == who.number)
    if who.role not in OVERSEERS:
        return own
    if who.reaches_all:
        return true()
    units = sorted(who.units)
    officers = select(User.number).where(User.number.is_not(None), User.unit_id.in_(units))
    return or_(own, Upload.unit_id.in_(units), Upload.officer.in_(officers))


def list_uploads(
    session: Session, who: Principal, *, state: str | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[UploadFacts]:
    """List uploads, the newest first. Raises `Invalid` for an unknown state or a cursor of another list."""
    if state is not None and state not in STATES:
        raise Invalid(f"{state!r} is no state of an upload: {', '.join(STATES)}")
    query = select(Upload).where(visible_uploads(who), Upload.state != TERMINATED)
    if state is not None:
        query = query.where(Upload.state == state)
    order = (Key(Upload.created_at, descending=True), Key(Upload.id, descending=True))
    found = page(session, query, order, limit=limit, cursor=cursor, of=("uploads", state))
    return found.map(lambda rows: [show(row) for row in rows])


def find_upload(session: Session, who: Principal, upload_id: str) -> UploadFacts:
    """
    Show one upload.

    Raises:
        NotFound: there is none, or none that `who` may know of.
        Gone: its sender gave it up.
    """
    query = select(Upload).where(Upload.id == upload_id, visible_uploads(who))
    row = session.scalars(query).one_or_none() if is_id(upload_id) else None
    if row is None:
        raise NotFound(f"there is no upload {upload_id[:80]}")
    if row.state == TERMINATED:
        raise Gone(f"upload {upload_id} was given up by its sender")
    return show(row)


def show(row: Upload) -> UploadFacts:
    """Show an upload's row. While bytes come only its gate knows how many are there."""
    return UploadFacts(
        id=row.id,
        state=row.state,
        reason=row.reason,
        offset=None if row.state in ("receiving", "expired") else row.size_bytes,
        size=row.size_bytes,
        sha256=row.sha256,
        recording=row.recording_id,
        duplicate=row.duplicate,
        filename=row.filename,
        kind=row.kind,
        device=row.device,
        officer=row.officer,
        sender=row.sender,
        dock=row.dock,
        gate=row.gate,
        created_at=row.created_at,
        changed_at=row.changed_at,
        received_at=row.received_at,
        expires_at=row.expires_at,
    )
