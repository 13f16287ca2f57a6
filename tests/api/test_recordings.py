"""Recordings are found, shown, described by people and remembered; facts never change."""

from base64 import b64decode
from datetime import UTC, datetime

import httpx
import pytest

from services.accounts import people, sessions
from services.accounts.rights import Principal
from services.api.actions.change_meta import CATEGORIES, change_meta
from services.api.actions.read_history import read_history
from services.api.searches import searches_of
from services.bootstrap import Archive
from services.custody.entry import commit_field, commit_payload, leaf_hash, read_entry
from services.custody.ledger import history
from services.custody.tables import payload
from services.errors import Invalid, NotAllowed, NotFound, PreconditionFailed
from services.index.models import Person, Recording
from tests.api.theatre import CASE, Theatre
from tests.archive_fixture import add_case, add_recording, add_unit, add_user, link

PROMISED = """
id state kind unit officer device started_at ended_at duration size sha256 flags cases incidents filename received_at
clock_offset container streams playable arrivals category grade retention links
"""
"""Names of the contract."""


@pytest.fixture
def scene(archive: Archive) -> tuple[Principal, str]:
    unit = add_unit(archive)
    return add_user(archive, "reviewer", unit, name="li"), add_recording(archive, unit=unit)


def found(theatre: Theatre, **query: str) -> set[str]:
    told = theatre.reviewer.get("/api/v1/recordings", params={"limit": 200, **query})
    assert told.status_code == 200, told.text
    return {item["id"] for item in told.json()["items"]}


def test_filters_narrow_the_list(theatre: Theatre) -> None:
    film, sound, wreck = theatre.film, theatre.sound, theatre.wreck

    assert {film, sound, wreck} <= found(theatre, case=CASE)
    assert found(theatre, case="no such case") == set()
    assert {film, sound, wreck} <= found(theatre, officer="900001", device="cam-1", kind="body", unit="root")
    assert wreck in found(theatre, state="damaged", flag="not-media")
    assert film not in found(theatre, state="damaged")
    assert found(theatre, **{"from": "2026-03-02T10:30:00+08:00", "to": "2026-03-02T11:30:00+08:00"}) == {sound}
    assert found(theatre, **{"from": "2026-03-02T02:00:09Z", "to": "2026-03-02T02:00:30Z"}) == {film}
    assert film in found(theatre, q="现场")
    assert sound in found(theatre, q="谈话")
    assert film not in found(theatre, q="谈话")


@pytest.mark.parametrize(
    "query", [{"from": "2026-03-02T10:30:00"}, {"from": "soon"}, {"limit": "201"}, {"cursor": "x"}, {"q": "x" * 201}]
)
def test_a_wrong_filter_is_said(theatre: Theatre, query: dict[str, str]) -> None:
    assert theatre.reviewer.get("/api/v1/recordings", params=query).status_code == 422


def test_pages_go_on_where_the_last_ended(theatre: Theatre) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"case": CASE, "limit": "1"} | ({"cursor": cursor} if cursor else {})
        told = theatre.reviewer.get("/api/v1/recordings", params=query).json()
        seen += [item["id"] for item in told["items"]]
        cursor = told["next"]

    assert len(seen) == len(set(seen))
    assert set(seen) == found(theatre, case=CASE)


def test_the_facts_are_those_of_the_contract(theatre: Theatre) -> None:
    told = theatre.reviewer.get(theatre.path("")[:-1])
    facts = told.json()

    assert told.headers["etag"] == f'"{facts["version"]}"'
    assert facts.keys() >= set(PROMISED.split())
    assert (facts["state"], facts["duration"], facts["unit"], facts["cases"]) == ("ready", 10.0, "st1", [CASE])
    assert facts["size"] == len(theatre.film_bytes)
    assert facts["retention"] == {"until": None, "rule": "21-evidence"}
    assert facts["links"][0].items() >= {"target": "case", "number": CASE, "origin": "explicit"}.items()
    assert datetime.fromisoformat(facts["started_at"]) == datetime(2026, 3, 2, 2, tzinfo=UTC)


def test_what_one_may_not_see_does_not_exist(theatre: Theatre) -> None:
    for recording in (theatre.film, "01920000-0000-7000-8000-000000000000", "no-id"):
        for rest in ("", "/history", "/flags", "/links"):
            told = theatre.stranger.get(f"/api/v1/recordings/{recording}{rest}")
            assert (told.status_code, told.json()["code"]) == (404, "not-found")
    assert theatre.stranger.get("/api/v1/recordings").json()["items"] == []


def test_searches_are_entered_within_a_second(theatre: Theatre) -> None:
    client = theatre.newcomer()
    me = client.get("/api/v1/me").json()["id"]
    client.get("/api/v1/recordings", params={"q": "盗窃", "kind": "body"})
    client.get("/api/v1/cases", params={"q": "A-2026"})
    searches_of(theatre.archive).write(theatre.archive.engine, theatre.clock())
    with theatre.archive.reading() as session:
        made = [dict(one.values) for one in history(session, me) if one.entry.type == "account.search"]

    assert [one["query"] for one in made] == ['"盗窃"', '"A-2026"']
    assert made[0]["filters"] == '{"kind":"body"}'
    assert made[0]["results"] == "0"


def test_a_change_is_entered_and_bound_to_a_version(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    changed = change_meta(archive, who, recording, {"category": "CALL", "note": "门口"}, 1)
    with pytest.raises(PreconditionFailed):
        change_meta(archive, who, recording, {"grade": 2}, 1)
    same = change_meta(archive, who, recording, {"category": "CALL"}, None)
    with archive.reading() as session:
        made = [dict(one.values) for one in history(session, recording) if one.entry.type == "rec.meta"]

    assert (changed.category, changed.note, changed.grade) == ("CALL", "门口", 1)
    assert same.version == changed.version > 1
    assert made == [
        {
            "actor": '"li"',
            "before": '{"category":"UNCATEGORISED","note":null}',
            "after": '{"category":"CALL","note":"门口"}',
        }
    ]


def test_retention_follows_the_category(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    evidence = change_meta(archive, who, recording, {"category": "MASS_INCIDENT"}, None)
    ordinary = change_meta(archive, who, recording, {"category": "TRAINING"}, None)

    assert (evidence.retention.until, evidence.retention.rule) == (None, "21-category")
    assert ordinary.retention.rule == "20-minimum"
    assert ordinary.retention.until is not None


def test_the_strictest_grade_names_who_set_it(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    colleague = add_user(archive, "reviewer", who.unit or "")
    change_meta(archive, who, recording, {"grade": 4}, None)
    with pytest.raises(NotFound):
        change_meta(archive, colleague, recording, {"grade": 1}, None)
    with archive.reading() as session:
        assert session.get(Person, (recording, who.id)) is not None

    assert change_meta(archive, who, recording, {"grade": 3}, None).grade == 3


@pytest.mark.parametrize(
    "change",
    [{"category": "FUN"}, {"grade": 5}, {"grade": 0}, {"sha256": "0"}, {"started_at": "2020-01-01T00:00:00Z"}],
)
def test_nothing_else_changes(theatre: Theatre, change: dict[str, object]) -> None:
    before = theatre.row()
    told = theatre.reviewer.patch(theatre.path("")[:-1], json=change, headers={"If-Match": "*"})
    with pytest.raises(Invalid):
        change_meta(theatre.archive, everywhere(theatre), theatre.film, change, None)

    assert (told.status_code, told.json()["code"]) == (422, "invalid")
    assert theatre.row().version == before.version


def everywhere(theatre: Theatre) -> Principal:
    with theatre.archive.reading() as session:
        return sessions.principal_of_user(session, people.find_user(session, "li"))


def test_the_categories_are_those_of_the_field() -> None:
    assert len(CATEGORIES) == 15
    assert {"CALL", "INTERROGATION", "UNCATEGORISED"} <= CATEGORIES


def test_a_patch_needs_if_match_and_its_right(theatre: Theatre) -> None:
    address = theatre.path("")[:-1]
    without = theatre.reviewer.patch(address, json={"note": "x"})
    officer = theatre.officer.patch(address, json={"note": "x"}, headers={"If-Match": "*"})
    stale = theatre.reviewer.patch(address, json={"note": "x"}, headers={"If-Match": '"1"'})

    assert [code(told) for told in (without, officer, stale)] == [
        (428, "precondition-required"),
        (403, "not-allowed"),
        (412, "precondition-failed"),
    ]


def code(told: httpx.Response) -> tuple[int, str]:
    return told.status_code, told.json()["code"]


def test_history_tells_all_in_order_and_in_pages(theatre: Theatre) -> None:
    lines, cursor = [], None
    while True:
        query = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        told = theatre.reviewer.get(theatre.path("history"), params=query)
        assert told.status_code == 200, told.text
        lines += told.json()["items"]
        cursor = told.json()["next"]
        if cursor is None:
            break

    assert [line["n"] for line in lines] == list(range(len(lines)))
    assert [line["event"] for line in lines] == [one.entry.type for one in theatre.entries()]
    ingest = next(line for line in lines if line["event"] == "rec.ingest")
    assert ingest["detail"]["sha256"] == theatre.row().sha256
    assert (ingest["actor"], ingest["withheld"]) == ("dock-1", [])
    assert all(leaf_hash(line["entry"].encode()).hex() == line["leaf_hash"] for line in lines)
    assert all(committed(line["fields"]) == read_entry(line["entry"].encode()).commitment for line in lines)
    wrong = theatre.reviewer.get(theatre.path("history", theatre.sound), params={"cursor": f"{theatre.film}.3"})
    assert wrong.status_code == 422


def committed(fields: list[list[str]]) -> bytes:
    """Give what an entry commits to by these fields."""
    parts = {name: commit_field(name, value, b64decode(salt)) for name, salt, value in fields}
    return commit_payload(parts)


def test_expunged_values_are_shown_as_withheld(sqlite_archive: Archive) -> None:
    unit = add_unit(sqlite_archive)
    who, recording = add_user(sqlite_archive, "reviewer", unit), add_recording(sqlite_archive, unit=unit)
    with sqlite_archive.reading() as session:
        first = next(iter(history(session, recording)))
    raw = sqlite_archive.engine.raw_connection()
    cursor = raw.cursor()  # past the guard, as the expunging command of a later release will be
    cursor.execute(
        f"UPDATE {payload.name} SET salt = NULL, value = NULL WHERE event_id = ? AND name = 'officer'",
        (first.entry.id.replace("-", ""),),
    )
    assert cursor.rowcount == 1
    raw.commit()
    raw.close()
    line = read_history(sqlite_archive, who, recording, 10, None).items[0]

    assert line.withheld == ("officer",)
    assert line.detail["officer"] == {"withheld": True}
    assert "sha256" in line.detail
    assert [len(one) for one in line.fields].count(1) == 1, "the withheld value is a commitment alone"
    assert all("officer" not in one for one in line.fields)


def test_an_officer_sees_the_history_of_their_own(theatre: Theatre) -> None:
    assert theatre.officer.get(theatre.path("history")).status_code == 200
    assert theatre.auditor.get(theatre.path("history")).status_code == 200


def test_a_linked_case_opens_what_other_units_filmed(archive: Archive) -> None:
    here, there = add_unit(archive, "U1"), add_unit(archive, "U2")
    who = add_user(archive, "reviewer", here)
    foreign = add_recording(archive, unit=there)
    with pytest.raises(NotFound):
        change_meta(archive, who, foreign, {"note": "x"}, None)
    link(archive, foreign, "case", add_case(archive, unit=here))

    assert change_meta(archive, who, foreign, {"note": "x"}, None).note == "x"
    with pytest.raises(NotAllowed):
        change_meta(archive, add_user(archive, "auditor", there), foreign, {"note": "y"}, None)
    with archive.reading() as session:
        assert session.get_one(Recording, foreign).note == "x"
