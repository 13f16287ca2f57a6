"""Ask one warm child one question at a time, with a deadline, and know when it is worn out."""

import os
import selectors
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from services.errors import DeadlinePassed, Invalid, ToolFailed
from services.media.answers import error_of
from services.media.limits import Limits
from services.media.messages import Blob, pieces_of, take_message
from services.media.running import BLOCK_BYTES, Started
from services.media.starting import PACKAGE, PIPE, Order, SandboxKind

_COMMAND = (sys.executable, "-s", "-P", "-m", "services.media.warmchild")

Answer = tuple[dict[str, Any], list[Blob]]


class WarmChild(Started):
    """A decoder child with its modules loaded. Not for two threads at once."""

    def __init__(self, limits: Limits, kind: SandboxKind | None = None) -> None:
        super().__init__(Order(_COMMAND, limits, [PACKAGE], None, kind, PIPE, niceness=0))
        self.name = "decoder child"
        self.jobs = 0
        self.cpu_s = 0.0
        """CPU seconds that it said to have used in its life."""
        self.is_broken = False
        stdin, stdout, stderr = self.process.stdin, self.process.stdout, self.process.stderr
        assert stdin is not None  # noqa: S101  all three were asked for as pipes
        assert stdout is not None  # noqa: S101
        assert stderr is not None  # noqa: S101
        self._in, self._out, self._err = stdin.fileno(), stdout.fileno(), stderr.fileno()
        for pipe in (self._in, self._out, self._err):
            os.set_blocking(pipe, False)

    def ask(
        self, target: str, request: Mapping[str, Any], blobs: Sequence[Blob], *, wall_s: float, most_bytes: int
    ) -> Answer:
        """
        Have `target` answer one question. After any error but one that the target raised the child is broken.

        Raises:
            HuisuError: the class that the target raised, with its message.
            DeadlinePassed: it took longer than `wall_s` seconds.
            ToolFailed: it crashed, was ended by a limit, or answered nonsense or more than `most_bytes`.
        """
        self.jobs += 1
        self.is_broken = True
        until = time.monotonic() + wall_s
        for piece in pieces_of({"target": target, "request": dict(request)}, blobs):
            self._write(target, memoryview(piece).cast("B"), until)
        try:
            said, made = take_message(lambda count: self._read(target, count, until), most_bytes)
        except Invalid as error:
            raise ToolFailed(f"{target}: {error}") from error
        if isinstance(said.get("cpu_s"), float):
            self.cpu_s = said["cpu_s"]
        self.is_broken = False
        if isinstance(said.get("ok"), dict):
            return said["ok"], made
        self.is_broken = not isinstance(said.get("error"), dict)
        raise error_of(said.get("error")) or ToolFailed(f"{target} gave an answer of no known form")

    def _write(self, target: str, view: memoryview, until: float) -> None:
        while view:
            self._await(target, self._in, selectors.EVENT_WRITE, until)
            try:
                view = view[os.write(self._in, view[: 4 * BLOCK_BYTES]) :]
            except BrokenPipeError as error:
                raise self._died(target) from error

    def _read(self, target: str, count: int, until: float) -> Blob:
        block = bytearray(count)
        view = memoryview(block)
        while view:
            self._await(target, self._out, selectors.EVENT_READ, until)
            taken = os.readv(self._out, [view])
            if taken == 0:
                raise self._died(target)
            view = view[taken:]
        return block

    def _await(self, target: str, pipe: int, event: int, until: float) -> None:
        """Wait until a pipe is ready; meanwhile hear what the child complains of."""
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, event)
            ready.register(self._err, selectors.EVENT_READ)
            while True:
                left = until - time.monotonic()
                if left <= 0:
                    raise DeadlinePassed(f"{target} took longer than it may and was ended: {self.last_words}")
                for key, _ in ready.select(left):
                    if key.fd == pipe:
                        return
                    self._hear(ready)

    def _hear(self, ready: selectors.BaseSelector | None = None) -> None:
        try:
            block = os.read(self._err, BLOCK_BYTES)
        except BlockingIOError:
            return
        if block:
            self.complain(block)
        elif ready is not None:
            ready.unregister(self._err)

    def _died(self, target: str) -> ToolFailed:
        self.reap(1.0)
        self._hear()
        status = self.outcome.status if self.outcome else "none yet"
        return ToolFailed(f"{target} ended the child (status {status}): {self.last_words}")

    def end(self) -> None:
        """End it at once: it holds nothing that is worth a goodbye."""
        self.kill(signal.SIGKILL)
        self.__exit__()
