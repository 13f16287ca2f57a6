"""Kill the server in the middle of PATCHes, fill its disk, and come back."""

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ingest.tus_line import BYTES, DOCK, Line, ask, checksum, create, head_offset, id_of, patch

ROOT = Path(__file__).resolve().parents[2]
KILLS = 100 if os.environ.get("HUISU_SOAK") else 10


class Server:
    """The door as a process of its own, to be killed and started again on the same folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "tests.ingest.tus_door", str(folder), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def serving(folder, *options):
    server = Server(folder, *options)
    try:
        yield server
    finally:
        server.kill()


def push(port, path, offset, body, pace, sums) -> None:
    """Send a body at a pace until it ends or the line breaks."""
    told = DOCK | BYTES | {"Upload-Offset": str(offset), "Content-Length": str(len(body))} | sums
    try:
        with Line(port) as line:
            line.head("PATCH", path, told)
            for start in range(0, len(body), 64 << 10):
                line.send(body[start : start + (64 << 10)])
                time.sleep(pace)
            line.answer()
    except (OSError, IndexError):
        pass


@pytest.mark.parametrize("is_checksummed", [False, True])
def test_nothing_is_lost_or_doubled_when_the_server_is_killed(tmp_path, is_checksummed):
    """Kill at random moments of a PATCH, start again, and see that what was told as durable is there, and no more."""
    chance = random.Random(20260301 + is_checksummed)
    piece = 1_000_000
    body = chance.randbytes(piece * KILLS // 2 + 12_345)
    server = Server(tmp_path)
    try:
        path = create(server.port, len(body))
        told = 0
        for _ in range(KILLS // 2):
            part = body[told : told + piece]
            sums = checksum(part) if is_checksummed else {}
            sending = threading.Thread(target=push, args=(server.port, path, told, part, 0.004, sums))
            sending.start()
            time.sleep(chance.uniform(0.0, 0.12))
            server.kill()
            sending.join()
            server = Server(tmp_path)
            found = head_offset(server.port, path)
            assert told <= found <= told + len(part)
            assert not is_checksummed or found in {told, told + len(part)}
            on_disk = (tmp_path / "staging" / id_of(path) / "part").read_bytes()
            assert on_disk == body[:found]
            told = found
        while told < len(body):
            part = body[told : told + piece]
            told = patch(server.port, path, told, part, checksum(part) if is_checksummed else {}).offset

        whole = (tmp_path / "staging" / id_of(path) / "whole").read_bytes()
        assert hashlib.sha256(whole).digest() == hashlib.sha256(body).digest()
        assert ask(server.port, "GET", path).json["state"] == "received"
    finally:
        server.kill()


@pytest.mark.parametrize("is_checksummed", [False, True])
def test_a_full_disk_keeps_what_it_took_and_says_so(tmp_path, is_checksummed):
    body = random.Random(3).randbytes(9_000_000)
    with serving(tmp_path, "--file-limit", "5000000") as server:
        path = create(server.port, len(body))
        first = patch(server.port, path, 0, body[:1_000_000])

        answer = patch(
            server.port, path, 1_000_000, body[1_000_000:], checksum(body[1_000_000:]) if is_checksummed else {}
        )

        assert first.status == 204
        assert (answer.status, answer.code) == (503, "disk-full")
        assert answer.headers["retry-after"] == "60"
        assert answer.offset == (1_000_000 if is_checksummed else 5_000_000)
        assert head_offset(server.port, path) == answer.offset
        told = answer.offset
    with serving(tmp_path) as server:  # somebody made room
        assert head_offset(server.port, path) == told
        assert patch(server.port, path, told, body[told:]).offset == len(body)

    assert (tmp_path / "staging" / id_of(path) / "whole").read_bytes() == body


def test_a_disk_filled_by_a_creation_leaves_an_upload_to_go_on_with(tmp_path):
    with serving(tmp_path, "--file-limit", "1000000") as server:
        answer = ask(server.port, "POST", "/api/v1/uploads", BYTES | {"Upload-Length": "1500000"}, bytes(1_500_000))

        assert (answer.status, answer.offset) == (201, 1_000_000)
        assert patch(server.port, answer.headers["location"], 1_000_000, bytes(500_000)).code == "disk-full"


def test_a_killed_creation_leaves_nothing_that_matters(tmp_path):
    server = Server(tmp_path)
    ask(server.port, "POST", "/api/v1/uploads", {"Upload-Length": "5"})
    server.kill()

    with serving(tmp_path) as again:
        assert ask(again.port, "OPTIONS", "/api/v1/uploads").status == 204
        names = [entry.name for entry in (tmp_path / "staging").iterdir()]
        assert not [name for name in names if name.startswith(".")]
