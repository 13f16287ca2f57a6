"""Run `huisu` as people do: as a program, in a home of its own, on a free port of loopback."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port

PATIENCE_S = 180.0
"""How long something may take on a machine that does other work beside."""

HUISU = (sys.executable, "-m", "services.cli")


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give this process's environment without settings of another archive."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUISU_")}
    return kept | dict(given or {})


def huisu(*arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None) -> str:
    """Run one command to its end; gives what it printed, and fails with what it complained of."""
    done = subprocess.run(
        [*HUISU, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(settings),
        check=False,
    )
    assert done.returncode == 0, f"huisu {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Up:
    """One running `huisu up`: its address, what it has said so far, its children."""

    def __init__(
        self, home: Path, port: int, arguments: Sequence[str] = (), settings: Mapping[str, str] | None = None
    ) -> None:
        self.home, self.address = home, f"http://127.0.0.1:{port}"
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._complaints = (home.parent / f"{home.name}.{port}.err").open("a+b")
        self.process = subprocess.Popen(
            [*HUISU, "up", "--home", str(home), "--port", str(port), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=environment({"PYTHONUNBUFFERED": "1"} | dict(settings or {})),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for_line(self, start: str) -> str:
        """Wait until it says a line that begins so."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"huisu up ended before it said {start!r}: {self.said}\n{self.complaints()}"
            self.said.append(line)
            if line.startswith(start):
                return line

    def unread(self) -> list[str]:
        """Give the lines that it has said since the last one waited for."""
        return [line for line in list(self._lines.queue) if line is not None]

    def complaints(self) -> str:
        """Give what it wrote to standard error."""
        return Path(self._complaints.name).read_text(errors="replace")

    def children(self) -> dict[int, str]:
        """Give its children, and theirs, by process id with their command lines."""
        return descendants_of(self.process.pid)

    def stop(self) -> int:
        """Ask it to stop as Ctrl-C does; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End it whatever state it is in, and read the rest of what it said; twice does no harm."""
        if self._complaints.closed:
            return
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            self.said.append(line)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._complaints.close()


@contextmanager
def up(
    home: Path, port: int | None = None, arguments: Sequence[str] = (), settings: Mapping[str, str] | None = None
) -> Iterator[Up]:
    """Run an archive until the block ends, with these settings; it is killed then if it still runs."""
    running = Up(home, port or free_port(), arguments, settings)
    try:
        running.wait_for_line("Huisu answers at")
        yield running
    finally:
        running.close()


def descendants_of(ancestor: int) -> dict[int, str]:
    """Find the living children of a process, and theirs. Source: proc(5): behind the name stand state and parent."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
            commands[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    found: dict[int, str] = {}
    layer = {ancestor}
    while layer:
        layer = {process for process, parent in parents.items() if parent in layer} - found.keys()
        found |= {process: commands[process] for process in layer}
    return found


def is_running(process: int) -> bool:
    """Say whether a process lives; a dead one that nobody has asked after does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(what: str, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Look again and again until it holds; fails naming `what` when it never does."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"after {patience_s:.0f} s still not: {what}"
        time.sleep(0.05)
