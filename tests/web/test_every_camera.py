"""Every real camera file that plays at all plays in the browser: from its original, or from its review copy."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import ROOT
from tests.web.cameras import camera_world
from tests.web.conftest import Desk
from tests.web.player import Player
from tests.web.world import World, logged_in, ok

CORPUS = Path(os.environ.get("HUISU_TEST_CORPUS", ROOT.parent / "shared" / "corpus"))
FILES = sorted(path.name for path in CORPUS.iterdir() if path.suffix != ".tsv") if CORPUS.is_dir() else ["(no corpus)"]


PLAY = """
(video) => {
  video.muted = true
  const play = () => video.play().catch((error) => {
    if (error.name !== 'AbortError') throw error
    // the page has only now given the player its source
    return new Promise((ready) => video.addEventListener('canplay', ready, { once: true })).then(play)
  })
  return play()
}
"""


@pytest.fixture(scope="module")
def cameras(chromium: Browser, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with camera_world(tmp_path_factory.mktemp("cameras"), corpus) as world:
        yield world


@pytest.fixture
def seats(chromium: Browser, cameras: World) -> Iterator[Desk]:
    desk = Desk(chromium, cameras)
    yield desk
    desk.rise()


def known(world, name):
    with logged_in(world.address, "li") as client:
        return ok(client.get(f"/recordings/{world.recordings[name]}"))


def frame_at(world: World, recording: str, moment: float) -> int:
    """Ask the archive for the number of the frame that is on the screen at `moment`."""
    with logged_in(world.address, "li") as client:
        tile = ok(client.get(f"/recordings/{recording}/frames", params={"at": moment}))
    ticks = moment / Fraction(tile["time_base"])
    first: int = tile["first"]
    return first + sum(1 for pts in tile["pts"] if pts <= ticks) - 1


def wait_for_sound(page: Page, seconds: float) -> None:
    page.wait_for_function(
        """(seconds) => {
          const video = document.querySelector('evidence-player')?.shadowRoot.querySelector('video')
          return video && video.currentTime > seconds
        }""",
        arg=seconds,
    )


@pytest.mark.parametrize("name", FILES)
def test_a_camera_file_plays_seeks_and_steps(seats: Desk, name: str) -> None:
    facts = known(seats.world, name)
    page = seats.sit("li", f"/recordings/{facts['id']}")
    player = Player(page)
    if not facts["playable"]:
        expect(page.get_by_test_id("recording-facts")).to_be_visible()
        expect(page.get_by_test_id("player-video")).to_have_count(0)
        return
    pictures = [stream for stream in facts["streams"] if stream["kind"] == "video"]
    player.video.evaluate(PLAY)
    if not pictures:
        wait_for_sound(page, 0.5)
        return
    count, half = pictures[0]["frames"], round(facts["duration"] / 2, 3)
    middle = frame_at(seats.world, facts["id"], half)
    assert 0 < middle < count - 1

    decoded = player.wait_for_frames(min(8, count - 1))
    player.video.evaluate("video => video.pause()")
    player.type_time(f"{half:.3f}")
    sought = player.wait_for_frame(middle)
    player.press(".")
    stepped = player.wait_for_frame(middle + 1)

    assert int(str(decoded["frames"])) > 0
    assert sought["paused"]
    assert stepped["paused"]
    assert abs(float(str(sought["time"])) - half) < 0.2
    assert float(str(stepped["time"])) > float(str(sought["time"]))
