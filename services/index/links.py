"""Hold what every way of linking does: a link is made once, answers proposals, and moves retention with it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.custody.work import Work
from services.index.matching import Rules
from services.index.models import Case, CaseIncident, Link, Proposal, Recording
from services.index.retention import keep
from services.index.search import index_recording


@dataclass(frozen=True, slots=True)
class LinkRules:
    """The bureau's values for linking and for what follows from a link."""

    matching: Rules
    case_pattern: str
    retention_months: int


def add_link(
    work: Work, recording: Recording, target_type: str, target_id: str, number: str, origin: str, rule: str,
    score: float, reasons: list[dict[str, Any]], actor: str | None = None,
) -> Link:  # fmt: skip
    """Link a recording with a target, unless it is linked already; gives the live link."""
    found = live_link(work.session, recording.id, target_id)
    if found is not None:
        return found
    link = Link(
        id=str(uuid7()), recording_id=recording.id, target_type=target_type, target_id=target_id, number=number,
        origin=origin, rule=rule, score=score, reasons=reasons, actor=actor, made_at=work.at,
    )  # fmt: skip
    work.session.add(link)
    recording.version += 1
    work.append(
        "rec.link", recording.id, link=link.id, target_type=target_type, target=target_id, number=number,
        origin=origin, rule=rule, score=score, reasons=reasons, actor=actor,
    )  # fmt: skip
    _close_proposals(work, recording.id, target_id)
    return link


def live_link(session: Session, recording_id: str, target_id: str) -> Link | None:
    """Give the link that holds now, if one does."""
    return session.execute(
        select(Link).where(Link.recording_id == recording_id, Link.target_id == target_id, Link.ended_at.is_(None))
    ).scalar_one_or_none()


def was_refused(session: Session, recording_id: str, target_id: str) -> bool:
    """Say whether a person removed this link or rejected this proposal before."""
    removed = session.execute(
        select(Link.id).where(
            Link.recording_id == recording_id, Link.target_id == target_id, Link.ended_at.is_not(None)
        )
    ).first()
    rejected = session.execute(
        select(Proposal.id).where(
            Proposal.recording_id == recording_id, Proposal.target_id == target_id, Proposal.state == "rejected"
        )
    ).first()
    return removed is not None or rejected is not None


def _close_proposals(work: Work, recording_id: str, target_id: str) -> None:
    """A link answers the open proposal of the same target."""
    rows = work.session.execute(
        select(Proposal).where(
            Proposal.recording_id == recording_id, Proposal.target_id == target_id, Proposal.state == "open"
        )
    ).scalars()
    for row in rows:
        row.state, row.answered_at = "linked", work.at
        work.append("rec.answer", recording_id, proposal=row.id, answer="linked", number=row.number)


def inherit_cases(work: Work, recording: Recording) -> None:
    """Link the cases of the recording's incidents (rule 15)."""
    work.session.flush()
    rows = work.session.execute(
        select(Case, Link.number)
        .join(CaseIncident, CaseIncident.case_id == Case.id)
        .join(Link, Link.target_id == CaseIncident.incident_id)
        .where(Link.recording_id == recording.id, Link.target_type == "incident", Link.ended_at.is_(None))
    ).all()
    for case, incident in rows:
        if not was_refused(work.session, recording.id, case.id):
            reasons = [{"rule": "15", "by": "incident", "value": incident}]
            add_link(work, recording, "case", case.id, case.number, "inherited", "15", 1.0, reasons)


def settle(work: Work, recording: Recording, rules: LinkRules) -> None:
    """Bring retention and search text in line with the links that now hold."""
    refresh_retention(work, recording, rules.retention_months)
    index_recording(work.session, recording)


def refresh_retention(work: Work, recording: Recording, months: int) -> None:
    """Recompute the date to keep a recording until; recorded when it changes."""
    work.session.flush()
    in_case = work.session.execute(
        select(Link.id).where(Link.recording_id == recording.id, Link.target_type == "case", Link.ended_at.is_(None))
    ).first()
    found = keep(
        ends_at=recording.ended_at or recording.started_at,
        kind=recording.kind,
        months=months,
        category=recording.category,
        in_case=in_case is not None,
        unlinked_at=recording.unlinked_at,
    )
    if (found.until, found.rule) == (recording.retain_until, recording.retain_rule):
        return
    before = [recording.retain_until.isoformat() if recording.retain_until else None, recording.retain_rule]
    recording.retain_until, recording.retain_rule = found.until, found.rule
    recording.version += 1
    until = found.until.isoformat() if found.until else None
    work.append("rec.retention", recording.id, until=until, rule=found.rule, before=before)
