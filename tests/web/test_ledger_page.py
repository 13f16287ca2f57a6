"""The ledger's page: what must be seen in red, a fingerprint to print, and proofs that the browser checks itself."""

import hashlib
import json
from base64 import b64decode

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Desk
from tests.web.world import SCENE, logged_in, ok

pytestmark = pytest.mark.browser


def ledger(desk: Desk, name: str = "chen", language: str = "zh-CN") -> Page:
    page = desk.sit(name, "/ledger", language)
    if language == "en":
        page.get_by_role("button", name="English").click()
    expect(page.get_by_test_id("ledger-state")).to_be_visible()
    return page


def printed_fingerprint(desk: Desk) -> str:
    """Make the fingerprint of the log's key as papers print it."""
    with logged_in(desk.world.address, "wu") as client:
        key = ok(client.get("/custody/status"))["keys"][-1]
    digest = hashlib.sha256(b64decode(key.split("+", 2)[2])[1:]).hexdigest()
    return " ".join(digest[at : at + 8] for at in range(0, 64, 8))


@pytest.mark.parametrize("name", ["chen", "wu"])
def test_who_oversees_the_archive_is_told_on_every_page_that_nobody_outside_watches(desk: Desk, name: str) -> None:
    page = desk.sit(name, "/recordings")

    expect(page.get_by_test_id("ledger-banner")).to_contain_text("没有配置外部见证人")
    page.get_by_test_id("nav-cases").click()
    expect(page.get_by_test_id("ledger-banner")).to_be_visible()
    page.get_by_test_id("ledger-banner").get_by_role("link").click()
    expect(page.get_by_test_id("no-witnesses")).to_be_visible()


def test_others_are_not_alarmed(desk: Desk) -> None:
    page = desk.sit("li", "/ledger")

    expect(page.get_by_test_id("head-signed")).to_be_visible()
    expect(page.get_by_test_id("ledger-banner")).to_have_count(0)


def test_silence_of_a_witness_and_damaged_originals_are_said_in_words(desk: Desk) -> None:
    page = desk.sit("chen", "/login")

    def silent(route: Route) -> None:
        told = route.fetch().json()
        witness = {"name": "法院", "key": "court+0+x", "asked": True, "size": 3, "last_at": "2026-01-02T03:04:00Z"}
        told |= {"witnesses": [witness], "missing": ["法院"], "last_witnessed_at": witness["last_at"]}
        route.fulfill(json=told)

    def damaged(route: Route) -> None:
        lost = {"recordings": [desk.world.recordings[SCENE]], "since": "2026-01-02T03:04:00Z", "outcome": "missing"}
        route.fulfill(json=route.fetch().json() | {"failing": 1, "failures": [lost]})

    page.route("**/custody/status", silent)
    page.route("**/custody/fixity", damaged)
    page.goto("/ledger")

    banner = page.get_by_test_id("ledger-banner")
    expect(banner).to_contain_text("2026-01-02 11:04")
    expect(banner).to_contain_text("法院")
    expect(banner).to_contain_text("1 个原始文件与入库时不一致")
    expect(page.get_by_test_id("fixity-failures")).to_contain_text("找不到")


def test_the_key_is_shown_as_papers_print_it_and_alone_on_paper(desk: Desk) -> None:
    page = ledger(desk, language="en")
    expect(page.get_by_test_id("fingerprint")).to_have_text(printed_fingerprint(desk))
    expect(page.get_by_text("Print this and keep it elsewhere", exact=False)).to_be_visible()

    page.emulate_media(media="print")

    expect(page.get_by_test_id("fingerprint")).to_be_visible()
    expect(page.get_by_test_id("ledger-state")).to_be_visible()
    for screen_only in ("ledger-entries", "logout", "nav-ledger", "fixity"):
        expect(page.get_by_test_id(screen_only)).to_be_hidden()


def test_the_head_and_an_entry_are_proven_in_the_browser(desk: Desk) -> None:
    page = ledger(desk)
    expect(page.get_by_test_id("head-signed")).to_have_attribute("data-fingerprint", printed_fingerprint(desk))
    rows = page.get_by_test_id("ledger-entries").locator("tbody tr")
    expect(rows.first).to_be_visible()
    indices = [int(row.get_attribute("data-index") or -1) for row in rows.all()]
    assert indices == sorted(indices, reverse=True)
    assert len(indices) == 50

    page.get_by_test_id("load-more").click()
    expect(rows).to_have_count(100)
    rows.nth(70).get_by_test_id("prove").click()

    expect(rows.nth(70).get_by_test_id("proven")).to_contain_text(f"第 {indices[0] - 70} 条")
    expect(rows.nth(70).get_by_test_id("proven")).to_contain_text(printed_fingerprint(desk))


def test_a_proof_with_one_bit_changed_is_refused_by_the_browser(desk: Desk) -> None:
    page = ledger(desk)

    def forged(route: Route) -> None:
        told = route.fetch().json()
        told["hashes"][0] = f"{int(told['hashes'][0], 16) ^ 1:064x}"
        route.fulfill(json=told)

    page.route("**/proofs/inclusion**", forged)
    page.get_by_test_id("prove").first.click()

    expect(page.get_by_test_id("not-proven")).to_contain_text("核对不通过")
    expect(page.get_by_test_id("proven")).to_have_count(0)


def test_a_head_that_another_key_signed_is_refused(desk: Desk) -> None:
    page = desk.sit("li", "/login")

    def other(route: Route) -> None:
        origin, size, root, *rest = route.fetch().text().split("\n")
        route.fulfill(body="\n".join([origin, str(int(size) + 1), root, *rest]), content_type="text/plain")

    page.route("**/custody/checkpoint", other)
    page.goto("/ledger")

    expect(page.get_by_test_id("head-unsigned")).to_be_visible()


def test_the_browser_remembers_what_it_saw_and_notices_another_history(desk: Desk) -> None:
    page = ledger(desk, "li")
    expect(page.get_by_test_id("ledger-growth")).to_have_attribute("data-verdict", "first")
    page.reload()
    expect(page.get_by_test_id("ledger-growth")).to_have_attribute("data-verdict", "good")

    seen = json.loads(page.evaluate("localStorage.getItem('huisu.head')"))
    page.evaluate("(text) => localStorage.setItem('huisu.head', text)", json.dumps(seen | {"root": "ab" * 32}))
    page.reload()

    expect(page.get_by_test_id("ledger-growth")).to_have_attribute("data-verdict", "bad")
    expect(page.get_by_test_id("ledger-growth")).to_have_attribute("role", "alert")


def test_it_is_worked_by_keys_alone(desk: Desk) -> None:
    page = ledger(desk)
    expect(page.get_by_test_id("prove").first).to_be_visible()

    page.get_by_test_id("prove").first.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("proven").first).to_be_visible()
