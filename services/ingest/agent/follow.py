"""Wait until the archive has verified what was sent: one thread, few requests, however many files."""

import contextlib
import heapq
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from services.errors import (
    Conflict,
    Gone,
    HuisuError,
    NotAllowed,
    OffsetMismatch,
    Refused,
    Unauthenticated,
    Unavailable,
)
from services.ingest.agent.carry import Dock, Sent
from services.ingest.agent.outcome import REFUSED, UNSENT, VERIFIED, Outcome
from services.ingest.agent.steady import check_same
from services.ingest.agent.transfer import Standing

TICK_S = 0.2
LONGEST_PAUSE_S = 2.0
ASKED_PER_TICK = 10
"""With thousands of files waiting the archive sees at most 50 of these small requests a second."""


@dataclass(slots=True, order=True)
class _Waiting:
    due: float
    number: int
    sent: Sent = field(compare=False)
    since: float = field(compare=False)
    pause: float = field(default=TICK_S, compare=False)
    state: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom the follower tells: a file's end, its state so far, that it must be sent again, a token that is no good."""

    ended: Callable[[Outcome], None]
    seen: Callable[[Outcome], None]
    again: Callable[[Sent, Outcome], None]
    denied: Callable[[HuisuError], None]


class Follower:
    """Asks for the state of every sent file until it is final."""

    def __init__(self, dock: Dock, inbox: SimpleQueue[Sent], listeners: Listeners) -> None:
        self._dock, self._inbox, self._listeners = dock, inbox, listeners
        self._heap: list[_Waiting] = []
        self._count = 0

    def run(self) -> None:
        """Follow until the run is stopped; then give every claim back."""
        with contextlib.suppress(Unavailable):  # the stop, said by `rest`
            while True:
                self._take_in()
                for _ in range(min(ASKED_PER_TICK, len(self._heap))):
                    if self._heap[0].due > self._dock.timing.clock():
                        break
                    self._attend(heapq.heappop(self._heap))
                self._dock.timing.rest(TICK_S)
        self._take_in()
        for waiting in self._heap:
            waiting.sent.claim.release()

    def _take_in(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                sent, now = self._inbox.get_nowait(), self._dock.timing.clock()
                self._count += 1
                heapq.heappush(self._heap, _Waiting(now, self._count, sent, since=now))
                self._dock.display.stage(sent.footage.path, "waiting to be verified", sent.key.size_bytes)

    def _attend(self, waiting: _Waiting) -> None:
        """Ask once; what is not final is asked again later."""
        sent, now = waiting.sent, self._dock.timing.clock()
        try:
            standing = self._dock.gate.standing(sent.location)
        except Unauthenticated as error:
            self._listeners.denied(error)
        except (Gone, NotAllowed) as error:
            self._again(sent, Outcome(sent.footage.path, "expired", str(error), sent.key.digest.hex))
            return
        except (Unavailable, OffsetMismatch) as error:  # the latter: its bytes are just being written
            if self._is_over(waiting):
                self._end(sent, Outcome(sent.footage.path, waiting.state or UNSENT, str(error), sent.key.digest.hex))
                return
        except Refused as error:
            self._end(sent, Outcome(sent.footage.path, REFUSED, str(error), sent.key.digest.hex))
            return
        else:
            if self._settle(waiting, standing):
                return
        waiting.due, waiting.pause = now + waiting.pause, min(waiting.pause * 1.5, LONGEST_PAUSE_S)
        heapq.heappush(self._heap, waiting)

    def _settle(self, waiting: _Waiting, standing: Standing) -> bool:
        """End a file whose state is final; tells whether it was."""
        sent = waiting.sent
        outcome = conclude(sent, standing)
        if standing.state == "expired":
            self._again(sent, outcome)
            return True
        if standing.state in (VERIFIED, "quarantined"):
            self._end(sent, outcome)
            return True
        if standing.state != waiting.state:
            waiting.state, waiting.since, waiting.pause = standing.state, self._dock.timing.clock(), TICK_S
            self._listeners.seen(outcome)
        elif self._is_over(waiting):
            self._end(sent, outcome)
            return True
        return False

    def _is_over(self, waiting: _Waiting) -> bool:
        return self._dock.timing.clock() - waiting.since > self._dock.timing.give_up_after_s

    def _end(self, sent: Sent, outcome: Outcome) -> None:
        sent.claim.release()
        self._listeners.ended(outcome)

    def _again(self, sent: Sent, outcome: Outcome) -> None:
        self._dock.journal.forget(sent.key)
        sent.claim.release()
        self._listeners.again(sent, outcome)


def conclude(sent: Sent, standing: Standing) -> Outcome:
    """
    Say what a state means for a file. `verified` counts only if the archive names the digest of the bytes read
    here and the file is still as it was read: only then may a caller let go of it.
    """
    here, path = sent.key.digest.hex, sent.footage.path
    state, reason = standing.state, standing.reason
    if state == VERIFIED and standing.sha256 != here:
        state, reason = REFUSED, f"digest differs: {here} was sent, the archive has {standing.sha256 or 'none'}"
    elif state == VERIFIED:
        try:
            check_same(os.stat(path), sent.key.size_bytes, sent.key.mtime_ns)  # noqa: PTH116  the same facts as fstat
        except Conflict as error:
            state, reason = REFUSED, str(error)
        except OSError:
            reason = "the file is no longer there"
    elif state != "quarantined":
        reason = reason or "not verified yet"
    return Outcome(path, state, reason, here, standing.recording, standing.is_duplicate)
