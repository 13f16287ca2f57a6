"""Whoever answers is bounded: in time, in length, and in what a few bytes of it could become."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.custody.posting import ANSWER_MAX_BYTES, post
from services.errors import Unavailable

Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(how: Answering) -> Iterator[str]:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            how(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


def say(body: bytes, *headers: tuple[str, str]) -> Answering:
    def how(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in headers:
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return how


def test_what_is_packed_stays_packed() -> None:
    packed = gzip.compress(bytes(64 << 20))

    with answering(say(packed, ("Content-Encoding", "gzip"))) as url:
        answer = post(url, b"head", "text/plain", 10.0, "a witness")

    assert len(packed) < ANSWER_MAX_BYTES
    assert answer.body == packed


def test_an_answer_without_end_is_left() -> None:
    with answering(say(b"x" * (ANSWER_MAX_BYTES + 1))) as url, pytest.raises(Unavailable, match="to the end"):
        post(url, b"head", "text/plain", 10.0, "a witness")


def test_an_answer_that_drips_is_left() -> None:
    done = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        say(b"")(request)
        while not done.wait(0.02):
            try:
                request.wfile.write(b"x")
            except OSError:
                return

    with answering(drip) as url:
        try:
            with pytest.raises(Unavailable, match="to the end"):
                post(url, b"head", "text/plain", 0.3, "a witness")
        finally:
            done.set()
