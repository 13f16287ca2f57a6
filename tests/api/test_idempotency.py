"""The same POST under one key is done once and answered alike."""

import threading

from sqlalchemy import func, select

from services.accounts.models import IdempotencyKey
from services.accounts.repeats import begin
from services.accounts.sessions import sweep
from tests.api.site import Site
from tests.archive_fixture import HeldClock

UNIT = {"number": "D7", "name": "七所", "parent": "D"}
KEY = {"Idempotency-Key": "key-1"}


def test_the_same_again_gives_the_same_answer_and_does_nothing(site: Site) -> None:
    boss = site.as_user("boss")
    first = boss.post("/api/v1/units", json=UNIT, headers=KEY)
    again = boss.post("/api/v1/units", json=UNIT, headers=KEY)
    without = boss.post("/api/v1/units", json=UNIT)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert without.status_code == 409


def test_another_body_or_address_under_the_key_is_refused(site: Site) -> None:
    boss = site.as_user("boss")
    boss.post("/api/v1/units", json=UNIT, headers=KEY)
    other_body = boss.post("/api/v1/units", json=UNIT | {"name": "x"}, headers=KEY)
    other_address = boss.post("/api/v1/devices", json={"number": "C1", "kind": "camera"}, headers=KEY)

    assert [told.json()["code"] for told in (other_body, other_address)] == ["idempotency-conflict"] * 2


def test_keys_are_each_callers_own(site: Site) -> None:
    one = site.as_user("boss").post("/api/v1/devices", json={"number": "C1", "kind": "camera"}, headers=KEY)
    two = site.as_token("admin").post("/api/v1/devices", json={"number": "C2", "kind": "camera"}, headers=KEY)

    assert (one.json()["number"], two.json()["number"]) == ("C1", "C2")


def test_a_refused_request_frees_its_key(site: Site) -> None:
    boss = site.as_user("boss")
    refused = boss.post("/api/v1/units", json=UNIT | {"parent": "nowhere"}, headers=KEY)
    wrong_form = boss.post("/api/v1/units", json={"number": "D7"}, headers=KEY)
    done = boss.post("/api/v1/units", json=UNIT, headers=KEY)

    assert (refused.status_code, wrong_form.status_code, done.status_code) == (422, 422, 201)


def test_at_once_it_is_done_once(site: Site) -> None:
    boss, told = site.as_user("boss"), []

    def post() -> None:
        told.append(boss.post("/api/v1/units", json=UNIT, headers=KEY))

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in told} <= {201, 409}
    done = [answer.json()["id"] for answer in told if answer.status_code == 201]
    assert len(done) >= 1
    assert len(set(done)) == 1
    assert all(answer.json()["code"] == "conflict" for answer in told if answer.status_code == 409)


def test_one_whose_answer_never_came_is_not_done_again(site: Site) -> None:
    """The process died between taking the key and answering: nobody knows what was done."""
    boss = site.user("boss")
    archive = site.archive
    import hashlib
    import json

    body = json.dumps(UNIT, ensure_ascii=False, separators=(",", ":")).encode()
    what = b"POST /api/v1/units?\n" + body
    begin(archive.engine, boss.id, "key-1", hashlib.sha256(what).hexdigest(), archive.clock())
    told = site.as_user("boss").post("/api/v1/units", content=body, headers=KEY | {"Content-Type": "application/json"})

    assert (told.status_code, told.json()["code"]) == (409, "conflict")


def test_a_secret_is_never_kept(site: Site) -> None:
    boss, token = site.as_user("boss"), {"name": "dock-9", "role": "dock", "unit": "D1"}
    first = boss.post("/api/v1/tokens", json=token, headers=KEY)
    again = boss.post("/api/v1/tokens", json=token, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 409)
    with site.archive.reading() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


def test_keys_live_a_day(site: Site, clock: HeldClock) -> None:
    site.as_user("boss").post("/api/v1/units", json=UNIT, headers=KEY)
    clock.advance(86_401)
    with site.archive.plain() as session:
        sweep(session, clock())

    assert site.as_user("boss").post("/api/v1/units", json=UNIT, headers=KEY).status_code == 409


def test_a_key_of_no_form_is_refused(site: Site) -> None:
    told = site.as_user("boss").post("/api/v1/units", json=UNIT, headers={"Idempotency-Key": "x" * 201})

    assert (told.status_code, told.json()["code"]) == (422, "invalid")
