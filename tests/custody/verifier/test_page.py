"""verify.html is one file that loads nothing, and says in a browser what verify.py says in a terminal."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from services.custody.verifier.verify import TEXTS
from tests.custody.packages import Built, write_folder, zipped
from tests.custody.verifier.page import HTML, Browser

PAGE = HTML.read_text("utf-8")


def test_its_policy_lets_it_load_nothing_and_run_its_own_script_only() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', PAGE)
    (script,) = re.findall(r"<script>(.*?)</script>", PAGE, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)

    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert told["default-src"] == "'none'"
    assert told["script-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert told["style-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
    assert not re.search(r"(src|href)=|https?://|fetch\(|XMLHttpRequest|WebSocket|import\(|innerHTML|eval\(", PAGE)


def test_it_knows_the_texts_of_verify_py() -> None:
    for code, (chinese, english) in TEXTS.items():
        assert (
            f'"{code}": [{json.dumps(chinese, ensure_ascii=False)}, {json.dumps(english, ensure_ascii=False)}]' in PAGE
        )


@pytest.mark.browser
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_person_gives_it_the_package_and_reads_the_result(
    built: Built, page: Browser, tmp_path: Path, form: str
) -> None:
    files = built.sealed()
    path = write_folder(files, tmp_path / "移交包") if form == "folder" else zipped(files, tmp_path / "p.zip")

    def look(opened: Page) -> str:
        opened.reload()
        opened.set_input_files(f"#{form}", str(path))
        opened.wait_for_selector("#result:not([hidden])", timeout=60_000)
        english = opened.inner_text("main")
        opened.click("[data-lang=zh]")
        return english + opened.inner_text("main")

    told = page.do(look)

    assert page.wrong == []
    for words in (
        "Result: nothing is wrong.", "items/001.mp4: the very file that was taken in", "NOT CHECKED",
        "The keys are from the package itself", "that the camera saw what happened", "34750f98 bd59",
        "结论：没有发现错误。", "摄像机如实拍下了所发生的事", "未检查",
    ):  # fmt: skip
        assert words in told


@pytest.mark.browser
def test_a_changed_byte_is_told_in_plain_words(built: Built, page: Browser, tmp_path: Path) -> None:
    files = built.sealed()
    content = files["items/002.mp4"]
    folder = write_folder({**files, "items/002.mp4": content[:-1] + b"?"}, tmp_path / "p")

    def look(opened: Page) -> tuple[str, str]:
        opened.reload()
        opened.fill("#fingerprint", "00" * 32)
        opened.set_input_files("#folder", str(folder))
        opened.wait_for_selector("#result:not([hidden])", timeout=60_000)
        forged = opened.inner_text("#result")
        opened.fill("#fingerprint", "")
        opened.click("#again")
        opened.wait_for_selector("#verdict:has-text('things are wrong')", timeout=60_000)
        opened.wait_for_function("document.querySelector('#checks').innerText.includes('was changed')")
        return forged, opened.inner_text("#result")

    forged, changed = page.do(look)

    assert "the log's key has another fingerprint" in forged
    assert "the file items/002.mp4 was changed: its digest is another" in changed
    assert page.wrong == []
