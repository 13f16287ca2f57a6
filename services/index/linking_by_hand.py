"""Link and unlink recordings because a person says so, and answer proposals."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.custody.work import Work
from services.errors import Conflict, Invalid, NotFound
from services.index.cases import known_case, known_incident
from services.index.links import LinkRules, add_link, inherit_cases, settle
from services.index.models import CaseIncident, Link, Proposal, Recording


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
    link = add_link(work, recording, target_type, target.id, target.number, "manual", "person", 1.0, reasons, actor)
    inherit_cases(work, recording)
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
        add_link(
            work, recording, proposal.target_type, proposal.target_id, proposal.number, "confirmed", proposal.rule,
            1.0, reasons, actor,
        )  # fmt: skip
        inherit_cases(work, recording)
    settle(work, recording, rules)
