"""Warm children answer again and again, are replaced when broken or worn, and nobody waits out of turn or for ever."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import DeadlinePassed, Invalid, ToolFailed, TooManyRequests, Unavailable
from services.media import pool as pools
from services.media.limits import Limits
from services.media.messages import pieces_of, take_message
from services.media.pool import Pool
from services.media.starting import SandboxKind
from tests.media.test_sandbox import bwrap_or_skip, wait_until

ECHO = "services.media.warmchild:echo_request"


@pytest.fixture(params=["bwrap", "rlimits"])
def kind(request: pytest.FixtureRequest) -> SandboxKind:
    return bwrap_or_skip() if request.param == "bwrap" else "rlimits"


@pytest.fixture
def one() -> Iterator[Pool]:
    """Give a pool of one child."""
    pool = Pool(1)
    yield pool
    pool.close()


def pid_of(pool: Pool) -> int:
    (child,) = pool._all
    return child.process.pid


def reader_of(message: bytes) -> Any:
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        at += count
        return message[at - count : at]

    return read


def test_an_answer_carries_json_and_bytes_both_ways(kind: SandboxKind) -> None:
    pool = Pool(1, kind=kind)
    blobs = [b"", os.urandom(3 << 20), "两".encode()]

    told, made = pool.ask(ECHO, {"a": [1, "回"]}, blobs, wall_s=30)
    pool.close()

    assert told == {"a": [1, "回"]}
    assert [bytes(blob) for blob in made] == blobs


def test_the_same_child_answers_again(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    first = pid_of(one)
    one.ask(ECHO, {}, wall_s=30)

    assert pid_of(one) == first


def test_a_worn_child_is_replaced(one: Pool) -> None:
    seen = set()
    for _ in range(pools.JOBS + 1):
        one.ask(ECHO, {}, wall_s=30)
        seen |= {child.process.pid for child in one._all}

    assert len(seen) == 2


def test_an_error_crosses_by_its_class_and_leaves_the_child_alive(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    first = pid_of(one)

    with pytest.raises(ToolFailed, match="answers"):
        one.ask("os:system", {}, wall_s=30)
    assert pid_of(one) == first


def test_a_crash_is_told_and_the_next_question_gets_another_child(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    first = pid_of(one)
    threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()

    with pytest.raises(ToolFailed, match="ended the child"):
        one.ask(ECHO, {"pause_s": 20}, wall_s=30)
    assert one.ask(ECHO, {"n": 1}, wall_s=30)[0] == {"n": 1}
    assert pid_of(one) != first


def test_a_child_that_died_at_rest_is_not_asked(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    pid = pid_of(one)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")

    assert one.ask(ECHO, {"n": 1}, wall_s=30)[0] == {"n": 1}


def test_an_unforeseen_error_ends_the_child_with_its_words(one: Pool) -> None:
    with pytest.raises(ToolFailed, match="ValueError"):
        one.ask(ECHO, {"pause_s": "soon"}, wall_s=30)

    assert one.ask(ECHO, {}, wall_s=30)[0] == {}


def test_a_deadline_ends_the_child(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    first, began = pid_of(one), time.monotonic()

    with pytest.raises(DeadlinePassed):
        one.ask(ECHO, {"pause_s": 60}, wall_s=0.3)
    assert time.monotonic() - began < 5
    assert one.ask(ECHO, {}, wall_s=30)[0] == {}
    assert pid_of(one) != first


def test_a_memory_limit_ends_only_the_child() -> None:
    pool = Pool(1, limits=Limits(wall_s=60, cpu_s=60, memory_bytes=3 << 29, file_bytes=0))

    with pytest.raises(ToolFailed):
        pool.ask(ECHO, {}, [bytes(1 << 30)], wall_s=60)
    assert pool.ask(ECHO, {}, wall_s=30)[0] == {}
    pool.close()


def test_an_answer_longer_than_allowed_is_not_taken(one: Pool) -> None:
    with pytest.raises(ToolFailed, match="the most"):
        one.ask(ECHO, {}, [bytes(2000)], wall_s=30, most_bytes=1000)


def test_many_threads_share_few_children() -> None:
    pool = Pool(2)
    with ThreadPoolExecutor(24) as threads:
        told = list(threads.map(lambda n: pool.ask(ECHO, {"n": n}, [bytes([n])], wall_s=30), range(200)))
    children = len(pool._all)
    pool.close()

    assert [(said["n"], bytes(blobs[0])) for said, blobs in told] == [(n, bytes([n])) for n in range(200)]
    assert children <= 2


def test_who_waits_longest_is_next(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    order: list[int] = []

    def ask(number: int) -> None:
        one.ask(ECHO, {"pause_s": 0.2}, wall_s=30)
        order.append(number)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        assert wait_until(lambda number=number: one._busy == 1 and len(one._queue) >= min(number, 3) - len(order))
        time.sleep(0.02)
    for thread in threads:
        thread.join()

    assert order == [0, 1, 2, 3, 4]


def test_waiting_is_bounded_in_number_and_in_time() -> None:
    pool = Pool(1, most_waiting=1, patience_s=0.2)
    busy = threading.Thread(target=lambda: pool.ask(ECHO, {"pause_s": 1.5}, wall_s=30))
    busy.start()
    assert wait_until(lambda: pool._busy == 1)

    with pytest.raises(TooManyRequests, match="became free"):
        pool.ask(ECHO, {}, wall_s=30)

    def wait_in_vain() -> None:
        with pytest.raises(TooManyRequests):
            pool.ask(ECHO, {}, wall_s=30)

    waiting = threading.Thread(target=wait_in_vain)
    waiting.start()
    assert wait_until(lambda: len(pool._queue) == 1)
    with pytest.raises(TooManyRequests, match="wait for a decoder already"):
        pool.ask(ECHO, {}, wall_s=30)
    busy.join()
    waiting.join()
    assert pool.ask(ECHO, {}, wall_s=30)[0] == {}
    pool.close()


def test_closing_ends_all_and_refuses_more(one: Pool) -> None:
    one.ask(ECHO, {}, wall_s=30)
    pid = pid_of(one)

    one.close()
    one.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(Unavailable):
        one.ask(ECHO, {}, wall_s=30)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_nonsense_is_no_message_and_takes_no_memory(noise: bytes) -> None:
    read = reader_of(noise + bytes(1 << 16))
    try:
        said, blobs = take_message(read, 1 << 14)
    except Invalid:
        return
    assert isinstance(said, dict)
    assert sum(map(len, blobs)) <= 1 << 14


@given(st.dictionaries(st.text(), st.integers()), st.lists(st.binary(), max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(said: dict[str, int], blobs: list[bytes]) -> None:
    message = b"".join(map(bytes, pieces_of(said, blobs)))

    assert take_message(reader_of(message), 1 << 20) == (said, blobs)
