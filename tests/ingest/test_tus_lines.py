"""Lines that break, halt, come twice or all at once."""

import hashlib
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.ingest.staging import Staging
from tests.ingest.tus_door import running
from tests.ingest.tus_line import BASE, BYTES, DOCK, Line, ask, checksum, create, head_offset, id_of, patch


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with running(tmp_path_factory.mktemp("door") / "staging") as door:
        yield door


def begin_patch(door, path, offset, length, headers=None) -> Line:
    line = Line(door.port)
    line.head(
        "PATCH", path, DOCK | BYTES | {"Upload-Offset": str(offset), "Content-Length": str(length)} | (headers or {})
    )
    return line


def until(claim, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


@pytest.mark.parametrize("sent", [1, 1000, 300_000, 3_000_000])
def test_a_body_that_ends_short_keeps_all_that_came(door, sent):
    body = random.Random(sent).randbytes(4_000_000)
    path = create(door.port, len(body))

    line = begin_patch(door, path, 0, len(body))
    line.send(body[:sent])
    line.close()
    until(lambda: head_offset(door.port, path) == sent)

    assert patch(door.port, path, sent, body[sent:]).status == 204
    assert door.staging.complete_path(id_of(path)).read_bytes() == body


def test_a_checksummed_body_that_ends_short_keeps_nothing(door):
    path = create(door.port, 10)

    line = begin_patch(door, path, 0, 10, checksum(b"0123456789"))
    line.send(b"0123")
    until(lambda: list((door.staging.folder / id_of(path)).glob("base-*")))
    line.close()

    assert head_offset(door.port, path) == 0
    assert patch(door.port, path, 0, b"0123456789", checksum(b"0123456789")).status == 204


def test_a_stalled_body_is_ended_and_kept(tmp_path):
    with running(tmp_path / "staging", stall_s=0.4) as door:
        path = create(door.port, 10)
        with begin_patch(door, path, 0, 10) as line:
            line.send(b"0123")

            answer = line.answer()

        assert (answer.status, answer.code, answer.offset) == (408, "body-stalled", 4)
        assert answer.headers["connection"] == "close"
        assert patch(door.port, path, 4, b"456789").status == 204


def test_a_slow_body_is_not_a_stalled_one(tmp_path):
    with running(tmp_path / "staging", stall_s=0.6) as door:
        path = create(door.port, 5)
        with begin_patch(door, path, 0, 5) as line:
            for byte in b"01234":
                line.send(bytes([byte]))
                time.sleep(0.25)

            assert line.answer().status == 204


def test_a_creation_whose_body_stalls_answers_with_its_address(tmp_path):
    with running(tmp_path / "staging", stall_s=0.3) as door, Line(door.port) as line:
        line.head("POST", BASE, DOCK | BYTES | {"Upload-Length": "10", "Content-Length": "10"})
        line.send(b"0123")

        answer = line.answer()

        assert (answer.status, answer.offset) == (201, 4)
        assert patch(door.port, answer.headers["location"], 4, b"456789").status == 204


def test_head_interrupts_a_running_patch_and_sees_its_bytes(door):
    path = create(door.port, 1000)
    with begin_patch(door, path, 0, 1000) as line:
        line.send(b"x" * 600)
        time.sleep(0.2)

        offset = head_offset(door.port, path)
        answer = line.answer()

    assert offset == 600
    assert (answer.status, answer.code, answer.offset) == (409, "conflict", 600)


def test_head_interrupts_a_checksummed_patch_and_nothing_of_it_counts(door):
    path = create(door.port, 10)
    with begin_patch(door, path, 0, 10, checksum(b"0123456789")) as line:
        line.send(b"0123")
        until(lambda: list((door.staging.folder / id_of(path)).glob("base-*")))

        assert head_offset(door.port, path) == 0
        assert line.answer().status == 409


def test_the_newest_patch_wins(door):
    path = create(door.port, 10)
    with begin_patch(door, path, 0, 10) as older:
        older.send(b"0123")
        time.sleep(0.2)

        refused = patch(door.port, path, 0, b"0123456789")
        assert older.answer().status == 409
        assert (refused.status, refused.offset) == (409, 4)
        newer = patch(door.port, path, 4, b"456789")

    assert newer.status == 204
    assert door.staging.complete_path(id_of(path)).read_bytes() == b"0123456789"


def test_of_many_patches_at_once_the_bytes_are_never_doubled(door):
    body = random.Random(7).randbytes(2_000_000)
    path = create(door.port, len(body))

    def push(_number: int) -> None:
        for _ in range(200):
            answer = ask(door.port, "HEAD", path)
            if answer.offset == len(body):
                return
            patch(door.port, path, answer.offset, body[answer.offset : answer.offset + 100_000])

    with ThreadPoolExecutor(4) as docks:
        list(docks.map(push, range(4)))

    assert door.staging.complete_path(id_of(path)).read_bytes() == body


def test_get_does_not_disturb_a_running_patch(door):
    path = create(door.port, 10)
    with begin_patch(door, path, 0, 10) as line:
        line.send(b"01234")
        time.sleep(0.1)

        assert ask(door.port, "GET", path).json["offset"] == 0
        line.send(b"56789")
        assert line.answer().status == 204


def test_delete_ends_a_running_patch(door):
    path = create(door.port, 10)
    with begin_patch(door, path, 0, 10) as line:
        line.send(b"01234")
        time.sleep(0.1)

        assert ask(door.port, "DELETE", path).status == 204
        assert line.answer().status == 409
    assert not (door.staging.folder / id_of(path)).exists()


def test_twenty_uploads_at_once_arrive_whole(door):
    bodies = [random.Random(number).randbytes(1_500_000) for number in range(20)]

    def dock(body: bytes) -> str:
        path = create(door.port, len(body))
        for offset in range(0, len(body), 400_000):
            part = body[offset : offset + 400_000]
            assert patch(door.port, path, offset, part, checksum(part) if offset else {}).status == 204
        return path

    with ThreadPoolExecutor(20) as docks:
        paths = list(docks.map(dock, bodies))

    for path, body in zip(paths, bodies, strict=True):
        assert door.staging.complete_path(id_of(path)).read_bytes() == body
    assert sorted(set(map(id_of, paths)) & set(door.register.received_calls)) == sorted(map(id_of, paths))


def test_a_refused_big_body_still_sees_its_answer(door):
    with Line(door.port) as line:
        line.head("POST", BASE, DOCK | BYTES | {"Upload-Length": "5", "Content-Length": str(3 << 20)})
        line.send(bytes(3 << 20))

        answer = line.answer()

    assert (answer.status, answer.code) == (413, "too-large")


class SlowDisk:
    """The real fsync, which waits while it is held."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()

    def sync(self, opened: int) -> None:
        self.free.wait(20)
        os.fsync(opened)


def test_a_hanging_disk_does_not_hold_up_the_process(tmp_path):
    disk = SlowDisk()
    with running(tmp_path / "staging", sync=disk.sync) as door:
        paths = [create(door.port, 4) for _ in range(20)]
        disk.free.clear()
        with ThreadPoolExecutor(20) as docks:
            waiting = [docks.submit(patch, door.port, path, 0, b"0123") for path in paths]
            time.sleep(0.3)
            start = time.monotonic()
            assert ask(door.port, "GET", "/ping").status == 200
            assert ask(door.port, "PATCH", paths[0], {"Authorization": "Bearer nobody"}).status == 401
            took = time.monotonic() - start
            assert not any(answer.done() for answer in waiting)
            disk.free.set()
            assert all(answer.result().status == 204 for answer in waiting)

    assert took < 2


def test_a_patch_waits_for_the_sync_of_the_one_it_interrupts(tmp_path):
    disk = SlowDisk()
    with running(tmp_path / "staging", sync=disk.sync) as door:
        path = create(door.port, 8)
        with begin_patch(door, path, 0, 8) as older, ThreadPoolExecutor(1) as docks:
            older.send(b"0123")
            time.sleep(0.2)
            disk.free.clear()
            newer = docks.submit(patch, door.port, path, 4, b"4567")
            time.sleep(0.3)
            assert not newer.done()
            disk.free.set()

            assert newer.result().status == 204
            assert older.answer().status == 409
        assert door.staging.complete_path(id_of(path)).read_bytes() == b"01234567"


def test_memory_stays_bounded_while_the_disk_hangs(tmp_path):
    """A dock that sends without end must be slowed by its line, not gathered in memory."""
    disk = SlowDisk()
    length = 200_000_000
    with running(tmp_path / "staging", sync=disk.sync) as door:
        path = create(door.port, length)
        disk.free.clear()  # the append itself waits for a sync: its checksum's note
        sums = {"Upload-Checksum": "sha1 " + "A" * 27 + "="}
        with begin_patch(door, path, 0, length, sums) as line:
            line.socket.settimeout(1.0)
            sent, block = 0, bytes(1 << 20)
            with pytest.raises(TimeoutError):
                while sent < length:
                    line.send(block)
                    sent += len(block)
            disk.free.set()

    assert sent < 30 << 20


def test_a_restart_of_the_staging_keeps_the_sha256(tmp_path):
    body = random.Random(5).randbytes(500_000)
    with running(tmp_path / "staging") as door:
        path = create(door.port, len(body))
        patch(door.port, path, 0, body[:123_457])
    with Staging(tmp_path / "staging") as staging:
        part = staging.append(id_of(path), 123_457)
        part.write([body[123_457:]])
        part.keep()

        found = hashlib.sha256(staging.complete_path(id_of(path)).read_bytes()).digest()

    assert found == hashlib.sha256(body).digest()
