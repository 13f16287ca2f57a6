"""Link recordings with incidents and cases: explicit numbers first, else by rule 14; cases inherit (rule 15)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.custody.work import Work
from services.errors import Conflict, Invalid, NotFound
from services.index.cases import known_case, known_incident
from services.index.flags import set_flags
from services.index.matching import Footage, Match, Rules, Scene, decide
from services.index.models import (
    Case,
    CaseIncident,
    Incident,
    IncidentOfficer,
    Link,
    Proposal,
    Recording,
    Roster,
)
from services.index.retention import keep
from services.index.search import index_recording


@dataclass(frozen=True, slots=True)
class LinkRules:
    """The bureau's values for linking and for what follows from a link."""

    matching: Rules
    case_pattern: str
    retention_months: int


def link_recording(work: Work, recording: Recording, rules: LinkRules) -> None:
    """
    Find what a recording belongs to and record it; harmless when repeated.

    A quarantined recording gets no automatic links. A link that a person removed and a proposal
    that a person rejected do not come back.
    """
    if recording.state != "quarantined":
        explicit = _link_explicit(work, recording, rules)
        if not explicit:
            _link_by_rule(work, recording, rules.matching)
        _inherit(work, recording)
    settle(work, recording, rules)


def settle(work: Work, recording: Recording, rules: LinkRules) -> None:
    """Bring retention and search text in line with the links that now hold."""
    refresh_retention(work, recording, rules.retention_months)
    index_recording(work.session, recording)


def _link_explicit(work: Work, recording: Recording, rules: LinkRules) -> bool:
    incident, case = recording.given.get("incident", "").strip(), recording.given.get("case", "").strip()
    linked = False
    if incident and len(incident) <= 128 and incident.isprintable():
        row = known_incident(work, incident)
        _add(
            work,
            recording,
            "incident",
            row.id,
            row.number,
            "explicit",
            "given",
            1.0,
            [{"by": "given", "value": incident}],
        )
        linked = True
    if case:
        if re.fullmatch(rules.case_pattern, case):
            target = known_case(work, case)
            reasons = [{"by": "given", "value": case}]
            _add(work, recording, "case", target.id, target.number, "explicit", "given", 1.0, reasons)
            linked = True
        else:
            _flag(work, recording, "bad-case-number", f"{case[:128]!r} does not have the form {rules.case_pattern}")
    return linked


def _flag(work: Work, recording: Recording, kind: str, detail: str) -> None:
    flag = {"kind": kind, "start": None, "end": None, "detail": detail}
    if flag not in recording.flags:
        set_flags(recording, [*recording.flags, flag])
        recording.version += 1
        work.append("rec.facts", recording.id, flags=recording.flags)


def _link_by_rule(work: Work, recording: Recording, rules: Rules) -> None:
    footage = Footage(recording.started_at, recording.officer, recording.device, _holders(work.session, recording))
    decision = decide(footage, _scenes(work.session, recording.started_at, rules), rules)
    if decision.link is not None and not _refused(work.session, recording.id, decision.link.scene.id):
        scene, match = decision.link.scene, decision.link
        _add(work, recording, "incident", scene.id, scene.number, "auto", "14", match.score, list(match.reasons))
    for match in decision.propose:
        _propose(work, recording, match)


def _holders(session: Session, recording: Recording) -> frozenset[str]:
    """Who had the recording's device at its start."""
    if recording.device is None or recording.officer is not None:
        return frozenset()
    at = recording.started_at
    rows = session.execute(
        select(Roster.officer).where(
            Roster.device_number == recording.device,
            Roster.starts_at <= at,
            or_(Roster.ends_at.is_(None), Roster.ends_at > at),
        )
    )
    return frozenset(rows.scalars())


def _scenes(session: Session, at: datetime, rules: Rules) -> list[Scene]:
    """Give the incidents whose widest window holds this moment."""
    rows = session.execute(
        select(Incident).where(
            Incident.window_start <= at + rules.before,
            Incident.window_start >= at - rules.longest - rules.after - timedelta(days=1),
        )
    ).scalars()
    incidents = {row.id: row for row in rows}
    officers: dict[str, set[str]] = {}
    for incident_id, officer in session.execute(
        select(IncidentOfficer.incident_id, IncidentOfficer.officer).where(IncidentOfficer.incident_id.in_(incidents))
    ):
        officers.setdefault(incident_id, set()).add(officer)
    return [
        Scene(
            row.id, row.number, row.dispatched_at, row.cleared_at,
            frozenset(officers.get(row.id, ())), frozenset(row.devices),
        )
        for row in incidents.values()
    ]  # fmt: skip


def _refused(session: Session, recording_id: str, target_id: str) -> bool:
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


def _live(session: Session, recording_id: str, target_id: str) -> Link | None:
    return session.execute(
        select(Link).where(Link.recording_id == recording_id, Link.target_id == target_id, Link.ended_at.is_(None))
    ).scalar_one_or_none()


def _add(
    work: Work, recording: Recording, target_type: str, target_id: str, number: str, origin: str, rule: str,
    score: float, reasons: list[dict[str, Any]], actor: str | None = None,
) -> Link:  # fmt: skip
    found = _live(work.session, recording.id, target_id)
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


def _propose(work: Work, recording: Recording, match: Match) -> None:
    scene = match.scene
    exists = work.session.execute(
        select(Proposal).where(Proposal.recording_id == recording.id, Proposal.target_id == scene.id)
    ).scalar_one_or_none()
    if (
        exists is not None
        or _live(work.session, recording.id, scene.id)
        or _refused(work.session, recording.id, scene.id)
    ):
        return
    proposal = Proposal(
        id=str(uuid7()), recording_id=recording.id, target_type="incident", target_id=scene.id, number=scene.number,
        rule="14", score=match.score, reasons=list(match.reasons), made_at=work.at,
    )  # fmt: skip
    work.session.add(proposal)
    work.append(
        "rec.propose", recording.id, proposal=proposal.id, target_type="incident", target=scene.id,
        number=scene.number, score=match.score, reasons=list(match.reasons), rule="14",
    )  # fmt: skip


def _inherit(work: Work, recording: Recording) -> None:
    """Link the cases of the recording's incidents (rule 15)."""
    work.session.flush()
    rows = work.session.execute(
        select(Case, Link.number)
        .join(CaseIncident, CaseIncident.case_id == Case.id)
        .join(Link, Link.target_id == CaseIncident.incident_id)
        .where(Link.recording_id == recording.id, Link.target_type == "incident", Link.ended_at.is_(None))
    ).all()
    for case, incident in rows:
        if not _refused(work.session, recording.id, case.id):
            reasons = [{"rule": "15", "by": "incident", "value": incident}]
            _add(work, recording, "case", case.id, case.number, "inherited", "15", 1.0, reasons)


def link_by_hand(work: Work, recording: Recording, target_type: str, number: str, reason: str, actor: str,
                 rules: LinkRules) -> Link:  # fmt: skip
    """
    Link a recording because a person says so.

    Raises:
        Invalid: another kind of target, or a case number of the wrong form (rule 18).
    """
    if target_type not in {"incident", "case"}:
        raise Invalid(f"a recording is linked to an incident or a case, not to {target_type[:40]!r}")
    if target_type == "case" and not re.fullmatch(rules.case_pattern, number):
        raise Invalid(f"case number {number[:128]!r} does not have the form {rules.case_pattern}")
    target = known_incident(work, number) if target_type == "incident" else known_case(work, number)
    reasons = [{"by": "person", "value": actor, "reason": reason}]
    link = _add(work, recording, target_type, target.id, target.number, "manual", "person", 1.0, reasons, actor)
    _inherit(work, recording)
    settle(work, recording, rules)
    return link


def unlink(work: Work, recording: Recording, link_id: str, reason: str, actor: str, rules: LinkRules) -> None:
    """
    End a link, and the case links that only it brought; a reason is required (rule 16).

    Raises:
        NotFound: the recording has no such live link.
    """
    link = work.session.get(Link, link_id)
    if link is None or link.recording_id != recording.id or link.ended_at is not None:
        raise NotFound(f"recording {recording.id} has no link {link_id}")
    ended = [link]
    if link.target_type == "incident":
        brought = work.session.execute(
            select(Link)
            .join(CaseIncident, CaseIncident.case_id == Link.target_id)
            .where(
                Link.recording_id == recording.id, Link.origin == "inherited", Link.ended_at.is_(None),
                CaseIncident.incident_id == link.target_id,
            )
        ).scalars()  # fmt: skip
        ended += [one for one in brought if not _other_way(work.session, recording.id, one.target_id, link.target_id)]
    for one in ended:
        one.ended_at, one.end_reason = work.at, reason
        work.append(
            "rec.unlink", recording.id, link=one.id, target_type=one.target_type, target=one.target_id,
            number=one.number, reason=reason, actor=actor,
        )  # fmt: skip
    recording.unlinked_at, recording.version = work.at, recording.version + 1
    work.session.flush()
    settle(work, recording, rules)


def _other_way(session: Session, recording_id: str, case_id: str, incident_id: str) -> bool:
    """Say whether another linked incident of the recording belongs to the same case."""
    return session.execute(
        select(Link.id)
        .join(CaseIncident, CaseIncident.incident_id == Link.target_id)
        .where(
            Link.recording_id == recording_id, Link.ended_at.is_(None), Link.target_id != incident_id,
            CaseIncident.case_id == case_id,
        )
    ).first() is not None  # fmt: skip


def answer_proposal(
    work: Work, recording: Recording, proposal: Proposal, *, confirm: bool, reason: str | None, actor: str,
    rules: LinkRules,
) -> None:  # fmt: skip
    """
    Confirm or reject a proposed link; confirming one leaves the others open.

    Raises:
        Conflict: it was answered already.
    """
    if proposal.state != "open":
        raise Conflict(f"proposal {proposal.id} is {proposal.state}, not open")
    proposal.state = "confirmed" if confirm else "rejected"
    proposal.answered_by, proposal.answer_reason, proposal.answered_at = actor, reason, work.at
    work.append(
        "rec.answer", recording.id, proposal=proposal.id, answer=proposal.state, target_type=proposal.target_type,
        target=proposal.target_id, number=proposal.number, reason=reason, actor=actor,
    )  # fmt: skip
    if confirm:
        reasons = [*proposal.reasons, {"by": "person", "value": actor, "reason": reason}]
        _add(
            work, recording, proposal.target_type, proposal.target_id, proposal.number, "confirmed", proposal.rule,
            1.0, reasons, actor,
        )  # fmt: skip
        _inherit(work, recording)
    settle(work, recording, rules)


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


def recordings_near(session: Session, incident: Incident, rules: Rules) -> list[str]:
    """Name the recordings that an incident's arrival or change may concern: filmed in its widest window, or linked."""
    linked = select(Link.recording_id).where(Link.target_id == incident.id, Link.ended_at.is_(None))
    wanted: ColumnElement[bool] = Recording.id.in_(linked)
    if incident.dispatched_at is not None:
        opens = incident.dispatched_at - rules.before
        closes = incident.dispatched_at + rules.longest + rules.after
        wanted = or_(wanted, Recording.started_at.between(opens, closes))
    return list(session.execute(select(Recording.id).where(wanted).order_by(Recording.id)).scalars())
