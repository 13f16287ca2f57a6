"""Whoever answers is bounded: in time, in length, and in what a few bytes of it could become."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from services.custody.posting import ANSWER_MAX_BYTES, post
from services.errors import Unavailable
from tests.custody.answering import answering, say


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
