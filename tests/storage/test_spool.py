"""The spool: verified, bounded, shared by threads and processes, unharmed by kill -9."""

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.digest import Digest
from services.errors import DigestMismatch, DiskFull, StoreUnavailable
from services.storage.spool import Spool
from tests.conftest import ROOT

CHILD = Path(__file__).with_name("child.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def content(number: int, size: int = 1000) -> bytes:
    return random.Random(number).randbytes(size)


def digest_of(bytes_: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(bytes_).digest())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "spool", 3000)
    made.prepare()
    return made


def fetching(number: int, calls: list[int] | None = None) -> Callable[[], list[bytes]]:
    def fetch() -> list[bytes]:
        if calls is not None:
            calls.append(number)
        whole = content(number)
        return [whole[:10], whole[10:]]

    return fetch


def lend(spool: Spool, number: int, calls: list[int] | None = None) -> bytes:
    with spool.lend(digest_of(content(number)), 1000, fetching(number, calls)) as path:
        return path.read_bytes()


def test_fetches_once_and_lends_again(spool: Spool) -> None:
    calls: list[int] = []

    assert [lend(spool, 1, calls), lend(spool, 1, calls)] == [content(1)] * 2
    assert calls == [1]


def test_evicts_what_was_used_longest_ago(spool: Spool) -> None:
    calls: list[int] = []
    for number in (1, 2, 3, 1, 4):
        lend(spool, number, calls)
        time.sleep(0.02)

    lend(spool, 1, calls)
    lend(spool, 2, calls)

    assert calls == [1, 2, 3, 4, 2]


def test_never_evicts_what_somebody_holds(spool: Spool, tmp_path: Path) -> None:
    with (
        spool.lend(digest_of(content(1)), 1000, fetching(1)) as one,
        spool.lend(digest_of(content(2)), 1000, fetching(2)),
        spool.lend(digest_of(content(3)), 1000, fetching(3)),
    ):
        with pytest.raises(DiskFull, match="in use"):
            lend(spool, 4)

        assert one.read_bytes() == content(1)
    assert lend(spool, 4) == content(4)


def test_refuses_at_once_what_can_never_fit(spool: Spool) -> None:
    calls: list[int] = []

    with pytest.raises(DiskFull, match="never fit"), spool.lend(digest_of(b"x"), 3001, fetching(1, calls)):
        pass
    assert calls == []


@pytest.mark.parametrize("wrong", [b"", b"short", content(1)[:-1] + b"!", content(1) + b"more"])
def test_bytes_of_another_digest_are_not_lent_and_not_kept(spool: Spool, tmp_path: Path, wrong: bytes) -> None:
    with pytest.raises(DigestMismatch), spool.lend(digest_of(content(1)), 1000, lambda: [wrong]):
        pass

    assert not list((tmp_path / "spool").glob("*.part"))
    assert lend(spool, 1) == content(1)


def test_a_store_that_breaks_off_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    def fetch() -> Iterator[bytes]:
        yield content(1)[:10]
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable, match="gone"), spool.lend(digest_of(content(1)), 1000, fetch):
        pass

    assert {path.suffix for path in (tmp_path / "spool").iterdir()} == {".lock"}


def test_an_empty_file_can_be_lent(spool: Spool) -> None:
    with spool.lend(digest_of(b""), 0, list) as path:
        assert path.read_bytes() == b""


def test_a_copy_is_read_only(spool: Spool) -> None:
    with spool.lend(digest_of(content(1)), 1000, fetching(1)) as path:
        assert path.stat().st_mode & 0o777 == 0o400


def test_who_asks_while_another_fills_waits_for_that_copy(spool: Spool) -> None:
    calls: list[int] = []
    may_go_on = threading.Event()

    def slowly() -> Iterator[bytes]:
        calls.append(1)
        yield content(1)[:10]
        may_go_on.wait(10)
        yield content(1)[10:]

    def one(_: int) -> bytes:
        with spool.lend(digest_of(content(1)), 1000, slowly) as path:
            return path.read_bytes()

    with ThreadPoolExecutor(5) as pool:
        lent = [pool.submit(one, number) for number in range(5)]
        time.sleep(0.2)
        may_go_on.set()

        assert {each.result(10) for each in lent} == {content(1)}
    assert calls == [1]


def test_a_killed_filler_harms_nobody(tmp_path: Path, spool: Spool) -> None:
    digest = digest_of(content(1))
    child = subprocess.Popen(
        [sys.executable, str(CHILD), "spool-stall", str(tmp_path / "spool"), digest.hex, "1000"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"began\n"
        part = tmp_path / "spool" / f"{digest.hex}.part"
        assert part.stat().st_size == 1000
        child.kill()

    for number in (2, 3, 4):
        lend(spool, number)
    assert not part.exists()
    assert lend(spool, 1) == content(1)


def test_processes_and_threads_share_one_spool(tmp_path: Path, spool: Spool) -> None:
    script = """
import sys, hashlib, random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from services.digest import Digest
from services.errors import DiskFull
from services.storage.spool import Spool
spool, seed = Spool(Path(sys.argv[1]), 3000), int(sys.argv[2])
def work(turn):
    number = random.Random(seed * 1000 + turn).randrange(6)
    whole = random.Random(number).randbytes(1000)
    try:
        with spool.lend(Digest("sha256", hashlib.sha256(whole).digest()), 1000, lambda: [whole]) as path:
            assert path.read_bytes() == whole
            with spool._counting():
                return sum(each.stat().st_size for each in path.parent.iterdir() if each.suffix != ".lock")
    except DiskFull:
        return 0
with ThreadPoolExecutor(4) as pool:
    results = list(pool.map(work, range(120)))
print(max(results), sum(each > 0 for each in results))
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "spool"), str(seed)],
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        for seed in range(3)
    ]

    told = [child.communicate(timeout=100)[0].decode().split() for child in children]

    assert [child.returncode for child in children] == [0, 0, 0]
    assert max(int(most) for most, _ in told) <= 3000
    assert all(int(lent) > 20 for _, lent in told)
    assert not list((tmp_path / "spool").glob("*.part"))
