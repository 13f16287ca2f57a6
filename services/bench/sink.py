"""
Be the floor of `receive`: forty lines that take a body, write it, hash it and make it durable; nothing else.

Served by uvicorn as the archive's own door is: `python -m uvicorn services.bench.sink:sink`.
"""

import asyncio
import hashlib
import itertools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

FOLDER = "BENCH_SINK_FOLDER"
BLOCK_BYTES = 1 << 20
_numbers = itertools.count()


async def sink(
    scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """POST: name an upload. PATCH: write, hash and fsync the body. Everything else: 200."""
    headers: list[tuple[bytes, bytes]] = [(b"content-length", b"0")]
    status = {"POST": 201, "PATCH": 204}.get(scope["method"], 200)
    if scope["method"] == "POST":
        headers.append((b"location", f"/{next(_numbers)}".encode()))
    elif scope["method"] == "PATCH":
        with (Path(os.environ[FOLDER]) / Path(scope["path"]).name).open("wb", buffering=0) as file:
            whole, held, is_open = hashlib.sha256(), [b""], True
            while is_open:
                message = await receive()
                held.append(message.get("body", b""))
                is_open = message.get("more_body", False)
                if sum(map(len, held)) >= BLOCK_BYTES or not is_open:
                    await asyncio.to_thread(_keep, file, whole, held)
                    held = [b""]
            await asyncio.to_thread(os.fsync, file.fileno())
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})


def _keep(file: Any, whole: Any, blocks: list[bytes]) -> None:
    for block in blocks:
        file.write(block)
        whole.update(block)
