"""One running archive, filled once, and a real browser in front of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from services.api.pages import BUILT
from tests.conftest import ROOT
from tests.up.program import up
from tests.web.world import PASSWORD, World, fill

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
PATIENCE_MS = 60_000
VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error('policy violated', event.violatedDirective, event.blockedURI))
"""


def corpus_or_none() -> Path | None:
    """Give the folder of real camera files where it is there; the world is smaller without."""
    folder = ROOT.parent / "shared" / "corpus"
    return folder if (folder / "MANIFEST.tsv").is_file() else None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium, or skip and say why."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    if not (BUILT / "index.html").is_file():
        pytest.skip(f"the pages are not built into {BUILT} (make web)")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start `huisu up` once, and fill it once through its own doors."""
    folder = tmp_path_factory.mktemp("bureau")
    with up(folder / "home") as archive:
        yield fill(archive, folder / "footage", corpus_or_none())
        assert archive.process.poll() is None, f"the archive ended during the tests:\n{archive.complaints()}"
        assert archive.stop() == 0
        unwanted = [line for line in archive.complaints().splitlines() if '"level": "error"' in line]
        assert not unwanted, "\n".join(unwanted)


class Desk:
    """Seats for people in front of the pages; sees whatever goes wrong there."""

    def __init__(self, browser: Browser, world: World) -> None:
        self.world = world
        self.refusals: list[str] = []
        """Patterns of `STATUS path` that this test expects beside the usual ones."""
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._wrong: list[str] = []
        self._refused: list[str] = []

    def sit(self, name: str | None = None, address: str = "/", language: str = "zh-CN") -> Page:
        """Open a page of the archive in a browser of one's own, logged in as `name` if one is given."""
        context = self._browser.new_context(
            base_url=self.world.address, locale=language, viewport={"width": 1366, "height": 860}, accept_downloads=True
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(VIOLATIONS)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._wrong.append(f"error in the page: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)
        if name is not None:
            answer = context.request.post("/api/v1/login", data={"name": name, "password": PASSWORD})
            assert answer.ok, answer.text()
        page.goto(address)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        # the browser logs each refusal; those are judged by their answers
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self._wrong.append(f"{message.type} in the console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.world.address}/", "blob:", "data:")):
            self._wrong.append(f"another host was asked: {request.method} {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._refused.append(f"{response.status} {urlsplit(response.url).path}")

    def rise(self) -> None:
        """Close all seats, and fail if anything went wrong that the test did not expect."""
        for context in self._contexts:
            context.close()
        usual = [r"401 /api/v1/me", *self.refusals]
        refused = [one for one in self._refused if not any(re.fullmatch(pattern, one) for pattern in usual)]
        assert not self._wrong + refused


@pytest.fixture
def desk(chromium: Browser, world: World) -> Iterator[Desk]:
    """Give seats in front of the pages; afterwards nothing may have gone wrong in the browser."""
    seats = Desk(chromium, world)
    yield seats
    seats.rise()
