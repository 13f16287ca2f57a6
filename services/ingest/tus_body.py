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

BATCH_BYTES = 1 << 20
"""Bytes gathered before a thread writes them; two batches of this size (and one message) are held at most."""

Write = Callable[[list[bytes]], Awaitable[None]]


class Ending(Enum):
    """Why no more bytes come."""

    WHOLE = "the body came to its end"
    SHORT = "the line broke"
    STALLED = "nothing came for too long"
    SUPERSEDED = "a newer request wants the upload"


async def pour(receive: Receive, write: Write, turn: Turn, *, stall_s: float) -> Ending:
    """Hand the body to `write` in order, one call at a time, and say how it ended. What `write` raises ends it too."""
    writing: asyncio.Task[None] | None = None
    try:
        while True:
            blocks, ending = await _gather(receive, turn, stall_s)
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


async def _gather(receive: Receive, turn: Turn, stall_s: float) -> tuple[list[bytes], Ending | None]:
    blocks: list[bytes] = []
    size = 0
    if turn.is_superseded:
        return blocks, Ending.SUPERSEDED
    with anyio.CancelScope() as scope, turn.interruptible(scope):
        scope.deadline = anyio.current_time() + stall_s
        while size < BATCH_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return [*blocks, *_left_behind(receive)], Ending.SHORT
            if block := message.get("body", b""):
                blocks.append(block)
                size += len(block)
                scope.deadline = anyio.current_time() + stall_s
            if not message.get("more_body", False):
                return blocks, Ending.WHOLE
        return blocks, None
    return blocks, Ending.SUPERSEDED if turn.is_superseded else Ending.STALLED


def _left_behind(receive: Receive) -> list[bytes]:
    """
    Rescue what came just before the line broke: uvicorn then tells of the break and drops up to 64 KiB.

    They lie in the `body` of the request cycle whose method `receive` is (uvicorn 0.54, both parsers);
    with another server, or behind a wrapper, nothing is found and the dock sends them again.
    """
    left = getattr(getattr(receive, "__self__", None), "body", b"")
    return [bytes(left)] if isinstance(left, bytes | bytearray) and left else []
