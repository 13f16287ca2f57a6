"""A connection whose other side takes nothing ends, whatever of the answer is on its way already."""

import socket
import threading
import time
from typing import Any

import pytest
import uvicorn

from services.up import listening


async def pours(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with more than any buffer between two sockets holds, all at once, and be done."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (64 << 20))]})
    await send({"type": "http.response.body", "body": bytes(64 << 20)})


def test_who_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "STALL_S", 1.0)
    config = uvicorn.Config(pours, port=0, http="httptools", lifespan="off", log_config=None)
    server = listening._Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    ((host, port),) = [one.getsockname() for one in server.servers[0].sockets]
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((host, port))
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: server.server_state.connections)

        wait_until(lambda: not server.server_state.connections)

    server.should_exit = True
    thread.join(10)


def wait_until(so: Any) -> None:
    deadline = time.monotonic() + 30
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
