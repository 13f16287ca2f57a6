"""What the archive itself exports holds before both programs, and a changed byte of it before none."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.custody.verifier.verify import verify
from tests.archive_fixture import Empty
from tests.custody.verifier.page import Browser, Findings
from tests.exporting import Desk, fresh_desk


@pytest.fixture(scope="module")
def desk(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with fresh_desk(empty_sqlite, tmp_path_factory) as opened:
        yield opened


def said_by_python(path: Path) -> Findings:
    return sorted((one[0], one[1], one[2]) for one in verify(str(path)).findings)


@pytest.mark.browser
def test_an_export_of_everything_holds_before_both(desk: Desk, page: Browser, tmp_path: Path) -> None:
    path = desk.make(
        tmp_path,
        {"recording": desk.film, "kind": "original"},
        {"recording": desk.film, "kind": "verbatim", "start": "2", "end": "4"},
        {"recording": desk.film, "kind": "exact", "start": "2.2", "end": "5"},
        {"recording": desk.film, "kind": "still", "start": "3"},
        {"recording": desk.sound, "kind": "exact", "start": "1", "end": "3"},
    )
    content, dice = path.read_bytes(), random.Random(7)

    ours = said_by_python(path)

    assert page.judge_zip(content) == ours
    assert not any(verdict == "FAIL" for verdict, _, _ in ours)
    assert {("PASS", "ORIGIN", code) for code in ("origin-ok", "origin-frames", "origin-still")} <= set(ours)
    for _ in range(10):
        at = dice.randrange(200, len(content))
        changed = content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]
        path.write_bytes(changed)
        ours = said_by_python(path)
        assert any(verdict == "FAIL" for verdict, _, _ in ours), at
        assert page.judge_zip(changed) == ours, at
