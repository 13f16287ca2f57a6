"""Take in incidents as dispatch tells them, one or many; each in its own transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.errors import NotAllowed
from services.index import cases
from services.index.lists import IncidentFacts, show_incident
from services.index.models import Case, Incident
from services.index.visible import fetch_case, fetch_incident


def put_incident(
    archive: Archive, who: Principal, number: str, told: Mapping[str, Any], version: int | None = None
) -> tuple[IncidentFacts, bool]:
    """
    Upsert an incident by its number and ask for linking again; what is left out stays. Says whether it is new.

    Raises:
        NotFound: it, or the case it names, is one that `who` may not know of.
        NotAllowed: it would belong to a unit outside those of `who`.
        Invalid: a case number of the wrong form.
        PreconditionFailed: it has another version than `version`.
    """
    with archive.work() as work:
        known = cases.find_incident(work.session, number)
        if known is not None:
            fetch_incident(work.session, who, "incident.write", number)
        unit = require_own_unit(work.session, who, told, known)
        if told.get("case") and cases.find_case(work.session, told["case"]) is not None:
            fetch_case(work.session, who, "case.see", told["case"])
        pattern = archive.case_pattern(work.session, unit)
        row, created, bell = cases.put_incident(work, number, told, who.name, pattern, if_version=version)
        work.after_commit(lambda: archive.ring([bell]))
        return show_incident(work.session, row), created


def require_own_unit(
    session: Session, who: Principal, told: Mapping[str, Any], known: Incident | Case | None
) -> str | None:
    """
    Give the unit (its id) that an incident or a case belongs to now; None: no unit known here.

    Raises:
        NotAllowed: it lies outside the units of `who`.
    """
    if "unit" in told:
        unit = cases.unit_of_number(session, told["unit"])
        if unit is not None and not who.reaches_all and unit not in who.units:
            raise NotAllowed(f"unit {told['unit']!r} lies outside your own")
        return unit
    return known.unit_id if known is not None else None
