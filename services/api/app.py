"""Put the API together: routes, border, problems, pages. The dock's door comes in as a value."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool

from services import __version__
from services.accounts.denials import Denials
from services.api import problems
from services.api.edge import Edge, SameOrigin
from services.api.hub import Hub
from services.api.metrics import Requests
from services.api.refusals import Refusals
from services.api.registry import Routes, assemble
from services.api.rounds import keep
from services.api.routes import FILES, LAST
from services.bootstrap import Archive
from services.errors import HuisuError

log = logging.getLogger(__name__)

TALLY_S: Final = 2.0
"""How often counted refusals go from memory to the database: what a crash can lose of them."""

DESCRIPTION: Final = (
    "Archive of body-camera, vehicle, facility and interview recordings. Errors are problems (RFC 9457) with a stable "
    "`code`; lists are keyset pages; changes take `If-Match`; POSTs take `Idempotency-Key`."
)


def create_app(
    archive: Archive, *, door: APIRouter | None = None, files: Sequence[Routes] = (*FILES, *LAST)
) -> FastAPI:
    """
    Make the server of an archive; `door` holds the routes of a gate that takes uploads in this process.

    `files` are the routes that it answers: all, or those of a gate that people do not use (`routes.GATE`).

    Raises:
        Misconfigured: a route has no declared action.
    """
    requests, denials, hub = Requests(), Denials(archive.engine), Hub(archive)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = archive.settings.threads
        tally = asyncio.create_task(_tally(denials))
        try:
            async with keep(archive):
                yield
        finally:
            await hub.close()
            tally.cancel()
            with suppress(asyncio.CancelledError):
                await tally
            await _write(denials)

    app = FastAPI(
        title="Huisu",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=life,
    )
    app.state.archive, app.state.requests, app.state.hub, app.state.denials = archive, requests, hub, denials
    app.state.table = table = assemble(app, files, door)
    problems.install(app)
    _describe(app)
    app.add_middleware(SameOrigin, archive=archive)
    app.add_middleware(Refusals, archive=archive, denials=denials, table=table)
    app.add_middleware(Edge, archive=archive, requests=requests)
    return app


def _describe(app: FastAPI) -> None:
    """Say in the description who may call each route, and that every route may answer with a problem."""
    make = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = make()
            schema.setdefault("components", {})["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "huisu"},
            }
            for path, verbs in schema["paths"].items():
                for verb, operation in verbs.items():
                    declared = app.state.table.get((verb.upper(), path))
                    if declared is not None:
                        operation["x-huisu-action"] = declared.action
                        operation["security"] = [] if declared.action == "public" else [{"bearer": []}, {"session": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


async def _tally(denials: Denials) -> None:
    while True:
        await asyncio.sleep(TALLY_S)
        await _write(denials)


async def _write(denials: Denials) -> None:
    try:
        await run_in_threadpool(denials.write)
    except HuisuError as error:
        log.warning("counted refusals wait in memory", extra={"code": error.code})
