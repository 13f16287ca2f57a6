"""
Start a program under limits, and where bubblewrap works confined to its own files. The home of `subprocess`.

Each program is started by one long-lived thread (PR_SET_PDEATHSIG follows the starting thread) through
`launcher.py`, which sets the limits and becomes the program.
"""

import functools
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Literal

from services.errors import ToolFailed
from services.media.confinement import confined
from services.media.limits import Limits

log = logging.getLogger(__name__)

SandboxKind = Literal["bwrap", "rlimits"]

NICENESS = 10
"""Of programs that nobody waits for in front of a screen."""

PIPE = subprocess.PIPE
"""Given as a question, it leaves standard input open for many questions."""

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


@dataclass(frozen=True, slots=True)
class Order:
    """
    Say what to start: the command, what it may use, read and write, and how it is confined.

    `question` is its standard input: a file, `PIPE`, or None for nothing. `kind` None means the best of this machine.
    """

    argv: Sequence[str]
    limits: Limits
    readable: Sequence[Path] = ()
    writable: Path | None = None
    kind: SandboxKind | None = None
    question: IO[bytes] | int | None = None
    niceness: int = NICENESS

    @property
    def name(self) -> str:
        """Name the program in messages."""
        return Path(self.argv[0]).name


def start(order: Order) -> "subprocess.Popen[bytes]":
    """
    Start what is ordered, as the leader of a session of its own, with pipes for its output and complaints.

    Raises:
        ToolFailed: it could not be started.
    """
    kind = order.kind or sandbox_kind()
    whole = confined(order.argv, order.readable, order.writable) if kind == "bwrap" else list(order.argv)
    if whole is None:
        raise ToolFailed(f"cannot confine {order.name}: there is no bwrap on this machine")
    try:
        return _starter(os.getpid()).submit(_start, whole, order, kind).result()
    except (OSError, ValueError) as error:
        raise ToolFailed(f"cannot start {order.name}: {error}") from error


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


def _start(argv: Sequence[str], order: Order, kind: SandboxKind) -> "subprocess.Popen[bytes]":
    limits = order.limits
    orders = {
        "starter": os.getpid(),
        "nice": order.niceness,
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
        stdin=subprocess.DEVNULL if order.question is None else order.question,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={**ENVIRONMENT, "PYTHONPATH": str(PACKAGE.parent)},
        start_new_session=True,
    )
