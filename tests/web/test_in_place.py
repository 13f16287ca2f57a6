"""In a real browser: originals play from their own bytes, and clips do; every picture that is seen is the right one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from services.media.frametimes import FrameTimes
from tests.api.theatre import Theatre, open_theatre
from tests.archive_fixture import Empty, HeldClock, open_for_test
from tests.conftest import ROOT
from tests.footage import make_footage, make_sound
from tests.web.player import SHOWN

LIBRARY = ROOT / "services/web/node_modules/hls.js/dist/hls.light.min.js"
OPEN = ["-x264-params", "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
FOOTAGE: dict[str, tuple[str, dict[str, Any]]] = {
    "end": ("a.mp4", {}),
    "b-frames in front": ("a.mp4", {"bframes": 2, "layout": "front"}),
    "fragmented": ("a.mp4", {"bframes": 2, "layout": "fragmented"}),
    "variable rate": ("a.mp4", {"bframes": 2, "vfr": True}),
    "negative offsets": ("a.mp4", {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]}),
    "quicktime": ("a.mov", {"bframes": 2}),
    "no sound": ("a.mp4", {"audio": False, "gop": 60}),
    "open groups": ("a.mp4", {"bframes": 2, "options": OPEN}),
}

PLAY = """
async ({ address, by, rate }) => {
  const seen = [], video = document.createElement('video')
  video.muted = true
  document.body.replaceChildren(video)
  const shown = (SHOWN)
  let wrong = null
  if (by === 'hls') {
    const hls = window.hls = new Hls({ enableWorker: false })
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) wrong = data.details })
    hls.loadSource(address)
    hls.attachMedia(video)
  } else video.src = address
  const next = (_now, frame) => {
    seen.push([frame.mediaTime, shown(video).number])
    video.requestVideoFrameCallback(next)
  }
  video.requestVideoFrameCallback(next)
  await new Promise((done) => video.addEventListener('canplay', done, { once: true }))
  video.playbackRate = rate || 1
  await video.play()
  const deadline = performance.now() + 120000
  while (!video.ended && !video.error && !wrong && performance.now() < deadline) {
    await new Promise((done) => setTimeout(done, 50))
  }
  const frames = video.getVideoPlaybackQuality().totalVideoFrames
  const buffered = [...Array(video.buffered.length).keys()].map((n) => [video.buffered.start(n), video.buffered.end(n)])
  return { seen, frames, ended: video.ended, wrong: wrong || (video.error && video.error.message), buffered,
    duration: video.duration }
}
""".replace("SHOWN", SHOWN)

SEEK = """
async ({ time, due }) => {
  const video = document.querySelector('video'), shown = (SHOWN)
  video.currentTime = time
  await new Promise((done) => video.addEventListener('seeked', done, { once: true }))
  const deadline = performance.now() + 10000  // the picture may reach the screen a little after the event
  while (shown(video).number !== due && !video.error && performance.now() < deadline) {
    await new Promise((done) => setTimeout(done, 50))
  }
  return { number: shown(video).number, wrong: video.error && video.error.message }
}
""".replace("SHOWN", SHOWN)


@dataclass(frozen=True, slots=True)
class Screen:
    """A browser in front of an archive with one recording of each kind of footage."""

    page: Page
    theatre: Theatre
    recordings: dict[str, str]

    def times(self, kind: str) -> FrameTimes:
        found = self.theatre.archive.frame_times_of(self.recordings[kind])
        assert found is not None
        return found

    def play(self, rest: str, kind: str, by: str = "hls") -> dict[str, Any]:
        address = self.theatre.path(rest, self.recordings[kind])
        told: dict[str, Any] = self.page.evaluate(PLAY, {"address": address, "by": by})
        assert told["wrong"] is None, told
        assert told["ended"], told
        return told

    def check_seek(self, seconds: float, due: int) -> None:
        """Go to a moment inside a picture, and wait until its number is on the screen."""
        told = self.page.evaluate(SEEK, {"time": seconds + 0.008, "due": due})
        assert (told["wrong"], told["number"]) == (None, due)


@pytest.fixture(scope="module")
def screen(chromium: Browser, empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    if not LIBRARY.is_file():
        pytest.skip(f"no hls.js at {LIBRARY} (npm ci in services/web)")
    home, folder, clock = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("footage"), HeldClock()
    with (
        open_for_test(home, empty_sqlite.sqlite(home), clock) as archive,
        open_theatre(archive, clock, folder) as theatre,
    ):
        made = {}
        for number, (kind, (name, options)) in enumerate(FOOTAGE.items()):
            path = make_footage(folder / f"{number}-{name}", frames=300, **options)
            made[kind] = str(theatre.dock.send(path, officer="900001").recording_id)
        made["sound alone"] = str(theatre.dock.send(make_sound(folder / "b.m4a", seconds=6)).recording_id)
        context = chromium.new_context(base_url=theatre.site.url, bypass_csp=True)
        _, _, secret = theatre.reviewer.headers["cookie"].partition("=")
        context.add_cookies([{"name": "huisu", "value": secret, "url": theatre.site.url}])
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.goto("/healthz")
        page.add_script_tag(path=LIBRARY)
        yield Screen(page, theatre, made)
        context.close()


def check_seen(seen: list[list[float]], times: FrameTimes, first: int = 0) -> None:
    """
    Compare each picture that was seen with the one that belongs to its time.

    The canvas may hold the next one already, and on a loaded machine, now and then, one a little later; never an
    earlier one. Seeks, which wait, find every picture that is asked for.
    """
    start, late = float(times.time_of(first)), 0
    for moment, number in seen:
        due = first + int(abs(times.pts[first:] * float(times.time_base) - start - moment).argmin())
        assert due <= number <= due + 10, (moment, number, due)
        late += number > due + 1
    assert late <= 0.03 * len(seen)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [kind for kind in FOOTAGE if kind != "open groups"])
def test_an_original_plays_and_seeks_from_its_own_bytes(screen: Screen, kind: str) -> None:
    told, times = screen.play("hls/index.m3u8?rendition=original", kind), screen.times(kind)

    assert told["frames"] >= 290
    assert len({number for _, number in told["seen"]}) > 150  # a loaded machine skips some
    check_seen(told["seen"], times)
    assert len(told["buffered"]) == 1
    assert told["duration"] == pytest.approx(float(times.time_of(299)) + 1 / 30, abs=0.1)
    for number in (0, 29, 30, 31, 149, 150, 17, 233, 298, 60):
        screen.check_seek(float(times.time_of(number)), number)


def test_the_player_begins_in_the_middle_where_it_is_told_to(screen: Screen) -> None:
    screen.play("hls/index.m3u8?rendition=original&start=7.5", "b-frames in front")

    screen.check_seek(7.5, 225)


@pytest.mark.parametrize("kind", ["b-frames in front", "variable rate", "quicktime", "fragmented"])
def test_a_verbatim_clip_plays_and_seeks(screen: Screen, kind: str) -> None:
    told, times = screen.play("clip?start=2.2&end=6.1&mode=verbatim", kind, by="src"), screen.times(kind)
    (first, end) = _frames(screen, kind)

    assert told["frames"] >= (end - first) * 0.9
    check_seen(told["seen"], times, first)
    for number in (first, first + 1, (first + end) // 2, end - 1):
        moment = float(times.time_of(number) - times.time_of(first))
        screen.check_seek(moment, number)


def _frames(screen: Screen, kind: str) -> tuple[int, int]:
    path = screen.theatre.path("clip", screen.recordings[kind])
    head = screen.theatre.reviewer.head(path, params={"start": "2.2", "end": "6.1", "mode": "verbatim"})
    first, end = head.headers["huisu-clip-frames"].split("-")
    return int(first), int(end)


def test_footage_with_open_groups_is_played_through_its_proxy(screen: Screen) -> None:
    told = screen.play("hls/index.m3u8", "open groups")
    listing = screen.theatre.reviewer.get(screen.theatre.path("hls/index.m3u8", screen.recordings["open groups"]))

    assert "media.mp4?rendition=" in listing.text
    assert told["frames"] >= 290
    check_seen(told["seen"], screen.times("open groups"))
    for number in (30, 61, 200):
        screen.check_seek(float(screen.times("open groups").time_of(number)), number)


def test_sound_alone_plays_to_its_end(screen: Screen) -> None:
    address = screen.theatre.path("hls/index.m3u8?rendition=original", screen.recordings["sound alone"])
    told = screen.page.evaluate(PLAY, {"address": address, "by": "hls"})

    assert (told["wrong"], told["ended"]) == (None, True)
    assert told["duration"] == pytest.approx(6, abs=0.15)


@pytest.mark.timeout(1800)
def test_every_playable_camera_file_plays(screen: Screen, corpus: Path) -> None:
    played = 0
    for path in sorted(corpus.glob("*.*")):
        if path.suffix == ".tsv" or path.name.startswith(("bad_", "hostile_")):
            continue
        upload = screen.theatre.dock.send(path, filename=path.name)
        recording = str(upload.recording_id)
        screen.recordings[path.name] = recording
        times = screen.theatre.archive.frame_times_of(recording)
        told = screen.page.evaluate(PLAY, {"address": screen.theatre.path("hls/index.m3u8", recording), "by": "hls"})
        assert (told["wrong"], told["ended"]) == (None, True), (path.name, told)
        if times is not None:
            assert told["frames"] >= 0.9 * len(times) - 2, (path.name, told["frames"], len(times))
        played += 1
    assert played >= 14
