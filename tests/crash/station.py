"""Run a whole embedded archive and a dock's agent as the processes that people run, to kill and start again."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from services.accounts.tokens import issue_token
from services.accounts.units import put_unit
from services.bootstrap import Archive, open_archive
from services.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
_LIBC = ctypes.CDLL(None)


def start(
    arguments: list[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    file_limit: int | None = None,
) -> subprocess.Popen[bytes]:
    """
    Start `huisu …` from this checkout with its words at the end of `log`; it dies with the test process.

    `file_limit` bounds each of its files, in bytes: a disk that is full for it alone.
    """

    def settle() -> None:
        _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    bare = {name: value for name, value in os.environ.items() if not name.startswith("HUISU_")}
    with log.open("ab") as words:
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli", *arguments],
            cwd=ROOT,
            env=bare | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            preexec_fn=settle,  # noqa: PLW1509  (system calls only, their library loaded before)
        )


class Station:
    """An archive in `home` under its supervisor, and a dock that sends the folder `footage`."""

    def __init__(self, home: Path, footage: Path, port: int) -> None:
        self.home, self.footage = home, footage
        self.url = f"http://127.0.0.1:{port}"
        self.log, self.told = home.with_suffix(".log"), home.with_suffix(".dock")
        self._port, self._token = port, ""
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.agent: subprocess.Popen[bytes] | None = None

    def open(self) -> Archive:
        """Look at the archive's database and store from here."""
        return open_archive(load_settings({}, home=self.home))

    def start_archive(self) -> None:
        """Start what is not running; the first start waits until the archive answers, to issue the dock's token."""
        if self.supervisor is None or self.supervisor.poll() is not None:
            self.supervisor = start(["up", "--home", str(self.home), "--port", str(self._port)], self.log)
        if not self._token:
            self.await_answer()
            archive = self.open()
            with archive.work() as work:
                put_unit(work, "st1", name="一所", parent="root", actor="test")
                self._token = issue_token(work, "dock-1", "dock", "st1", 30, actor="test")
            archive.close()

    def start_agent(self) -> None:
        """Send the folder; what was sent before is only asked for."""
        arguments = ["dock", "send", str(self.footage), "--url", self.url, "--state", str(self.home.with_suffix(".st"))]
        self.agent = start(arguments, self.told, {"HUISU_DOCK_TOKEN": self._token})

    def await_answer(self) -> None:
        """Wait until the server says that it lives."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False, timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"the archive did not answer: {self.log.read_text(errors='replace')[-3000:]}")

    def parts(self) -> dict[str, int]:
        """Give the supervisor's processes by what they do: `serve`, `gate`, `examine`, `render`."""
        assert self.supervisor is not None
        return {words[-1] if "worker" in words else words[3]: pid for pid, words in _children(self.supervisor.pid)}

    def kill(self, whom: str) -> bool:
        """Pull the plug of a part, of the agent, of the supervisor, or of everything; False if it was not running."""
        if whom == "agent":
            return _kill(self.agent)
        if whom in {"supervisor", "everything"}:
            killed = _kill(self.supervisor)
            return (_kill(self.agent) or killed) if whom == "everything" else killed
        part = self.parts().get(whom)
        if part is not None:
            os.kill(part, signal.SIGKILL)
        return part is not None

    def verified(self) -> set[Path]:
        """Name the files that any run of the agent called verified."""
        lines = self.told.read_text("utf-8").splitlines() if self.told.exists() else []
        return {
            path for path in self.footage.iterdir() for line in lines if line[:9] == "verified " and str(path) in line
        }

    def alarms(self) -> list[str]:
        """Give what the archive's processes said that a person must look at now."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return [line for line in lines if '"level": "error"' in line or line.startswith("Traceback")]

    def stop(self) -> None:
        """End everything in order."""
        for process in (self.agent, self.supervisor):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    _kill(process)


def _kill(process: subprocess.Popen[bytes] | None) -> bool:
    if process is None or process.poll() is not None:
        return False
    process.kill()
    process.wait()
    return True


def _children(parent: int) -> list[tuple[int, list[str]]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]) == parent:
                words = entry.joinpath("cmdline").read_bytes().decode().split("\0")[:-1]
                found.append((int(entry.name), words))
        except OSError:
            continue
    return [(pid, words) for pid, words in found if len(words) > 3]
