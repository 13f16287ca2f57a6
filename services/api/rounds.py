"""
Name what the API wants done again and again.

`api_rounds` are for one process of the archive (`huisu beat`, or `up`); `keep` runs in every serving
process, because what people look at rests in that process's memory until it is written.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.concurrency import run_in_threadpool

from services.accounts.denials import flush_denials
from services.accounts.sessions import sweep
from services.api.actions.draw_check import fail_overdue
from services.api.actions.end_viewing import end_silent
from services.api.looks import WRITE_EVERY, looks_of
from services.api.searches import WRITE_EVERY_S, searches_of
from services.bootstrap import Archive
from services.errors import HuisuError

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = WRITE_EVERY.total_seconds()


def api_rounds(archive: Archive) -> Sequence[tuple[str, float, Callable[[], object]]]:
    """Give (name, every so many seconds, what to do)."""
    since = archive.clock()

    def forget() -> None:
        with archive.plain() as session:
            sweep(session, archive.clock())

    return [
        ("denials", 5, lambda: flush_denials(archive)),
        ("viewings", 15, lambda: end_silent(archive, since)),
        ("forget", 600, forget),
        ("draws", 60, lambda: fail_overdue(archive)),
    ]


@asynccontextmanager
async def keep(archive: Archive) -> AsyncIterator[None]:
    """While this process serves: enter its searches every second, write its looks every ten; all of them at the end."""

    def write_looks() -> None:
        looks_of(archive).write(archive.engine, archive.clock())

    def write_searches() -> None:
        searches_of(archive).write(archive.engine, archive.clock())

    tasks = [
        asyncio.create_task(_again(WRITE_EVERY_S, write_searches)),
        asyncio.create_task(_again(LOOK_EVERY_S, write_looks)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await _once(write_searches)
        await _once(write_looks)


async def _again(every_s: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(every_s)
        await _once(act)


async def _once(act: Callable[[], None]) -> None:
    try:
        await run_in_threadpool(act)
    except HuisuError as error:
        log.warning("looks and searches wait in memory", extra={"code": error.code, "error": str(error)})
