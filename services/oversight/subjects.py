"""Say what a drawn item is about: its footage, whose it is, how much of it a reviewer watched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.rights import Principal, decide
from services.index.models import Incident, IncidentOfficer, Link, Recording, Viewing
from services.index.visible import visible_incidents, what_of
from services.oversight.models import SpotItem
from services.oversight.tickets import SEGMENT_S, seconds_of

UNPLAYABLE: Final = frozenset({"damaged", "quarantined", "disposed"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording, in seconds, half-open; `ends_s` None where its length is not known."""

    recording: str
    starts_s: float
    ends_s: float | None


@dataclass(frozen=True, slots=True)
class Subject:
    """
    What an item is about, as the archive knows it: not yet what someone may see of it.

    `officers` are the badge numbers of those recorded or sent; `is_damaged` and `is_restricted`: as the catalogue says.
    """

    unit: str | None
    number: str | None
    stretches: tuple[Stretch, ...]
    officers: frozenset[str]
    is_damaged: bool
    is_restricted: bool


def subject_of(session: Session, item: SpotItem, grade_max: int) -> Subject:
    """Look up what an item is about, as it is now."""
    if item.kind == "incident":
        incident = session.get_one(Incident, item.subject_id)
        sent = session.scalars(select(IncidentOfficer.officer).where(IncidentOfficer.incident_id == incident.id))
        linked = select(Link.recording_id).where(
            Link.target_type == "incident", Link.target_id == incident.id, Link.ended_at.is_(None)
        )
        rows = session.scalars(select(Recording).where(Recording.id.in_(linked)).order_by(Recording.started_at)).all()
        stretches = tuple(Stretch(row.id, 0, seconds_of(row.duration)) for row in rows)
        return _subject(incident.unit_id, incident.number, stretches, rows, sent.all(), grade_max)
    row = session.get_one(Recording, item.subject_id)
    starts, length = float(item.segment * SEGMENT_S), seconds_of(row.duration)
    ends = None if length is None else max(starts, min(length, starts + SEGMENT_S))
    return _subject(row.unit_id, None, (Stretch(row.id, starts, ends),), [row], [], grade_max)


def _subject(
    unit: str | None,
    number: str | None,
    stretches: tuple[Stretch, ...],
    rows: Sequence[Recording],
    sent: Sequence[str],
    grade_max: int,
) -> Subject:
    return Subject(
        unit=unit,
        number=number,
        stretches=stretches,
        officers=frozenset(sent) | {row.officer for row in rows if row.officer is not None},
        is_damaged=any(row.state in UNPLAYABLE or not row.playable for row in rows),
        is_restricted=any(row.grade > grade_max for row in rows),
    )


def may_see(session: Session, who: Principal, item: SpotItem, subject: Subject, action: str = "recording.see") -> bool:
    """Say whether `who` may know of an item's subject, or do `action` with all of its footage."""
    if item.kind == "incident":
        seen = select(Incident.id).where(Incident.id == item.subject_id, visible_incidents(who))
        if session.scalar(seen) is None:
            return False
        if action == "recording.see":
            return True
    return len(seen_stretches(session, who, subject, action)) == len(subject.stretches)


def seen_stretches(
    session: Session, who: Principal, subject: Subject, action: str = "recording.see"
) -> tuple[Stretch, ...]:
    """Give the footage of a subject with which `who` may do `action`; of the rest nothing is said."""
    facts = what_of(session, [one.recording for one in subject.stretches])
    return tuple(one for one in subject.stretches if decide(who, action, facts[one.recording]))


def watched_share(session: Session, account: str, stretches: Sequence[Stretch], since: datetime | None) -> float | None:
    """
    Say how much of some footage an account watched since then, 0 to 1; None where its length is not known.

    Overlapping looks count once. Source: the viewings, which hold what was sent and what the page said was watched.
    """
    total = watched = 0.0
    for one in stretches:
        if one.ends_s is None:
            return None
        total += one.ends_s - one.starts_s
        query = select(Viewing.time_ranges).where(Viewing.account_id == account, Viewing.recording_id == one.recording)
        if since is not None:
            query = query.where(Viewing.last_seen >= since)
        ranges = sorted((start, end) for looked in session.scalars(query) for start, end in looked)
        watched += _covered(ranges, one.starts_s, one.ends_s)
    return watched / total if total > 0 else None


def _covered(ranges: Sequence[tuple[float, float]], starts: float, ends: float) -> float:
    covered, reached = 0.0, starts
    for start, end in ranges:
        begin, stop = max(start, reached), min(end, ends)
        if stop > begin:
            covered, reached = covered + stop - begin, stop
    return covered
