"""Take in incidents from dispatch, and show them."""

from typing import Any

from fastapi import Request, Response

from services.accounts.denials import Denial
from services.accounts.rights import Principal
from services.api import case_schemas as shapes
from services.api.actions.put_incident import put_incident
from services.api.actions.put_incidents import ItemOutcome, put_incidents
from services.api.admission import ArchiveDep, Who
from services.api.deps import Address, MaybeIfMatch, Number, etag
from services.api.refusals import KINDS
from services.api.registry import Routes
from services.index.lists import IncidentFacts, show_incident
from services.index.visible import fetch_incident

routes = Routes("incidents")

EXAMPLE = {
    "unit": "D1",
    "type": "盗窃",
    "dispatched_at": "2026-03-01T08:00:00+08:00",
    "cleared_at": "2026-03-01T08:40:00+08:00",
    "officers": ["0042"],
    "place": {"name": "人民路", "lat": 34.26, "lon": 108.95},
}
BATCH_BYTES = 8 << 20


def shape(found: IncidentFacts) -> dict[str, Any]:
    """Show an incident as the contract does, with the case that its body named."""
    values = {name: getattr(found, name) for name in shapes.Incident.model_fields if name != "case"}
    return values | {"case": found.cases[0] if found.cases else None}


@routes.declare(
    "PUT", "/incidents/{number}", action="incident.write", about="incident", response_model=shapes.Incident,
    example=EXAMPLE, responses={201: {"model": shapes.Incident}},
)  # fmt: skip
def upsert_incident(
    number: Number, body: shapes.IncidentBody, version: MaybeIfMatch, archive: ArchiveDep, who: Who, response: Response
) -> dict[str, Any]:
    """Take in what dispatch tells of an incident; what is absent stays as it is."""
    found, created = put_incident(archive, who, number, body.told(), version)
    response.status_code = 201 if created else 200
    response.headers.update(etag(found.version))
    return shape(found)


@routes.declare(
    "POST", "/incidents:batch", action="incident.write", response_model=shapes.ItemAnswers, body_bytes=BATCH_BYTES,
    example={"items": [{"number": "J1", **EXAMPLE}]},
)  # fmt: skip
def upsert_incidents(
    request: Request, body: shapes.Incidents, archive: ArchiveDep, who: Who, address: Address
) -> dict[str, list[ItemOutcome]]:
    """Take in up to a thousand incidents, each for itself; refusals are recorded as if it had come alone."""
    outcomes = put_incidents(archive, who, body.items)
    for one in outcomes:
        _note_refusal(request, who, one, address)
    return {"items": outcomes}


def _note_refusal(request: Request, who: Principal, one: ItemOutcome, address: str) -> None:
    if one.status in KINDS:
        target = f"{request.url.path}#{one.number}"
        denial = Denial(KINDS[one.status], "incident.write", target, "PUT", address)
        request.app.state.denials.note(who, denial, request.app.state.archive.clock())


@routes.declare("GET", "/incidents/{number}", action="incident.see", about="incident", response_model=shapes.Incident)
def see_incident(number: Number, archive: ArchiveDep, who: Who, response: Response) -> dict[str, Any]:
    """Show an incident."""
    with archive.reading() as session:
        found = show_incident(session, fetch_incident(session, who, "incident.see", number))
    response.headers.update(etag(found.version))
    return shape(found)
