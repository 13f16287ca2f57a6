"""A recording's history as a page: in words of both languages, its chain checked, each entry proven in the browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Desk
from tests.web.world import SCENE

pytestmark = pytest.mark.browser


def history(desk: Desk, name: str = "wu", language: str = "zh-CN") -> Page:
    page = desk.sit(name, f"/recordings/{desk.world.recordings[SCENE]}/history")
    if language == "en":
        page.get_by_role("button", name="English").click()
    expect(page.get_by_test_id("history-lines").locator("li").first).to_be_visible()
    return page


def forged(desk: Desk, change: Callable[[list[dict[str, Any]]], object]) -> Page:
    """Open the page with an archive that tells the history otherwise."""

    def answer(route: Route) -> None:
        told = route.fetch().json()
        change(told["items"])
        route.fulfill(json=told)

    page = desk.sit("wu", "/login")
    page.route("**/history?**", answer)
    page.goto(f"/recordings/{desk.world.recordings[SCENE]}/history")
    return page


def test_the_tab_of_a_recording_leads_to_it(desk: Desk) -> None:
    page = desk.sit("wu", f"/recordings/{desk.world.recordings[SCENE]}")
    page.get_by_role("tab", name="流转记录").click()

    page.get_by_test_id("history-page").click()

    expect(page.get_by_test_id("chain")).to_be_visible()
    page.get_by_role("link", name="返回录像").click()
    expect(page.get_by_test_id("recording-head")).to_be_visible()


def test_it_says_who_what_and_when_in_both_languages(desk: Desk) -> None:
    chinese, english = history(desk), history(desk, language="en")
    first = '[data-n="0"]'

    expect(chinese.locator(first)).to_contain_text(f"送来的文件“{SCENE}”入库")
    expect(english.locator(first)).to_contain_text(f"sent the file “{SCENE}”; it entered the archive")
    verified = english.locator('[data-event="rec.verify"]').first
    expect(verified).to_contain_text("read all bytes back from the store")


def test_the_browser_checks_the_chain_and_proves_an_entry(desk: Desk) -> None:
    page = history(desk)
    lines = page.get_by_test_id("history-lines").locator("li")
    count = lines.count()

    chain = page.get_by_test_id("chain")
    expect(chain).to_have_attribute("data-checked", str(count))
    expect(chain).to_contain_text("编号连续，逐条相接，内容与承诺一致")
    place = lines.first.locator(".place").inner_text()
    lines.first.get_by_test_id("prove").click()
    proven = lines.first.get_by_test_id("proven")

    expect(proven).to_contain_text("在台账中")
    assert proven.inner_text().split("第 ")[1].split(" ")[0] == place.split("台账第 ")[1].split(" ")[0]


def test_only_one_kind_of_event_is_shown_when_asked_and_the_whole_chain_still_checked(desk: Desk) -> None:
    page = history(desk)
    all_of_them = page.get_by_test_id("chain").get_attribute("data-checked")

    page.get_by_test_id("history-filter").select_option("rec.link")

    events = {line.get_attribute("data-event") for line in page.get_by_test_id("history-lines").locator("li").all()}
    assert events == {"rec.link"}
    expect(page.get_by_test_id("chain")).to_have_attribute("data-checked", all_of_them or "")


def test_a_value_told_otherwise_than_it_was_committed_to_is_seen(desk: Desk) -> None:
    def change(lines: list[dict[str, Any]]) -> None:
        field = next(one for one in lines[0]["fields"] if one[0] == "sender")
        field[2] = '"nobody"'

    page = forged(desk, change)

    expect(page.get_by_test_id("chain")).to_have_attribute("data-altered", "1")
    expect(page.get_by_test_id("chain").get_by_role("alert")).to_contain_text("核对不通过")


def test_an_entry_left_out_is_seen(desk: Desk) -> None:
    page = forged(desk, lambda lines: lines.pop(2))

    expect(page.get_by_test_id("chain")).not_to_have_attribute("data-broken", "0")
    expect(page.get_by_test_id("chain").get_by_role("alert")).to_contain_text("第 2")


def test_on_paper_stands_the_history_and_no_button(desk: Desk) -> None:
    page = history(desk)

    page.emulate_media(media="print")

    expect(page.get_by_test_id("history-lines")).to_be_visible()
    expect(page.get_by_text("打印于")).to_be_visible()
    for screen_only in ("history-filter", "print", "logout"):
        expect(page.get_by_test_id(screen_only)).to_be_hidden()
    expect(page.get_by_test_id("prove").first).to_be_hidden()


def test_what_one_may_not_know_of_is_not_there(desk: Desk) -> None:
    desk.refusals = [r"404 /api/v1/recordings/.*"]
    page = desk.sit("wang", f"/recordings/{desk.world.recordings[SCENE]}/history")

    expect(page.get_by_text("没有这个页面")).to_be_visible()
