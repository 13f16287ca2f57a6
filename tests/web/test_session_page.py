"""The page of a session: one timeline over joints and true gaps, and several channels in step."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.footage import numbers
from tests.web.conftest import Desk
from tests.web.player import SHOWN, Player
from tests.web.world import (
    FRONT,
    FRONT_FIRST,
    PATROL,
    PATROL_FIRST,
    RATE,
    ROOM,
    SCENE,
    SIDE,
    SIDE_FIRST,
    SIDE_LATER_S,
    logged_in,
    ok,
)

pytestmark = pytest.mark.browser

IN_STEP_S = 0.04
JOINT, GAP, BEHIND = 5, (10, 13), 13
"""Seconds of the patrol: where its second recording begins, where nothing is, where the third begins."""

CHANNELS = f"""
() => {{
  const look = {SHOWN}
  const beside = document.querySelector('[data-testid=channel-video]')
  const main = document.querySelector('evidence-player')?.shadowRoot.querySelector('video')
  if (!main || !beside || main.readyState < 2 || beside.readyState < 2) return null
  return [main, beside].map(look)
}}
"""
STEADY = f"""
(lead) => {{
  const both = ({CHANNELS})()
  const near = both && !both[0].paused && !both[1].paused && Math.abs(both[0].time - lead - both[1].time) <= {IN_STEP_S}
  window.run = near ? (window.run ?? 0) + 1 : 0
  return window.run >= 20
}}
"""
"""True once twenty looks in a row found both channels within the limit; the first began `lead` seconds earlier."""


def session_of(desk: Desk, file: str) -> str:
    with logged_in(desk.world.address, "li") as client:
        found: str = ok(client.get(f"/recordings/{desk.world.recordings[file]}"))["session"]
    return found


def open_session(desk: Desk, file: str, place: str = "", name: str = "li") -> tuple[Page, Player]:
    page = desk.sit(name, f"/sessions/{session_of(desk, file)}{place}")
    return page, Player(page)


def both(page: Page) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = page.wait_for_function(CHANNELS).json_value()
    return seen


# one channel


def test_a_recording_leads_to_its_session_which_states_gaps_and_uncertainty(desk: Desk) -> None:
    page = desk.sit("li", f"/recordings/{desk.world.recordings[PATROL[1]]}")
    Player(page).wait_for_frame(0)
    page.get_by_test_id("session-link").click()

    expect(page.get_by_test_id("session-head")).to_contain_text("CAM-05")
    members = page.get_by_test_id("session-member")
    expect(members).to_have_count(3)
    assert [one.get_attribute("data-recording") for one in members.all()] == [
        desk.world.recordings[name] for name in PATROL
    ]
    expect(members.nth(0).get_by_test_id("session-method")).to_have_text(re.compile(r"误差 ≤ \d+\.\d 秒"))
    expect(page.get_by_test_id("session-gap")).to_have_text("录制中断 3.000 s")
    expect(page.get_by_test_id("timeline-gap")).to_have_count(1)
    expect(page.get_by_test_id("player-gap")).to_have_count(1)
    Player(page).wait_for(number=PATROL_FIRST[0])


def test_a_session_plays_over_a_joint_and_passes_over_a_gap(desk: Desk) -> None:
    page, player = open_session(desk, PATROL[0], f"?t={JOINT - 0.5}")
    player.wait_for(number=PATROL_FIRST[0] + int((JOINT - 0.5) * RATE))

    player.press("Space")
    passed = """(place) => {
      const seen = window.look(document.querySelector('evidence-player').shadowRoot.querySelector('video'))
      return seen.number >= place ? seen : null
    }"""
    page.evaluate(f"() => {{ window.look = {SHOWN} }}")
    over = page.wait_for_function(passed, arg=PATROL_FIRST[1] + 10).json_value()
    player.type_time(str(GAP[0] - 0.4))
    behind = page.wait_for_function(passed, arg=PATROL_FIRST[2] + 5).json_value()

    assert over["time"] == pytest.approx(JOINT + (over["number"] - PATROL_FIRST[1]) / RATE, abs=0.15)
    assert behind["time"] == pytest.approx(BEHIND + (behind["number"] - PATROL_FIRST[2]) / RATE, abs=0.15)
    expect(page.get_by_test_id("player-said")).to_contain_text("00:00:10.000 – 00:00:13.000")


@pytest.mark.parametrize(
    ("typed", "number", "clock"),
    [
        ("2", PATROL_FIRST[0] + 60, "10:00:02.000"),
        ("00:00:06", PATROL_FIRST[1] + 30, "10:00:06.000"),
        ("2026-03-02 10:00:14", PATROL_FIRST[2] + 30, "10:00:14.000"),
        ("11.5", PATROL_FIRST[2], "10:00:13.000"),
    ],
)
def test_a_typed_time_is_found_in_whichever_recording_holds_it(desk: Desk, typed: str, number: int, clock: str) -> None:
    page, player = open_session(desk, PATROL[0])
    player.wait_for(number=PATROL_FIRST[0])

    player.type_time(typed)

    player.wait_for(number=number)
    expect(page.get_by_test_id("player-clock")).to_have_text(f"2026-03-02 {clock}")


def test_a_member_opens_by_itself_at_the_moment_that_was_shown(desk: Desk) -> None:
    page, player = open_session(desk, PATROL[0])
    player.wait_for(number=PATROL_FIRST[0])
    player.type_time("7")
    player.wait_for(number=PATROL_FIRST[1] + 60)
    second = page.locator(f'[data-recording="{desk.world.recordings[PATROL[1]]}"][data-testid="session-member"]')
    expect(second).to_have_class(re.compile("now"))

    second.get_by_test_id("session-open").click()

    page.wait_for_url(f"**/recordings/{desk.world.recordings[PATROL[1]]}#t=2*")
    player.wait_for(number=PATROL_FIRST[1] + 60)


@pytest.mark.parametrize(
    ("mode", "frames", "covers"),
    [
        (
            "exact",
            [*range(PATROL_FIRST[0] + 135, PATROL_FIRST[2]), *range(PATROL_FIRST[2], PATROL_FIRST[2] + 15)],
            "4.500000-13.500000",
        ),
        (
            "verbatim",
            [*range(PATROL_FIRST[0] + 120, PATROL_FIRST[2]), *range(PATROL_FIRST[2], PATROL_FIRST[2] + 30)],
            "4.000000-14.000000",
        ),
    ],
)
def test_a_clip_over_a_joint_and_a_gap_holds_the_frames_of_all_and_names_the_gap(
    desk: Desk, mode: str, frames: list[int], covers: str
) -> None:
    page, player = open_session(desk, PATROL[0])
    player.wait_for(number=PATROL_FIRST[0])

    player.choose("4.5", "13.5")
    clip = player.take_clip(mode)

    assert numbers(clip) == frames
    result = page.get_by_test_id("clip-result")
    expect(result).to_have_attribute("data-range", covers)
    expect(result).to_have_attribute("data-gaps", "10.000000-13.000000")


def test_what_was_watched_of_a_session_is_told_of_each_recording(desk: Desk) -> None:
    page, player = open_session(desk, PATROL[0], f"?t={JOINT - 1}", "zhao")
    player.wait_for(number=PATROL_FIRST[0] + (JOINT - 1) * RATE)
    player.press("Space")
    page.wait_for_function(
        "(end) => document.querySelector('evidence-player').shadowRoot.querySelector('video').currentTime > end",
        arg=JOINT + 1,
    )

    with page.expect_response(lambda answer: PATROL_VIEWING.search(answer.url) is not None and answer.status == 204):
        page.get_by_test_id("nav-recordings").click()
    expect(page.get_by_test_id("recording-filter")).to_be_visible()

    for name, (low, high) in ((PATROL[0], (JOINT - 1, JOINT)), (PATROL[1], (0, 1))):
        ends = [
            line["detail"]
            for line in desk.world.history(name)
            if line["event"] == "rec.view.end" and line["actor"] == "zhao"
        ]
        [[first, last]] = ends[-1]["time_ranges"]
        assert first == pytest.approx(low, abs=0.5)
        assert last == pytest.approx(high, abs=0.5 if name == PATROL[0] else 2)


PATROL_VIEWING = re.compile(r"/recordings/[0-9a-f-]{36}/viewings/")


# several channels


def test_two_channels_play_in_step_and_come_back_into_step_after_a_jump(desk: Desk) -> None:
    page, player = open_session(desk, FRONT)
    player.wait_for(number=FRONT_FIRST)
    expect(page.get_by_test_id("channel-tile")).to_have_attribute("data-channel", "全景")

    player.type_time("00:00:04")
    player.wait_for(number=FRONT_FIRST + 4 * RATE)
    page.wait_for_function(
        f"(number) => {{ const both = ({CHANNELS})(); return both && both[1].number === number }}",
        arg=SIDE_FIRST + (4 - SIDE_LATER_S) * RATE,
    )
    player.press("Space")
    page.wait_for_function(STEADY, arg=SIDE_LATER_S)
    front, side = both(page)

    assert (front["muted"], side["muted"]) == (False, True)
    apart = (front["number"] - FRONT_FIRST) / RATE - SIDE_LATER_S - (side["number"] - SIDE_FIRST) / RATE
    assert abs(apart) <= 3 / RATE, "their pictures differ, whatever their clocks say"

    page.get_by_test_id("channel-video").evaluate("(video) => { window.run = 0; video.currentTime += 0.3 }")
    page.wait_for_function(STEADY, arg=SIDE_LATER_S)


def test_the_channel_that_is_heard_is_chosen_by_button_and_by_key(desk: Desk) -> None:
    page, player = open_session(desk, FRONT)
    player.wait_for(number=FRONT_FIRST)
    both(page)

    page.keyboard.press("Alt+2")
    assert [one["muted"] for one in both(page)] == [True, False]
    expect(page.get_by_test_id("session-hear").nth(1)).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("session-hear").nth(0).click()
    assert [one["muted"] for one in both(page)] == [False, True]


def test_another_channel_becomes_the_main_picture_at_the_same_moment(desk: Desk) -> None:
    page, player = open_session(desk, FRONT, "?t=9")
    player.wait_for(number=FRONT_FIRST + 9 * RATE)
    both(page)

    page.get_by_test_id("channel-enlarge").click()

    player.wait_for(number=SIDE_FIRST + (9 - SIDE_LATER_S) * RATE)
    expect(page.get_by_test_id("channel-tile")).to_have_attribute("data-channel", "主画面")
    expect(page.get_by_test_id("player-clock")).to_have_text("2026-03-02 14:00:09.000")


def test_the_skew_of_channels_is_shown(desk: Desk) -> None:
    page, _ = open_session(desk, SIDE)
    expect(page.get_by_test_id("session-name")).to_have_text(ROOM)

    page.get_by_role("tab", name="通道").click()

    expect(page.get_by_test_id("session-skew")).to_have_count(2)
    expect(page.get_by_test_id("session-skew").nth(0)).to_have_text("基准通道")
    expect(page.get_by_test_id("session-skew").nth(1)).to_contain_text("按声音测得")


def test_a_recording_of_no_session_has_no_link_to_one_and_a_session_of_another_unit_is_not_known(desk: Desk) -> None:
    address = f"/sessions/{session_of(desk, FRONT)}"
    desk.refusals.append(f"404 /api/v1{address}")
    page = desk.sit("li", f"/recordings/{desk.world.recordings[SCENE]}")
    Player(page).wait_for_frame(0)
    expect(page.get_by_test_id("session-link")).to_have_count(0)

    stranger = desk.sit("wang", address)

    expect(stranger.get_by_test_id("missing")).to_be_visible()
