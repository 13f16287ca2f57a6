"""
Group recordings into sessions: an ordered view of one device or room, never a file (rule 11).

A session that an upload names is taken as told; otherwise files of one device whose gap is at most
the bureau's value belong together, also where a buffer from before the button was pressed overlaps the file before.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_, select
from uuid_utils import uuid7

from services.custody.work import Work
from services.db import lock_name
from services.index.models import Recording, SessionMember, SessionRow

UNCERTAINTY_S: Final[dict[str, float]] = {"given": 0.0, "container": 1.0, "file": 2.0, "arrival": 3600.0}
"""How far a start may be off, by its source. Container times have whole seconds, file times two on FAT."""

PRE_EVENT: Final = timedelta(seconds=120)
"""Longest buffer that cameras keep from before the button was pressed. Source: knowledge/media 5.5."""

CLOCKS: Final = frozenset({"given", "container"})
"""Sources of a start that say when the camera recorded; a file's or arrival's time groups nothing."""


def group(work: Work, recording: Recording, gap: timedelta) -> SessionRow | None:
    """Give the recording its place in a session, or none when it stands alone; harmless when repeated."""
    if recording.session_number:
        session = _named(work, recording.session_number, recording)
        _join(work, session, recording, "given")
        return session
    if recording.device is None or recording.ended_at is None or recording.started_source not in CLOCKS:
        return None
    lock_name(work.session, f"sessions:{recording.device}")
    neighbours = _neighbours(work, recording, gap)
    if not neighbours:
        return None
    sessions = sorted({found.id: found for n in neighbours if (found := _of(work, n))}.values(), key=lambda one: one.id)
    session = sessions[0] if sessions else _new(work, None, recording, "clock")
    for other in sessions[1:]:
        _merge(work, session, other)
    for member in (*neighbours, recording):
        _join(work, session, member, "clock")
    return session


def _neighbours(work: Work, recording: Recording, gap: timedelta) -> list[Recording]:
    assert recording.ended_at is not None  # noqa: S101  (the caller looked)
    start, end, buffered = recording.started_at, recording.ended_at, max(gap, PRE_EVENT)
    after = Recording.started_at.between(end - gap, end + gap)
    before = Recording.ended_at.between(start - gap, start + gap)
    goes_on = and_(Recording.started_at.between(end - buffered, end), Recording.started_at > start)
    went_on = and_(Recording.ended_at.between(start, start + buffered), Recording.started_at < start)
    rows = work.session.execute(
        select(Recording).where(
            Recording.device == recording.device,
            Recording.id != recording.id,
            Recording.session_number.is_(None),
            Recording.started_source.in_(CLOCKS),
            Recording.sha256 != recording.sha256,
            or_(after, before, and_(goes_on, Recording.ended_at > end), and_(went_on, Recording.ended_at < end)),
        )
    ).scalars()
    return [row for row in rows if row.channel == recording.channel]


def _of(work: Work, recording: Recording) -> SessionRow | None:
    return work.session.execute(
        select(SessionRow)
        .join(SessionMember, SessionMember.session_id == SessionRow.id)
        .where(SessionMember.recording_id == recording.id)
    ).scalar_one_or_none()


def _named(work: Work, number: str, recording: Recording) -> SessionRow:
    lock_name(work.session, f"session:{number}")
    found = work.session.execute(select(SessionRow).where(SessionRow.number == number)).scalar_one_or_none()
    return found or _new(work, number, recording, "given")


def _new(work: Work, number: str | None, recording: Recording, method: str) -> SessionRow:
    row = SessionRow(
        id=str(uuid7()), number=number, kind=recording.kind, device=recording.device, method=method, created_at=work.at
    )
    work.session.add(row)
    work.session.flush()
    work.append("session.make", row.id, kind=row.kind, device_id=row.device, method=method)
    return row


def _join(work: Work, session: SessionRow, recording: Recording, method: str) -> None:
    if work.session.get(SessionMember, (session.id, recording.id)) is not None:
        return
    uncertainty = UNCERTAINTY_S[recording.started_source]
    work.session.add(
        SessionMember(
            session_id=session.id,
            recording_id=recording.id,
            channel=recording.channel,
            starts_at=recording.started_at,
            method=method,
            uncertainty_s=uncertainty,
        )
    )
    work.append("rec.session", recording.id, session=session.id, method=method, uncertainty=uncertainty)


def _merge(work: Work, into: SessionRow, other: SessionRow) -> None:
    """Move the members of a session that turned out to be the same one; the empty row stays as history."""
    members = work.session.execute(select(SessionMember).where(SessionMember.session_id == other.id)).scalars().all()
    for member in members:
        recording = work.session.get_one(Recording, member.recording_id)
        work.session.delete(member)
        _join(work, into, recording, member.method)
