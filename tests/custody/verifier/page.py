"""Drive verify.html in a real browser, in a thread of its own: other tests may hold a browser of theirs meanwhile."""

import base64
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import ROOT

HTML = ROOT / "services" / "custody" / "verifier" / "verify.html"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
LIBRARY = """() => {
const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const blob = (text) => new Blob([bytes(text)]);
window.base = new Map();
window.setBase = (files) => { window.base = new Map(Object.entries(files).map(([path, text]) => [path, blob(text)])); };
window.judge = async (changes, options) => {
  const files = new Map(window.base);
  for (const [path, text] of Object.entries(changes)) {
    if (text === null) files.delete(path); else files.set(path, blob(text));
  }
  return window.huisuVerify([...files].map(([path, one]) => ({ path, blob: one })), told(options));
};
window.judgeZip = (text, options) => window.huisuVerify(blob(text), told(options));
const told = ({ policy, fingerprint }) => ({ policy: policy === null ? null : bytes(policy), fingerprint });
}"""

Findings = list[tuple[str, str, str]]


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


class Browser:
    """A page with verify.html; all of it lives in one thread, which does one thing after the other."""

    def __init__(self, jobs: "queue.Queue[tuple[Callable[[Page], Any], queue.Queue[Any]] | None]") -> None:
        self._jobs = jobs
        self.wrong: list[str] = []
        """What the page complained of, or tried to load."""

    def do(self, work: Callable[[Page], Any]) -> Any:
        answer: queue.Queue[Any] = queue.Queue()
        self._jobs.put((work, answer))
        found = answer.get(timeout=240)
        if isinstance(found, BaseException):
            raise found
        return found

    def load(self, files: Mapping[str, bytes]) -> None:
        told = {name: b64(content) for name, content in files.items()}
        self.do(lambda page: page.evaluate("(files) => window.setBase(files)", told))

    def judge(
        self, changes: Mapping[str, bytes | None], policy: bytes | None = None, fingerprint: str = ""
    ) -> Findings:
        """Verify the loaded package with these files changed, or without those that are None."""
        told = {name: None if content is None else b64(content) for name, content in changes.items()}
        return self._verdict("([one, options]) => window.judge(one, options)", told, policy, fingerprint)

    def judge_zip(self, content: bytes, policy: bytes | None = None, fingerprint: str = "") -> Findings:
        return self._verdict("([one, options]) => window.judgeZip(one, options)", b64(content), policy, fingerprint)

    def _verdict(self, script: str, told: Any, policy: bytes | None, fingerprint: str) -> Findings:
        options = {"policy": None if policy is None else b64(policy), "fingerprint": fingerprint}
        found = self.do(lambda page: page.evaluate(script, [told, options]))
        if not found["isPackage"]:
            return []
        return sorted((one[0], one[1], one[2]) for one in found["findings"])


@contextmanager
def browser() -> Iterator[Browser]:
    """Open the page as a double click does, from its folder; skip where there is no Chromium."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    jobs: queue.Queue[tuple[Callable[[Page], Any], queue.Queue[Any]] | None] = queue.Queue()
    opened, ready = Browser(jobs), queue.Queue[BaseException | None]()
    thread = threading.Thread(target=_live, args=(opened, jobs, ready))
    thread.start()
    failed = ready.get(timeout=120)
    if failed is not None:
        raise failed
    yield opened
    jobs.put(None)
    thread.join(60)


def _live(opened: Browser, jobs: "queue.Queue[Any]", ready: "queue.Queue[BaseException | None]") -> None:
    try:
        with sync_playwright() as playwright:
            program = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
            page = program.new_page(locale="en", viewport={"width": 1100, "height": 900})
            page.on("pageerror", lambda error: opened.wrong.append(str(error)))
            page.on("console", lambda message: opened.wrong.append(message.text))
            page.on("request", lambda asked: opened.wrong.append(asked.url) if not _is_own(asked.url) else None)
            page.add_init_script(f"({LIBRARY})()")
            page.goto(HTML.as_uri())
            ready.put(None)
            while (job := jobs.get()) is not None:
                work, answer = job
                try:
                    answer.put(work(page))
                except Exception as error:
                    answer.put(error)
            program.close()
    except BaseException as error:
        ready.put(error)


def _is_own(url: str) -> bool:
    return url.startswith(("blob:", HTML.as_uri()))
