"""Incidents come from dispatch by number, one or a thousand; footage that was there before finds them."""

import json

import httpx
import pytest
from sqlalchemy import select

from services.custody.ledger import history
from services.index.models import Incident, Link
from tests.api.theatre import Theatre

WINDOW = {"dispatched_at": "2026-03-02T09:58:00+08:00", "cleared_at": "2026-03-02T10:40:00+08:00"}


@pytest.fixture
def dispatch(theatre: Theatre) -> httpx.Client:
    return theatre.site.as_token("integrator", "root")


def test_an_incident_is_taken_in_and_changed(dispatch: httpx.Client) -> None:
    body = {"unit": "st1", "type": "盗窃", "officers": ["7", "8", "7"], "place": {"name": "人民路", "lat": 34.2}}
    made = dispatch.put("/api/v1/incidents/J-1", json=body)
    again = dispatch.put("/api/v1/incidents/J-1", json={"type": "抢夺"}, headers={"If-Match": made.headers["etag"]})
    stale = dispatch.put("/api/v1/incidents/J-1", json={}, headers={"If-Match": made.headers["etag"]})
    told = dispatch.get("/api/v1/incidents/J-1").json()

    assert (made.status_code, again.status_code, stale.status_code) == (201, 200, 412)
    assert (told["type"], told["officers"], told["place"]) == ("抢夺", ["7", "8"], {"name": "人民路", "lat": 34.2})
    assert (told["unit"], told["known"], told["case"]) == ("st1", True, None)


def test_footage_that_came_before_is_linked(theatre: Theatre, dispatch: httpx.Client) -> None:
    number, case = "J-late", "A-late"
    dispatch.put(f"/api/v1/incidents/{number}", json={"unit": "st1", "officers": ["900001"], "case": case, **WINDOW})
    sent = theatre.dock.send(
        b"filmed before dispatch told " * 99, filename="b.mp4", officer="900001", started_at="2026-03-02T10:05:00+08:00"
    )
    with theatre.archive.reading() as session:
        live = session.execute(
            select(Link.number, Link.origin).where(Link.recording_id == sent.recording_id, Link.ended_at.is_(None))
        ).all()
        told = [one for one in history(session, sent.recording_id or "") if one.entry.type == "rec.link"]

    assert set(live) == {(number, "auto"), (case, "inherited")}
    assert json.loads(told[0].values["reasons"])[0] == {"rule": "14", "by": "officer", "value": "900001"}


def test_a_batch_judges_each_item_for_itself(theatre: Theatre, dispatch: httpx.Client) -> None:
    own = theatre.site.as_token("integrator", "st2")
    dispatch.put("/api/v1/incidents/J-foreign", json={"unit": "st1"})
    items = [
        {"number": "J-b1", "unit": "st2", "type": "求助"},
        {"number": "J-b1", "type": "求助二"},
        {"number": "J-b2", "unit": "st1"},
        {"number": "J-foreign", "type": "x"},
        {"number": "a/b"},
        {"number": "J-b3", "typ": "x"},
        {"number": "J-b4", "dispatched_at": "yesterday"},
        {"type": "no number"},
        "nothing",
        {"number": "J-b5", "case": "no:batch"},
        {"number": "J-b6"},
    ]
    told = own.post("/api/v1/incidents:batch", json={"items": items})
    outcomes = [(one["status"], one["code"]) for one in told.json()["items"]]

    assert told.status_code == 200
    assert outcomes == [
        (201, None),
        (200, None),
        (403, "not-allowed"),
        (404, "not-found"),
        (422, "invalid"),
        (422, "invalid"),
        (422, "invalid"),
        (422, "invalid"),
        (422, "invalid"),
        (422, "invalid"),
        (201, None),
    ]
    assert [one["number"] for one in told.json()["items"]][:4] == ["J-b1", "J-b1", "J-b2", "J-foreign"]
    with theatre.archive.reading() as session:
        kept = set(session.scalars(select(Incident.number).where(Incident.number.startswith("J-b"))))
        me = own.get("/api/v1/me").json()["id"]
        denied = [json.loads(one.values["target"]) for one in history(session, me) if one.entry.type == "token.deny"]
    assert kept == {"J-b1", "J-b6"}
    assert denied == ["/api/v1/incidents:batch#J-b2", "/api/v1/incidents:batch#J-foreign"]


def test_a_batch_has_at_most_a_thousand(theatre: Theatre, dispatch: httpx.Client) -> None:
    told = dispatch.post("/api/v1/incidents:batch", json={"items": [{"number": f"many-{n}"} for n in range(1001)]})
    empty = dispatch.post("/api/v1/incidents:batch", json={"items": []})

    assert (told.status_code, empty.status_code, empty.json()) == (422, 200, {"items": []})
    with theatre.archive.reading() as session:
        assert session.scalars(select(Incident.id).where(Incident.number.startswith("many-"))).all() == []


def test_a_batch_under_one_key_is_done_once(theatre: Theatre, dispatch: httpx.Client) -> None:
    body = {"items": [{"number": "J-key", "type": "x"}]}
    first = dispatch.post("/api/v1/incidents:batch", json=body, headers={"Idempotency-Key": "k-1"})
    again = dispatch.post("/api/v1/incidents:batch", json=body, headers={"Idempotency-Key": "k-1"})
    with theatre.archive.reading() as session:
        version = session.scalars(select(Incident.version).where(Incident.number == "J-key")).one()
    third = dispatch.post("/api/v1/incidents:batch", json=body)

    assert first.json() == again.json() == {"items": [{"number": "J-key", "status": 201, "code": None, "detail": None}]}
    assert third.json()["items"][0]["status"] == 200
    with theatre.archive.reading() as session:
        assert session.scalars(select(Incident.version).where(Incident.number == "J-key")).one() == version + 1


@pytest.mark.parametrize(
    "body",
    [{"place": {"lat": 91}}, {"officers": [""]}, {"unit": "x" * 65}, {"reported_at": "2026-03-01T09:00:00"}, {"x": 1}],
)
def test_a_wrong_body_is_refused(dispatch: httpx.Client, body: dict[str, object]) -> None:
    assert dispatch.put("/api/v1/incidents/J-wrong", json=body).status_code == 422
    assert dispatch.get("/api/v1/incidents/J-wrong").status_code == 404


def test_who_may_not_write_does_not(theatre: Theatre) -> None:
    assert theatre.reviewer.put("/api/v1/incidents/J-9", json={}).status_code == 403
    assert theatre.officer.post("/api/v1/incidents:batch", json={"items": []}).status_code == 403
