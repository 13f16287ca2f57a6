"""What people do with the pages, in a real browser against a real archive: look, find, play, clip, decide."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Route, expect

from tests.footage import make_footage, numbers
from tests.up.program import huisu, wait_until
from tests.web.conftest import Desk
from tests.web.player import Player, position_in
from tests.web.world import (
    BROKEN,
    CAR_PARK,
    CASE,
    CASELESS,
    DOUBTFUL,
    HEVC,
    HEVC_FIRST,
    INCIDENT,
    LATER,
    LATER_FIRST,
    PASSWORD,
    PHONE,
    RATE,
    SCENE,
    SCENE_FRAMES,
)

pytestmark = pytest.mark.browser

CASE_PAGE = f"/cases/{quote(CASE, safe='')}"


def page_of(desk: Desk, file: str) -> str:
    if file not in desk.world.recordings:
        pytest.skip(f"no {file}: there is no corpus of camera files here")
    return f"/recordings/{desk.world.recordings[file]}"


# logging in


def test_a_login_link_opens_the_archive_once_and_leaves_no_trace_in_the_address(desk: Desk) -> None:
    desk.refusals.append("401 /api/v1/login")
    link = huisu("login-link", "li", "--home", str(desk.world.home)).strip()

    page = desk.sit(address=link)
    expect(page.get_by_test_id("who")).to_have_text("li · 法制员")
    assert page.url == f"{desk.world.address}/cases"

    again = desk.sit(address=link)
    expect(again.get_by_test_id("problem")).to_contain_text("用户名、密码或登录链接不对，或已失效")
    assert "link=" not in again.url


def test_a_wrong_password_is_refused_in_chinese_and_the_right_one_leads_where_one_wanted_to_go(desk: Desk) -> None:
    desk.refusals += ["401 /api/v1/login", "401 /api/v1/cases/.*"]
    page = desk.sit(address=CASE_PAGE)

    page.get_by_test_id("login-name").fill("li")
    page.get_by_test_id("login-password").fill("错误的口令")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("problem")).to_contain_text("用户名、密码或登录链接不对，或已失效")

    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("case-number")).to_have_text(CASE)
    expect(page.get_by_test_id("unit-scope")).to_contain_text("一大队")


def test_logging_out_ends_the_session(desk: Desk) -> None:
    page = desk.sit("li", "/cases")

    page.get_by_test_id("logout").click()
    expect(page.get_by_test_id("login-form")).to_be_visible()

    page.goto("/recordings")
    expect(page.get_by_test_id("login-form")).to_be_visible()


# uploads


def test_an_officer_watches_an_upload_become_verified(desk: Desk, tmp_path: Path) -> None:
    footage = make_footage(tmp_path / "补录.mp4", frames=30, first=5000)
    page = desk.sit("zhang")
    expect(page).to_have_url(f"{desk.world.address}/uploads")
    docked = page.locator(f'[data-testid="upload-row"][data-filename="{SCENE}"]')
    expect(docked).to_have_attribute("data-state", "verified")
    expect(docked.get_by_test_id("state")).to_have_text("已核验")
    assert page.locator(f'[data-filename="{DOUBTFUL}"]').count() == 0, "another officer's upload is shown"
    expect(page.get_by_test_id("live")).to_contain_text("实时更新")
    page.evaluate("window.notReloaded = true")

    page.get_by_test_id("upload-open").click()
    page.get_by_test_id("upload-files").set_input_files(footage)
    page.get_by_test_id("upload-officer").fill("610123")
    page.get_by_test_id("upload-start").click()

    expect(page.get_by_test_id("sending-row")).to_have_attribute("data-state", "sent")
    row = page.locator('[data-testid="upload-row"][data-filename="补录.mp4"]')
    expect(row).to_have_attribute("data-state", "verified")
    expect(row.get_by_test_id("upload-recording")).to_be_visible()
    assert page.evaluate("window.notReloaded")


# finding


def test_a_case_is_found_by_a_word_of_its_title_and_shows_spans_gaps_and_overlaps(desk: Desk) -> None:
    page = desk.sit("li")
    page.get_by_test_id("case-query").fill("盗窃")
    page.get_by_test_id("case-search").click()
    row = page.get_by_test_id("case-row")
    expect(row).to_have_count(1)
    row.get_by_role("link").click()

    expect(page.get_by_test_id("case-head")).to_contain_text(INCIDENT)
    linked = [file for file in desk.world.recordings if file not in CASELESS]
    expect(page.get_by_test_id("recording-row")).to_have_count(len(linked))
    expect(page.get_by_test_id("timeline-span")).to_have_count(len(linked))
    gaps = page.get_by_test_id("timeline-gap")
    expect(gaps).to_have_count(2)
    expect(gaps.first).to_have_attribute("title", "录制中断 2026-03-01 08:05:10 – 08:05:30")
    assert "repeating-linear-gradient" in gaps.first.evaluate("(gap) => getComputedStyle(gap).backgroundImage")
    overlap = page.locator('[data-testid="timeline-overlap"][aria-label^="CAM-02"]')
    expect(overlap).to_have_attribute("title", "重叠 2026-03-01 08:05:04 – 08:05:10")
    expect(page.get_by_test_id("nav-cases")).to_have_class(re.compile("here"))


@pytest.mark.parametrize(("file", "first"), [(SCENE, 0), (HEVC, HEVC_FIRST), (LATER, LATER_FIRST)])
def test_a_click_on_the_timeline_opens_the_player_at_that_instant(desk: Desk, file: str, first: int) -> None:
    page = desk.sit("li", CASE_PAGE)
    span = page.locator(f'[data-testid="timeline-span"][data-recording="{desk.world.recordings[file]}"]')
    box = span.bounding_box()
    assert box is not None
    length = {SCENE: 10, HEVC: 6, LATER: 5}[file]

    span.click(position={"x": 0.62 * box["width"], "y": box["height"] / 2})
    player = Player(page)
    page.wait_for_url(re.compile(r"#t="))

    clicked = position_in(page.url)
    assert clicked == pytest.approx(0.62 * length, abs=0.02 * length)
    player.wait_for(number=first + int(clicked * RATE + 1e-6))


# playing


@pytest.mark.parametrize("file", [SCENE, HEVC, CAR_PARK, PHONE])
def test_the_browser_really_decodes_what_is_played(desk: Desk, file: str) -> None:
    page = desk.sit("li", page_of(desk, file))
    player = Player(page)
    before = player.wait_for(paused=True)

    player.press("Space")
    after = player.wait_for_frames(int(str(before["frames"])) + 12)

    assert int(str(after["width"])) > 0
    assert after["picture"] != before["picture"]
    assert float(str(after["time"])) > float(str(before["time"]))
    expect(page.get_by_test_id("undecodable")).to_have_count(0)


def test_a_typed_time_shows_exactly_that_frame(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for(number=0)

    for typed, number in (
        ("00:00:03.333333", 99 + 1),
        ("0:07", 210),
        ("００：００：０４.５", 135),
        ("9.99", SCENE_FRAMES - 1),
    ):
        player.type_time(typed)
        player.wait_for(number=number)

    player.press("t")
    player.type_time("08:05:05")
    player.wait_for(number=150)
    expect(page.get_by_test_id("player-clock")).to_have_text("2026-03-01 08:05:05.000")

    player.type_time("08:07:00")
    expect(page.get_by_test_id("player-message")).to_contain_text("在录像之内")
    player.wait_for(number=150)


def test_the_keys_of_the_review_desk(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for(number=0)

    for key, number in (("ArrowRight", 150), ("Shift+ArrowRight", 180), ("Shift+ArrowLeft", 150), ("ArrowLeft", 0)):
        player.press(key)
        player.wait_for(number=number)
    player.press("Shift+ArrowRight", "i")
    player.wait_for(number=30)
    expect(page.get_by_test_id("clip-in")).to_have_value("00:00:01.000")
    player.press("ArrowRight")
    player.wait_for(number=180)
    player.press("o")
    expect(page.get_by_test_id("clip-out")).to_have_value("00:00:06.000")
    expect(page.get_by_test_id("clip-length")).to_contain_text("00:00:05.000")
    player.press("Shift+I")
    player.wait_for(number=30)
    player.press("x")
    expect(page.get_by_test_id("clip-in")).to_have_value("")
    player.press("m")
    player.wait_for(muted=True)
    player.press("l", "l")
    player.wait_for(paused=False, rate=1.5)
    player.press("k")
    player.wait_for(paused=True)
    player.press("g")
    expect(page.get_by_test_id("jump-field")).to_be_focused()
    player.press("m")
    expect(page.get_by_test_id("jump-field")).to_have_value("m")
    player.wait_for(muted=True)
    player.press("Escape", "Shift+Slash")
    expect(page.get_by_test_id("player-keys-overlay")).to_be_visible()
    player.press("Escape")
    expect(page.get_by_test_id("player-keys-overlay")).to_be_hidden()


# clips


def test_a_time_that_is_being_typed_stays_while_more_of_the_recording_arrives(desk: Desk) -> None:
    page = desk.sit("li", "/cases")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/frames\?"), hold)
    page.goto(page_of(desk, SCENE))
    player = Player(page)
    player.wait_for(paused=True)
    expect(page.get_by_test_id("player-scrub")).to_have_attribute("aria-valuemax", re.compile(r"[1-9]"))
    page.get_by_test_id("clip-in").fill("00:00:03.5")
    assert held

    for route in held:
        route.continue_()
    player.wait_for_frame(0)
    page.get_by_test_id("clip-in").press("Tab")

    expect(page.get_by_test_id("clip-in")).to_have_value("00:00:03.500")


@pytest.mark.parametrize(
    ("file", "start", "end", "frames"),
    [
        (SCENE, "00:00:03.333333", "00:00:06.666666", range(100, 200)),
        (SCENE, "00:00:09", "00:00:10", range(270, 300)),
        (HEVC, "00:00:01.5", "00:00:06", range(HEVC_FIRST + 45, HEVC_FIRST + 180)),
    ],
)
def test_a_clip_holds_exactly_the_frames_asked_for(
    desk: Desk, file: str, start: str, end: str, frames: range, tmp_path: Path
) -> None:
    page = desk.sit("li", page_of(desk, file))
    player = Player(page)
    player.wait_for(paused=True)

    player.choose(start, end)
    clip = player.take_clip()

    assert numbers(clip) == list(frames)
    first = {SCENE: 0, HEVC: HEVC_FIRST}[file]
    shown = page.get_by_test_id("clip-result")
    expect(shown).to_have_attribute("data-frames", f"{frames.start - first}-{frames.stop - first}")
    assert shown.get_attribute("data-kind") in {"smart", "encoded"}
    kept = [line for line in desk.world.history(file) if line["event"] == "rec.clip"]
    assert (kept[-1]["actor"], kept[-1]["detail"]["first_frame"], kept[-1]["detail"]["end_frame"]) == (
        "li",
        frames.start - first,
        frames.stop - first,
    )


def test_a_range_that_ends_before_it_begins_is_told_and_makes_no_clip(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for(paused=True)

    player.choose("00:00:05", "00:00:02")

    expect(page.get_by_test_id("player-message")).to_have_text("出点须晚于入点")
    expect(page.get_by_test_id("clip-get")).to_be_disabled()


# deciding


def test_a_doubtful_link_is_confirmed_by_a_person_and_the_ledger_says_by_whom(desk: Desk) -> None:
    page = desk.sit("li", "/link-proposals")
    rows = page.get_by_test_id("proposal-row")
    expect(rows).to_have_count(2)
    wanted = rows.filter(has_text="J2026030100007")
    expect(wanted).to_contain_text("警号 610124 参与了这次出警")

    wanted.get_by_test_id("proposal-confirm").click()
    page.get_by_test_id("reason-text").fill("报警人在画面中")
    page.get_by_test_id("reason-confirm").click()

    expect(wanted).to_have_count(0)
    page.goto(page_of(desk, DOUBTFUL))
    page.get_by_role("tab", name="关联").click()
    expect(page.get_by_test_id("link-target")).to_have_text("J2026030100007")
    answered = next(line for line in desk.world.history(DOUBTFUL) if line["event"] == "rec.answer")
    assert (answered["actor"], answered["detail"]["reason"]) == ("li", "报警人在画面中")


# seeing and not seeing


def test_a_damaged_recording_says_why_it_does_not_play(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, BROKEN))

    expect(page.get_by_test_id("recording-notice")).to_contain_text("这个录像不能播放")
    expect(page.get_by_test_id("cause")).to_have_count(1)
    expect(page.get_by_test_id("cause")).to_contain_text("没有索引")
    expect(page.get_by_test_id("player")).to_have_count(0)


def test_the_original_is_given_for_a_reason_and_byte_for_byte(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, BROKEN))
    page.get_by_test_id("original-download").click()
    page.get_by_test_id("reason-text").fill("修复文件")

    with page.expect_download() as waiting:
        page.get_by_test_id("reason-confirm").click()

    sent = desk.world.home.parent / "footage" / BROKEN
    assert waiting.value.path().read_bytes() == sent.read_bytes()
    assert waiting.value.suggested_filename == BROKEN
    taken = [line for line in desk.world.history(BROKEN) if line["event"] == "rec.original"]
    assert taken[-1]["detail"]["reason"] == "修复文件"


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    nothing = "01a20000-0000-7000-8000-000000000000"
    desk.refusals += [f"404 /api/v1/recordings/{nothing}", "404 /api/v1/cases/.*"]
    page = desk.sit("li", f"/recordings/{nothing}")
    expect(page.get_by_test_id("missing")).to_be_visible()

    page.goto("/cases/没有这个案件")
    expect(page.get_by_test_id("missing")).to_be_visible()

    page.goto("/nowhere/at/all")
    expect(page.get_by_role("heading")).to_have_text("没有这个页面")


def test_an_officer_of_another_unit_sees_nothing_of_it(desk: Desk) -> None:
    address = page_of(desk, SCENE)
    desk.refusals.append(f"404 /api/v1{address}")
    page = desk.sit("wang", "/recordings")
    expect(page.get_by_text("没有符合条件的内容")).to_be_visible()
    expect(page.get_by_test_id("recording-row")).to_have_count(0)

    page.goto(address)

    expect(page.get_by_test_id("missing")).to_be_visible()
    expect(page.get_by_test_id("player")).to_have_count(0)


def test_the_language_changes_at_once_and_stays(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    Player(page).wait_for(paused=True)
    expect(page.get_by_test_id("clip-get")).to_have_text("取片段")

    page.get_by_test_id("language-en").click()
    expect(page.get_by_test_id("clip-get")).to_have_text("Get clip")
    expect(page.get_by_test_id("nav-cases")).to_contain_text("Cases")

    page.reload()
    expect(page.get_by_test_id("clip-get")).to_have_text("Get clip")
    assert page.evaluate("document.documentElement.lang") == "en"


# the ledger


def test_a_look_is_in_the_ledger_before_a_byte_is_sent_and_its_end_tells_what_was_watched(desk: Desk) -> None:
    page = desk.sit("zhang", page_of(desk, LATER))
    player = Player(page)
    player.wait_for(paused=True)
    started = [line for line in desk.world.history(LATER) if line["event"] == "rec.view.start"][-1]
    assert started["actor"] == "zhang"
    player.press("Space")
    player.wait_for_frames(45)
    player.press("Space")

    page.get_by_test_id("nav-recordings").click()
    expect(page.get_by_test_id("recording-filter")).to_be_visible()

    def ended() -> list[dict[str, Any]]:
        lines = desk.world.history(LATER)
        return [line["detail"] for line in lines if line["event"] == "rec.view.end" and line["actor"] == "zhang"]

    wait_until("the look has ended in the ledger", lambda: bool(ended()))
    end = ended()[0]
    assert end["viewing"] == started["detail"]["viewing"]
    assert end["bytes_sent"] > 0
    [[first, last]] = end["time_ranges"]
    assert 0 <= first < 0.5 < 1 < last <= 5.0


def test_a_recording_shows_everything_that_happened_to_it(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    Player(page).wait_for(paused=True)

    page.get_by_role("tab", name="流转记录").click()

    events = page.get_by_test_id("history").locator("li")
    for name in ("rec.ingest", "rec.verify", "rec.facts", "rec.link", "rec.rendition", "rec.view.start"):
        expect(page.locator(f'[data-event="{name}"]').first).to_be_visible()
    expect(events.filter(has_text="开始观看").last).to_contain_text("li")
