"""Spot checks as pages: defined, frozen, drawn by what nobody could know, reviewed by keys, proven by the browser."""

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.up.program import wait_until
from tests.web.conftest import Desk
from tests.web.world import logged_in, ok

pytestmark = pytest.mark.browser

PERIOD = {"from": "2026-03-01T00:00:00+08:00", "to": "2026-04-01T00:00:00+08:00"}

PLAYABLE = {"min_length": 1}
"""All footage but that whose camera lost its power: nothing tells how long it lasts, and nothing plays it."""


def commitment_of(nonce: bytes) -> str:
    return hashlib.sha256(b"huisu/draw-nonce/v1\n" + nonce).hexdigest()


def defined(desk: Desk, programme: str, nonce: bytes | None = None, **more: object) -> str:
    """Define a spot check over HTTP; gives its id once a signed head holds it."""
    sources = [{"kind": "nonce", "by": "监督员", "commitment": commitment_of(nonce)}] if nonce else []
    told = {"programme": programme, "unit": "D1", "ticket": "segment", "size": 3, "reserve": 2, **PERIOD, **more}
    with logged_in(desk.world.address, "chen") as client:
        check: str = ok(client.post("/spot-checks", json={**told, "seed_sources": sources}))["id"]
    signed(desk)
    return check


def signed(desk: Desk) -> None:
    """Wait until a signed head holds all that was entered so far."""
    with logged_in(desk.world.address, "wu") as client:
        before = ok(client.get("/custody/status"))
        wanted = before["size"] + before["pending"]

        def holds_all() -> bool:
            head = ok(client.get("/custody/status"))["head"]
            return head is not None and head["size"] >= wanted

        wait_until("a head is signed", holds_all)


def drawn(desk: Desk, programme: str, reviewer: str | None = None, **more: Any) -> str:
    """Define and draw over HTTP without an outside input, and give all items to a reviewer."""
    check = defined(desk, programme, **more)
    with logged_in(desk.world.address, "chen") as client:
        ok(client.post(f"/spot-checks/{check}/draw"))
        for n in (1, 2, 3) if reviewer else ():
            ok(client.post(f"/spot-checks/{check}/items/{n}/assign", json={"reviewer": reviewer}))
    return check


def test_it_is_defined_with_advice_on_its_size_and_frozen(desk: Desk) -> None:
    page = desk.sit("chen", "/spot-checks")
    page.get_by_test_id("check-define").click()
    expect(page.get_by_test_id("no-sources")).to_contain_text("仅本单位产生种子")
    expect(page.get_by_test_id("size-says")).to_contain_text("抽 59 件")
    expect(page.get_by_test_id("size-says")).to_contain_text("5.0 %")
    page.get_by_test_id("size-advice").locator('[data-rate="0.01"]').click()
    expect(page.get_by_test_id("define-size")).to_have_value("258")
    expect(page.get_by_test_id("size-says")).to_contain_text("抽 258 件")

    page.get_by_test_id("define-programme").fill("逐页定义")
    page.get_by_test_id("define-from").fill("2026-03-01")
    page.get_by_test_id("define-to").fill("2026-04-01")
    page.get_by_test_id("define-kind-body").check()
    page.get_by_test_id("usual-strata").click()
    expect(page.get_by_test_id("stratum")).to_have_count(4)
    page.get_by_test_id("define-size").fill("2")
    page.get_by_test_id("add-nonce").click()
    page.get_by_test_id("nonce-by").fill("监督员")
    page.get_by_test_id("make-nonce").click()
    nonce = bytes.fromhex(page.get_by_test_id("made-nonce").inner_text())
    assert page.get_by_test_id("nonce-commitment").input_value() == commitment_of(nonce)
    page.get_by_test_id("define-freeze").click()

    expect(page.get_by_test_id("check-seed")).to_contain_text("监督员 的随机数")
    check = page.url.rsplit("/", 1)[1]
    with logged_in(desk.world.address, "wu") as client:
        kept = ok(client.get(f"/spot-checks/{check}"))
    frozen = page.get_by_test_id("check-frozen")
    assert kept["definition"]["filter"] == {"kind": ["body"]}
    assert kept["definition"]["size"] == 2
    assert [one["filter"] for one in kept["definition"]["strata"]] == [
        {"category": ["COERCION"]}, {"category": ["INTERROGATION"]}, {"late": 24}, {"linked": False}, {},
    ]  # fmt: skip
    expect(frozen.locator('[data-fact="pop_root"]')).to_have_text(kept["definition"]["pop_root"])
    expect(frozen.locator('[data-fact="population"]')).to_have_text(str(kept["definition"]["population"]))


def test_the_second_definition_of_a_period_is_refused_in_words(desk: Desk) -> None:
    desk.refusals = [r"409 /api/v1/spot-checks"]
    defined(desk, "重复定义")
    page = desk.sit("chen", "/spot-checks/new")
    page.get_by_test_id("define-programme").fill("重复定义")
    page.get_by_test_id("define-from").fill("2026-03-05")
    page.get_by_test_id("define-to").fill("2026-03-06")
    page.get_by_test_id("define-freeze").click()

    expect(page.get_by_test_id("problem")).to_have_attribute("data-code", "second-definition")
    expect(page.get_by_test_id("define-reason")).to_be_visible()


def test_the_draw_waits_for_the_nonce_and_is_then_proven_in_the_browser(desk: Desk) -> None:
    desk.refusals = [r"422 /api/v1/spot-checks/.*/reveal"]
    nonce = secrets.token_bytes(32)
    page = desk.sit("chen", f"/spot-checks/{defined(desk, '等待随机数', nonce)}")
    page.get_by_test_id("draw").click()
    expect(page.get_by_test_id("waiting")).to_contain_text("监督员 的随机数")

    page.get_by_test_id("reveal-value").fill("00" * 32)
    page.get_by_test_id("reveal").click()
    expect(page.get_by_test_id("check-seed").get_by_test_id("problem")).to_be_visible()
    page.get_by_test_id("reveal-value").fill(nonce.hex())
    page.get_by_test_id("reveal").click()
    expect(page.get_by_test_id("item-row")).to_have_count(3)
    page.get_by_test_id("prove-draw").click()

    expect(page.get_by_test_id("draw-verdict")).to_have_attribute("data-holds", "true")
    expect(page.get_by_test_id("draw-verdict")).to_have_attribute("data-signed", "true")
    proof = page.get_by_test_id("draw-proof")
    for check in ("definition", "inclusion", "key", "inputs", "population", "draw"):
        expect(proof.locator(f'[data-check="{check}"]')).to_have_attribute("data-verdict", "pass")
    expect(proof.locator('[data-check="checkpoint"]').first).to_have_attribute("data-verdict", "pass")
    expect(proof.locator('[data-check="key"]')).to_contain_text("ECVRF")


def _without_a_ticket(proof: dict[str, Any]) -> None:
    proof["tickets"] = b64encode(b64decode(proof["tickets"])[25:]).decode()


def _with_another_number(proof: dict[str, Any]) -> None:
    told = proof["vrf"]["proof"]
    proof["vrf"]["proof"] = told[:-1] + ("0" if told[-1] != "0" else "1")


def _with_another_place(proof: dict[str, Any]) -> None:
    proof["define"]["index"] += 1


FORGERIES = [(_without_a_ticket, "population"), (_with_another_number, "key"), (_with_another_place, "inclusion")]


@pytest.mark.parametrize(("forge", "failing"), FORGERIES)
def test_a_forged_proof_fails_where_it_was_forged(
    desk: Desk, forge: Callable[[dict[str, Any]], None], failing: str
) -> None:
    page = desk.sit("wu", f"/spot-checks/{drawn(desk, f'伪造 {failing}')}")

    def answer(route: Route) -> None:
        told = route.fetch().json()
        forge(told)
        route.fulfill(json=told)

    page.route("**/proof", answer)
    page.get_by_test_id("prove-draw").click()

    expect(page.get_by_test_id("draw-verdict")).to_have_attribute("data-holds", "false")
    expect(page.get_by_test_id("draw-proof").locator('[data-verdict="fail"]')).to_have_attribute("data-check", failing)


@pytest.mark.parametrize(
    ("language", "words"), [("zh-CN", "仅由本单位产生种子"), ("en", "agency-seeded: no outside input")]
)
def test_a_draw_without_outside_input_says_so_plainly(desk: Desk, language: str, words: str) -> None:
    page = desk.sit("wu", f"/spot-checks/{drawn(desk, f'无外部输入 {language}')}", language)
    if language == "en":
        page.get_by_role("button", name="English").click()

    expect(page.get_by_test_id("agency-seeded")).to_contain_text(words)
    page.get_by_test_id("prove-draw").click()
    inputs = page.get_by_test_id("draw-proof").locator('[data-check="inputs"]')
    expect(inputs).to_have_attribute("data-verdict", "not-checked")
    expect(inputs).to_contain_text(words.removesuffix(": no outside input"))


def scored(page: Page, verdicts: str) -> None:
    """Answer the lines of the card one after the other, by keys alone."""
    lines = page.get_by_test_id("score-card").locator("[data-line]")
    expect(lines.first).to_be_visible()
    for n in range(lines.count()):
        lines.nth(n).locator("input").first.focus()
        page.keyboard.press(verdicts[n] if n < len(verdicts) else "1")


def test_an_item_is_scored_by_keys_beside_its_player_and_confirmed_by_another(desk: Desk) -> None:
    desk.refusals = [r"4\d\d /api/v1/spot-checks/.*/review"]
    check = drawn(desk, "键盘评分", "qian", filter=PLAYABLE)
    page = desk.sit("qian", f"/spot-checks/{check}/items/1")
    expect(page.get_by_test_id("player")).to_be_visible()
    expect(page.get_by_test_id("open-lines")).to_be_visible()

    scored(page, "231")
    expect(page.get_by_test_id("score")).to_have_text("得分 90")
    page.get_by_test_id("result-late-start").check()
    page.get_by_test_id("review-note").fill("到场后才开启")
    page.keyboard.press("Control+Enter")
    page.get_by_test_id("reason-text").fill("画面太短")
    page.get_by_test_id("reason-confirm").click()
    expect(page.locator('[data-testid="state"][data-state="SUBMITTED"]')).to_be_visible()

    other = desk.sit("chen", f"/spot-checks/{check}")
    other.get_by_test_id("confirm-reviews").click()
    expect(other.locator('[data-testid="item-row"][data-n="1"]')).to_have_attribute("data-state", "CONFIRMED")
    expect(other.get_by_test_id("whole-rate")).to_contain_text(re.compile(r"100\.0 % .*–100\.00 %"))
    with logged_in(desk.world.address, "wu") as client:
        review = ok(client.get(f"/spot-checks/{check}/items/1"))["review"]
    assert (review["score"], review["results"], review["without_watching"]) == (90, ["late-start"], "画面太短")
    assert [one["verdict"] for one in review["answers"][:3]] == ["fail", "not-applicable", "pass"]


def test_a_draft_is_kept_until_it_is_handed_in(desk: Desk) -> None:
    check = drawn(desk, "草稿", "qian")
    page = desk.sit("qian", f"/spot-checks/{check}/items/2")
    scored(page, "12")
    page.get_by_test_id("review-save").click()
    expect(page.locator('[data-testid="state"][data-state="IN_REVIEW"]')).to_be_visible()
    page.reload()

    expect(page.get_by_test_id("score")).to_have_text("得分 85")


def test_an_item_is_left_out_for_a_listed_reason_and_the_reserve_takes_its_place(desk: Desk) -> None:
    check = drawn(desk, "跳过", "qian")
    page = desk.sit("qian", f"/spot-checks/{check}/items/1")
    page.get_by_test_id("skip").click()
    page.get_by_test_id("skip-under-investigation").check()
    page.get_by_test_id("skip-confirm").click()
    expect(page.locator('[data-testid="state"][data-state="SKIPPED"]')).to_be_visible()

    page.goto(f"/spot-checks/{check}")

    expect(page.locator('[data-testid="item-row"][data-n="1"]')).to_contain_text("正在调查")
    expect(page.locator('[data-testid="item-row"][data-n="4"]')).to_contain_text("顶替第 1 件")
    expect(page.get_by_test_id("check-findings")).to_contain_text("跳过率超过 5 %")
    page.get_by_test_id("check-history-show").click()
    expect(page.get_by_test_id("check-chain")).to_have_attribute("data-sound", "true")
    expect(page.get_by_test_id("check-history").locator('[data-event="draw.skip"]')).to_contain_text("qian")


def test_skips_that_the_catalogue_speaks_against_stand_beside_the_result(desk: Desk) -> None:
    check = drawn(desk, "不实的跳过")
    page = desk.sit("wu", f"/spot-checks/{check}")
    expect(page.get_by_test_id("check-result")).to_be_visible()
    expect(page.get_by_test_id("skips-not-borne-out")).to_have_count(0)
    with logged_in(desk.world.address, "chen") as client:
        ok(client.post(f"/spot-checks/{check}/items/1/skip", json={"reason": "restricted"}))
    page.reload()

    expect(page.get_by_test_id("skips-not-borne-out")).to_contain_text("1 件以系统核实不符的理由跳过")


def test_a_proof_without_the_logs_key_says_plainly_that_no_signature_was_checked(desk: Desk) -> None:
    page = desk.sit("wu", f"/spot-checks/{drawn(desk, '没有台账密钥')}")

    def without_keys(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"keys": []})

    page.route("**/custody/status", without_keys)
    page.reload()
    page.get_by_test_id("prove-draw").click()

    verdict = page.get_by_test_id("draw-verdict")
    expect(verdict).to_have_attribute("data-holds", "true")
    expect(verdict).to_have_attribute("data-signed", "false")
    expect(verdict).to_contain_text("签署头的签名未经核对")


def test_items_are_given_out_and_nobody_else_scores_them(desk: Desk) -> None:
    check = drawn(desk, "分派")
    page = desk.sit("chen", f"/spot-checks/{check}")
    page.get_by_test_id("select-all").check()
    page.get_by_test_id("assign-name").fill("qian")
    page.get_by_test_id("assign").click()
    for n in (1, 2, 3):
        expect(page.locator(f'[data-testid="item-row"][data-n="{n}"]')).to_contain_text("qian")

    page = desk.sit("li", f"/spot-checks/{check}/items/1")

    expect(page.get_by_test_id("card-panel")).to_contain_text("这一件分派给 qian")
    expect(page.get_by_test_id("review-submit")).to_have_count(0)


def test_failed_draws_stay_listed(desk: Desk) -> None:
    check = defined(desk, "失败的抽签", secrets.token_bytes(32))

    def late(route: Route) -> None:
        told = route.fetch().json()
        for one in told.get("items", [told]):
            if one["id"] == check:
                one |= {"state": "FAILED", "failure": "not told in time: nonce of 监督员", "findings": ["failed"]}
        route.fulfill(json=told)

    page = desk.sit("wu", "/login")
    page.route(re.compile(r"/spot-checks(\?|/[0-9a-f-]+$)"), late)
    page.goto("/spot-checks")
    row = page.locator(f'[data-check="{check}"]')
    expect(row.get_by_test_id("state")).to_have_text("失败")
    row.get_by_role("link").click()

    expect(page.get_by_test_id("draw-failed")).to_contain_text("它会一直列在这里")
    expect(page.get_by_test_id("draw")).to_have_count(0)


def test_who_may_see_no_spot_checks_has_no_way_to_them(desk: Desk) -> None:
    desk.refusals = [r"403 /api/v1/spot-checks"]
    page = desk.sit("zhang", "/cases")
    expect(page.get_by_test_id("nav-cases")).to_be_visible()
    expect(page.get_by_test_id("nav-checks")).to_have_count(0)

    page.goto("/spot-checks")

    expect(page.get_by_test_id("problem")).to_have_attribute("data-code", "not-allowed")
    expect(page.get_by_test_id("check-define")).to_have_count(0)
