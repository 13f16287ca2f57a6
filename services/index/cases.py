"""Take in incidents and cases as dispatch and case management tell them; upserts by their numbers."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.models import Unit
from services.custody.work import Work
from services.db import Base, lock_name
from services.errors import Invalid, PreconditionFailed
from services.index.models import Case, CaseIncident, CaseOfficer, Incident, IncidentOfficer
from services.index.search import case_text
from services.jobs.lease import Ring, ask

RELINK_PRIORITY = 7
"""Behind fresh footage, which somebody waits to see; a batch of incidents asks for as many jobs."""


def unit_of_number(session: Session, number: str | None) -> str | None:
    """Give the id of the unit that has this number; None when none is known by it."""
    return session.execute(select(Unit.id).where(Unit.number == number)).scalar_one_or_none() if number else None


def find_incident(session: Session, number: str) -> Incident | None:
    """Find an incident by its number."""
    return session.execute(select(Incident).where(Incident.number == number)).scalar_one_or_none()


def find_case(session: Session, number: str) -> Case | None:
    """Find a case by its number."""
    return session.execute(select(Case).where(Case.number == number)).scalar_one_or_none()


def known_incident(work: Work, number: str) -> Incident:
    """Give the incident of this number; one that nobody told of yet is taken in as unknown."""
    lock_name(work.session, f"incident:{number}")
    row = find_incident(work.session, number)
    if row is None:
        row = Incident(id=str(uuid7()), number=number, known=False, created_at=work.at, devices=[])
        work.session.add(row)
        work.session.flush()
        work.append("incident.put", row.id, number=number, actor=None, before=None, after={"known": False})
    return row


def known_case(work: Work, number: str) -> Case:
    """Give the case of this number; one that nobody told of yet is taken in as unknown."""
    lock_name(work.session, f"case:{number}")
    row = find_case(work.session, number)
    if row is None:
        row = Case(id=str(uuid7()), number=number, known=False, created_at=work.at)
        row.search_text = case_text(row)
        work.session.add(row)
        work.session.flush()
        work.append("case.put", row.id, number=number, actor=None, before=None, after={"known": False})
    return row


def put_incident(
    work: Work, number: str, told: Mapping[str, Any], actor: str, case_pattern: str, *, if_version: int | None = None
) -> tuple[Incident, bool, Ring]:
    """
    Take in what dispatch tells of an incident; what it leaves out stays as it is.

    Gives the row, whether it was new, and the bell of the job that links footage again (rule 15).

    Raises:
        Invalid: a case number of the wrong form.
        PreconditionFailed: it has another version than `if_version`.
    """
    lock_name(work.session, f"incident:{number}")
    row = find_incident(work.session, number)
    created = row is None or not row.known
    _same_version("incident", number, row.version if row else None, if_version)
    row = known_incident(work, number) if row is None else row
    before = incident_told(work.session, row)
    for field in ("type", "reported_at", "dispatched_at", "arrived_at", "cleared_at", "place"):
        if field in told:
            setattr(row, field, told[field])
    if "devices" in told:
        row.devices = sorted(set(told["devices"]))
    if "unit" in told:
        row.unit, row.unit_id = told["unit"], unit_of_number(work.session, told["unit"])
    row.window_start = row.dispatched_at or row.reported_at
    row.window_end = row.cleared_at
    row.known, row.version = True, row.version + 1
    if "officers" in told:
        _incident_officers(work.session, row, told["officers"])
    if told.get("case"):
        if not re.fullmatch(case_pattern, told["case"]):
            raise Invalid(f"case number {told['case'][:128]!r} does not have the form {case_pattern}")
        _join(work, known_case(work, told["case"]), row, actor)
    work.session.flush()
    work.append(
        "incident.put", row.id, number=number, actor=actor, before=before, after=incident_told(work.session, row)
    )
    args = {"incident": row.id}
    bell = ask(work.session, "relink", row.id, work.at, recipe=str(row.version), args=args, priority=RELINK_PRIORITY)
    return row, created, bell


def put_case(
    work: Work, number: str, told: Mapping[str, Any], actor: str, case_pattern: str, *, if_version: int | None = None
) -> tuple[Case, bool, list[Ring]]:
    """
    Take in what case management tells of a case; what it leaves out stays as it is.

    Gives the row, whether it was new, and the bells of the jobs that let recordings inherit it.

    Raises:
        Invalid: the number does not have the bureau's form (rule 18).
        PreconditionFailed: it has another version than `if_version`.
    """
    if not re.fullmatch(case_pattern, number):
        raise Invalid(f"case number {number[:128]!r} does not have the form {case_pattern}")
    lock_name(work.session, f"case:{number}")
    row = find_case(work.session, number)
    created = row is None or not row.known
    _same_version("case", number, row.version if row else None, if_version)
    row = known_case(work, number) if row is None else row
    before = case_told(work.session, row)
    for field in ("title", "kind", "stage", "accepted_at", "filed_at", "closed_at"):
        if field in told:
            setattr(row, field, told[field])
    if "unit" in told:
        row.unit, row.unit_id = told["unit"], unit_of_number(work.session, told["unit"])
    row.known, row.version = True, row.version + 1
    if "officers" in told:
        _case_officers(work.session, row, told["officers"])
    bells = []
    for incident in dict.fromkeys(told.get("incidents", ())):
        member = known_incident(work, incident)
        if _join(work, row, member, actor):
            bells.append(
                ask(
                    work.session,
                    "relink",
                    member.id,
                    work.at,
                    recipe=f"case:{row.id}",
                    args={"incident": member.id},
                    priority=RELINK_PRIORITY,
                )
            )
    work.session.flush()
    after = case_told(work.session, row)
    row.search_text = case_text(row, after["officers"], after["incidents"])
    work.append("case.put", row.id, number=number, actor=actor, before=before, after=after)
    return row, created, bells


def _same_version(what: str, number: str, has: int | None, wants: int | None) -> None:
    if wants is not None and wants != has:
        raise PreconditionFailed(f"{what} {number} has version {has or 'none'}, the change is for {wants}")


def _join(work: Work, case: Case, incident: Incident, actor: str) -> bool:
    if work.session.get(CaseIncident, (case.id, incident.id)) is not None:
        return False
    work.session.add(CaseIncident(case_id=case.id, incident_id=incident.id))
    work.append("case.put", case.id, number=case.number, actor=actor, before=None, after={"incident": incident.number})
    return True


def _set_officers(
    session: Session, present: Mapping[str, Base], wanted: Sequence[str], new: Callable[[str], Base]
) -> None:
    """Bring the officers of an incident or a case in line with what was told."""
    for officer in sorted(set(wanted) - present.keys()):
        session.add(new(officer))
    for officer in sorted(present.keys() - set(wanted)):
        session.delete(present[officer])


def _incident_officers(session: Session, row: Incident, wanted: Sequence[str]) -> None:
    rows = session.execute(select(IncidentOfficer).where(IncidentOfficer.incident_id == row.id)).scalars()
    present = {one.officer: one for one in rows}
    _set_officers(session, present, wanted, lambda officer: IncidentOfficer(incident_id=row.id, officer=officer))


def _case_officers(session: Session, row: Case, wanted: Sequence[str]) -> None:
    rows = session.execute(select(CaseOfficer).where(CaseOfficer.case_id == row.id)).scalars()
    present = {one.officer: one for one in rows}
    _set_officers(session, present, wanted, lambda officer: CaseOfficer(case_id=row.id, officer=officer))


def officers_of(session: Session, row: Incident | Case) -> list[str]:
    """List the officers of an incident or a case, sorted."""
    if isinstance(row, Incident):
        query = select(IncidentOfficer.officer).where(IncidentOfficer.incident_id == row.id)
        return sorted(session.execute(query).scalars())
    return sorted(session.execute(select(CaseOfficer.officer).where(CaseOfficer.case_id == row.id)).scalars())


def incident_told(session: Session, row: Incident) -> dict[str, Any]:
    """Show an incident as the contract's body does, as JSON values."""
    case = session.execute(
        select(Case.number)
        .join(CaseIncident, CaseIncident.case_id == Case.id)
        .where(CaseIncident.incident_id == row.id)
    ).scalars()
    times = ("reported_at", "dispatched_at", "arrived_at", "cleared_at")
    return {
        "unit": row.unit,
        "type": row.type,
        **{name: value.isoformat() if (value := getattr(row, name)) else None for name in times},
        "officers": officers_of(session, row),
        "devices": list(row.devices),
        "place": row.place,
        "case": next(iter(sorted(case)), None),
        "known": row.known,
    }


def case_told(session: Session, row: Case) -> dict[str, Any]:
    """Show a case as the contract's body does, as JSON values."""
    incidents = session.execute(
        select(Incident.number)
        .join(CaseIncident, CaseIncident.incident_id == Incident.id)
        .where(CaseIncident.case_id == row.id)
    ).scalars()
    times = ("accepted_at", "filed_at", "closed_at")
    return {
        "unit": row.unit,
        "title": row.title,
        "kind": row.kind,
        "stage": row.stage,
        **{name: value.isoformat() if (value := getattr(row, name)) else None for name in times},
        "officers": officers_of(session, row),
        "incidents": sorted(incidents),
        "known": row.known,
    }
