"""Show how the transfers go: bars on a terminal, plain lines elsewhere; outcomes always as one line each."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from services.ingest.agent.names import shown
from services.ingest.agent.outcome import Outcome

LINE_EVERY_S = 10.0
"""A plain log gets one line per file this often while its bytes move, and one at each new stage."""
NAME_COLUMNS = 32


class Display(Protocol):
    """What a run tells about its files; every method may be called from any thread."""

    def stage(self, path: Path, text: str, size_bytes: int) -> None:
        """Say what is being done with a file."""

    def reached(self, path: Path, done_bytes: int) -> None:
        """Say how far it is."""

    def ended(self, outcome: Outcome) -> None:
        """Say how a file ended."""

    def note(self, text: str) -> None:
        """Say something that is about no file's outcome."""

    def close(self) -> None:
        """Take the bars away."""


def open_display(console: Console, clock: Callable[[], float]) -> Display:
    """
    Choose how to show a run. Outcomes go to `console` alone, so that its output can be read by programs;
    everything else shares it only if it is a terminal, and goes to standard error otherwise.
    """
    chatter = console if console.is_terminal else Console(stderr=True)
    return Bars(console, chatter) if chatter.is_terminal else Lines(console, chatter, clock)


def _say(console: Console, text: str) -> None:
    """Print a line as it is: no mark-up out of file names, no breaks."""
    console.print(Text(text), soft_wrap=True, highlight=False)


class Lines:
    """Plain lines for logs and pipes."""

    def __init__(self, results: Console, chatter: Console, clock: Callable[[], float]) -> None:
        self._results, self._chatter, self._clock = results, chatter, clock
        self._stages: dict[Path, tuple[str, int, float]] = {}
        self._lock = threading.Lock()

    def stage(self, path: Path, text: str, size_bytes: int) -> None:
        """Say a stage once."""
        with self._lock:
            if self._stages.get(path, ("", 0, 0.0))[0] != text:
                self._stages[path] = (text, size_bytes, self._clock())
                _say(self._chatter, f"{text}: {shown(path)}")

    def reached(self, path: Path, done_bytes: int) -> None:
        """Say the share now and then."""
        with self._lock:
            text, size_bytes, said = self._stages.get(path, ("sending", done_bytes, self._clock()))
            if self._clock() - said >= LINE_EVERY_S:
                self._stages[path] = (text, size_bytes, self._clock())
                share = 100 * done_bytes // max(size_bytes, 1)
                _say(self._chatter, f"{text} {share} % of {size_bytes / 1e6:.1f} MB: {shown(path)}")

    def ended(self, outcome: Outcome) -> None:
        """Print the outcome."""
        with self._lock:
            self._stages.pop(outcome.path, None)
            _say(self._results, outcome.line)

    def note(self, text: str) -> None:
        """Print it beside the outcomes."""
        with self._lock:
            _say(self._chatter, text)

    def close(self) -> None:
        """Nothing is open."""


class Bars:
    """A bar per file on its way, with speed, time left and stage; outcomes scroll above them."""

    def __init__(self, results: Console, chatter: Console) -> None:
        self._results, self._chatter = results, chatter
        self._tasks: dict[Path, TaskID] = {}
        self._lock = threading.Lock()
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[stage]}", markup=False),
            console=chatter,
            transient=True,
            refresh_per_second=5,
        )
        self._progress.start()

    def stage(self, path: Path, text: str, size_bytes: int) -> None:
        """Write the stage behind the file's bar; reading and sending each fill it once."""
        with self._lock:
            if path not in self._tasks:
                name = shown(path.name)
                name = name if len(name) <= NAME_COLUMNS else f"{name[: NAME_COLUMNS - 1]}…"
                self._tasks[path] = self._progress.add_task("", total=size_bytes, name=name, stage=text)
            self._progress.update(self._tasks[path], total=size_bytes, stage=text[:60])

    def reached(self, path: Path, done_bytes: int) -> None:
        """Fill the bar so far."""
        with self._lock:
            if path in self._tasks:
                self._progress.update(self._tasks[path], completed=done_bytes)

    def ended(self, outcome: Outcome) -> None:
        """Take the bar away and print the outcome."""
        with self._lock:
            if (task := self._tasks.pop(outcome.path, None)) is not None:
                self._progress.remove_task(task)
            _say(self._results, outcome.line)

    def note(self, text: str) -> None:
        """Print it above the bars."""
        with self._lock:
            _say(self._chatter, text)

    def close(self) -> None:
        """Take the bars away."""
        self._progress.stop()
