"""Watch the player as an eye would: what picture is on the screen, which number it shows."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

SHOWN = """
(video) => {
  const bars = 16, wide = 8
  const canvas = document.createElement('canvas')
  canvas.width = bars * wide
  canvas.height = wide
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  pen.drawImage(video, 0, 0, canvas.width, canvas.height)
  let number = 0
  for (let bar = 0; bar < bars; bar++) {
    const [red, green, blue] = pen.getImageData(bar * wide + wide / 2, wide / 2, 1, 1).data
    if (red + green + blue > 3 * 127) number += 2 ** bar
  }
  return { number, time: video.currentTime, steady: !video.seeking && video.readyState >= 2, frames:
    video.getVideoPlaybackQuality().totalVideoFrames, width: video.videoWidth, paused: video.paused,
    picture: canvas.toDataURL(), rate: video.playbackRate, muted: video.muted }
}
"""
"""Read the number that tests/footage.py painted into the picture on the screen."""


class Player:
    """The player of a recording's page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.video: Locator = page.get_by_test_id("player-video")

    def look(self) -> dict[str, object]:
        """Tell what is on the screen now."""
        seen: dict[str, object] = self.video.evaluate(SHOWN)
        return seen

    def wait_for(self, **wanted: object) -> dict[str, object]:
        """Wait until the screen stands still and shows all of this."""
        expected = {"steady": True, **wanted}
        handle = self.page.wait_for_function(
            f"""(wanted) => {{
              const video = document.querySelector('evidence-player')?.shadowRoot.querySelector('video')
              if (!video || video.readyState < 2) return null
              const seen = ({SHOWN})(video)
              return Object.keys(wanted).every((key) => seen[key] === wanted[key]) ? seen : null
            }}""",
            arg=expected,
        )
        seen: dict[str, object] = handle.json_value()
        return seen

    def wait_for_frames(self, count: int) -> dict[str, object]:
        """Wait until the browser has decoded so many pictures."""
        self.page.wait_for_function(
            """(count) => {
              const video = document.querySelector('evidence-player')?.shadowRoot.querySelector('video')
              return video && video.getVideoPlaybackQuality().totalVideoFrames >= count
            }""",
            arg=count,
        )
        return self.look()

    def wait_for_frame(self, number: int) -> dict[str, object]:
        """Wait until the page says that the browser shows exactly this frame; gives what is on the screen then."""
        shown = self.page.get_by_test_id("player-frame")
        expect(shown).to_have_attribute("data-number", str(number))
        expect(shown).to_have_attribute("data-confirmed", "true")
        return self.look()

    def press(self, *keys: str) -> None:
        """Press keys anywhere on the page."""
        for key in keys:
            self.page.keyboard.press(key)

    def type_time(self, text: str) -> None:
        """Type a time to go to."""
        self.page.get_by_test_id("jump-field").fill(text)
        self.page.get_by_test_id("jump-field").press("Enter")

    def choose(self, start: str, end: str) -> None:
        """Type a range, once the player knows how long the recording is: before that every time lies outside it."""
        expect(self.page.get_by_test_id("player-scrub")).to_have_attribute("aria-valuemax", re.compile(r"[1-9]"))
        for field, text in (("clip-in", start), ("clip-out", end)):
            self.page.get_by_test_id(field).fill(text)
            self.page.get_by_test_id(field).press("Tab")

    def take_clip(self, mode: str = "exact") -> bytes:
        """Ask for the clip of the chosen range; gives the downloaded file."""
        self.page.get_by_test_id(f"clip-mode-{mode}").check()
        with self.page.expect_download() as waiting:
            self.page.get_by_test_id("clip-make").click()
        expect(self.page.get_by_test_id("clip-result")).to_be_visible()
        return waiting.value.path().read_bytes()


def position_in(address: str) -> float:
    """Read the seconds to which a page's address leads."""
    return float(parse_qs(urlsplit(address).fragment)["t"][0])
