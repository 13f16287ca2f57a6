"""The whole demonstration: `huisu up --demo` fills an archive, and `huisu demo --check` finds every planted fault."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CAME = "files came through"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HUISU_")}


class Up:
    """`huisu up --demo` as its own process."""

    def __init__(self, home: Path, said: Path) -> None:
        self._said = said
        with said.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "up", "--demo", "--home", str(home), "--port", str(free_port())],
                cwd=ROOT,
                env=environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self._said.read_text()

    def await_words(self, words: str, patience_s: float) -> float:
        began = time.monotonic()
        while words not in self.said():
            assert self.process.poll() is None, self.said()[-3000:]
            assert time.monotonic() - began < patience_s, self.said()[-3000:]
            time.sleep(0.2)
        return time.monotonic() - began

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@pytest.fixture
def start(tmp_path):
    started: list[Up] = []

    def begin() -> Up:
        started.append(Up(tmp_path / "home", tmp_path / f"said-{len(started)}.log"))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.stop()


def check(home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", "demo", "--check", "--home", str(home)]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)


@pytest.mark.timeout(900)
def test_the_demonstration_comes_through_and_every_planted_fault_is_found(start, tmp_path):
    first = start()
    first.await_words("demonstration: 52 of 52 files are made", 120)
    time.sleep(5)
    assert first.stop() == 0  # in the middle: the next start goes on

    second = start()
    second.await_words(CAME, 300)
    while_running = check(tmp_path / "home")
    assert second.stop() == 0
    third = start()
    third.await_words(CAME, 60)
    assert third.stop() == 0
    while_stopped = check(tmp_path / "home")

    assert while_running.returncode == 0, while_running.stdout + while_running.stderr
    assert while_stopped.returncode == 0, while_stopped.stdout + while_stopped.stderr
    assert while_stopped.stdout.count("\nok  ") == 17
    assert "are made and sent now" not in third.said()
    assert third.said().count("/login#link=") == 7
