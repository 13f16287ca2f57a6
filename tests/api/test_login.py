"""People log in by password or link, by cookies that no other site can use."""

import httpx
import pytest

from services.accounts import people
from services.custody.ledger import history
from tests.api.site import PASSWORD, Site
from tests.archive_fixture import HeldClock

GOOD = {"name": "wang", "password": PASSWORD}


def log_in(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/api/v1/login", json=GOOD, headers=headers)


def events(site: Site, name: str) -> list[str]:
    with site.archive.reading() as session:
        return [line.entry.type for line in history(session, people.find_user(session, name).id)]


def test_a_person_logs_in_by_password_and_out(site: Site) -> None:
    client = site.open()
    told = log_in(client)
    me = client.get("/api/v1/me").json()
    out = client.post("/api/v1/logout", headers={"X-CSRF-Token": me["csrf"]})

    assert told.status_code == 200
    assert told.json() == me
    assert (me["name"], me["role"], me["unit"]["number"], me["language"]) == ("wang", "reviewer", "D1", "zh-CN")
    assert "recording.play" in me["rights"]
    assert "admin.write" not in me["rights"]
    assert out.status_code == 204
    assert "huisu" not in client.cookies
    assert events(site, "wang") == ["user.add", "auth.login", "auth.logout"]


def test_the_cookie_is_for_no_script_and_no_other_site(site: Site) -> None:
    cookie = log_in(site.open()).headers["set-cookie"].lower()

    assert cookie.startswith("huisu=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie  # loopback without TLS; over TLS it is __Host-huisu


def test_a_session_ends_with_logging_out_everywhere_it_is_kept(site: Site) -> None:
    client = site.as_user("wang")
    assert client.post("/api/v1/logout").status_code == 204

    assert client.get("/api/v1/me").status_code == 401


def test_a_link_logs_in_once(site: Site) -> None:
    with site.archive.work() as work:
        link = people.make_login_link(work, "wang", actor="test")
    first = site.open().post("/api/v1/login", json={"link": link})
    second = site.open().post("/api/v1/login", json={"link": link})

    assert first.json()["name"] == "wang"
    assert (second.status_code, second.json()["code"]) == (401, "login-refused")


@pytest.mark.parametrize("wrong", [GOOD | {"password": "wrong wrong"}, GOOD | {"name": "nobody"}, {"link": "x" * 43}])
def test_a_refusal_says_not_what_was_wrong(site: Site, wrong: dict[str, str]) -> None:
    told = site.open().post("/api/v1/login", json=wrong)

    assert (told.status_code, told.json()["code"]) == (401, "login-refused")
    assert "nobody" not in told.text
    assert "www-authenticate" in told.headers


def test_the_sixth_guess_must_wait(site: Site) -> None:
    client = site.open()
    guesses = [client.post("/api/v1/login", json=GOOD | {"password": f"guess {n} guess"}) for n in range(6)]

    assert [guess.status_code for guess in guesses] == [401] * 5 + [429]
    assert 0 < int(guesses[-1].headers["retry-after"]) <= 15 * 60 + 1
    assert events(site, "wang").count("auth.refused") == 5


def test_a_change_by_cookie_needs_its_token(site: Site) -> None:
    client = site.as_user("boss")
    unit = {"number": "D9", "name": "九所", "parent": "D"}
    for token in (b"", b"0" * 64, b"\xfc"):
        told = client.post("/api/v1/units", json=unit, headers={b"X-CSRF-Token": token})
        assert (told.status_code, told.json()["code"]) == (403, "not-allowed")

    assert client.post("/api/v1/units", json=unit).status_code == 201


@pytest.mark.parametrize(
    "foreign",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_changes_nothing_with_a_persons_cookie(site: Site, foreign: dict[str, str]) -> None:
    client = site.as_user("boss")
    told = client.post("/api/v1/units", json={"number": "D9", "name": "九", "parent": "D"}, headers=foreign)

    assert told.status_code == 403
    assert log_in(site.open(), **foreign).status_code == 403
    assert client.get("/api/v1/me", headers=foreign).status_code == 200


def test_pages_of_this_site_and_programs_do(site: Site) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Origin": site.url}
    by_page = site.as_user("boss").post(
        "/api/v1/units", json={"number": "D8", "name": "八", "parent": "D"}, headers=own
    )
    by_program = site.as_token("admin").post(
        "/api/v1/units", json={"number": "D9", "name": "九", "parent": "D"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert by_page.status_code == 201
    assert by_program.status_code == 201


def test_disabling_an_account_ends_its_session_at_once(site: Site) -> None:
    client = site.as_user("wang")
    assert client.get("/api/v1/me").status_code == 200
    with site.archive.work() as work:
        people.disable_user(work, "wang", actor="test")

    assert client.get("/api/v1/me").status_code == 401
    assert log_in(site.open()).status_code == 401


def test_silence_ends_a_session(site: Site, clock: HeldClock) -> None:
    client = site.as_user("wang")
    clock.advance(1799)
    assert client.get("/api/v1/me").status_code == 200
    clock.advance(1800)

    assert client.get("/api/v1/me").status_code == 401


def test_a_token_needs_no_cookie_and_ends_when_revoked(site: Site) -> None:
    boss, dock = site.as_user("boss"), site.as_token("dock", "D1", name="dock-1")
    me = dock.get("/api/v1/me").json()
    listed = boss.get("/api/v1/tokens").json()["items"]
    told = boss.patch(f"/api/v1/tokens/{me['id']}", json={"revoked": True}, headers={"If-Match": '"1"'})

    assert (me["name"], me["role"], me["csrf"]) == ("dock-1", "dock", None)
    assert [token["name"] for token in listed] == ["dock-1"]
    assert told.json()["revoked_at"] is not None
    assert dock.get("/api/v1/me").status_code == 401


def test_over_tls_the_cookie_is_bound_to_this_host(site: Site) -> None:
    behind = site.archive.settings.model_copy(update={"behind_proxy": True})
    object.__setattr__(site.archive, "settings", behind)
    cookie = log_in(site.open(X_Forwarded_Proto="https")).headers["set-cookie"]

    assert cookie.startswith("__Host-huisu=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert "Path=/" in cookie
