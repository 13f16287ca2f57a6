"""The review desk of one recording: frames, ranges, both kinds of clip, flags, in a real browser."""

import json
import re
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.footage import make_footage, numbers
from tests.up.program import HUISU, environment, wait_until
from tests.web.conftest import Desk
from tests.web.player import Player
from tests.web.world import (
    DARK,
    DARK_S,
    SCENE,
    logged_in,
    ok,
)

pytestmark = pytest.mark.browser

GOP = 30
"""Frames from one key frame of the footage to the next."""


def page_of(desk: Desk, file: str) -> str:
    return f"/recordings/{desk.world.recordings[file]}"


def heard(page: Page) -> list[str]:
    """Gather what the page asks for, from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    return asked


# playing


def test_a_fresh_recording_plays_from_its_original_before_it_has_a_review_copy(desk, tmp_path):
    file = make_footage(tmp_path / "刚到.mp4", frames=2400, first=30000, size=(1280, 720))
    said = {"officer": "610124", "device": "CAM-09", "started_at": "2026-03-03T08:00:00+08:00"}
    file.with_name(f"{file.name}.huisu.json").write_text(json.dumps(said))
    sending = ("dock", "send", str(file), "--url", desk.world.address, "--state", str(tmp_path / "state"))
    subprocess.run(
        [*HUISU, *sending],
        env=environment({"HUISU_DOCK_TOKEN": desk.world.dock_token}),
        check=True,
        capture_output=True,
    )
    fresh = recording_of(desk, file.name)
    wait_until("the recording is playable", lambda: facts_of(desk, fresh)["playable"])

    page = desk.sit("li")
    asked = heard(page)
    page.goto(f"/recordings/{fresh}")
    player = Player(page)
    player.wait_for(number=30000)
    player.press("Space")
    seen = player.wait_for_frames(12)
    state = facts_of(desk, fresh)

    assert int(str(seen["width"])) == 1280
    assert any(re.search(r"/hls/\d+-\d+\.m4s", address) for address in asked)
    assert not any("/hls/media.mp4" in address for address in asked)
    assert "proxy" not in state["renditions"], "the machine made the review copy too fast to prove anything"
    wait_until("it is ready", lambda: facts_of(desk, fresh)["state"] == "ready")


def recording_of(desk, filename):
    with logged_in(desk.world.address, "li") as client:
        items = ok(client.get("/recordings", params={"limit": 200}))["items"]
        return next(one["id"] for one in items if ok(client.get(f"/recordings/{one['id']}"))["filename"] == filename)


def facts_of(desk: Desk, recording: str) -> dict[str, object]:
    with logged_in(desk.world.address, "li") as client:
        found: dict[str, object] = ok(client.get(f"/recordings/{recording}"))
    return found


def test_original_and_review_copy_can_be_chosen_and_the_choice_stays(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    asked = heard(page)
    player = Player(page)
    player.wait_for_frame(0)
    player.type_time("5")
    player.wait_for_frame(150)
    expect(page.get_by_test_id("rendition-original")).to_have_attribute("aria-pressed", "true")

    page.get_by_test_id("rendition-proxy").click()
    expect(page.get_by_test_id("rendition-proxy")).to_have_attribute("aria-pressed", "true")
    player.wait_for(number=150)
    assert any("/hls/media.mp4" in address for address in asked)

    page.reload()
    expect(page.get_by_test_id("rendition-proxy")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("rendition-original").click()
    player.wait_for(number=0)


def test_a_link_opens_at_its_moment_and_fetches_nothing_before_it(desk: Desk) -> None:
    page = desk.sit("li")
    asked = heard(page)

    page.goto(f"{page_of(desk, SCENE)}?t=00:00:07.5")
    Player(page).wait_for(number=225)

    segments = [found for address in asked if (found := re.search(r"/hls/(\d+)-\d+\.m4s", address))]
    assert min(int(found[1]) for found in segments) == 7, "a second of the recording is one group of pictures"
    playlist = next(address for address in asked if "index.m3u8" in address)
    assert parse_qs(urlsplit(playlist).query)["start"] == ["7.500000"]


# ranges


def test_in_and_out_are_set_by_key_by_seconds_and_by_the_clock(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)
    player.press(".")
    player.wait_for_frame(1)

    player.press("i")
    expect(page.get_by_test_id("clip-in")).to_have_value("00:00:00.033333")
    player.choose("1.25", "08:05:04")
    expect(page.get_by_test_id("clip-in")).to_have_value("00:00:01.250")
    expect(page.get_by_test_id("clip-out")).to_have_value("00:00:04.000")
    player.choose("2026-03-01 08:05:02.5", "00:00:03")
    expect(page.get_by_test_id("clip-in")).to_have_value("00:00:02.500")
    expect(page.get_by_test_id("clip-length")).to_contain_text("00:00:00.500")
    player.choose("2.5", "99:00:00")
    expect(page.get_by_test_id("clip-out")).to_have_attribute("aria-invalid", "true")


def test_a_preview_plays_the_range_again_and_again_until_it_is_stopped(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)
    player.choose("4", "4.7")
    player.video.evaluate(
        """(video) => {
          window.turns = 0
          window.farthest = 0
          let last = 0
          video.addEventListener('timeupdate', () => {
            if (video.currentTime < last - 0.3) window.turns += 1
            last = video.currentTime
            window.farthest = Math.max(window.farthest, last)
          })
        }"""
    )

    page.get_by_test_id("clip-preview").click()
    expect(page.get_by_test_id("clip-preview")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => window.turns >= 2")
    page.get_by_test_id("clip-preview").click()

    expect(page.get_by_test_id("clip-preview")).to_have_attribute("aria-pressed", "false")
    player.wait_for(paused=True)
    assert 4 <= float(str(player.look()["time"])) < 5.5


def test_a_verbatim_clip_has_the_range_that_was_shown_before_it_was_made(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)
    player.choose("00:00:03.333333", "00:00:06.666666")
    page.get_by_test_id("clip-mode-verbatim").check()

    expect(page.get_by_test_id("clip-snap")).to_contain_text("00:00:03.000000 – 00:00:07.000000")
    expect(page.get_by_test_id("player-snap")).to_be_visible()
    clip = player.take_clip("verbatim")

    assert numbers(clip) == list(range(3 * GOP, 7 * GOP))
    result = page.get_by_test_id("clip-result")
    expect(result).to_have_attribute("data-kind", "verbatim")
    expect(result).to_have_attribute("data-range", "3.000000-7.000000")
    expect(result).to_have_attribute("data-copied", "90-210")


def test_an_exact_clip_of_frames_chosen_by_keys_says_which_frames_it_copied(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)
    for time, number, key in (("1.5", 45, "i"), ("9.5", 285, "o")):
        player.type_time(time)
        player.wait_for_frame(number)
        player.press(key)

    clip = player.take_clip("exact")

    assert numbers(clip) == list(range(45, 285))
    result = page.get_by_test_id("clip-result")
    expect(result).to_have_attribute("data-kind", "smart")
    expect(result).to_have_attribute("data-frames", "45-285")
    expect(result).to_have_attribute("data-copied", "60-270")


def test_a_refusal_is_told_in_words(desk: Desk) -> None:
    desk.refusals.append("422 /api/v1/recordings/.*/clip")
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)
    player.choose("1", "2")
    page.route("**/clip?*", lambda route: route.continue_(url=re.sub(r"start=[^&]*", "start=20", route.request.url)))

    page.get_by_test_id("clip-make").click()

    expect(page.get_by_test_id("problem")).to_contain_text("时间范围")
    expect(page.get_by_test_id("clip-result")).to_have_count(0)


# flags


def test_a_flag_leads_to_its_place_and_is_dismissed_with_a_reason_and_restored(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, DARK))
    player = Player(page)
    player.wait_for_frame(0)
    expect(page.locator('[data-testid="player-flag"][data-flag="black"]')).to_have_count(1)
    page.get_by_role("tab", name="标记").click()
    row = page.locator('[data-testid="flag-row"][data-flag="black"]')
    expect(row.get_by_test_id("flag-detector")).to_contain_text("得分")

    row.get_by_test_id("flag-seek").click()
    player.wait_for_frame(DARK_S[0] * 30)
    row.get_by_test_id("flag-dismiss").click()
    page.get_by_test_id("reason-text").fill("镜头盖未取下，已说明")
    page.get_by_test_id("reason-confirm").click()
    expect(row).to_have_attribute("data-dismissed", "true")
    expect(row.get_by_test_id("flag-answer")).to_contain_text("li")
    expect(row.get_by_test_id("flag-answer")).to_contain_text("镜头盖未取下，已说明")
    expect(page.locator('[data-testid="player-flag"][data-flag="black"]')).to_have_class("dismissed")

    row.get_by_test_id("flag-restore").click()
    expect(row).to_have_attribute("data-dismissed", "false")
    said = [line for line in desk.world.history(DARK) if line["event"].startswith("rec.flag.")]
    assert [(line["event"], line["actor"]) for line in said] == [("rec.flag.dismiss", "li"), ("rec.flag.restore", "li")]
    assert said[0]["detail"]["reason"] == "镜头盖未取下，已说明"
