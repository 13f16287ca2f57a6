"""An export whose worker is killed, at any step or moment, is made by the next one: whole, and entered once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive_fixture import Empty
from tests.exporting import EXPORTS, Desk, fresh_desk, verify

SOAK = bool(os.environ.get("HUISU_SOAK"))
ROOT = Path(__file__).resolve().parents[2]
ACTIONS = "services.api.actions"
STEPS = (
    f"{ACTIONS}.enter_export:make_item",
    f"{ACTIONS}.enter_export:_enter",
    f"{ACTIONS}.enter_export:_file_of",
    f"{ACTIONS}.pack_export:await_head",
    f"{ACTIONS}.pack_export:build_copy",
    f"{ACTIONS}.pack_export:try_package",
    f"{ACTIONS}.pack_export:_release",
    f"{ACTIONS}.pack_export:_tidy",
)


@pytest.fixture(scope="module")
def desk(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with fresh_desk(empty_sqlite, tmp_path_factory) as opened:
        yield opened


def start(desk: Desk, step: str) -> "subprocess.Popen[str]":
    settings = desk.archive.settings
    arguments = [str(settings.paths.home), settings.database, desk.clock().isoformat(), step]
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.exporter", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def ask(desk: Desk) -> str:
    return desk.ask(
        {"recording": desk.film, "kind": "exact", "start": "2.2", "end": "4"},
        {"recording": desk.film, "kind": "original"},
        copies=2,
    )


def settle(desk: Desk, export: str, folder: Path) -> None:
    """Let the next worker come, and see that one whole export is there and nothing beside it."""
    desk.clock.advance(120)
    desk.work()
    seen = desk.see(export)

    assert seen["state"] == "made", seen["problems"]
    entered = [one for one in desk.entries(desk.film, "rec.export") if export in one.values["export"]]
    assert [json.loads(one.values["item"]) for one in entered] == [1, 2]
    assert [one.entry.type for one in desk.entries(export)] == ["export.make", "export.enter", "export.release"]
    assert verify(desk.take(export, folder), folder).returncode == 0


@pytest.mark.parametrize("step", STEPS)
def test_the_plug_is_pulled_at_a_step(desk: Desk, step: str, tmp_path: Path) -> None:
    export = ask(desk)
    started = start(desk, step)
    with started:
        assert started.wait(120) == -signal.SIGKILL
    if not step.endswith("_tidy"):
        assert desk.reviewer.get(f"{EXPORTS}/{export}/package").status_code == 409
        assert desk.see(export)["packages"] == []

    settle(desk, export, tmp_path)
    kept = [one.key for one in desk.archive.store.keys(f"derived/exports/{export}/")]
    assert len(kept) == 2


@pytest.mark.parametrize("seed", range(30 if SOAK else 3))
def test_the_plug_is_pulled_at_any_moment(desk: Desk, seed: int, tmp_path: Path) -> None:
    export = ask(desk)
    for _ in range(2):  # the third try must end it
        started = start(desk, "none")
        with started:
            time.sleep(random.Random(seed).uniform(0, 2.5))
            started.send_signal(signal.SIGKILL)
            started.wait(30)
        desk.clock.advance(120)

    settle(desk, export, tmp_path)


def test_a_large_original_is_never_held_in_memory(desk: Desk, tmp_path: Path) -> None:
    size = (1 << 30) if SOAK else (160 << 20)
    upload = desk.dock.send(random.Random(1).randbytes(1 << 20) * (size >> 20), filename="long.bin", officer="900001")
    export = desk.ask({"recording": upload.recording_id, "kind": "original"})
    started = start(desk, "none")
    with started:
        said, _ = started.communicate(timeout=600)

    assert started.returncode == 0
    assert int(said.split()[-1]) < 300 << 10
    assert desk.see(export)["state"] == "made"
    assert verify(desk.take(export, tmp_path), tmp_path).returncode == 0
