"""
Keep a few decoder children warm for requests that people wait for: stills, the seams of clips.

A child that starts anew spends half a second on loading its modules; a warm one only decodes. They run under the
sandbox's limits, get bytes and give bytes, never paths, and are replaced after a crash, a deadline or 200 jobs.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.errors import TooManyRequests, Unavailable
from services.media.limits import Limits
from services.media.messages import Blob
from services.media.starting import SandboxKind
from services.media.warm import Answer, WarmChild

JOBS = 200
"""A child is replaced after so many jobs, whatever they left in it. Source: design 2.8."""

MOST_WAITING = 64
PATIENCE_S = 30.0
ANSWER_BYTES = 256 << 20
"""The longest answer: a picture of 36 million pixels without compression has 108 MB."""

LIMITS = Limits(wall_s=float("inf"), cpu_s=3600, memory_bytes=4 << 30, file_bytes=0)
"""Of a whole life. What one job may take is its deadline's matter, and `most_bytes`'."""


class Pool:
    """
    Answer questions by warm children, at most `size` at once; who waits longest is next.

    Children are started when first needed. Safe for threads. `close` ends them all.
    """

    def __init__(
        self,
        size: int,
        *,
        kind: SandboxKind | None = None,
        limits: Limits = LIMITS,
        most_waiting: int = MOST_WAITING,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.size = size
        self._start: Callable[[], WarmChild] = lambda: WarmChild(limits, kind)
        self._most_waiting, self._patience_s = most_waiting, patience_s
        self._lock = threading.Lock()
        self._idle: list[WarmChild] = []
        self._all: set[WarmChild] = set()
        self._busy = 0
        self._queue: deque[threading.Event] = deque()
        self._closed = False
        self._cpu_s = 0.0

    @property
    def cpu_s(self) -> float:
        """Give the CPU seconds that all children, dead ones included, said to have used."""
        with self._lock:
            return self._cpu_s + sum(child.cpu_s for child in self._all)

    def ask(
        self,
        target: str,
        request: Mapping[str, Any],
        blobs: Sequence[Blob] = (),
        *,
        wall_s: float,
        most_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """
        Have a child answer; `target` is one of `warmchild.TARGETS`.

        Raises:
            HuisuError: the class that the target raised, with its message.
            TooManyRequests: too many wait already, or none became free in time.
            DeadlinePassed: it took longer than `wall_s` seconds; the child is dead.
            ToolFailed: it crashed or was ended by a limit, answered nonsense, or more than `most_bytes`.
            Unavailable: the archive is being closed.
        """
        self._take_place()
        try:
            child = self._child()
            try:
                return child.ask(target, request, blobs, wall_s=wall_s, most_bytes=most_bytes)
            finally:
                self._give_back(child)
        finally:
            self._leave_place()

    def _take_place(self) -> None:
        with self._lock:
            if self._closed:
                raise Unavailable("the archive is being closed")
            if self._busy < self.size and not self._queue:
                self._busy += 1
                return
            if len(self._queue) >= self._most_waiting:
                raise TooManyRequests(f"{len(self._queue)} wait for a decoder already", retry_after_s=5)
            turn = threading.Event()
            self._queue.append(turn)
        if turn.wait(self._patience_s):
            return
        with self._lock:
            if turn.is_set():  # just now: the place is ours
                return
            self._queue.remove(turn)
        raise TooManyRequests(f"no decoder became free within {self._patience_s:.0f} s", retry_after_s=5)

    def _leave_place(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()  # the place goes from hand to hand
            else:
                self._busy -= 1

    def _child(self) -> WarmChild:
        with self._lock:
            if self._closed:
                raise Unavailable("the archive is being closed")
            child = self._idle.pop() if self._idle else None
        if child is not None and not child.reap(0):
            return child
        if child is not None:  # it died while nobody looked
            self._end(child)
        child = self._start()
        with self._lock:
            self._all.add(child)
        return child

    def _give_back(self, child: WarmChild) -> None:
        with self._lock:
            if not (self._closed or child.is_broken or child.jobs >= JOBS):
                self._idle.append(child)
                return
        self._end(child)

    def _end(self, child: WarmChild) -> None:
        with self._lock:
            self._all.discard(child)
            self._cpu_s += child.cpu_s
        child.end()

    def close(self) -> None:
        """End all children, also those at work: their callers get `ToolFailed`. Harmless when repeated."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = self._all - set(idle)
        for child in idle:
            self._end(child)
        for child in busy:
            child.kill()
