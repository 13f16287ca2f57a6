"""
Let one request at a time touch an upload, and let the newest one come first.

A dock whose line broke comes back on a new connection while its old one still seems alive here.
So each HEAD, PATCH and DELETE interrupts the request that holds the upload and waits until that
one has made durable what it took; of several PATCHes that wait, only the newest goes on to write.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio

from services.errors import Unavailable


@dataclass(slots=True)
class _Seat:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    newest_patch: int = 0
    guests: int = 0
    reading: anyio.CancelScope | None = None
    offset: int | None = None


class Turn:
    """One request's time with one upload."""

    def __init__(self, seat: _Seat, ticket: int) -> None:
        self._seat = seat
        self._ticket = ticket

    @property
    def is_superseded(self) -> bool:
        """Whether a newer request waits for the upload: no time for bytes that are still to come."""
        return self._seat.newest > self._ticket

    @property
    def is_outdone(self) -> bool:
        """Whether a newer PATCH waits: no time even for bytes that came already."""
        return self._seat.newest_patch > self._ticket

    @contextmanager
    def interruptible(self, scope: anyio.CancelScope) -> Iterator[None]:
        """Let a newer request cancel `scope`; enter it around waiting for bytes, never around keeping them."""
        self._seat.reading = scope
        try:
            yield
        finally:
            self._seat.reading = None

    @contextmanager
    def receiving(self, offset: int) -> Iterator[None]:
        """Tell onlookers that bytes are coming, and where the durable ones ended when that began."""
        self._seat.offset = offset
        try:
            yield
        finally:
            self._seat.offset = None


class Turns:
    """The locks of all uploads of one gate; they live in its one process."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._seats: dict[str, _Seat] = {}

    def receiving_from(self, upload: str) -> int | None:
        """Tell where a running PATCH began, without disturbing it; `None` when none runs."""
        seat = self._seats.get(upload)
        return seat.offset if seat else None

    @asynccontextmanager
    async def take(self, upload: str, *, is_patch: bool = False) -> AsyncIterator[Turn]:
        """
        Interrupt whoever holds the upload, wait, and hold it; `is_patch` outdoes the PATCHes before.

        Raises:
            Unavailable: the holder did not end in time, because its disk does not answer.
        """
        seat = self._seats.setdefault(upload, _Seat())
        seat.newest += 1
        seat.guests += 1
        seat.newest_patch = seat.newest if is_patch else seat.newest_patch
        turn = Turn(seat, seat.newest)
        if seat.reading is not None:
            seat.reading.cancel()
        try:
            with anyio.move_on_after(self._wait_s) as waiting:
                await seat.lock.acquire()
            if waiting.cancelled_caught:
                raise Unavailable(f"upload {upload} is still being written after {self._wait_s:g} s")
            try:
                yield turn
            finally:
                seat.lock.release()
        finally:
            seat.guests -= 1
            if not seat.guests:
                del self._seats[upload]
