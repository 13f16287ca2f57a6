"""Take in a case as case management tells it."""

from collections.abc import Mapping
from typing import Any

from services.accounts.rights import Principal
from services.api.actions.put_incident import require_own_unit
from services.bootstrap import Archive
from services.index import cases
from services.index.lists import CaseFacts, show_case
from services.index.search import index_linked
from services.index.visible import fetch_case, fetch_incident


def put_case(
    archive: Archive, who: Principal, number: str, told: Mapping[str, Any], version: int | None = None
) -> tuple[CaseFacts, bool]:
    """
    Upsert a case by its number; recordings of its incidents inherit it. What is left out stays. Says whether it is new.

    Raises:
        NotFound: it, or an incident it names, is one that `who` may not know of.
        NotAllowed: it would belong to a unit outside those of `who`.
        Invalid: the number does not have the bureau's form (rule 18).
        PreconditionFailed: it has another version than `version`.
    """
    with archive.work() as work:
        known = cases.find_case(work.session, number)
        if known is not None:
            fetch_case(work.session, who, "case.write", number)
        unit = require_own_unit(work.session, who, told, known)
        for incident in told.get("incidents", ()):
            if cases.find_incident(work.session, incident) is not None:
                fetch_incident(work.session, who, "incident.see", incident)
        pattern = archive.case_pattern(work.session, unit)
        row, created, bells = cases.put_case(work, number, told, who.name, pattern, if_version=version)
        index_linked(work.session, "case", row.id)
        work.after_commit(lambda: archive.ring(bells))
        return show_case(work.session, who, row), created
