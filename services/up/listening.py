"""Listen for people and docks: the only part of `up` that loads the web framework."""

import asyncio
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import APIRouter

from services.api.app import create_app
from services.api.problems import answer
from services.api.routes import FILES, GATE, LAST
from services.api.sending import STALL_S
from services.bootstrap import Archive
from services.ingest.door import CatalogueRegister
from services.ingest.memory import reuse_freed_memory
from services.ingest.staging import Staging
from services.ingest.tus import router


def listen(archive: Archive, staging: Staging | None, register: CatalogueRegister | None, *, people: bool) -> None:
    """Answer people, and docks where this process owns a staging folder, until SIGTERM or Ctrl-C."""
    settings = archive.settings
    door = _door(archive, staging, register) if staging and register else None
    app = create_app(archive, door=door, files=(*FILES, *LAST) if people else GATE)
    # A reviewer's handler waits for the interpreter behind the docks' bodies: a millisecond a turn, not five.
    sys.setswitchinterval(0.001)
    reuse_freed_memory()  # else each block of a body is mapped and unmapped anew: a third of the speed
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the API's border reads a proxy's headers itself, and only when told to
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=10,
        backlog=512,
    )
    with suppress(asyncio.CancelledError):
        _Server(config).run()


class _Server(uvicorn.Server):
    """Ends connections whose other side takes nothing, also when the rest of the answer is on its way already."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen; what is accepted has the option of what listens."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALL_S * 1000))


def _door(archive: Archive, staging: Staging, register: CatalogueRegister) -> APIRouter:
    settings = archive.settings
    return router(
        staging,
        register,
        gate=settings.gate,
        max_size_bytes=settings.upload_max_bytes,
        clock=archive.clock,
        problem=answer,
        stall_s=settings.body_timeout_s,
    )
