"""
Tell open pages what changed, as it happens: one look at the database a second for the whole process.

Each listener is asked anew who they are before anything is told to them, so that a logout, a disabled
account or a lost right ends the stream or what it shows. Nothing is looked for while nobody listens.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.errors import HuisuError, Unauthenticated
from services.index import changes
from services.index.changes import Change, Lookout

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
HEARTBEAT_S: Final = 15.0
"""Longest silence on a stream: proxies cut those that are silent for a minute."""

QUEUE: Final = 500
"""Events that a slow reader may be behind; one further behind is told to read its lists again."""

ReAsk = Callable[[], Principal]
"""Says who listens, now; raises `Unauthenticated` when nobody (any more)."""


@dataclass(slots=True, eq=False)
class Listener:
    """One open stream: who it belongs to is asked at each telling."""

    ask: ReAsk
    queue: "asyncio.Queue[str | None]" = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def tell(self, text: str | None) -> None:
        """Put an event (None: the end) where the stream takes it."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait("event: lost\ndata: {}\n\n")
        self.queue.put_nowait(text)


@dataclass(slots=True)
class Hub:
    """Look once a second for all listeners of this process, and tell each what they may know."""

    archive: Archive
    look_s: float = LOOK_S
    heartbeat_s: float = HEARTBEAT_S
    listeners: set[Listener] = field(default_factory=set)
    _task: "asyncio.Task[None] | None" = None

    async def listen(self, ask: ReAsk) -> AsyncIterator[str]:
        """Give the text of one stream of events, until the listener leaves or may not listen any more."""
        mine = Listener(ask)
        self.listeners.add(mine)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield "retry: 3000\n: listening\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(mine.queue.get(), self.heartbeat_s)
                except TimeoutError:
                    text = await self._heartbeat(mine)
                if text is None:
                    return
                yield text
        finally:
            self.listeners.discard(mine)

    async def close(self) -> None:
        """End all streams and the watch."""
        for listener in self.listeners:
            listener.tell(None)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _heartbeat(self, listener: Listener) -> str | None:
        try:
            await run_in_threadpool(listener.ask)
        except Unauthenticated:
            return None
        except HuisuError:
            pass  # the database is busy: the next heartbeat asks again
        return ": still here\n\n"

    async def _watch(self) -> None:
        lookout: Lookout | None = None
        while self.listeners:
            try:
                if lookout is None:
                    lookout = await run_in_threadpool(self._begin)
                await asyncio.sleep(self.look_s)
                told = await run_in_threadpool(self._look, lookout, tuple(self.listeners))
            except HuisuError as error:
                log.warning("changes could not be looked for", extra={"code": error.code})
                await asyncio.sleep(self.look_s)
                continue
            for listener, events in told:
                for event in events:
                    listener.tell(event)

    def _begin(self) -> Lookout:
        with self.archive.reading() as session:
            return changes.begin(session, self.archive.clock())

    def _look(self, lookout: Lookout, listeners: Sequence[Listener]) -> list[tuple[Listener, list[str | None]]]:
        with self.archive.reading() as session:
            found = changes.look(session, lookout, self.archive.clock())
        return [(listener, self._for(listener, found)) for listener in listeners] if found else []

    def _for(self, listener: Listener, found: Sequence[Change]) -> list[str | None]:
        try:
            who = listener.ask()
        except Unauthenticated:
            return [None]
        with self.archive.reading() as session:
            seen = changes.visible_changes(session, who, found)
        return [event_text(change) for change in seen]


def event_text(change: Change) -> str:
    """Write a change as a server-sent event. Source: the HTML standard, "Server-sent events"."""
    facts = json.dumps({"id": change.id, **change.facts}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {change.topic}\ndata: {facts}\n\n"
