"""Serve an archive by a real server on loopback, and knock at it as somebody."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI

from services.accounts import people, sessions, tokens
from services.accounts.models import User
from services.api.app import create_app
from services.bootstrap import Archive

HERE = "127.0.0.1"
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class Site:
    """An archive being served; `open` gives clients that the site closes."""

    archive: Archive
    app: FastAPI
    url: str
    clients: list[httpx.Client] = field(default_factory=list)

    def open(self, **headers: str) -> httpx.Client:
        """Give a client that sends these headers (underscores for dashes); nobody, if they carry no credential."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client = httpx.Client(base_url=self.url, headers=named, timeout=30)
        self.clients.append(client)
        return client

    def as_user(self, name: str, **headers: str) -> httpx.Client:
        """Give a client with a session of this account, by a login link."""
        with self.archive.work() as work:
            link = people.make_login_link(work, name, actor="test")
        login = sessions.log_in_with_link(self.archive.engine, link, HERE, self.archive.clock())
        return self.open(Cookie=f"huisu={login.secret}", X_CSRF_Token=login.csrf, **headers)

    def as_token(self, role: str, unit: str | None = None, name: str | None = None, **headers: str) -> httpx.Client:
        """Give a client with a fresh token; `unit` is a number."""
        with self.archive.work() as work:
            secret = tokens.issue_token(work, name or f"{role}-{len(self.clients)}", role, unit, 30, actor="test")
        return self.open(Authorization=f"Bearer {secret}", **headers)

    def user(self, name: str) -> User:
        """Give an account's row."""
        with self.archive.reading() as session:
            return people.find_user(session, name)


@contextmanager
def serve(archive: Archive, *, door: APIRouter | None = None) -> Iterator[Site]:
    """Serve an archive until the block ends."""
    app = create_app(archive, door=door)
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        config = uvicorn.Config(
            app, log_config=None, lifespan="on", ws="none", proxy_headers=False, timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        site = Site(archive, app, f"http://{HERE}:{bound.getsockname()[1]}")
        try:
            yield site
        finally:
            for client in site.clients:
                client.close()
            server.should_exit = True
            thread.join(30)
