"""Link recordings with incidents and cases: explicit numbers first, else by rule 14; cases inherit (rule 15)."""

import re
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.custody.work import Work
from services.index.cases import known_case, known_incident
from services.index.flags import add_flag
from services.index.links import LinkRules, add_link, inherit_cases, live_link, settle, was_refused
from services.index.matching import Footage, Match, Rules, Scene, decide
from services.index.models import Incident, IncidentOfficer, Link, Proposal, Recording, Roster
from services.media.facts import Flag


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
        inherit_cases(work, recording)
    settle(work, recording, rules)


def _link_explicit(work: Work, recording: Recording, rules: LinkRules) -> bool:
    incident, case = recording.given.get("incident", "").strip(), recording.given.get("case", "").strip()
    linked = False
    if incident and len(incident) <= 128 and incident.isprintable():
        row = known_incident(work, incident)
        add_link(
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
            add_link(work, recording, "case", target.id, target.number, "explicit", "given", 1.0, reasons)
            linked = True
        else:
            _flag(work, recording, "bad-case-number", f"{case[:128]!r} does not have the form {rules.case_pattern}")
    return linked


def _flag(work: Work, recording: Recording, kind: str, detail: str) -> None:
    if add_flag(recording, Flag(kind, detail=detail)):
        recording.version += 1
        work.append("rec.facts", recording.id, flags=recording.flags)


def _link_by_rule(work: Work, recording: Recording, rules: Rules) -> None:
    footage = Footage(recording.started_at, recording.officer, recording.device, _holders(work.session, recording))
    decision = decide(footage, _scenes(work.session, recording.started_at, rules), rules)
    if decision.link is not None and not was_refused(work.session, recording.id, decision.link.scene.id):
        scene, match = decision.link.scene, decision.link
        add_link(work, recording, "incident", scene.id, scene.number, "auto", "14", match.score, list(match.reasons))
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


def _propose(work: Work, recording: Recording, match: Match) -> None:
    scene = match.scene
    exists = work.session.execute(
        select(Proposal).where(Proposal.recording_id == recording.id, Proposal.target_id == scene.id)
    ).scalar_one_or_none()
    if (
        exists is not None
        or live_link(work.session, recording.id, scene.id)
        or was_refused(work.session, recording.id, scene.id)
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


def recordings_near(session: Session, incident: Incident, rules: Rules) -> list[str]:
    """Name the recordings that an incident's arrival or change may concern: filmed in its widest window, or linked."""
    linked = select(Link.recording_id).where(Link.target_id == incident.id, Link.ended_at.is_(None))
    wanted: ColumnElement[bool] = Recording.id.in_(linked)
    if incident.dispatched_at is not None:
        opens = incident.dispatched_at - rules.before
        closes = incident.dispatched_at + rules.longest + rules.after
        wanted = or_(wanted, Recording.started_at.between(opens, closes))
    return list(session.execute(select(Recording.id).where(wanted).order_by(Recording.id)).scalars())
