"""
Carry a request's body to the disk: batches from the line, written by a thread while the next one comes.

Memory is bounded by the two batches: when the disk is slower than the line, the reader waits, the
server's buffer fills, and the client's sending stops.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

import anyio
from starlette.types import Receive

from services.ingest.tus_turns import Turn

BATCH_BYTES = 2 << 20
"""Bytes gathered before a thread writes them; two batches of this size (and one message) are held at most."""

ARRIVED_S, ARRIVING_S = 0.03, 0.3
"""When a HEAD interrupts: how long a pause tells that nothing more has arrived, and how long arrivals are taken."""

Write = Callable[[list[bytes]], Awaitable[None]]


class Ending(Enum):
    """Why no more bytes come."""

    WHOLE = "the body came to its end"
    SHORT = "the line broke"
    STALLED = "nothing came for too long"
    SUPERSEDED = "a newer request wants the upload"


async def pour(receive: Receive, write: Write, turn: Turn, *, stall_s: float) -> Ending:
    """Hand the body to `write` in order, one call at a time, and say how it ended. What `write` raises ends it too."""
    reader = _Reader(receive, turn, stall_s)
    writing: asyncio.Task[None] | None = None
    try:
        while True:
            blocks, ending = await reader.gather()
            if writing is not None:
                await asyncio.wait({writing})
                writing.result()
                writing = None
            if blocks:
                writing = asyncio.ensure_future(write(blocks))
            if ending is not None:
                return ending
    finally:
        if writing is not None:
            with anyio.CancelScope(shield=True):
                await writing


class _Reader:
    """Gather a body's messages into batches until it ends, breaks, stalls or is superseded."""

    def __init__(self, receive: Receive, turn: Turn, stall_s: float) -> None:
        self._receive = receive
        self._turn = turn
        self._stall_s = stall_s
        self._arriving_until: float | None = None

    async def gather(self) -> tuple[list[bytes], Ending | None]:
        """Give the next batch, and the ending when it is the last."""
        blocks: list[bytes] = []
        if not self._turn.is_superseded:
            with anyio.CancelScope() as scope, self._turn.interruptible(scope):
                return blocks, await self._fill(blocks, scope, self._stall_s)
            if not self._turn.is_superseded:
                return blocks, Ending.STALLED
        return blocks, await self._fill_with_arrived(blocks)

    async def _fill_with_arrived(self, blocks: list[bytes]) -> Ending | None:
        """
        Take what a superseded body has already brought to this machine, so that a HEAD tells of it.

        A dock whose line broke asks at once how far it came, often before its last bytes were read here.
        """
        now = anyio.current_time()
        if self._arriving_until is None:
            self._arriving_until = now + ARRIVING_S
        if now < self._arriving_until and not self._turn.is_outdone:
            with anyio.CancelScope() as pause:
                return await self._fill(blocks, pause, ARRIVED_S)
        return Ending.SUPERSEDED

    async def _fill(self, blocks: list[bytes], scope: anyio.CancelScope, silence_s: float) -> Ending | None:
        """Gather a batch into `blocks`; cancels `scope` after a silence. Gives the ending, or None for a full batch."""
        size = sum(map(len, blocks))
        scope.deadline = anyio.current_time() + silence_s
        while size < BATCH_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                blocks.extend(_left_behind(self._receive))
                return Ending.SHORT
            if block := message.get("body", b""):
                blocks.append(block)
                size += len(block)
                scope.deadline = anyio.current_time() + silence_s
            if not message.get("more_body", False):
                return Ending.WHOLE
        return None


def _left_behind(receive: Receive) -> list[bytes]:
    """
    Rescue what came just before the line broke: uvicorn then tells of the break and drops up to 64 KiB.

    They lie in the `body` of the request cycle whose method `receive` is (uvicorn 0.54, both parsers);
    with another server, or behind a wrapper, nothing is found and the dock sends them again.
    """
    left = getattr(getattr(receive, "__self__", None), "body", b"")
    return [bytes(left)] if isinstance(left, bytes | bytearray) and left else []
