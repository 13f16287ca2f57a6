"""A server has room for so many connections, also after some that nothing came of."""

import socket
import socketserver
import threading

import pytest

from services.custody.room import RoomFor


class Server(RoomFor, socketserver.TCPServer):
    """Room for one."""

    def __init__(self, patience_s: float | None) -> None:
        self.room = threading.BoundedSemaphore(1)
        self.patience_s = patience_s
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)


def test_a_connection_without_a_thread_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ours, theirs = socket.socketpair()
    with Server(None) as server, ours, theirs:
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            server.process_request(theirs, ("", 0))

        assert server.room.acquire(blocking=False)


def test_a_connection_for_which_there_is_no_room_is_ended() -> None:
    ours, theirs = socket.socketpair()
    with Server(0.01) as server, ours, theirs:
        assert server.room.acquire(blocking=False)
        server.process_request(theirs, ("", 0))

        assert ours.recv(1) == b""
