"""
Show recordings: what a line of a list tells, and all that is known about one of them.

Names of the values are those of the public contract. Sizes are bytes, durations exact seconds. A whole
page is shown with two queries, however many recordings are on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import Unit
from services.index.models import Arrival, Link, Recording, Rendition, SessionMember
from services.jobs.lease import of_key
from services.jobs.table import JobState
from services.media.facts import Flag, Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingItem:
    """A recording as lists show it; `unit` is the unit's number, `cases` and `incidents` those of live links."""

    id: str
    state: str
    kind: str
    unit: str | None
    officer: str | None
    device: str | None
    started_at: datetime
    ended_at: datetime | None
    duration: Fraction | None
    size: int
    sha256: str
    flags: tuple[Flag, ...]
    cases: tuple[str, ...]
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArrivalFacts:
    """One upload of a recording's bytes."""

    id: str
    upload: str
    gate: str
    sender: str
    dock: str | None
    filename: str
    claimed_sha256: str | None
    received_at: datetime
    given: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """Why a recording belongs to an incident or a case; `target` is `incident` or `case`."""

    id: str
    target: str
    number: str
    origin: str
    rule: str
    score: float
    reasons: tuple[Mapping[str, Any], ...]
    actor: str | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the recording is kept at least, and by which rule; no date: for ever or as long as its case."""

    until: datetime | None
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFacts(RecordingItem):
    """
    A recording as its own page shows it.

    `progress` is that of its review proxy, 0 to 1; None: nobody was asked to make it, or it was set aside.
    """

    filename: str
    received_at: datetime
    started_source: str
    started_given: str | None
    clock_offset: float | None
    container: str | None
    streams: tuple[Stream, ...]
    playable: bool
    recovered: Mapping[str, Any] | None
    progress: float | None
    dock: str | None
    session: str | None
    channel: str | None
    arrivals: tuple[ArrivalFacts, ...]
    category: str
    grade: int
    note: str | None
    retention: Retention
    links: tuple[LinkFacts, ...]
    renditions: tuple[str, ...]
    version: int


def items(session: Session, rows: Sequence[Recording]) -> list[RecordingItem]:
    """Show recordings as lists do; two queries, however many they are."""
    links = _links(session, [row.id for row in rows])
    units = _unit_numbers(session, rows)
    return [RecordingItem(**_item(row, links.get(row.id, []), units)) for row in rows]


def _item(row: Recording, links: Sequence[Link], units: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "kind": row.kind,
        "unit": units.get(row.unit_id or ""),
        "officer": row.officer,
        "device": row.device,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "duration": _duration(row),
        "size": row.size_bytes,
        "sha256": row.sha256,
        "flags": tuple(Flag.from_json(flag) for flag in row.flags),
        "cases": tuple(link.number for link in links if link.target_type == "case"),
        "incidents": tuple(link.number for link in links if link.target_type == "incident"),
    }


def _duration(row: Recording) -> Fraction | None:
    """Give how long a recording plays; nothing that can be played has no length, rather than one of 0."""
    if row.duration is None:
        return None
    duration = Fraction(row.duration)
    return duration if duration or row.playable else None


def _links(session: Session, ids: Sequence[str]) -> dict[str, list[Link]]:
    """Live links of at most a page of recordings, in the order of their numbers."""
    query = select(Link).where(Link.recording_id.in_(ids), Link.ended_at.is_(None)).order_by(Link.number, Link.id)
    found: dict[str, list[Link]] = {}
    for link in session.scalars(query):
        found.setdefault(link.recording_id, []).append(link)
    return found


def _unit_numbers(session: Session, rows: Sequence[Recording]) -> dict[str, str]:
    ids = {row.unit_id for row in rows if row.unit_id is not None}
    return {row.id: row.number for row in session.execute(select(Unit.id, Unit.number).where(Unit.id.in_(ids)))}


def facts(session: Session, row: Recording) -> RecordingFacts:
    """Show all that is known about one recording."""
    links = _links(session, [row.id]).get(row.id, [])
    arrivals = session.scalars(select(Arrival).where(Arrival.recording_id == row.id).order_by(Arrival.received_at))
    kinds = session.scalars(select(Rendition.kind).where(Rendition.recording_id == row.id).distinct())
    member = session.scalars(select(SessionMember.session_id).where(SessionMember.recording_id == row.id)).first()
    streams = (row.facts or {}).get("streams", ())
    return RecordingFacts(
        **_item(row, links, _unit_numbers(session, [row])),
        filename=row.filename,
        received_at=row.received_at,
        started_source=row.started_source,
        started_given=row.started_given,
        clock_offset=row.clock_offset,
        container=row.container,
        streams=tuple(Stream.from_json(stream) for stream in streams),
        playable=row.playable,
        recovered=(row.facts or {}).get("recovered"),
        progress=progress(session, row.id),
        dock=row.dock,
        session=member,
        channel=row.channel,
        arrivals=tuple(_arrival(arrival) for arrival in arrivals),
        category=row.category,
        grade=row.grade,
        note=row.note,
        retention=Retention(row.retain_until, row.retain_rule),
        links=tuple(_link(link) for link in links),
        renditions=tuple(sorted(kinds)),
        version=row.version,
    )


def _arrival(row: Arrival) -> ArrivalFacts:
    return ArrivalFacts(
        row.id,
        row.upload_id,
        row.gate,
        row.sender,
        row.dock,
        row.filename,
        row.claimed_sha256,
        row.received_at,
        dict(row.given),
    )


def _link(row: Link) -> LinkFacts:
    reasons = tuple(row.reasons)
    return LinkFacts(
        row.id, row.target_type, row.number, row.origin, row.rule, row.score, reasons, row.actor, row.made_at
    )


_STILL_COMING: Final = {JobState.QUEUED, JobState.RUNNING}


def progress(session: Session, recording_id: str) -> float | None:
    """Say how far the review proxy of a recording is made, 0 to 1; None: not asked for, or set aside."""
    renders = [job for job in of_key(session, recording_id) if job.kind == "render"]
    if not renders:
        return None
    last = renders[-1]
    if last.state in _STILL_COMING:
        return last.progress or 0.0
    return 1.0 if last.state is JobState.DONE else None
