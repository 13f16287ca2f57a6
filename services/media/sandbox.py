"""
Start media programs and decoder children, under limits, and end them. Nothing else in the archive does.

Each program is started by one long-lived thread (PR_SET_PDEATHSIG follows the starting thread) through
`launcher.py`, which sets the limits and becomes the program. Where bubblewrap works the program sees
only the system's libraries, itself, the files it may read and the folder it may write, and no network;
where it does not, limits and the whitelists of the callers must do (`huisu doctor` says which).
"""

import contextlib
import functools
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal, Self

from services.errors import DeadlinePassed, ToolFailed
from services.media.answers import read_answer
from services.media.confinement import confined
from services.media.limits import Limits, Outcome

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

log = logging.getLogger(__name__)

SandboxKind = Literal["bwrap", "rlimits"]

NICENESS = 10
GRACE_S = 5.0
"""How long a program may take to end on SIGTERM. ffmpeg flushing a slow encoder needs longer: then SIGKILL."""
TAIL_BYTES = 8192
BLOCK_BYTES = 256 * 1024
ANSWER_BYTES = 256 * 1024 * 1024
"""The longest answer of a child: frame times of the longest recording are some 50 MB of JSON."""
LAUNCHER = Path(__file__).with_name("launcher.py")
PACKAGE = Path(__file__).resolve().parent.parent
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        # each thread of a pool costs address space, which is limited
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
)


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
    with _Program(argv, limits, readable, writable, kind=kind) as program:
        if on_complaint is not None:
            program.listener = lambda block: complained.give(block, on_complaint)

        def hear(line: str) -> None:
            if on_line is None or on_line(line):
                program.moved()

        for block in program.output():
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

    program: "_Program"

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
    with _Program(argv, limits, readable, None, kind=kind) as program:
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
        with _Program(argv, limits, [PACKAGE, *readable], None, kind=kind, question=question) as program:
            answer = bytearray()
            for block in program.output():
                answer += block
                program.moved()
                if len(answer) > ANSWER_BYTES:
                    raise ToolFailed(f"{target}: answered more than {ANSWER_BYTES} bytes")
            outcome = program.finish()
    return read_answer(target, bytes(answer), outcome)


@functools.cache
def sandbox_kind() -> SandboxKind:
    """Say which sandbox this machine allows; tried once, by running `true` in it."""
    argv = confined(["/usr/bin/env", "true"], [], None)
    if argv is None:
        return "rlimits"
    try:
        subprocess.run(argv, check=True, timeout=10, capture_output=True, env=dict(ENVIRONMENT))
    except (OSError, subprocess.SubprocessError) as error:
        log.info("bubblewrap did not work, limits only", extra={"error": str(error)})
        return "rlimits"
    return "bwrap"


@functools.cache
def _starter(pid: int) -> ThreadPoolExecutor:
    """Keep one starting thread per process; a forked worker (its pid differs) gets its own."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"starter-{pid}")


class _Program:
    """One running program: its pipes, its deadlines, its end."""

    def __init__(
        self,
        argv: Sequence[str],
        limits: Limits,
        readable: Sequence[Path],
        writable: Path | None,
        *,
        kind: SandboxKind | None,
        question: IO[bytes] | None = None,
    ) -> None:
        self.name = Path(argv[0]).name
        self.listener: Callable[[bytes], None] | None = None
        self._limits = limits
        self._tail = bytearray()
        self._lock = threading.Lock()
        self._ended: tuple[int, float] | None = None  # status, CPU seconds
        kind = kind or sandbox_kind()
        whole = confined(argv, readable, writable) if kind == "bwrap" else list(argv)
        if whole is None:
            raise ToolFailed(f"cannot confine {self.name}: there is no bwrap on this machine")
        environment = {**ENVIRONMENT, "PYTHONPATH": str(PACKAGE.parent)}
        self._started = self._moved = time.monotonic()
        try:
            self._process = _starter(os.getpid()).submit(_start, whole, limits, kind, question, environment).result()
        except (OSError, ValueError) as error:
            raise ToolFailed(f"cannot start {self.name}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def moved(self) -> None:
        self._moved = time.monotonic()

    def output(self) -> Iterator[bytes]:
        """Give standard output until both pipes end, keeping the tail of standard error."""
        out, err = self._process.stdout, self._process.stderr
        assert out is not None  # noqa: S101  both were asked for as pipes
        assert err is not None  # noqa: S101
        with selectors.DefaultSelector() as ready:
            ready.register(out, selectors.EVENT_READ)
            ready.register(err, selectors.EVENT_READ)
            while ready.get_map():
                for key, _ in ready.select(self._patience()):
                    block = os.read(key.fd, BLOCK_BYTES)
                    if not block:
                        ready.unregister(key.fileobj)
                    elif key.fileobj is err:
                        self._tail = (self._tail + block)[-TAIL_BYTES:]
                        if self.listener:
                            self.listener(block)
                    else:
                        yield block

    def _patience(self) -> float:
        """Give the seconds to the nearest deadline, or end the program and raise if it has passed."""
        now = time.monotonic()
        left = self._started + self._limits.wall_s - now
        idle_left = left if self._limits.idle_s is None else self._moved + self._limits.idle_s - now
        if left > 0 and idle_left > 0:
            return min(left, idle_left)
        self.kill()
        why = f"ran for {self._limits.wall_s} s" if left <= 0 else f"showed no progress for {self._limits.idle_s} s"
        raise DeadlinePassed(f"{self.name} {why} and was ended: {self._last_words()}")

    def finish(self) -> Outcome:
        """Wait for the end, within the deadline, and say how it was."""
        while not self._reap(min(1.0, self._patience())):
            pass
        assert self._ended is not None  # noqa: S101  _reap said so
        status, cpu_s = self._ended
        return Outcome(status, self._last_words(), cpu_s, time.monotonic() - self._started)

    def kill(self) -> None:
        """End the program and its group: SIGTERM, then SIGKILL. Harmless when it has ended."""
        for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
            with self._lock:
                if self._ended is not None:
                    return
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
            if self._reap(patience):
                return
        log.warning("program did not end when killed", extra={"program": self.name})

    def _reap(self, patience_s: float) -> bool:
        until = time.monotonic() + patience_s
        pause = 0.001
        while True:
            with self._lock:
                if self._ended is not None:
                    return True
                pid, raw, usage = os.wait4(self._process.pid, os.WNOHANG)
                if pid:
                    code = os.waitstatus_to_exitcode(raw)
                    self._process.returncode = code  # wait4 took it from Popen, which need not look again
                    self._ended = (code if code >= 0 else 128 - code, usage.ru_utime + usage.ru_stime)
                    return True
            if time.monotonic() >= until:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def _last_words(self) -> str:
        return bytes(self._tail).decode("utf-8", "replace").strip()


def _start(
    argv: Sequence[str],
    limits: Limits,
    kind: SandboxKind,
    question: IO[bytes] | None,
    environment: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    orders = {
        "starter": os.getpid(),
        "nice": NICENESS,
        "bar_privileges": kind == "rlimits",  # an old bwrap may itself be set-uid
        "limits": {
            "RLIMIT_AS": (limits.memory_bytes, limits.memory_bytes),
            "RLIMIT_CPU": (limits.cpu_s, limits.cpu_s + 2),
            "RLIMIT_FSIZE": (limits.file_bytes, limits.file_bytes),
            "RLIMIT_NOFILE": (limits.open_files, limits.open_files),
            "RLIMIT_CORE": (0, 0),
        },
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(orders), *argv],
        stdin=question or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )
