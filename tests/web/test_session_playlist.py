"""A session's playlist in a real browser: pictures are decoded on both sides of a joint and beyond a gap."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.api.stage import NUMBER, Stage, open_stage
from tests.archive_fixture import Empty, HeldClock, open_for_test
from tests.conftest import ROOT
from tests.footage import make_footage
from tests.web.player import SHOWN

HLS = ROOT / "services" / "web" / "node_modules" / "hls.js" / "dist" / "hls.light.min.js"
PAGE = """<!doctype html><video muted></video><script src="/hls-under-test.js"></script><script>
const video = document.querySelector('video')
window.faults = []
window.start = (address, token) => {
  const hls = new Hls({ enableWorker: false, xhrSetup: (asked) => asked.setRequestHeader('Authorization', token) })
  hls.on(Hls.Events.ERROR, (_, data) => window.faults.push([data.fatal, data.details, data.frag && data.frag.sn]))
  hls.loadSource(address)
  hls.attachMedia(video)
  window.hls = hls
}
window.seen = []
const look = (shown) => { window.seen.push(shown(video).number); video.requestVideoFrameCallback(() => look(shown)) }
window.watch = (shown) => video.requestVideoFrameCallback(() => look(shown))
</script>"""


@pytest.fixture(scope="module")
def stage(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home, clock = tmp_path_factory.mktemp("stage"), HeldClock()
    with (
        open_for_test(home, empty_sqlite.sqlite(home), clock) as archive,
        open_stage(archive, clock, tmp_path_factory.mktemp("takes")) as opened,
    ):
        yield opened


@pytest.fixture
def player(chromium: Browser, stage: Stage) -> Iterator[Page]:
    """Give a page of the archive's own address with nothing on it but hls.js and a video."""
    if not HLS.is_file():
        pytest.skip(f"no hls.js at {HLS} (make web)")
    base = str(stage.officer.base_url)

    def page_of_ours(route: Route) -> None:
        route.fulfill(body=PAGE, content_type="text/html")

    page = chromium.new_page()
    page.set_default_timeout(60_000)
    page.route("**/test-page", page_of_ours)
    page.route("**/hls-under-test.js", lambda route: route.fulfill(path=HLS, content_type="text/javascript"))
    page.goto(f"{base.rstrip('/')}/test-page")
    page.evaluate(f"() => watch({SHOWN})")
    yield page
    page.close()


def start(page: Page, stage: Stage, **query: str) -> None:
    told = "&".join(f"{name}={value}" for name, value in query.items())
    address = f"/api/v1/sessions/{NUMBER}/hls/index.m3u8?{told}"
    token = stage.site.as_token("reviewer", "st1").headers["authorization"]
    page.evaluate("([address, token]) => start(address, token)", [address, token])
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")


def play_from(page: Page, second: float, until: float) -> list[int]:
    """Play a stretch; gives the numbers of the pictures that were on the screen."""
    page.evaluate("(at) => { seen.length = 0; video.currentTime = at }", second)
    page.wait_for_function("() => !video.seeking && video.readyState >= 3")
    page.evaluate("() => video.play()")
    page.wait_for_function("(until) => video.currentTime >= until || video.ended", arg=until)
    page.evaluate("() => video.pause()")
    shown: list[int] = page.evaluate("() => seen")
    return shown


def faults(page: Page) -> list[Any]:
    return [one for one in page.evaluate("() => faults") if one[0]]


def test_pictures_come_on_both_sides_of_joints(player: Page, stage: Stage) -> None:
    start(player, stage)
    shown = play_from(player, 3.2, 8.8)

    assert faults(player) == []
    assert min(shown) < 110
    assert max(shown) > 250
    assert [number for number in shown if 120 <= number < 240]
    assert shown == sorted(shown)
    assert len(set(shown)) > 60


def test_a_gap_is_passed_over_and_positions_stay_true(player: Page, stage: Stage) -> None:
    start(player, stage)
    shown = play_from(player, 10.2, 25)

    assert faults(player) == []
    before = [number for number in shown if number < 330]
    after = [number for number in shown if number >= 705]
    assert before
    assert after
    assert len(before) + len(after) == len(shown)
    decoded = player.evaluate("() => video.getVideoPlaybackQuality().totalVideoFrames")
    assert decoded >= len(shown)
    assert player.evaluate("() => video.duration") == pytest.approx(27.5, abs=0.2)
    assert player.evaluate("() => hls.playingDate.toISOString()").startswith("2026-03-02T02:00:2")


def test_a_seek_behind_the_gap_lands_on_its_picture(player: Page, stage: Stage) -> None:
    start(player, stage)
    shown = play_from(player, 24.5, 25.5)

    assert faults(player) == []
    assert 730 <= shown[0] <= 745


def test_a_proxy_plays_the_same(player: Page, stage: Stage) -> None:
    start(player, stage, rendition="proxy")
    shown = play_from(player, 3.5, 5)

    assert faults(player) == []
    assert min(shown) < 120
    assert max(shown) > 130


@pytest.mark.parametrize("rendition", ["original", "proxy"])
def test_a_recording_without_sound_among_others_plays(
    player: Page, stage: Stage, tmp_path: Path, rendition: str
) -> None:
    channel = f"mute-{rendition}"
    for place, sound in enumerate((True, False, True)):
        film = make_footage(tmp_path / f"{place}.mp4", frames=90, first=90 * place, audio=sound)
        stage.send(f"{channel}-{place}", film, 3 * place, channel=channel)
    start(player, stage, channel=channel, rendition=rendition)
    shown = play_from(player, 1, 8.5)

    assert faults(player) == []
    assert min(shown) < 60
    assert [number for number in shown if 90 <= number < 180]
    assert max(shown) > 200
