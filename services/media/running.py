"""Hold one running program: its pipes, its deadlines, its end."""

import contextlib
import logging
import os
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from services.errors import DeadlinePassed
from services.media.limits import Outcome
from services.media.starting import Order, start

log = logging.getLogger(__name__)

GRACE_S = 5.0
"""How long a program may take to end on SIGTERM. ffmpeg flushing a slow encoder needs longer: then SIGKILL."""

TAIL_BYTES = 8192
BLOCK_BYTES = 256 * 1024


class Started:
    """A program that was started: it can be ended, and then its pipes are closed and it says how it was."""

    def __init__(self, order: Order) -> None:
        self.name = order.name
        self.tail = bytearray()
        self._lock = threading.Lock()
        self._ended: tuple[int, float] | None = None  # status, CPU seconds
        self.started = time.monotonic()
        self.process = start(order)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._await_silence()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _await_silence(self) -> None:
        """Wait until nothing holds its pipes any more: bubblewrap, when ended, is dead before what it confines."""
        until = time.monotonic() + GRACE_S
        with selectors.DefaultSelector() as ready:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe and not pipe.closed:
                    ready.register(pipe, selectors.EVENT_READ)
            while ready.get_map() and (left := until - time.monotonic()) > 0:
                for key, _ in ready.select(left):
                    if not os.read(key.fd, BLOCK_BYTES):
                        ready.unregister(key.fileobj)
            if ready.get_map():
                log.warning("something of a program lives on after its end", extra={"program": self.name})

    @property
    def outcome(self) -> Outcome | None:
        """Say how it ended; None while it runs."""
        if self._ended is None:
            return None
        status, cpu_s = self._ended
        return Outcome(status, self.last_words, cpu_s, time.monotonic() - self.started)

    @property
    def last_words(self) -> str:
        """Give the end of what it wrote to standard error."""
        return bytes(self.tail).decode("utf-8", "replace").strip()

    def complain(self, block: bytes) -> None:
        """Keep the end of its standard error."""
        self.tail = (self.tail + block)[-TAIL_BYTES:]

    def kill(self, *numbers: signal.Signals) -> None:
        """End the program and its group: SIGTERM, then SIGKILL, or as told. Harmless when it has ended."""
        for number in numbers or (signal.SIGTERM, signal.SIGKILL):
            with self._lock:
                if self._ended is not None:
                    return
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, number)
            if self.reap(GRACE_S):
                return
        log.warning("program did not end when killed", extra={"program": self.name})

    def reap(self, patience_s: float) -> bool:
        """Wait for its end for at most `patience_s` seconds; say whether it came."""
        until = time.monotonic() + patience_s
        pause = 0.001
        while True:
            with self._lock:
                if self._ended is not None:
                    return True
                pid, raw, usage = os.wait4(self.process.pid, os.WNOHANG)
                if pid:
                    code = os.waitstatus_to_exitcode(raw)
                    self.process.returncode = code  # wait4 took it from Popen, which need not look again
                    self._ended = (code if code >= 0 else 128 - code, usage.ru_utime + usage.ru_stime)
                    return True
            if time.monotonic() >= until:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)


class Running(Started):
    """A program that reads its question at once and is heard until its end."""

    def __init__(self, order: Order) -> None:
        self.listener: Callable[[bytes], None] | None = None
        self._limits = order.limits
        super().__init__(order)
        self._moved = self.started

    def moved(self) -> None:
        """Note progress: the idle clock starts anew."""
        self._moved = time.monotonic()

    def output(self, pause_s: float = 0.0) -> Iterator[bytes]:
        """
        Give standard output until both pipes end, keeping the tail of standard error.

        `pause_s` after each look lets a program that prints a line for every frame be heard in handfuls.
        """
        out, err = self.process.stdout, self.process.stderr
        assert out is not None  # noqa: S101  both were asked for as pipes
        assert err is not None  # noqa: S101
        with selectors.DefaultSelector() as ready:
            ready.register(out, selectors.EVENT_READ)
            ready.register(err, selectors.EVENT_READ)
            while ready.get_map():
                heard = ready.select(self._patience())
                if heard and pause_s:
                    time.sleep(pause_s)
                for key, _ in heard:
                    block = os.read(key.fd, BLOCK_BYTES)
                    if not block:
                        ready.unregister(key.fileobj)
                    elif key.fileobj is err:
                        self.complain(block)
                        if self.listener:
                            self.listener(block)
                    else:
                        yield block

    def _patience(self) -> float:
        """Give the seconds to the nearest deadline, or end the program and raise if it has passed."""
        now = time.monotonic()
        left = self.started + self._limits.wall_s - now
        idle_left = left if self._limits.idle_s is None else self._moved + self._limits.idle_s - now
        if left > 0 and idle_left > 0:
            return min(left, idle_left)
        self.kill()
        why = f"ran for {self._limits.wall_s} s" if left <= 0 else f"showed no progress for {self._limits.idle_s} s"
        raise DeadlinePassed(f"{self.name} {why} and was ended: {self.last_words}")

    def finish(self) -> Outcome:
        """Wait for the end, within the deadline, and say how it was."""
        while not self.reap(min(1.0, self._patience())):
            pass
        outcome = self.outcome
        assert outcome is not None  # noqa: S101  reap said so
        return outcome
