"""From frame to frame in a real browser: each exactly once, cited, saved from the original."""

import io

import av
import pytest
from playwright.sync_api import expect

from tests.footage import number_of
from tests.web.conftest import Desk
from tests.web.player import Player
from tests.web.world import DARK, DARK_S, HEVC, HEVC_FIRST, SCENE, UNEVEN, UNEVEN_FIRST

pytestmark = pytest.mark.browser

STEPS = 80


def page_of(desk: Desk, file: str) -> str:
    return f"/recordings/{desk.world.recordings[file]}"


def test_each_frame_of_variable_rate_is_stepped_on_exactly_once_forth_and_back(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, UNEVEN))
    player = Player(page)
    player.wait_for_frame(0)

    def shown_after(key: str, number: int) -> object:
        player.press(key)
        return player.wait_for_frame(number)["number"]

    forth = [shown_after(".", number) for number in range(1, STEPS + 1)]
    back = [shown_after(",", number) for number in range(STEPS - 1, STEPS - 11, -1)]

    assert forth == list(range(UNEVEN_FIRST + 1, UNEVEN_FIRST + STEPS + 1))
    assert back == list(range(UNEVEN_FIRST + STEPS - 1, UNEVEN_FIRST + STEPS - 11, -1))


def test_keys_pressed_faster_than_pictures_come_are_all_obeyed(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, UNEVEN))
    player = Player(page)
    player.wait_for_frame(0)

    player.press(*"." * 10)

    assert player.wait_for_frame(10)["number"] == UNEVEN_FIRST + 10


def test_a_step_pressed_while_a_jump_is_under_way_counts_from_where_the_jump_leads(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)

    for time, number in (("3.333333", 100), ("1.666666", 50), ("5.000000", 150)):
        player.type_time(time)
        player.press(".", ".", ",")
        assert player.wait_for_frame(number + 1)["number"] == number + 1
    page.wait_for_timeout(1_000)  # a move that had not ended would seek back to its own frame by now

    assert player.wait_for_frame(151)["number"] == 151


def test_a_jump_while_steps_are_under_way_forgets_them(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)

    player.press(*"." * 6)
    player.type_time("3.333333")
    player.wait_for_frame(100)
    player.press(".")

    assert player.wait_for_frame(101)["number"] == 101


def test_a_frame_is_cited_and_saved_from_the_original(desk):
    page = desk.sit("li", page_of(desk, SCENE))
    player = Player(page)
    player.wait_for_frame(0)
    player.type_time("3.333333")
    player.wait_for_frame(100)

    page.get_by_test_id("frame-cite").click()
    quoted = page.get_by_test_id("quoted")
    expect(quoted).to_contain_text("第 100 帧，片内 00:00:03.333333")
    expect(quoted).to_contain_text(f"{page_of(desk, SCENE)}#t=3.333333")
    with page.expect_download() as waiting:
        player.press("s")

    expect(quoted).to_contain_text(waiting.value.suggested_filename)
    with av.open(io.BytesIO(waiting.value.path().read_bytes())) as picture:
        assert number_of(next(picture.decode(video=0)).to_ndarray(format="gray")) == 100


@pytest.mark.parametrize(("key", "number"), [("ArrowDown", DARK_S[0] * 30), ("End", 12 * 30 - 1)])
def test_a_key_leads_to_the_next_mark_or_the_end(desk: Desk, key: str, number: int) -> None:
    page = desk.sit("li", page_of(desk, DARK))
    player = Player(page)
    player.wait_for_frame(0)

    player.press(key)

    player.wait_for_frame(number)


def test_what_a_browser_does_not_play_is_stepped_through_in_its_review_copy(desk: Desk) -> None:
    page = desk.sit("li", page_of(desk, HEVC))
    player = Player(page)
    player.wait_for_frame(0)

    player.press(*"." * 3)

    assert player.wait_for_frame(3)["number"] == HEVC_FIRST + 3
    expect(page.get_by_test_id("renditions")).to_have_count(0)
