"""Spot checks as callers have them: from the definition to a proof that a stranger repeats, and every refusal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.oversight.replay import holds, replay
from services.oversight.scorecards import scorecard
from tests.api.site import Site, serve
from tests.archive_fixture import Empty, HeldClock, open_for_test
from tests.oversight.bureau import NONCE, NONCE_SOURCE, START, WANTED, Bureau, open_bureau

BASE = "/api/v1/spot-checks"


@pytest.fixture
def bureau(empty_served: Empty, clock: HeldClock, tmp_path: Path) -> Iterator[Bureau]:
    home = tmp_path / "served"
    home.mkdir()
    with (
        open_for_test(home, empty_served.fresh(home), clock) as archive,
        open_bureau(archive, tmp_path / "signer") as opened,
    ):
        yield opened


@pytest.fixture
def site(bureau: Bureau) -> Iterator[Site]:
    with serve(bureau.archive) as served:
        yield served


@pytest.fixture
def chief(site: Site) -> httpx.Client:
    return site.as_user("chief")


def defined(client: httpx.Client, **change: Any) -> dict[str, Any]:
    answer = client.post(BASE, json={**WANTED, **change})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


LATE = {"late": 24, "linked": True, "incident_type": ["投诉"]}
CARD = [{"line": line.id, "verdict": "pass"} for line in scorecard("scene").lines]
WHOLE = {"answers": CARD, "results": ["none"], "submit": True, "without_watching": "只核对流程"}


def test_a_check_goes_its_whole_way_and_a_stranger_repeats_the_draw(
    bureau: Bureau, site: Site, chief: httpx.Client
) -> None:
    auditor, reader, deputy = (site.as_user(name) for name in ("auditor", "reader", "deputy"))
    made = defined(
        chief, filter={"kind": ["body"]},
        strata=[{"name": "盘查", "filter": {"category": "STOP_CHECK"}, "size": 2}, {"name": "迟传", "filter": LATE}],
        seed_sources=[NONCE_SOURCE], grade_max=2,
    )  # fmt: skip
    path = f"{BASE}/{made['id']}"
    early = chief.post(f"{path}/draw")
    bureau.grow()
    seeded = chief.post(f"{path}/draw").json()
    waiting = chief.post(f"{path}/draw")
    drawn = auditor.post(f"{path}/reveal", json={"kind": "nonce", "value": NONCE.hex()})
    listed = chief.get(f"{path}/items").json()["items"]
    for item in listed:
        given = chief.post(f"{path}/items/{item['n']}/assign", json={"reviewer": "reader"})
        assert given.status_code == 200, given.text
        handed_in = reader.post(f"{path}/items/{item['n']}/review", json=WHOLE)
        assert handed_in.status_code == 200, handed_in.text
    confirmed = deputy.post(f"{path}/confirm")
    page = auditor.get(path).json()
    proof = auditor.get(f"{path}/proof").json()
    told = auditor.get(f"{path}/history").json()["items"]

    assert (made["state"], made["label"]) == ("FROZEN", "nonce")
    assert made["definition"]["strata"][1]["filter"] == LATE
    assert code_of(early) == code_of(waiting) == (409, "draw-not-ready")
    assert (seeded["state"], seeded["waiting"]) == ("SEEDED", ["nonce of 监督员"])
    assert drawn.json()["state"] == "DRAWN"
    assert [item["stratum"] for item in listed] == ["盘查"] * 2 + ["rest"] * 4
    assert confirmed.json() == {"items": [1, 2, 3, 4, 5, 6]}
    assert (page["state"], page["found"]["faults"]["rate"], page["skip_rate"]) == ("CONFIRMED", 0, 0)
    assert page["found"]["faults"]["upper"] > 0.2
    findings = replay(proof, bureau.signer.public().keys)
    assert holds(findings), findings
    assert [one["event"] for one in told[:4]] == ["draw.define", "draw.seed", "draw.reveal", "draw.result"]
    assert [one["event"] for one in told[4:]] == ["draw.assign", "draw.review"] * 6 + ["draw.confirm"]
    assert (told[-1]["actor"], told[-1]["detail"]["items"]) == ("deputy", [1, 2, 3, 4, 5, 6])


def test_lists_show_what_one_may_know_of_the_newest_first(bureau: Bureau, site: Site, chief: httpx.Client) -> None:
    first = defined(chief)["id"]
    second = defined(site.as_user("local"), unit="D1", programme="一所", size=1)["id"]
    pages = [chief.get(BASE, params={"limit": 1}).json()]
    pages.append(chief.get(BASE, params={"limit": 1, "cursor": pages[0]["next"]}).json())

    assert [page["items"][0]["id"] for page in pages] == [second, first]
    assert [one["id"] for one in site.as_user("insider").get(BASE).json()["items"]] == [second]
    assert site.as_user("stranger").get(BASE).json() == {"items": [], "next": None}
    assert site.as_user("officer").get(BASE).status_code == 403
    assert site.as_user("stranger").get(f"{BASE}/{first}").status_code == 404
    assert site.as_user("stranger").get(f"{BASE}/{first}/proof").status_code == 404


@pytest.mark.parametrize(
    ("by", "method", "rest", "body", "status"),
    [
        ("reader", "POST", "/draw", None, 403),
        ("auditor", "POST", "/draw", None, 403),
        ("reader", "POST", "/reveal", {"kind": "nonce", "value": "00"}, 403),
        ("reader", "POST", "/items/1/assign", {"reviewer": "reader"}, 403),
        ("auditor", "POST", "/items/1/review", WHOLE, 403),
        ("auditor", "POST", "/items/1/skip", {"reason": "damaged"}, 403),
        ("reader", "POST", "/confirm", None, 403),
        ("stranger", "POST", "/draw", None, 404),
        ("stranger", "POST", "/items/1/skip", {"reason": "damaged"}, 404),
        ("chief", "GET", "/items/99", None, 404),
        ("chief", "GET", "/items/7", None, 404),
        ("chief", "GET", "/items/0", None, 422),
        ("chief", "GET", "/items?cursor=x", None, 422),
        ("chief", "POST", "/items/1/assign", {"reviewer": "nobody"}, 422),
        ("chief", "POST", "/items/1/assign", {"reviewer": "a\0b"}, 422),
        ("chief", "POST", "/items/1/assign", {}, 422),
        ("chief", "POST", "/items/1/skip", {}, 422),
        ("chief", "POST", "/items/1/skip", {"reason": "no time"}, 422),
        ("chief", "POST", "/items/1/skip", {"reason": None}, 422),
        ("chief", "POST", "/items/1/review", WHOLE, 409),
        ("reader", "POST", "/items/1/skip", {"reason": "damaged"}, 409),
        ("chief", "POST", "/confirm", {"items": [1]}, 409),
        ("chief", "POST", "/confirm", {"items": [99]}, 404),
        ("chief", "POST", "/confirm", None, 409),
        ("chief", "POST", "/draw", None, 409),
        ("chief", "POST", "/reveal", {"kind": "nonce", "value": "00"}, 409),
        ("chief", "POST", "/reveal", {"kind": "beacon", "value": "00"}, 422),
    ],
)
def test_what_cannot_be_is_refused(
    drawn: tuple[str, dict[str, httpx.Client]], by: str, method: str, rest: str, body: Any, status: int
) -> None:
    path, clients = drawn
    answer = clients[by].request(method, path + rest, json=body)

    assert answer.status_code == status, answer.text


@pytest.fixture(scope="module")
def drawn(
    empty_served: Empty, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, httpx.Client]]]:
    """A drawn check that the refusals above leave as it is."""
    home = tmp_path_factory.mktemp("drawn")
    with (
        open_for_test(home, empty_served.fresh(home), HeldClock()) as archive,
        open_bureau(archive, home / "keys") as bureau,
        serve(archive) as site,
    ):
        clients = {name: site.as_user(name) for name in ("chief", "reader", "auditor", "stranger")}
        path = f"{BASE}/{defined(clients['chief'])['id']}"
        bureau.grow()
        assert clients["chief"].post(f"{path}/draw").status_code == 200
        yield path, clients


@pytest.mark.parametrize(
    "change",
    [
        {"officers": ["1"]}, {"unit": "E"}, {"unit": "D\0"}, {"from": "2026-02-01T00:00:00"}, {"size": 0},
        {"size": 1.5}, {"size": "6"}, {"filter": {"officer": "7"}}, {"filter": {"kind": "drone"}},
        {"filter": {"grade": [4]}},
        {"strata": [{"name": "rest"}]}, {"seed_sources": [{"kind": "beacon", "round": 9}]}, {"ticket": "duty"},
        {"seed_sources": [{"kind": "nonce", "by": "x", "commitment": "00"}]}, {"grade_max": 4}, {"scorecard": "own"},
        {"programme": "\ufdfa" * 40}, {"programme": "\u200b"}, {"to": "2027-06-01T00:00:00Z"}, {"reveal_within": 1},
        {"seed_sources": [{"kind": "witness", "key": "x"}]}, {"filter": {"min_length": -1}}, {"reserve": -1},
        {"filter": {"late": 0}}, {"filter": {"late": "24"}}, {"filter": {"linked": "no"}},
        {"filter": {"incident_type": ""}}, {"from": "0001-01-01T00:00:00+08:00"},
        {"filter": {"to": "9999-12-31T23:59:59-08:00"}},
    ],
    ids=lambda change: str(change)[:50],
)  # fmt: skip
def test_a_definition_outside_the_rules_is_refused(
    drawn: tuple[str, dict[str, httpx.Client]], change: dict[str, Any]
) -> None:
    answer = drawn[1]["chief"].post(BASE, json={**WANTED, "programme": "另外", **change})

    assert answer.status_code == 422, answer.text


def test_a_second_definition_says_its_code(drawn: tuple[str, dict[str, httpx.Client]]) -> None:
    assert code_of(drawn[1]["chief"].post(BASE, json={**WANTED, "reason": "x"})) == (409, "second-definition")


def test_without_the_signer_nothing_is_defined(bureau: Bureau, site: Site, chief: httpx.Client) -> None:
    socket = bureau.archive.settings.paths.signer_socket
    socket.rename(socket.with_suffix(".away"))
    answer = chief.post(BASE, json=dict(WANTED))

    assert code_of(answer) == (503, "signer-unavailable")
    assert "retry-after" in answer.headers
    assert chief.get(BASE).json()["items"] == []


def test_a_late_nonce_fails_the_draw_visibly(bureau: Bureau, chief: httpx.Client, clock: HeldClock) -> None:
    path = f"{BASE}/{defined(chief, seed_sources=[NONCE_SOURCE], reveal_within=60)['id']}"
    bureau.grow()
    chief.post(f"{path}/draw")
    clock.advance(60)
    late = chief.post(f"{path}/reveal", json={"kind": "nonce", "value": NONCE.hex()})

    assert code_of(late) == code_of(chief.get(f"{path}/proof")) == (409, "draw-failed")
    (shown,) = chief.get(BASE).json()["items"]
    assert (shown["state"], shown["findings"]) == ("FAILED", ["failed"])


def test_what_was_watched_is_taken_from_the_viewings(bureau: Bureau, site: Site, chief: httpx.Client) -> None:
    """Also what this server has not written yet: the page tells, the review counts."""
    path = f"{BASE}/{defined(chief, filter={'unit': 'D2'}, size=1, reserve=0)['id']}"
    bureau.grow()
    chief.post(f"{path}/draw")
    chief.post(f"{path}/items/1/assign", json={"reviewer": "reader"})
    reader = site.as_user("reader")
    (part,) = reader.get(f"{path}/items/1").json()["stretches"]
    said = {"answers": CARD, "results": ["good-practice"], "submit": True}
    unwatched = reader.post(f"{path}/items/1/review", json=said)
    viewing = reader.post(f"/api/v1/recordings/{part['recording']}/viewings").json()["id"]
    reader.patch(f"/api/v1/recordings/{part['recording']}/viewings/{viewing}", json={"watched": [[0, 45]]})
    watched = reader.post(f"{path}/items/1/review", json=said)

    assert code_of(unwatched) == (428, "reason-required")
    assert watched.status_code == 200, watched.text
    assert watched.json()["review"]["watched"] == 0.5


def test_the_same_definition_under_one_key_is_made_once(chief: httpx.Client) -> None:
    headers = {"Idempotency-Key": "define-1"}
    first, again = (chief.post(BASE, json=dict(WANTED), headers=headers) for _ in range(2))

    assert first.json() == again.json()
    assert len(chief.get(BASE).json()["items"]) == 1


def test_planning_and_cards_are_told(drawn: tuple[str, dict[str, httpx.Client]]) -> None:
    client = drawn[1]["reader"]
    size = client.get(f"{BASE}/sample-size", params={"population": 1000, "rate": 0.05}).json()
    cards = client.get(f"{BASE}/scorecards").json()

    assert size == {"population": 1000, "rate": 0.05, "confidence": 0.95, "size": 57}
    assert {card["id"] for card in cards["cards"]} == {"scene", "interview"}
    assert cards["skips"] == ["restricted", "under-investigation", "damaged"]
    for wrong in ["population=0&rate=0.1", "population=9&rate=1", "population=9", "population=9&rate=nan"]:
        assert client.get(f"{BASE}/sample-size?{wrong}").status_code == 422


def test_a_period_is_half_open(bureau: Bureau, chief: httpx.Client) -> None:
    begins = (START.replace(hour=9)).isoformat()
    at_start = defined(chief, **{"from": begins, "to": "2026-02-02T00:00:00+08:00", "size": 1})
    to_start = chief.post(BASE, json={**WANTED, "programme": "x", "from": START.isoformat(), "to": begins})

    assert at_start["definition"]["population"] == 1
    assert code_of(to_start) == (422, "invalid")
