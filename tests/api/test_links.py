"""People link footage, end links with a reason, and answer what the machine only proposes."""

import httpx
import pytest

from services.accounts.rights import Principal
from services.api.actions.link_recording import answer_proposal, link_recording, unlink_recording
from services.bootstrap import Archive, new_id
from services.custody.ledger import history
from services.errors import Conflict, Invalid, NotAllowed, NotFound, ReasonRequired
from services.index.models import Proposal, Recording
from tests.api.theatre import Theatre
from tests.archive_fixture import NOON, add_case, add_incident, add_recording, add_unit, add_user


@pytest.fixture
def scene(archive: Archive) -> tuple[Principal, str]:
    unit = add_unit(archive, "U1")
    return add_user(archive, "reviewer", unit, name="li"), add_recording(archive, unit=unit, officer="42")


def events(archive: Archive, recording: str) -> list[str]:
    with archive.reading() as session:
        return [one.entry.type for one in history(session, recording)]


def propose(archive: Archive, recording: str, incident: str, number: str) -> str:
    made = new_id()
    with archive.work() as work:
        work.session.add(
            Proposal(
                id=made, recording_id=recording, target_type="incident", target_id=incident, number=number, rule="14",
                score=0.5, reasons=[{"rule": "14"}], made_at=NOON,
            )
        )  # fmt: skip
        work.append("rec.propose", recording, proposal=made, number=number)
    return made


def test_a_link_by_hand_inherits_the_case_and_keeps_the_footage(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    incident = add_incident(archive, "J1", unit=who.unit)
    add_case(archive, "A1", unit=who.unit, incidents=[incident])
    made = link_recording(archive, who, recording, "incident", "J1", "本人处警")
    with archive.reading() as session:
        rule = session.get_one(Recording, recording).retain_rule

    assert (made.target, made.number, made.origin, made.actor) == ("incident", "J1", "manual", "li")
    assert made.reasons[0]["reason"] == "本人处警"
    assert events(archive, recording)[-3:] == ["rec.link", "rec.link", "rec.retention"]
    assert rule == "21-evidence"


def test_an_unknown_number_is_taken_in_but_not_a_foreign_one(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    other = add_unit(archive, "U2")
    add_case(archive, "B1", unit=other)
    add_incident(archive, "K1", unit=other)
    for target, number in (("case", "B1"), ("incident", "K1")):
        with pytest.raises(NotFound):
            link_recording(archive, who, recording, target, number, "why")

    assert link_recording(archive, who, recording, "case", "A-new", "why").number == "A-new"


@pytest.mark.parametrize(("target", "number", "reason"), [("person", "x", "why"), ("case", "a/b", "why")])
def test_a_link_has_its_form(archive: Archive, scene: tuple[Principal, str], target: str, number: str, reason: str):
    with pytest.raises(Invalid):
        link_recording(archive, scene[0], scene[1], target, number, reason)

    assert "rec.link" not in events(archive, scene[1])


def test_ending_a_link_needs_a_reason_and_restarts_the_clock(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    made = link_recording(archive, who, recording, "case", "A1", "why")
    with pytest.raises(ReasonRequired):
        unlink_recording(archive, who, recording, made.id, None)
    with pytest.raises(Invalid):
        unlink_recording(archive, who, recording, made.id, "  ")
    unlink_recording(archive, who, recording, made.id, "wrong case")
    with pytest.raises(NotFound):
        unlink_recording(archive, who, recording, made.id, "again")
    with pytest.raises(NotFound):
        unlink_recording(archive, who, recording, "no-id", "again")
    with archive.reading() as session:
        row = session.get_one(Recording, recording)
        line = next(one for one in history(session, recording) if one.entry.type == "rec.unlink")

    assert (line.values["reason"], line.values["actor"]) == ('"wrong case"', '"li"')
    assert row.retain_until is not None


def test_a_proposal_is_answered_once(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    officer = add_user(archive, "officer", who.unit or "", number="42")
    first = propose(archive, recording, add_incident(archive, "J1", unit=who.unit), "J1")
    second = propose(archive, recording, add_incident(archive, "J2", unit=who.unit), "J2")
    confirmed = answer_proposal(archive, officer, first, confirm=True, reason="是我")
    rejected = answer_proposal(archive, who, second, confirm=False, reason=None)
    with pytest.raises(Conflict):
        answer_proposal(archive, who, first, confirm=False, reason=None)

    assert (confirmed.state, rejected.state) == ("confirmed", "rejected")
    made = events(archive, recording)
    assert made.count("rec.answer") == 2
    assert made.count("rec.link") == 1


def test_who_may_not_answer_does_not(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    proposal = propose(archive, recording, add_incident(archive, "J1", unit=who.unit), "J1")
    for role, number, refusal in (
        ("officer", "77", NotFound),
        ("supervisor", None, NotAllowed),
        ("auditor", None, NotAllowed),
    ):
        other = add_user(archive, role, who.unit or "", number=number)
        with pytest.raises(refusal):
            answer_proposal(archive, other, proposal, confirm=True, reason=None)
    with pytest.raises(NotFound):
        answer_proposal(archive, who, new_id(), confirm=True, reason=None)
    with pytest.raises(NotFound):
        answer_proposal(archive, who, "x", confirm=True, reason=None)

    assert "rec.answer" not in events(archive, recording)


def code(told: httpx.Response) -> tuple[int, str]:
    return told.status_code, told.json()["code"]


def test_over_http(theatre: Theatre) -> None:
    sent = theatre.dock.send(b"to be linked " * 500, filename="l.mp4", officer="900001", device="cam-9")
    recording = sent.recording_id or ""
    links = theatre.path("links", recording)
    made = theatre.reviewer.post(links, json={"target": "case", "number": "A-http", "reason": "同案"})
    again = theatre.reviewer.post(links, json={"target": "case", "number": "A-http", "reason": "同案"})
    listed = theatre.reviewer.get(links).json()
    without = theatre.reviewer.delete(f"{links}/{made.json()['id']}")
    ended = theatre.reviewer.delete(f"{links}/{made.json()['id']}", params={"reason": "错案"})

    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    assert [one["number"] for one in listed["items"]] == ["A-http"]
    assert code(without) == (428, "reason-required")
    assert ended.status_code == 204
    assert theatre.reviewer.get(links).json()["items"] == []
    assert theatre.reviewer.post(links, json={"target": "case", "number": "A-http"}).status_code == 422
    assert theatre.officer.post(links, json={"target": "case", "number": "A", "reason": "x"}).status_code == 403
    assert theatre.stranger.get(links).status_code == 404


def test_proposals_are_listed_and_answered_over_http(theatre: Theatre) -> None:
    sent = theatre.dock.send(b"which of two? " * 400, filename="two.mp4", officer="900001", device="cam-8")
    recording = sent.recording_id or ""
    with theatre.archive.reading() as session:
        unit = session.get_one(Recording, recording).unit_id
    proposals = [
        propose(theatre.archive, recording, add_incident(theatre.archive, f"P{n}", unit=unit), f"P{n}") for n in (1, 2)
    ]
    listed = theatre.reviewer.get("/api/v1/link-proposals", params={"recording": recording}).json()["items"]
    confirmed = theatre.officer.post(f"/api/v1/link-proposals/{proposals[0]}/confirm", json={"reason": "处警"})
    rejected = theatre.reviewer.post(f"/api/v1/link-proposals/{proposals[1]}/reject")
    twice = theatre.reviewer.post(f"/api/v1/link-proposals/{proposals[1]}/confirm", json={})

    assert {one["number"] for one in listed} == {"P1", "P2"}
    assert listed[0].items() >= {"recording": recording, "target": "incident", "state": "open"}.items()
    assert listed[0]["created_at"]
    assert confirmed.json() == {"id": proposals[0], "state": "confirmed"}
    assert rejected.json() == {"id": proposals[1], "state": "rejected"}
    assert code(twice) == (409, "conflict")
    assert theatre.stranger.get("/api/v1/link-proposals", params={"recording": recording}).json()["items"] == []
    assert code(theatre.stranger.post(f"/api/v1/link-proposals/{proposals[0]}/confirm")) == (404, "not-found")
    assert theatre.reviewer.get(theatre.path("", recording)[:-1]).json()["incidents"] == ["P1"]
