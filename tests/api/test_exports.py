"""Exports over HTTP: what is refused before anything is queued, who may, who must be asked, what one is told."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from services.accounts import people, units
from services.bootstrap import new_id
from services.custody.ledger import history
from services.index.exports import Export
from services.index.models import Recording
from services.jobs.table import JobRow
from tests.api.site import Site
from tests.api.theatre import Theatre
from tests.archive_fixture import add_case, add_recording, link

EXPORTS = "/api/v1/exports"


def body(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"recipient": "检察院", "purpose": "移送", "items": list(items), **more}


def counts(theatre: Theatre) -> tuple[int, int]:
    with theatre.archive.reading() as session:
        asked = session.scalar(select(func.count()).select_from(JobRow).where(JobRow.kind == "export")) or 0
        return asked, session.scalar(select(func.count()).select_from(Export)) or 0


BAD: list[tuple[str, dict[str, Any], int, str]] = [
    ("no such recording", {"recording": "00000000-0000-7000-8000-000000000001", "kind": "original"}, 422, "invalid"),
    ("no id at all", {"recording": "x", "kind": "original"}, 422, "invalid"),
    ("another kind", {"recording": "FILM", "kind": "redacted"}, 422, "invalid"),
    ("part of an original", {"recording": "FILM", "kind": "original", "start": "1"}, 422, "invalid"),
    ("a start behind the end", {"recording": "FILM", "kind": "exact", "start": "11"}, 422, "range-outside"),
    ("an end before the start", {"recording": "FILM", "kind": "exact", "start": "5", "end": "4"}, 422, "range-outside"),
    ("before the beginning", {"recording": "FILM", "kind": "verbatim", "start": "-1"}, 422, "invalid"),
    ("behind the end", {"recording": "FILM", "kind": "verbatim", "start": "99"}, 422, "range-outside"),
    ("a still of no moment", {"recording": "FILM", "kind": "still"}, 422, "invalid"),
    ("a still that lasts", {"recording": "FILM", "kind": "still", "start": "1", "end": "2"}, 422, "invalid"),
    ("a still behind the end", {"recording": "FILM", "kind": "still", "start": "10"}, 422, "range-outside"),
    ("a still of sound", {"recording": "SOUND", "kind": "still", "start": "1"}, 409, "not-playable"),
    ("verbatim sound of no boxes", {"recording": "SOUND", "kind": "verbatim"}, 422, "verbatim-not-possible"),
    ("a clip of no film", {"recording": "WRECK", "kind": "exact"}, 409, "not-playable"),
]


@pytest.mark.parametrize(("item", "status", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_can_never_be_made_is_refused_before_anything_is_queued(
    theatre: Theatre, item: dict[str, Any], status: int, code: str
) -> None:
    names = {"FILM": theatre.film, "SOUND": theatre.sound, "WRECK": theatre.wreck}
    asked = {**item, "recording": names.get(item["recording"], item["recording"])}
    before = counts(theatre)
    told = theatre.reviewer.post(EXPORTS, json=body({"recording": theatre.film, "kind": "original"}, asked))

    assert (told.status_code, told.json()["code"]) == (status, code), told.text
    assert counts(theatre) == before


@pytest.mark.parametrize(
    "more",
    [
        {"items": []}, {"copies": 0}, {"copies": 21}, {"recipient": ""}, {"recipient": "a\nb"}, {"purpose": "  "},
        {"purpose": "x" * 501}, {"disclosure": "all"}, {"case": "no-such-case"}, {"colour": "red"},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_order_is_refused(theatre: Theatre, more: dict[str, Any]) -> None:
    before = counts(theatre)
    told = theatre.reviewer.post(EXPORTS, json=body({"recording": theatre.film, "kind": "original"}) | more)

    assert (told.status_code, told.json()["code"]) == (422, "invalid"), told.text
    assert counts(theatre) == before


@pytest.mark.parametrize("state", ["quarantined", "disposed"])
def test_what_is_set_aside_or_gone_is_not_exported(site: Site, state: str) -> None:
    made = add_recording(site.archive, unit=unit_of(site, "D1"), state=state)
    told = site.as_user("wang").post(EXPORTS, json=body({"recording": made, "kind": "original"}))

    assert (told.status_code, told.json()["code"]) == (422, "invalid")
    assert state in told.json()["detail"]


def unit_of(site: Site, number: str) -> str:
    with site.archive.reading() as session:
        return units.find_unit(session, number).id


def person(site: Site, role: str, unit: str = "D1", **more: Any) -> httpx.Client:
    name = f"{role}-{new_id()}"
    with site.archive.work() as work:
        people.add_user(work, name, role=role, unit=unit, actor="test", **more)
    return site.as_user(name)


def ask(client: httpx.Client, recording: str) -> httpx.Response:
    return client.post(EXPORTS, json=body({"recording": recording, "kind": "original"}))


ROLES = {
    "officer": (403, 403), "reviewer": (202, 202), "supervisor": (403, 403), "head": (202, 202),
    "custodian": (422, 202), "auditor": (403, 403), "admin": (403, 403),
}  # fmt: skip
"""What each role of the unit is told of an ordinary recording, and of an interview."""


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_export_what_the_field_says(site: Site, role: str) -> None:
    own = unit_of(site, "D1")
    body_cam = add_recording(site.archive, unit=own)
    interview = add_recording(site.archive, unit=own, kind="interview")
    client = person(site, role)

    assert (ask(client, body_cam).status_code, ask(client, interview).status_code) == ROLES[role]


def test_a_custodian_in_the_case_team_may_not(site: Site) -> None:
    own = unit_of(site, "D1")
    interview = add_recording(site.archive, unit=own, kind="interview")
    link(site.archive, interview, "case", add_case(site.archive, "A9", unit=own, officers=["k1"]))

    assert ask(person(site, "custodian", number="k1"), interview).status_code == 422
    assert ask(person(site, "custodian", number="k2"), interview).status_code == 202


def test_another_units_recording_does_not_exist_and_neither_does_its_export(site: Site) -> None:
    foreign = add_recording(site.archive, unit=unit_of(site, "E"))
    nobodys = add_recording(site.archive, unit=None)
    mine = site.as_user("wang")
    told, missing = ask(mine, foreign), ask(mine, "00000000-0000-7000-8000-000000000001")
    made = ask(person(site, "reviewer", "E"), foreign).json()["id"]

    assert (told.status_code, missing.status_code, ask(mine, nobodys).status_code) == (422, 422, 422)
    assert told.json()["detail"].replace(foreign, "") == missing.json()["detail"].replace(
        "00000000-0000-7000-8000-000000000001", ""
    )
    assert mine.get(f"{EXPORTS}/{made}").status_code == 404
    assert mine.get(f"{EXPORTS}/{made}/package").status_code == 404
    assert mine.get(EXPORTS).json()["items"] == []


def test_who_tries_recordings_of_others_leaves_a_trail(site: Site) -> None:
    foreign = add_recording(site.archive, unit=unit_of(site, "E"))
    mine = site.as_user("wang")
    ask(mine, foreign)
    with site.archive.reading() as session:
        lines = [
            one for one in history(session, mine.get("/api/v1/me").json()["id"]) if one.entry.type == "account.deny"
        ]

    assert [(one.values["action"], one.values["target"]) for one in lines] == [
        ('"recording.export"', f'"/api/v1/recordings/{foreign}"')
    ]


def test_an_export_of_two_units_is_seen_by_who_sees_both(site: Site) -> None:
    with site.archive.work() as work:
        people.add_user(work, "chief", role="head", unit="D", actor="test")
        units.put_unit(work, "D2", name="二所", parent="D", actor="test")
    one, two = (add_recording(site.archive, unit=unit_of(site, unit)) for unit in ("D1", "D2"))
    chief = site.as_user("chief")
    items = [{"recording": one, "kind": "original"}, {"recording": two, "kind": "original"}]
    made = chief.post(EXPORTS, json=body(*items)).json()["id"]

    assert chief.get(f"{EXPORTS}/{made}").status_code == 200
    assert site.as_user("wang").get(f"{EXPORTS}/{made}").status_code == 404
    assert [item["id"] for item in person(site, "auditor", "D").get(EXPORTS).json()["items"]] == [made]


def test_grade_three_takes_a_head_as_second_person(site: Site) -> None:
    own = unit_of(site, "D1")
    graded = add_recording(site.archive, unit=own, grade=3)
    asker, head, other = person(site, "head"), person(site, "head"), site.as_user("wang")
    told = ask(asker, graded).json()
    export = told["id"]
    assert (told["state"], told["job"]) == ("proposed", None)

    itself = asker.post(f"{EXPORTS}/{export}/approve", json={})
    reviewer = other.post(f"{EXPORTS}/{export}/approve", json={})
    approved = head.post(f"{EXPORTS}/{export}/approve", json={"reason": "同意"})
    again = head.post(f"{EXPORTS}/{export}/approve", json={})

    assert (itself.status_code, reviewer.status_code, again.status_code) == (403, 403, 409)
    assert (approved.status_code, approved.json()["state"]) == (202, "queued")
    assert approved.json()["job"]
    seen = other.get(f"{EXPORTS}/{export}").json()
    assert (seen["answer_reason"], seen["job"]["state"]) == ("同意", "queued")
    with site.archive.reading() as session:
        kinds = [one.entry.type for one in history(session, export)]
    assert kinds == ["export.make", "export.answer"]


def test_a_token_is_no_second_person_and_no_first(site: Site) -> None:
    """Who holds an account may hold a token too: then one person would pass both steps."""
    graded = add_recording(site.archive, unit=unit_of(site, "D1"), grade=3)
    token, head = site.as_token("head", "D1"), person(site, "head")
    export = ask(head, graded).json()["id"]

    approved = token.post(f"{EXPORTS}/{export}/approve", json={})
    refused = token.post(f"{EXPORTS}/{export}/refuse", json={})
    asked = ask(token, graded)

    assert (approved.status_code, refused.status_code, asked.status_code) == (403, 403, 403)
    assert head.get(f"{EXPORTS}/{export}").json()["state"] == "proposed"


def test_a_refused_export_is_never_made(site: Site) -> None:
    graded = add_recording(site.archive, unit=unit_of(site, "D1"), grade=3)
    mine = site.as_user("wang")
    export = ask(mine, graded).json()["id"]
    refused = person(site, "head").post(f"{EXPORTS}/{export}/refuse", json={"reason": "与案件无关"})

    assert (refused.status_code, refused.json()["state"]) == (200, "refused")
    assert mine.get(f"{EXPORTS}/{export}").json()["answer_reason"] == "与案件无关"
    assert mine.get(f"{EXPORTS}/{export}/package").status_code == 410


def test_grade_four_is_for_the_named_alone_also_when_it_is_approved(site: Site) -> None:
    archive, own = site.archive, unit_of(site, "D1")
    with archive.work() as work:
        named = [people.add_user(work, name, role="head", unit="D1", actor="test").id for name in ("h1", "h2")]
        people.add_user(work, "h3", role="head", unit="D1", actor="test")
    graded = add_recording(archive, unit=own, grade=4, named=named)
    h1, h2, h3 = (site.as_user(name) for name in ("h1", "h2", "h3"))

    assert ask(h3, graded).status_code == 422
    export = ask(h1, graded).json()["id"]
    assert h3.post(f"{EXPORTS}/{export}/approve", json={}).status_code == 404
    assert h2.post(f"{EXPORTS}/{export}/approve", json={}).status_code == 202


def test_lost_rights_end_the_export_for_its_asker(site: Site) -> None:
    archive = site.archive
    made = add_recording(archive, unit=unit_of(site, "D1"))
    mine = site.as_user("wang")
    export = ask(mine, made).json()["id"]
    with archive.work() as work:
        row = work.session.get_one(Recording, made)
        row.grade = 4
        work.append("rec.meta", made, actor="test", before={"grade": 1}, after={"grade": 4})

    assert mine.get(f"{EXPORTS}/{export}").status_code == 404
    assert mine.get(f"{EXPORTS}/{export}/package").status_code == 404


def test_the_same_key_is_one_export(site: Site) -> None:
    made = add_recording(site.archive, unit=unit_of(site, "D1"))
    mine = site.as_user("wang", Idempotency_Key="k-1")
    first, second = ask(mine, made), ask(mine, made)

    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len(mine.get(EXPORTS).json()["items"]) == 1
    assert mine.post(EXPORTS, json=body({"recording": made, "kind": "original"}, copies=2)).status_code == 409


def test_the_job_of_an_export_is_shown_to_who_may_know_of_it(site: Site) -> None:
    made = add_recording(site.archive, unit=unit_of(site, "D1"))
    job = ask(site.as_user("wang"), made).json()["job"]

    assert site.as_user("wang").get(f"/api/v1/jobs/{job}").json()["kind"] == "export"
    assert person(site, "reviewer", "E").get(f"/api/v1/jobs/{job}").status_code == 404


def test_the_list_goes_from_the_newest_page_by_page(site: Site) -> None:
    made = add_recording(site.archive, unit=unit_of(site, "D1"))
    mine = site.as_user("wang")
    asked = [ask(mine, made).json()["id"] for _ in range(5)]
    first = mine.get(EXPORTS, params={"limit": 3}).json()
    rest = mine.get(EXPORTS, params={"limit": 3, "cursor": first["next"]}).json()

    assert [one["id"] for one in first["items"] + rest["items"]] == asked[::-1]
    assert rest["next"] is None
    assert mine.get(EXPORTS, params={"state": "made"}).json()["items"] == []
    assert mine.get(EXPORTS, params={"state": "open"}).status_code == 422
    assert {one["state"] for one in first["items"]} == {"queued"}


def test_a_case_is_named_that_one_may_know_of(site: Site) -> None:
    made = add_recording(site.archive, unit=unit_of(site, "D1"))
    add_case(site.archive, "A-1", unit=unit_of(site, "D1"))
    add_case(site.archive, "E-1", unit=unit_of(site, "E"))
    mine = site.as_user("wang")
    item = {"recording": made, "kind": "original"}

    told = mine.post(EXPORTS, json=body(item, case="A-1"))
    assert mine.get(f"{EXPORTS}/{told.json()['id']}").json()["case"] == "A-1"
    assert mine.post(EXPORTS, json=body(item, case="E-1")).status_code == 422
