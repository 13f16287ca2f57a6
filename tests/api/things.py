"""
Make one thing of each kind that routes are about, in one's own unit and in another; say who may know of it.

A route about a new kind needs its maker here: the matrix of rights asks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import httpx

from services.accounts import people, tokens, units
from services.accounts.rights import Principal, decide
from services.accounts.sessions import principal_of_user
from services.bootstrap import Archive, new_id
from services.index.exports import Export, ExportItem
from services.index.flags import set_flags
from services.index.models import Proposal, Recording, SessionMember, SessionRow, Upload, Viewing
from services.index.uploads import OVERSEERS
from services.index.visible import what_of
from services.jobs import lease
from services.media.facts import Flag
from services.oversight.definitions import parse_definition
from services.oversight.models import SpotItem
from services.oversight.spotchecks import define
from tests.api.site import Site
from tests.archive_fixture import NOON, add_case, add_device, add_incident, add_recording, everywhere, link

Side = Literal["own", "other"]
Params = Mapping[str, str]

UNITS: Mapping[Side, str] = {"own": "D1", "other": "E"}
OFFICERS: Mapping[Side, str] = {"own": "0042", "other": "0099"}
"""Badge numbers: the matrix' officer is 0042."""

PROGRAMS = ("dock", "integrator")
PEOPLE = ("officer", "reviewer", "supervisor", "head", "custodian", "auditor", "admin")


@dataclass(slots=True)
class Scene:
    """A served archive with one who asks in each role, all of unit D1."""

    site: Site
    unit_ids: dict[Side, str]
    clients: dict[str, httpx.Client]
    who: dict[str, Principal]

    @property
    def archive(self) -> Archive:
        return self.site.archive


def set_scene(site: Site) -> Scene:
    """Fill an empty archive with units and people."""
    archive = site.archive
    with archive.work() as work:
        units.put_unit(work, "D", name="分局", actor="test")
        own = units.put_unit(work, "D1", name="一所", parent="D", actor="test").id
        other = units.put_unit(work, "E", name="另一分局", actor="test").id
        for role in PEOPLE:
            number = OFFICERS["own"] if role == "officer" else f"n-{role}"
            people.add_user(work, f"m-{role}", role=role, unit="D1", number=number, actor="test")
    scene = Scene(site, {"own": own, "other": other}, {}, {})
    for role in PEOPLE:
        scene.clients[role] = site.as_user(f"m-{role}")
        with archive.reading() as session:
            scene.who[role] = principal_of_user(session, site.user(f"m-{role}"))
    for role in PROGRAMS:
        client = scene.clients[role] = site.as_token(role, "D1", name=f"m-{role}")
        with archive.reading() as session:
            secret = client.headers["authorization"].removeprefix("Bearer ")
            scene.who[role] = tokens.principal_of_token(session, secret, archive.clock())
    return scene


def recording(scene: Scene, side: Side) -> Params:
    """An interview's recording, linked to a case of its unit: what every role of footage may reach."""
    unit, officer = scene.unit_ids[side], OFFICERS[side]
    made = add_recording(scene.archive, unit=unit, officer=officer, kind="interview")
    link(scene.archive, made, "case", add_case(scene.archive, f"case-{made}", unit=unit))
    return {"id": made, "first": "0", "end": "1"}


def case(scene: Scene, side: Side) -> Params:
    number = f"A-{new_id()}"
    made = add_case(scene.archive, number, unit=scene.unit_ids[side], officers=[OFFICERS[side]])
    return {"id": made, "number": number}


def incident(scene: Scene, side: Side) -> Params:
    number = f"J-{new_id()}"
    made = add_incident(scene.archive, number, unit=scene.unit_ids[side], officers=[OFFICERS[side]])
    return {"id": made, "number": number}


def job(scene: Scene, side: Side) -> Params:
    about = recording(scene, side)["id"]
    with scene.archive.plain() as session:
        return {"id": lease.ask(session, "examine", about, scene.archive.clock()).job, "recording": about}


def upload(scene: Scene, side: Side) -> Params:
    made = new_id()
    with scene.archive.plain() as session:
        session.add(
            Upload(
                id=made, gate="g9", state="received", size_bytes=1, sender_id=new_id(), sender="a dock",
                unit_id=scene.unit_ids[side], filename="a.mp4", created_at=NOON, changed_at=NOON, expires_at=NOON,
            )
        )  # fmt: skip
    return {"id": made, "name": f"g9.{made}"}


def unit(scene: Scene, side: Side) -> Params:
    with scene.archive.work() as work:
        number = f"U-{new_id()}"
        return {"id": units.put_unit(work, number, name="某所", parent=UNITS[side], actor="test").id}


def account(scene: Scene, side: Side) -> Params:
    with scene.archive.work() as work:
        return {"id": people.add_user(work, new_id(), role="officer", unit=UNITS[side], actor="test").id}


def token(scene: Scene, side: Side) -> Params:
    with scene.archive.work() as work:
        secret = tokens.issue_token(work, new_id(), "dock", UNITS[side], 9, actor="test")
        work.session.flush()
        return {"id": tokens.token_of(work.session, secret).id}


def device(scene: Scene, side: Side) -> Params:
    return {"id": add_device(scene.archive, new_id(), unit=scene.unit_ids[side])}


def viewing(scene: Scene, side: Side) -> Params:
    """A viewing of the reviewer: nobody else's, whatever they may see."""
    of = recording(scene, side)["id"]
    made = new_id()
    with scene.archive.plain() as session:
        session.add(
            Viewing(
                id=made, recording_id=of, account_id=scene.who["reviewer"].id, actor="m-reviewer",
                started_at=NOON, last_seen=NOON,
            )
        )  # fmt: skip
    return {"id": of, "viewing": made}


def live_link(scene: Scene, side: Side) -> Params:
    of = recording(scene, side)["id"]
    return {"id": of, "link": link(scene.archive, of, "incident", incident(scene, side)["id"])}


def proposal(scene: Scene, side: Side) -> Params:
    of, target, made = recording(scene, side)["id"], incident(scene, side), new_id()
    with scene.archive.work() as work:
        work.session.add(
            Proposal(
                id=made, recording_id=of, target_type="incident", target_id=target["id"], number=target["number"],
                rule="14", score=0.5, reasons=[], made_at=NOON,
            )
        )  # fmt: skip
        work.append("rec.propose", of, proposal=made, number=target["number"])
    return {"id": made, "recording": of}


def flag(scene: Scene, side: Side) -> Params:
    of, found = recording(scene, side)["id"], Flag("black", Fraction(1), Fraction(5), detector="blackdetect")
    with scene.archive.work() as work:
        row = work.session.get_one(Recording, of)
        set_flags(row, [found.to_json()])
        work.append("rec.facts", of, flags=row.flags)
    return {"id": of, "flag": found.id}


def session(scene: Scene, side: Side) -> Params:
    """A session of one recording; who may know of that may know of it."""
    of, made = recording(scene, side)["id"], new_id()
    with scene.archive.work() as work:
        work.session.add(SessionRow(id=made, number=f"S-{made}", kind="interview", method="given", created_at=NOON))
        work.append("session.make", made, kind="interview", method="given")
        work.session.flush()
        work.session.add(
            SessionMember(session_id=made, recording_id=of, starts_at=NOON, method="given", uncertainty_s=0.0)
        )
        work.append("rec.session", of, session=made, method="given", uncertainty=0.0)
    return {"id": made, "recording": of}


def spot_check(scene: Scene, side: Side) -> Params:
    """A frozen spot check of its unit, of a programme of its own."""
    recording(scene, side)
    told = {"programme": new_id(), "unit": UNITS[side], "from": "2026-01-01T00:00:00Z", "to": "2026-12-01T00:00:00Z",
            "ticket": "segment", "size": 1}  # fmt: skip
    with scene.archive.work() as work:
        made = define(work, everywhere("supervisor"), parse_definition(told), bytes(32))
        return {"id": made.id}


def spot_item(scene: Scene, side: Side) -> Params:
    """A drawn item of a spot check of its unit."""
    of, about = spot_check(scene, side)["id"], recording(scene, side)["id"]
    with scene.archive.work() as work:
        work.session.add(
            SpotItem(
                spot_check_id=of, n=1, stratum=0, in_reserve=False, kind="segment", subject_id=about, segment=0,
                state="DRAWN", version=1,
            )
        )  # fmt: skip
        work.append("draw.result", of, actor="test", label="agency-seeded")
    return {"id": of, "n": "1"}


def export(scene: Scene, side: Side) -> Params:
    """An export of one recording, as a second person would be asked about it; whoever may know of that knows of it."""
    of, made = recording(scene, side)["id"], new_id()
    with scene.archive.work() as work:
        work.session.add(
            Export(
                id=made, state="proposed", recipient="检察院", purpose="移送", copies=1, disclosure="minimal",
                requester_id=new_id(), requester="another", created_at=NOON,
            )
        )  # fmt: skip
        work.session.flush()
        work.session.add(ExportItem(export_id=made, n=1, recording_id=of, kind="original"))
        work.append("export.make", made, actor="another", state="proposed")
    return {"id": made, "recording": of}


MAKERS: Mapping[str, Callable[[Scene, Side], Params]] = {
    "recording": recording,
    "case": case,
    "incident": incident,
    "job": job,
    "upload": upload,
    "unit": unit,
    "account": account,
    "token": token,
    "device": device,
    "viewing": viewing,
    "link": live_link,
    "proposal": proposal,
    "flag": flag,
    "session": session,
    "export": export,
    "spot-check": spot_check,
    "spot-item": spot_item,
}


def knows(scene: Scene, role: str, about: str, side: Side, params: Params) -> bool:
    """Say whether one of this role in D1 may know of the thing; the law is `rights.decide`, the field's table."""
    if about == "job" and role == "admin":
        return True
    if about == "viewing":
        return side == "own" and role == "reviewer"
    if about in ("recording", "job", "link", "proposal", "flag", "session", "export"):
        return allowed(scene, role, "recording.see", params.get("recording", params["id"]))
    if about == "upload":
        return side == "own" and role in OVERSEERS
    return side == "own"


def allowed(scene: Scene, role: str, action: str, recording_id: str) -> bool:
    """Ask the law about a recording."""
    with scene.archive.reading() as session:
        return decide(scene.who[role], action, what_of(session, [recording_id])[recording_id])
