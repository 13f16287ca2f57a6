"""
Lay recordings side by side as they ran: lanes, gaps and overlaps by the wall clock.

`lay_out` is pure. A lane is one channel of a session, else one device, else one officer; its spans are
in the order of their starts. All ranges are half-open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.index.models import Case, Link, Recording, SessionMember, SessionRow
from services.index.visible import visible

INTERVIEW_GAP: Final = timedelta(seconds=2)
"""A longer silence inside an interview is an interruption that needs its cause. Source: domain, rule 42."""

SESSION_GAP: Final = timedelta(seconds=5)
"""Default of the setting: a longer silence between files of one device is a gap. Source: domain, rule 11."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One recording as the timeline takes it in; `end` equals `start` where nobody knows how long it ran."""

    recording: str
    start: datetime
    end: datetime
    kind: str = "body"
    session: str | None = None
    channel: str | None = None
    device: str | None = None
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Where one recording lies in its lane."""

    recording: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch between two spans of a lane in which nothing was recorded."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Overlap:
    """A stretch in which the same two or more recordings ran at once; ids in order."""

    start: datetime
    end: datetime
    recordings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the timeline; `key` is stable, `label` is for people."""

    key: str
    label: str
    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lanes, by their first start; `from_` and `to` are None where there is no recording."""

    from_: datetime | None
    to: datetime | None
    lanes: tuple[Lane, ...]
    overlaps: tuple[Overlap, ...]


def lay_out(pieces: Iterable[Piece], session_gap: timedelta = SESSION_GAP) -> Timeline:
    """
    Sort recordings into lanes and say where they pause and where they run at once.

    A pause is a gap when longer than `session_gap`, inside an interview when longer than `INTERVIEW_GAP`.
    """
    ordered = sorted(pieces, key=lambda piece: (piece.start, piece.end, piece.recording))
    by_lane: dict[tuple[str, str], list[Piece]] = {}
    for piece in ordered:
        by_lane.setdefault(_lane(piece), []).append(piece)
    lanes = []
    for (key, label), members in by_lane.items():
        is_interview = all(piece.session and piece.kind == "interview" for piece in members)
        allowed = INTERVIEW_GAP if is_interview else session_gap
        spans = tuple(Span(piece.recording, piece.start, piece.end) for piece in members)
        lanes.append(Lane(key, label, spans, tuple(_gaps(spans, allowed))))
    return Timeline(
        from_=ordered[0].start if ordered else None,
        to=max((piece.end for piece in ordered), default=None),
        lanes=tuple(lanes),
        overlaps=tuple(_overlaps(ordered)),
    )


def _lane(piece: Piece) -> tuple[str, str]:
    if piece.session and piece.channel:
        return f"session:{piece.session}:{piece.channel}", f"{piece.session} · {piece.channel}"
    if piece.session and piece.kind == "interview":
        return f"session:{piece.session}", piece.session
    if piece.device:
        return f"device:{piece.device}", piece.device
    if piece.officer:
        return f"officer:{piece.officer}", piece.officer
    return "unknown", ""


def _gaps(spans: Sequence[Span], allowed: timedelta) -> Iterable[Gap]:
    until = None
    for span in spans:
        if until is not None and span.start - until > allowed:
            yield Gap(until, span.start)
        until = span.end if until is None else max(until, span.end)


def _overlaps(pieces: Sequence[Piece]) -> Iterable[Overlap]:
    """Sweep over all starts and ends; ends go first where both fall on one instant, for ranges are half-open."""
    turns: dict[datetime, tuple[list[str], list[str]]] = {}
    for piece in pieces:
        if piece.end > piece.start:
            turns.setdefault(piece.start, ([], []))[0].append(piece.recording)
            turns.setdefault(piece.end, ([], []))[1].append(piece.recording)
    running: set[str] = set()
    since: datetime | None = None
    for moment in sorted(turns):
        if since is not None and len(running) > 1:
            yield Overlap(since, moment, tuple(sorted(running)))
        begun, ended = turns[moment]
        running.difference_update(ended)
        running.update(begun)
        since = moment


def case_timeline(session: Session, who: Principal, case: Case, session_gap: timedelta = SESSION_GAP) -> Timeline:
    """Lay out the recordings linked to a case that `who` may see."""
    linked = select(Link.recording_id).where(
        Link.target_type == "case", Link.target_id == case.id, Link.ended_at.is_(None)
    )
    rows = session.scalars(select(Recording).where(Recording.id.in_(linked), visible(who))).all()
    places = session.execute(
        select(SessionMember.recording_id, SessionMember.channel, SessionRow.id, SessionRow.number)
        .join(SessionRow, SessionRow.id == SessionMember.session_id)
        .where(SessionMember.recording_id.in_(linked))
        .order_by(SessionRow.id)
    )
    place = {row.recording_id: (row.number or row.id, row.channel) for row in places}
    return lay_out((_piece(row, *place.get(row.id, (None, None))) for row in rows), session_gap)


def _piece(row: Recording, session: str | None, channel: str | None) -> Piece:
    return Piece(
        recording=row.id,
        start=row.started_at,
        end=max(row.ended_at or row.started_at, row.started_at),
        kind=row.kind,
        session=session or row.session_number,
        channel=channel or row.channel,
        device=row.device,
        officer=row.officer,
    )
