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
async ({ address, by }) => {
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
  await video.play()
  const deadline = performance.now() + 60000
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
async (time) => {
  const video = document.querySelector('video'), shown = (SHOWN)
  const drawn = new Promise((done) => video.requestVideoFrameCallback((_now, frame) => done(frame.mediaTime)))
  video.currentTime = time
  await new Promise((done) => video.addEventListener('seeked', done, { once: true }))
  await Promise.race([drawn, new Promise((done) => setTimeout(done, 1500))])
  await new Promise((done) => setTimeout(done, 120))
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

    def seek(self, seconds: float) -> int:
        told = self.page.evaluate(SEEK, seconds)
        assert told["wrong"] is None, told
        number: int = told["number"]
        return number


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
        page.set_default_timeout(90_000)
        page.goto("/healthz")
        page.add_script_tag(path=LIBRARY)
        yield Screen(page, theatre, made)
        context.close()


def check_seen(seen: list[list[float]], times: FrameTimes, first: int = 0) -> None:
    """Compare each picture that was seen with the one that belongs to its time; the canvas may be one ahead."""
    start = float(times.time_of(first))
    wrong = []
    for moment, number in seen:
        due = first + int(abs(times.pts[first:] * float(times.time_base) - start - moment).argmin())
        if number not in {due, due + 1}:
            wrong.append((moment, number, due))
    assert wrong == []


@pytest.mark.parametrize("kind", [kind for kind in FOOTAGE if kind != "open groups"])
def test_an_original_plays_and_seeks_from_its_own_bytes(screen: Screen, kind: str) -> None:
    told, times = screen.play("hls/index.m3u8?rendition=original", kind), screen.times(kind)

    assert told["frames"] >= 290
    assert len({number for _, number in told["seen"]}) > 150  # a loaded machine skips some
    check_seen(told["seen"], times)
    assert len(told["buffered"]) == 1
    assert told["duration"] == pytest.approx(float(times.time_of(299)) + 1 / 30, abs=0.1)
    for number in (0, 29, 30, 31, 149, 150, 17, 233, 298, 60):
        assert screen.seek(float(times.time_of(number)) + 0.008) == number


def test_the_player_begins_in_the_middle_where_it_is_told_to(screen: Screen) -> None:
    screen.play("hls/index.m3u8?rendition=original&start=7.5", "b-frames in front")

    assert screen.seek(7.508) == 225


@pytest.mark.parametrize("kind", ["b-frames in front", "variable rate", "quicktime", "fragmented"])
def test_a_verbatim_clip_plays_and_seeks(screen: Screen, kind: str) -> None:
    told, times = screen.play("clip?start=2.2&end=6.1&mode=verbatim", kind, by="src"), screen.times(kind)
    (first, end) = _frames(screen, kind)

    assert told["frames"] >= (end - first) * 0.9
    check_seen(told["seen"], times, first)
    for number in (first, first + 1, (first + end) // 2, end - 1):
        moment = float(times.time_of(number) - times.time_of(first))
        assert screen.seek(moment + 0.008) == number


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
        assert screen.seek(float(screen.times("open groups").time_of(number)) + 0.008) == number


def test_sound_alone_plays_to_its_end(screen: Screen) -> None:
    address = screen.theatre.path("hls/index.m3u8?rendition=original", screen.recordings["sound alone"])
    told = screen.page.evaluate(PLAY, {"address": address, "by": "hls"})

    assert (told["wrong"], told["ended"]) == (None, True)
    assert told["duration"] == pytest.approx(6, abs=0.15)


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
