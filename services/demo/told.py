"""Tell the archive of devices, rosters, incidents and cases over its public interface, as the city's systems would."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
from sqlalchemy import select

from services.bootstrap import Archive
from services.demo.people import passing_token
from services.demo.plan import BUREAU, CAMERAS, CENTRE, DOCKS, ROOMS, STATIONS, World
from services.errors import Refused, Unavailable
from services.index.models import Case, Device, Incident, Roster

_HALF: Final = len(CAMERAS) // len(STATIONS)
DEVICES: Final = (
    *((number, "camera", STATIONS[place // _HALF], f"执法记录仪 {place + 1}") for place, number in enumerate(CAMERAS)),
    *((number, "dock", unit, "采集站") for number, unit in zip(DOCKS, STATIONS, strict=True)),
    *((number, "room", CENTRE, f"讯问室 {place + 1}") for place, number in enumerate(ROOMS)),
)
"""Number, kind, unit and name."""


def tell(archive: Archive, world: World, address: str) -> None:
    """
    Tell everything that the catalogue does not know yet; harmless when repeated.

    Raises:
        Refused: the archive took something not.
        Unavailable: it did not answer.
    """
    with passing_token(archive, "demo-set-up", "admin", BUREAU) as token, _client(address, token) as client:
        _tell_devices(archive, world, client)
    with passing_token(archive, "demo-dispatch", "integrator", BUREAU) as token, _client(address, token) as client:
        _tell_incidents(archive, world, client)
        _tell_cases(archive, world, client)


def is_told(archive: Archive, world: World) -> bool:
    """Say whether nothing is missing, so that a later start makes no tokens at all."""
    with archive.reading() as session:
        devices = set(session.scalars(select(Device.number)))
        incidents = set(session.scalars(select(Incident.number).where(Incident.known)))
        cases = set(session.scalars(select(Case.number).where(Case.known)))
        shifts = len(session.scalars(select(Roster.id).where(Roster.device_number.in_(CAMERAS))).all())
    known = {number for number, *_ in DEVICES} <= devices and world.incidents.keys() <= incidents
    return known and world.cases.keys() <= cases and shifts >= len(world.shifts)


def _tell_devices(archive: Archive, world: World, client: httpx.Client) -> None:
    with archive.reading() as session:
        ids = {device.number: device.id for device in session.scalars(select(Device))}
        known = {(row.device_number, row.starts_at) for row in session.scalars(select(Roster))}
    for number, kind, unit, name in DEVICES:
        if number not in ids:
            told = _send(client, "POST", "/devices", {"number": number, "kind": kind, "unit": unit, "name": name})
            ids[number] = told["id"]
    for shift in world.shifts:
        if (shift.device, shift.starts_at) not in known:
            told = {
                "officer": shift.officer,
                "starts_at": shift.starts_at.isoformat(),
                "ends_at": shift.ends_at.isoformat(),
            }
            _send(client, "POST", f"/devices/{ids[shift.device]}/rosters", told)


def _tell_incidents(archive: Archive, world: World, client: httpx.Client) -> None:
    with archive.reading() as session:
        known = set(session.scalars(select(Incident.number).where(Incident.known)))
    missing = [{"number": number, **body} for number, body in world.incidents.items() if number not in known]
    if not missing:
        return
    answer = _send(client, "POST", "/incidents:batch", {"items": missing})
    refused = [item for item in answer["items"] if item["status"] >= 300]
    if refused:
        raise Refused(f"{len(refused)} of {len(missing)} incidents were refused: {refused[0]}")


def _tell_cases(archive: Archive, world: World, client: httpx.Client) -> None:
    with archive.reading() as session:
        known = set(session.scalars(select(Case.number).where(Case.known)))
    for number, body in world.cases.items():
        if number not in known:
            _send(client, "PUT", f"/cases/{quote(number, safe='')}", body)


def _client(address: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    # who answers is the server that this process started, on loopback
    return httpx.Client(base_url=f"{address}/api/v1", headers=headers, verify=False, trust_env=False, timeout=60)  # noqa: S501


def _send(client: httpx.Client, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = client.request(method, path, json=dict(body))
    except httpx.HTTPError as error:
        raise Unavailable(f"{method} {path} was not answered: {error}") from error
    if answer.is_error:
        raise Refused(f"{method} {path} was answered {answer.status_code}: {answer.text[:500]}")
    told: dict[str, Any] = answer.json() if answer.content else {}
    return told
