"""Administrators keep units, accounts, tokens and devices of their own subtree; rights are not given by one alone."""

import pytest

from services.accounts import people, tokens
from services.accounts.units import find_unit
from services.custody.ledger import check_chain, history
from services.index.models import Roster
from tests.api.site import Site
from tests.archive_fixture import add_device


def test_units_are_listed_added_and_changed_within_ones_own(site: Site) -> None:
    boss = site.as_user("boss")
    made = boss.post("/api/v1/units", json={"number": "D2", "name": "二所", "parent": "D1", "case_pattern": "^A"})
    listed = boss.get("/api/v1/units").json()["items"]
    moved = boss.patch(f"/api/v1/units/{made.json()['id']}", json={"parent": "D"}, headers={"If-Match": '"1"'})

    assert made.json() | {"id": "?"} == {
        "id": "?", "number": "D2", "name": "二所", "parent": "D1", "case_pattern": "^A", "version": 1,
    }  # fmt: skip
    assert [unit["number"] for unit in listed] == ["D", "D1", "D2"]
    assert (moved.json()["parent"], moved.json()["version"]) == ("D", 2)
    with site.archive.reading() as session:
        lines = list(history(session, made.json()["id"]))
    assert check_chain(lines) == []
    assert lines[0].values["actor"] == '"boss"'


@pytest.mark.parametrize("parent", [None, "E"])
def test_no_unit_is_added_or_moved_beyond_ones_own(site: Site, parent: str | None) -> None:
    boss, own = site.as_user("boss"), site.user("wang").unit_id
    added = boss.post("/api/v1/units", json={"number": "X", "name": "x", "parent": parent})
    moved = boss.patch(f"/api/v1/units/{own}", json={"parent": parent or ""}, headers={"If-Match": "*"})

    assert (added.status_code, moved.status_code) == (403, 403)


def test_an_account_is_not_made_by_one_alone(site: Site) -> None:
    told = site.as_user("boss").post("/api/v1/users", json={"name": "li", "role": "officer", "unit": "D1"})

    assert (told.status_code, told.json()["code"]) == (403, "not-allowed")
    assert "huisu user add" in told.json()["detail"]


def test_rights_may_be_taken_away_but_not_given(site: Site) -> None:
    boss, wang = site.as_user("boss"), site.user("wang").id
    given = [
        boss.patch(f"/api/v1/users/{wang}", json=change, headers={"If-Match": "*"}).status_code
        for change in ({"role": "admin"}, {"unit": "D"}, {"number": "1"}, {"disabled": False}, {"password": "12345678"})
    ]
    language = boss.patch(f"/api/v1/users/{wang}", json={"language": "en"}, headers={"If-Match": '"1"'})
    disabled = boss.patch(f"/api/v1/users/{wang}", json={"disabled": True}, headers={"If-Match": '"2"'})

    assert given == [422] * 5
    assert (language.json()["language"], language.headers["etag"]) == ("en", '"2"')
    assert disabled.json()["disabled_at"] is not None


def test_nobody_disables_themselves(site: Site) -> None:
    told = site.as_user("boss").patch(
        f"/api/v1/users/{site.user('boss').id}", json={"disabled": True}, headers={"If-Match": "*"}
    )

    assert told.status_code == 403


def test_accounts_are_listed_page_by_page(site: Site) -> None:
    with site.archive.work() as work:
        for name in ("a", "b", "c"):
            people.add_user(work, name, role="officer", unit="D1", actor="test")
        people.add_user(work, "hidden", role="officer", unit="E", actor="test")
    boss, names, cursor = site.as_user("boss"), [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = boss.get("/api/v1/users", params=query).json()
        names += [user["name"] for user in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert names == ["a", "b", "boss", "c", "wang"]
    assert "argon2" not in str(page)


def test_tokens_of_programs_are_issued_once_and_shown_without_their_secret(site: Site) -> None:
    boss = site.as_user("boss")
    told = boss.post("/api/v1/tokens", json={"name": "dock-5", "role": "dock", "unit": "D1", "days": 7})
    secret = told.json()["secret"]

    assert told.status_code == 201
    assert site.open(Authorization=f"Bearer {secret}").get("/api/v1/me").json()["name"] == "dock-5"
    assert secret not in boss.get("/api/v1/tokens").text


@pytest.mark.parametrize(
    "token",
    [
        {"name": "x", "role": "admin", "unit": "D1"},
        {"name": "x", "role": "reviewer", "unit": "D1"},
        {"name": "x", "role": "dock"},
        {"name": "x", "role": "dock", "unit": "E"},
    ],
)
def test_no_token_reaches_further_than_its_issuer(site: Site, token: dict[str, str]) -> None:
    assert site.as_user("boss").post("/api/v1/tokens", json=token).status_code == 403


def test_devices_are_kept_and_carried(site: Site) -> None:
    boss = site.as_user("boss")
    made = boss.post("/api/v1/devices", json={"number": "CAM-1", "kind": "camera", "unit": "D1"}).json()
    changed = boss.patch(
        f"/api/v1/devices/{made['id']}", json={"name": "一号机", "unit": ""}, headers={"If-Match": '"1"'}
    ).json()
    roster = {"officer": "0042", "starts_at": "2026-03-01T08:00:00+08:00"}
    carried = boss.post(f"/api/v1/devices/{made['id']}/rosters", json=roster)
    clash = boss.post(f"/api/v1/devices/{made['id']}/rosters", json=roster | {"officer": "0043"})
    naive = boss.post(f"/api/v1/devices/{made['id']}/rosters", json=roster | {"starts_at": "2026-03-01T08:00:00"})

    assert (changed["name"], changed["unit"], changed["version"]) == ("一号机", None, 2)
    assert (carried.status_code, clash.status_code, naive.status_code) == (201, 409, 422)
    with site.archive.reading() as session:
        assert session.get_one(Roster, carried.json()["id"]).officer == "0042"
        assert len(list(history(session, made["id"]))) == 3
    assert boss.post("/api/v1/devices", json={"number": "CAM-1", "kind": "camera"}).status_code == 409
    assert boss.post("/api/v1/devices", json={"number": "CAM-2", "kind": "spoon"}).status_code == 422


def test_devices_of_other_units_are_not_shown(site: Site) -> None:
    with site.archive.reading() as session:
        other = find_unit(session, "E").id
    add_device(site.archive, "CAM-E", unit=other)
    add_device(site.archive, "CAM-?")

    assert [device["number"] for device in site.as_user("boss").get("/api/v1/devices").json()["items"]] == ["CAM-?"]


def test_the_ledger_is_open_to_accounts_in_log_order_without_payload(site: Site) -> None:
    with site.archive.work() as work:
        tokens.issue_token(work, "t", "dock", "D1", 9, actor="test")
    client, ids, cursor = site.as_user("wang"), [], None
    while True:
        page = client.get(
            "/api/v1/custody/entries", params={"limit": "2"} | ({"cursor": cursor} if cursor else {})
        ).json()
        ids += [line["id"] for line in page["items"]]
        assert all("values" not in line and line["index"] is None for line in page["items"])
        cursor = page["next"]
        if cursor is None:
            break

    assert len(ids) == len(set(ids)) >= 8
    assert "t" not in {line.get("name") for line in page["items"]}


def test_uploads_are_listed_newest_first_by_state(site: Site) -> None:
    client = site.as_user("wang")

    assert client.get("/api/v1/uploads?state=verified").json() == {"items": [], "next": None}
