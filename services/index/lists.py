"""List and show what footage belongs to, as far as one who asks may know of it: cases, incidents, proposals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.accounts.rights import Principal
from services.errors import Invalid
from services.index.keyset import LIMIT_DEFAULT, Key, Page, page
from services.index.models import (
    Case,
    CaseIncident,
    CaseOfficer,
    Incident,
    IncidentOfficer,
    Link,
    Proposal,
    Recording,
)
from services.index.search import matches_case
from services.index.visible import visible, visible_cases

PROPOSAL_STATES: Final = ("open", "confirmed", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseItem:
    """A case as lists show it; `recordings` counts those linked to it that the asker may see."""

    number: str
    title: str | None
    kind: str | None
    stage: str | None
    unit: str | None
    accepted_at: datetime | None
    known: bool
    recordings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts(CaseItem):
    """A case as its own page shows it."""

    filed_at: datetime | None
    closed_at: datetime | None
    officers: tuple[str, ...]
    incidents: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts:
    """An incident; `cases` are the numbers of those it became part of."""

    number: str
    unit: str | None
    type: str | None
    reported_at: datetime | None
    dispatched_at: datetime | None
    arrived_at: datetime | None
    cleared_at: datetime | None
    officers: tuple[str, ...]
    devices: tuple[str, ...]
    place: Mapping[str, Any] | None
    cases: tuple[str, ...]
    known: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalItem:
    """A doubtful link, with what a person needs to answer it; `target` is `incident` or `case`."""

    id: str
    recording: str
    officer: str | None
    started_at: datetime
    target: str
    number: str
    rule: str
    score: float
    reasons: tuple[Mapping[str, Any], ...]
    state: str
    answered_by: str | None
    answer_reason: str | None
    answered_at: datetime | None
    made_at: datetime


def list_cases(
    session: Session, who: Principal, *, q: str | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[CaseItem]:
    """List cases by what stands in their text, the latest accepted first, those without a date last."""
    query = select(Case).where(visible_cases(who))
    if q is not None:
        query = query.where(matches_case(q))
    order = (Key(Case.accepted_at, descending=True, nullable=True), Key(Case.id, descending=True))
    found: Page[Case] = page(session, query, order, limit=limit, cursor=cursor, of=("cases", q))
    return found.map(lambda rows: _case_items(session, who, rows))


def _case_items(session: Session, who: Principal, rows: Sequence[Case]) -> list[CaseItem]:
    counts = _recordings_of(session, who, [row.id for row in rows])
    return [CaseItem(**_case(row, counts)) for row in rows]


def _recordings_of(session: Session, who: Principal, case_ids: Sequence[str]) -> dict[str, int]:
    counted = (
        select(Link.target_id, func.count())
        .join(Recording, Recording.id == Link.recording_id)
        .where(Link.target_type == "case", Link.target_id.in_(case_ids), Link.ended_at.is_(None), visible(who))
        .group_by(Link.target_id)
    )
    return dict(session.execute(counted).all())


def _case(row: Case, counts: Mapping[str, int]) -> dict[str, Any]:
    shown = ("number", "title", "kind", "stage", "unit", "accepted_at", "known")
    return {name: getattr(row, name) for name in shown} | {"recordings": counts.get(row.id, 0)}


def show_case(session: Session, who: Principal, row: Case) -> CaseFacts:
    """Show a case that `who` may know of."""
    incidents = select(Incident.number).where(CaseIncident.case_id == row.id, Incident.id == CaseIncident.incident_id)
    return CaseFacts(
        **_case(row, _recordings_of(session, who, [row.id])),
        filed_at=row.filed_at,
        closed_at=row.closed_at,
        officers=_sorted(session, select(CaseOfficer.officer).where(CaseOfficer.case_id == row.id)),
        incidents=_sorted(session, incidents),
        version=row.version,
    )


def show_incident(session: Session, row: Incident) -> IncidentFacts:
    """Show an incident that the asker may know of."""
    cases = select(Case.number).where(CaseIncident.incident_id == row.id, Case.id == CaseIncident.case_id)
    officers = select(IncidentOfficer.officer).where(IncidentOfficer.incident_id == row.id)
    return IncidentFacts(
        number=row.number,
        unit=row.unit,
        type=row.type,
        reported_at=row.reported_at,
        dispatched_at=row.dispatched_at,
        arrived_at=row.arrived_at,
        cleared_at=row.cleared_at,
        officers=_sorted(session, officers),
        devices=tuple(row.devices),
        place=row.place,
        cases=_sorted(session, cases),
        known=row.known,
        version=row.version,
    )


def _sorted(session: Session, query: Select[str]) -> tuple[str, ...]:
    return tuple(sorted(session.scalars(query)))


def list_proposals(
    session: Session,
    who: Principal,
    *,
    state: str | None = "open",
    recording: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[ProposalItem]:
    """
    List doubtful links of recordings that `who` may see, the newest first; `state` None lists all.

    Raises:
        Invalid: an unknown state, or a cursor of another list.
    """
    if state is not None and state not in PROPOSAL_STATES:
        raise Invalid(f"{state!r} is no state of a proposal: {', '.join(PROPOSAL_STATES)}")
    query = select(Proposal).where(Proposal.recording_id.in_(select(Recording.id).where(visible(who))))
    narrowed: tuple[tuple[InstrumentedAttribute[str], str | None], ...] = (
        (Proposal.state, state),
        (Proposal.recording_id, recording),
    )
    query = query.where(*(column == value for column, value in narrowed if value is not None))
    order = (Key(Proposal.made_at, descending=True), Key(Proposal.id, descending=True))
    of = ("proposals", state, recording)
    found: Page[Proposal] = page(session, query, order, limit=limit, cursor=cursor, of=of)
    return found.map(lambda rows: _proposals(session, rows))


def _proposals(session: Session, rows: Sequence[Proposal]) -> list[ProposalItem]:
    ids = {row.recording_id for row in rows}
    about = session.execute(select(Recording.id, Recording.officer, Recording.started_at).where(Recording.id.in_(ids)))
    facts = {row.id: row for row in about}
    return [
        ProposalItem(
            id=row.id,
            recording=row.recording_id,
            officer=facts[row.recording_id].officer,
            started_at=facts[row.recording_id].started_at,
            target=row.target_type,
            number=row.number,
            rule=row.rule,
            score=row.score,
            reasons=tuple(row.reasons),
            state=row.state,
            answered_by=row.answered_by,
            answer_reason=row.answer_reason,
            answered_at=row.answered_at,
            made_at=row.made_at,
        )
        for row in rows
    ]
