"""
Run media programs and decoder children to their end, under limits. Nothing else in the archive does.

Where bubblewrap works the program sees only the system's libraries, itself, the files it may read and the folder
it may write, and no network; where it does not, limits and the whitelists of the callers must do (`huisu doctor`
says which). Children that stay for many questions are in `pool`.
"""

import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.errors import ToolFailed
from services.media.answers import read_answer
from services.media.limits import Limits, Outcome
from services.media.running import TAIL_BYTES, Running
from services.media.starting import PACKAGE, Order, SandboxKind, sandbox_kind

__all__ = [
    "Limits",
    "Outcome",
    "SandboxKind",
    "Streaming",
    "run_child",
    "run_program",
    "sandbox_kind",
    "stream_program",
]

ANSWER_BYTES = 256 * 1024 * 1024
"""The longest answer of a child: frame times of the longest recording are some 50 MB of JSON."""

PAUSE_S = 0.05
"""Between two looks at the lines of a program: waking for each frame of a render costs 3 % of it."""


def run_program(
    argv: Sequence[str],
    *,
    limits: Limits,
    readable: Sequence[Path] = (),
    writable: Path | None = None,
    on_line: Callable[[str], bool] | None = None,
    on_complaint: Callable[[str], None] | None = None,
    kind: SandboxKind | None = None,
) -> Outcome:
    """
    Run a program to its end; give each line of its standard output to `on_line`.

    `on_line` answers whether the line shows progress, which restarts the idle clock. `on_complaint`
    hears the lines of standard error. `kind` is for tests; without it the best sandbox of this machine is used.

    Raises:
        DeadlinePassed: the wall or idle deadline passed; the program and its children are dead.
        ToolFailed: it could not be started. A bad exit status does not raise: judge the output.
    """
    said, complained = _Lines(), _Lines()
    with Running(Order(argv, limits, readable, writable, kind)) as program:
        if on_complaint is not None:
            program.listener = lambda block: complained.give(block, on_complaint)

        def hear(line: str) -> None:
            if on_line is None or on_line(line):
                program.moved()

        for block in program.output(PAUSE_S if on_line else 0):
            said.give(block, hear)
        said.give(b"\n", hear)
        return program.finish()


class _Lines:
    """Cut output into lines; of an endless line only the end is kept, empty ones are passed over."""

    def __init__(self) -> None:
        self._rest = b""

    def give(self, block: bytes, listener: Callable[[str], object]) -> None:
        *lines, rest = (self._rest + block).split(b"\n")
        self._rest = rest[-TAIL_BYTES:]
        for line in lines:
            if line.strip():
                listener(line.decode("utf-8", "replace").strip())


@dataclass(frozen=True, slots=True)
class Streaming:
    """Hold a running program whose standard output is its product."""

    program: Running

    def blocks(self) -> Iterator[bytes]:
        """
        Give the output as it comes, in blocks of at most 256 KiB.

        Raises:
            DeadlinePassed: a deadline passed before the end.
            ToolFailed: the program ended badly: what was given so far is not whole.
        """
        for block in self.program.output():
            yield block
            self.program.moved()  # a slow reader is not an idle program
        outcome = self.program.finish()
        if outcome.status != 0:
            raise ToolFailed(f"{self.program.name} ended with status {outcome.status}: {outcome.last_words}")


@contextlib.contextmanager
def stream_program(
    argv: Sequence[str], *, limits: Limits, readable: Sequence[Path] = (), kind: SandboxKind | None = None
) -> Iterator[Streaming]:
    """
    Run a program while its output is read; leaving the context early ends it (the client is gone).

    The wall deadline holds even when the reader stalls.
    """
    with Running(Order(argv, limits, readable, None, kind)) as program:
        alarm = threading.Timer(limits.wall_s, program.kill)
        alarm.daemon = True
        alarm.start()
        try:
            yield Streaming(program)
        finally:
            alarm.cancel()


def run_child(
    target: str,
    request: Mapping[str, Any],
    *,
    limits: Limits,
    readable: Sequence[Path] = (),
    kind: SandboxKind | None = None,
) -> dict[str, Any]:
    """
    Have `target` ("package.module:function") answer one request in a child process of its own.

    Raises:
        HuisuError: the class that the target raised, with its message.
        DeadlinePassed: it took too long.
        ToolFailed: it crashed, was killed by a limit, or gave no answer.
    """
    argv = [sys.executable, "-s", "-P", "-m", "services.media.child"]
    with tempfile.TemporaryFile() as question:
        question.write(json.dumps({"target": target, "request": dict(request)}).encode())
        question.seek(0)
        with Running(Order(argv, limits, [PACKAGE, *readable], None, kind, question)) as program:
            answer = bytearray()
            for block in program.output():
                answer += block
                program.moved()
                if len(answer) > ANSWER_BYTES:
                    raise ToolFailed(f"{target}: answered more than {ANSWER_BYTES} bytes")
            outcome = program.finish()
    return read_answer(target, bytes(answer), outcome)
