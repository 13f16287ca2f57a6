"""What is refused over HTTP is recorded: who, what, of what, how and from where."""

import json

from services.accounts.denials import flush_denials
from services.custody.events import SYSTEM
from services.custody.ledger import check_chain, history
from tests.api.site import Site
from tests.archive_fixture import HeldClock


def told(site: Site, obj: str, event: str) -> list[dict[str, object]]:
    with site.archive.reading() as session:
        lines = list(history(session, obj))
    assert check_chain(lines) == []
    return [
        {name: json.loads(value) for name, value in line.values.items()} for line in lines if line.entry.type == event
    ]


def test_a_role_that_may_not_leaves_an_entry_on_its_account(site: Site) -> None:
    assert site.as_user("wang").get("/api/v1/users?limit=5").status_code == 403

    assert told(site, site.user("wang").id, "account.deny") == [
        {"action": "admin.see", "target": "/api/v1/users", "method": "GET", "address": "127.0.0.1"}
    ]


def test_a_thing_that_may_not_be_known_leaves_one_too(site: Site) -> None:
    job = "/api/v1/jobs/01890000-0000-7000-8000-000000000001"
    assert site.as_user("wang").get(job).status_code == 404
    assert site.as_user("wang").get("/api/v1/nothing").status_code == 404

    assert [line["target"] for line in told(site, site.user("wang").id, "account.deny")] == [job]


def test_a_token_has_its_own_chain(site: Site) -> None:
    dock = site.as_token("dock", "D1")
    me = dock.get("/api/v1/me").json()["id"]
    assert dock.get("/api/v1/custody/entries").status_code == 403

    assert [line["action"] for line in told(site, me, "token.deny")] == ["ledger.see"]


def test_another_sites_try_is_the_accounts_refusal(site: Site) -> None:
    client = site.as_user("boss")
    assert client.post("/api/v1/units", json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403

    assert [line["method"] for line in told(site, site.user("boss").id, "account.deny")] == ["POST"]


def test_nobody_is_counted_by_the_minute(site: Site, clock: HeldClock) -> None:
    for _ in range(3):
        site.open().get("/api/v1/me")
    site.open(Authorization="Bearer huisu_guess").get("/api/v1/uploads")
    site.app.state.denials.write()
    clock.advance(60)
    flush_denials(site.archive)

    assert [(line["count"], line["kind"], line["address"]) for line in told(site, SYSTEM, "sys.deny")] == [
        (4, "unauthenticated", "127.0.0.0/24")
    ]


def test_what_was_counted_is_written_when_the_server_ends(site: Site, clock: HeldClock) -> None:
    site.open().get("/api/v1/me")
    denials = site.app.state.denials
    denials.write()

    assert not denials.counted


def test_past_thirty_a_minute_one_identity_is_counted(site: Site, clock: HeldClock) -> None:
    client = site.as_user("wang")
    for _ in range(33):
        client.get("/api/v1/users")
    site.app.state.denials.write()
    clock.advance(60)
    flush_denials(site.archive)

    assert len(told(site, site.user("wang").id, "account.deny")) == 30
    assert [line["count"] for line in told(site, SYSTEM, "sys.deny")] == [3]


def test_a_refused_login_is_recorded_once(site: Site) -> None:
    site.open().post("/api/v1/login", json={"name": "wang", "password": "wrong wrong"})

    assert not site.app.state.denials.counted
    assert len(told(site, site.user("wang").id, "auth.refused")) == 1


def test_an_address_that_a_caller_invents_is_not_believed(site: Site) -> None:
    site.as_user("wang", X_Forwarded_For="203.0.113.5", Forwarded="for=203.0.113.5").get("/api/v1/users")

    assert told(site, site.user("wang").id, "account.deny")[0]["address"] == "127.0.0.1"


def test_behind_a_proxy_its_last_word_is_believed(site: Site) -> None:
    behind = site.archive.settings.model_copy(update={"behind_proxy": True})
    client = site.as_token("dock", "D1", X_Forwarded_For="198.51.100.1, 203.0.113.5")
    object.__setattr__(site.archive, "settings", behind)
    me = client.get("/api/v1/me").json()["id"]
    client.get("/api/v1/users")

    assert told(site, me, "token.deny")[0]["address"] == "203.0.113.5"
