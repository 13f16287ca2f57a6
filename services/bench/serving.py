"""Start the archive's own processes for a benchmark, see what CPU they use, and end them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from sqlalchemy import select

from services.accounts.tokens import issue_token
from services.bench.uploads import Door
from services.bootstrap import Archive, open_archive
from services.errors import DeadlinePassed, ToolFailed
from services.jobs.table import JobRow, JobState
from services.settings import Settings, load_settings
from services.up.supervisor import child_environment, parts_of, prepare

_BOUND: Final = "import ctypes, runpy, sys; ctypes.CDLL(None).prctl(1, 9); sys.argv = sys.argv[1:]; "
"""A child ends with us, whatever ends us: PR_SET_PDEATHSIG. Source: prctl(2)."""

READY_S: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


@contextmanager
def running(commands: Sequence[Sequence[str]], environment: Mapping[str, str], log: Path) -> Iterator[list[int]]:
    """
    Run Python modules with arguments beside us; give their process ids, and end them afterwards.

    Each command is a module's name and its arguments. What they say is appended to `log`.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("ab") as said:
            for module, *arguments in commands:
                script = f"{_BOUND}runpy.run_module('{module}', run_name='__main__', alter_sys=True)"
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-c", script, module, *arguments],
                        env=dict(environment),
                        stdin=subprocess.DEVNULL,
                        stdout=said,
                        stderr=said,
                    )
                )
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def await_port(port: int, path: str, log: Path) -> None:
    """Wait until somebody answers on a port with anything but a failure. Raises `ToolFailed` when nobody does."""
    deadline = time.monotonic() + READY_S
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(f"http://127.0.0.1:{port}{path}").status_code < 500:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
    raise ToolFailed(f"nobody answered on port {port} for {READY_S:.0f} s: {log.read_text(errors='replace')[-1000:]}")


@dataclass(frozen=True, slots=True)
class Served:
    """A running archive of a benchmark."""

    archive: Archive
    processes: Mapping[str, int]

    def door(self, role: str, name: str) -> Door:
        """Give a way in for a new token of this role, which reaches all units; a dock's is of the root unit."""
        with self.archive.work() as work:
            unit = "root" if role == "dock" else None
            secret = issue_token(work, name=name, role=role, unit=unit, days=1, actor="bench")
        return Door(self.archive.settings.port, secret)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process so far, and of the children it waited for, in steps of 10 ms."""
        return {name: _cpu_s(process) for name, process in self.processes.items()}

    def await_idle(self, patience_s: float = 600.0) -> None:
        """Wait until no job waits or runs, so that what is measured next meets an idle archive."""
        waiting = select(JobRow.id).where(JobRow.state.in_([JobState.QUEUED, JobState.RUNNING])).limit(1)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            with self.archive.reading() as session:
                if session.scalar(waiting) is None:
                    return
            time.sleep(0.1)
        raise DeadlinePassed(f"jobs still waited after {patience_s:.0f} s")


def _cpu_s(process: int) -> float:
    """Source: proc(5), /proc/PID/stat, fields 14 to 17."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


@contextmanager
def serving(folder: Path, parts: Sequence[str] | None = None) -> Iterator[Served]:
    """Run an archive in `folder`: all the parts of `huisu up`, or those whose names begin with one of `parts`."""
    settings = _settings(folder)
    prepare(settings)
    chosen = [part for part in parts_of(settings) if parts is None or part.name.startswith(tuple(parts))]
    commands = [("services.cli", *part.arguments) for part in chosen]
    log = folder / "processes.log"
    archive = open_archive(settings)
    try:
        with running(commands, child_environment(settings), log) as processes:
            await_port(settings.port, "/healthz", log)
            yield Served(archive, dict(zip((part.name for part in chosen), processes, strict=True)))
    finally:
        archive.close()


def _settings(folder: Path) -> Settings:
    return load_settings(
        {}, home=folder / "home", port=free_port(), log_level="warning", staging_reserve_bytes=0, examine_workers=1
    )
