"""
Send footage to an archive and end only when each file is verified or has a final refusal.

Worker threads carry files across (never more than four), one thread follows what became of them, and the caller's
thread looks for footage, collects outcomes and answers Ctrl-C at once. Everything that must survive is in the
journal: the process may be killed at any moment and started again.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, PriorityQueue, SimpleQueue
from random import Random

from rich.console import Console

from services.errors import HuisuError, Misconfigured, NotAllowed, Refused, Unauthenticated, Unavailable
from services.ingest.agent.carry import Dock, Sent, carry
from services.ingest.agent.follow import Follower, Listeners
from services.ingest.agent.journal import Journal
from services.ingest.agent.names import shown
from services.ingest.agent.options import Options
from services.ingest.agent.outcome import REFUSED, UNSENT, Outcome, Report
from services.ingest.agent.patience import Timing
from services.ingest.agent.progress import open_display
from services.ingest.agent.transfer import Gate, open_client
from services.ingest.agent.walk import Footage, check_paths, find, look
from services.ingest.agent.watch import Watch

JOIN_S = 1.0
"""How long a stopped run waits for its threads; they are daemons and what they knew is in the journal."""

_Turn = tuple[tuple[int, float], int, Footage | None]
_LAST: tuple[int, float] = (9, 0.0)


@dataclass(frozen=True, slots=True)
class _Ended:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Seen:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Again:
    footage: Footage
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Denied:
    """The run is over for every file: the token, or the agent's own folder, or a fault of ours."""

    error: Exception


_Event = _Ended | _Seen | _Again | _Denied


def send(
    paths: Sequence[Path],
    options: Options,
    *,
    console: Console,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] | None = None,
    random: Random | None = None,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    stop: threading.Event | None = None,
) -> Report:
    """
    Send every file under `paths` and report how each ended, in path order; outcomes are printed as they come.

    `clock` gives monotonic seconds; the default `sleep` is one that a stop ends. Ctrl-C, or `stop` set by another
    thread, ends the run at once with what is known. A refused token ends every file as `refused`.

    Raises:
        Invalid: a path does not exist.
        Misconfigured: the state folder cannot be used.
    """
    check_paths(paths)
    journal = Journal(options.state_folder)
    journal.prune(time.time())
    stop = stop or threading.Event()
    timing = Timing(clock, sleep or stop.wait, random or Random(), stop, options.give_up_after_s)  # noqa: S311
    display = open_display(console, clock)
    try:
        with open_client(options.endpoint, options.token, options.parallel + 1) as client:
            gate = Gate(client, options.endpoint)
            dock = Dock(gate, options.endpoint, options.pieces, journal, display, timing, new_id)
            return _Run(tuple(paths), options, dock).complete()
    finally:
        display.close()


class _Run:
    def __init__(self, paths: tuple[Path, ...], options: Options, dock: Dock) -> None:
        self._paths, self._options, self._dock = paths, options, dock
        self._turns: PriorityQueue[_Turn] = PriorityQueue()
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._sent: SimpleQueue[Sent] = SimpleQueue()
        self._watch = Watch(options.settle_s if options.watch else 0.0)
        self._open: dict[Path, Outcome] = {}
        self._outcomes: dict[Path, Outcome] = {}
        self._restarted: set[Path] = set()
        self._noted: set[Path] = set()
        self._number = 0

    def complete(self) -> Report:
        """Run to the end, or to Ctrl-C."""
        threads = self._start()
        is_interrupted = False
        try:
            self._attend()
        except KeyboardInterrupt:
            is_interrupted = True
        finally:
            self._dock.timing.stop.set()
            for _ in threads:
                self._turns.put((_LAST, 0, None))
        with contextlib.suppress(KeyboardInterrupt):
            for thread in threads:
                thread.join(JOIN_S / len(threads))
        self._drain()
        is_interrupted = is_interrupted or bool(self._open)
        for outcome in list(self._open.values()):
            self._end(outcome)
        return Report(tuple(self._outcomes[path] for path in sorted(self._outcomes)), is_interrupted)

    def _start(self) -> list[threading.Thread]:
        listeners = Listeners(
            ended=lambda outcome: self._events.put(_Ended(outcome)),
            seen=lambda outcome: self._events.put(_Seen(outcome)),
            again=lambda sent, outcome: self._events.put(_Again(sent.footage, outcome)),
            denied=lambda error: self._events.put(_Denied(error)),
        )
        follower = Follower(self._dock, self._sent, listeners)
        works = [*([self._work] * self._options.parallel), follower.run]
        threads = [threading.Thread(target=self._guarded(work), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        return threads

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Bring a fault of ours to the caller's thread: a dead worker would be waited for without end."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                self._events.put(_Denied(error))

        return run

    def _work(self) -> None:
        while (footage := self._turns.get()[2]) is not None and not self._dock.timing.stop.is_set():
            try:
                self._sent.put(carry(footage, self._dock))
            except (Unauthenticated, NotAllowed, Misconfigured) as error:
                self._events.put(_Denied(error))
            except Refused as error:
                self._events.put(_Ended(Outcome(footage.path, REFUSED, str(error))))
            except Unavailable as error:
                self._events.put(_Ended(Outcome(footage.path, UNSENT, str(error))))
            except OSError as error:
                self._events.put(_Ended(Outcome(footage.path, UNSENT, f"cannot be read: {error.strerror}")))

    def _attend(self) -> None:
        """Hand out turns and take in events until nothing is open, or for ever with `watch`."""
        self._scan()
        scanned = self._dock.timing.clock()
        while (self._open or self._options.watch) and not self._dock.timing.stop.is_set():
            with contextlib.suppress(Empty):
                self._take(self._events.get(timeout=min(0.5, self._options.scan_every_s)))
            if self._options.watch and self._dock.timing.clock() - scanned >= self._options.scan_every_s:
                self._scan()
                scanned = self._dock.timing.clock()

    def _scan(self) -> None:
        found = find(self._paths, skip=self._options.state_folder)
        for link in found.links:
            if link not in self._noted:
                self._noted.add(link)
                self._dock.display.note(f"not followed, a symbolic link: {shown(link)}")
        for path, reason in found.left_out:
            if path not in self._noted:
                self._noted.add(path)
                self._end(Outcome(path, UNSENT, reason))
        fresh: list[Footage] = []
        for path in self._watch.ready(found.files, self._dock.timing.clock()):
            if path in self._open:
                self._watch.forget(path)  # it changed on its way; its turn comes when that one has ended
                continue
            try:
                fresh.append(look(path, self._options.metadata))
            except OSError as error:
                self._end(Outcome(path, UNSENT, f"cannot be read: {error.strerror}"))
        for footage in sorted(fresh, key=lambda footage: footage.rank):  # a free worker takes the first at once
            self._give_turn(footage)

    def _give_turn(self, footage: Footage) -> None:
        self._number += 1
        self._open[footage.path] = Outcome(footage.path, UNSENT, "interrupted")
        self._turns.put((footage.rank, self._number, footage))

    def _take(self, event: _Event) -> None:
        match event:
            case _Ended(outcome):
                self._end(outcome)
            case _Seen(outcome):
                self._open[outcome.path] = replace(outcome, reason="interrupted before it was verified")
            case _Again(footage, outcome) if footage.path not in self._restarted:
                self._restarted.add(footage.path)
                self._give_turn(footage)
            case _Again(_, outcome):
                self._end(outcome)
            case _Denied(HuisuError() as error):
                self._dock.timing.stop.set()
                state = REFUSED if isinstance(error, Refused) else UNSENT
                for path in list(self._open):
                    self._end(Outcome(path, state, str(error)))
            case _Denied(error):
                raise error

    def _end(self, outcome: Outcome) -> None:
        self._open.pop(outcome.path, None)
        self._outcomes[outcome.path] = outcome
        self._dock.display.ended(outcome)

    def _drain(self) -> None:
        """Take in what the threads still said; a file that ended meanwhile is not called interrupted."""
        with contextlib.suppress(Empty):
            while True:
                self._sent.get_nowait().claim.release()
        with contextlib.suppress(Empty):
            while True:
                event = self._events.get_nowait()
                if (
                    isinstance(event, _Ended)
                    and event.outcome.path in self._open
                    and event.outcome.reason != "interrupted"
                ):
                    self._end(event.outcome)
                elif isinstance(event, _Seen) and event.outcome.path in self._open:
                    self._take(event)
