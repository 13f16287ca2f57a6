"""The witness as a program: what it signed it remembers, also when it is killed at once."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from services.custody.witness.memory import Memory
from services.errors import Misconfigured
from services.up.witnessing import opened_witness, run_witness
from tests.custody.notes import ORIGIN, key
from tests.custody.witness.test_witness import submission
from tests.servers import free_port
from tests.up.program import HUISU, PATIENCE_S, environment, wait_until

NAME = "court.example/w"


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    named = ["--name", NAME, "--log", key().verifier.vkey, "--listen", f"127.0.0.1:{port}"]
    with (folder.parent / "said").open("ab") as said:
        program = subprocess.Popen(
            [*HUISU, "witness", "--folder", str(folder), *named], stdout=said, stderr=said, env=environment()
        )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(address, trust_env=False, timeout=5).status_code == 200
        return False

    try:
        wait_until("the witness answers", answers)
        yield program, address
    finally:
        if program.poll() is None:
            program.kill()
        program.wait(PATIENCE_S)


def test_what_it_signed_it_remembers_when_it_is_killed_at_once(tmp_path: Path) -> None:
    folder, seen = tmp_path / "w", 0
    for size in (3, 9, 40):
        with running(folder) as (program, address), httpx.Client(base_url=address, trust_env=False) as client:
            client.timeout = httpx.Timeout(PATIENCE_S)
            answer = client.post("/add-checkpoint", content=submission(seen, size).content)
            os.kill(program.pid, signal.SIGKILL)

        assert answer.status_code == 200
        assert Memory(folder / "witness.db").logs() == [(ORIGIN, size)]
        seen = size


def test_killed_while_many_ask_it_signs_one_history(tmp_path: Path) -> None:
    folder, signed = tmp_path / "w", []

    def ask(address: str, old: int, new: int) -> None:
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.post(
                f"{address}/add-checkpoint", content=submission(old, new).content, trust_env=False, timeout=PATIENCE_S
            )
            if answer.status_code == 200:
                signed.append(new)

    old = 0
    for life in range(2):
        with running(folder) as (program, address):
            asking = [threading.Thread(target=ask, args=(address, old, old + step)) for step in range(1, 9)]
            for thread in asking:
                thread.start()
            asking[life].join()
            program.kill()
            for thread in asking:
                thread.join(PATIENCE_S)
        ((_, remembered),) = Memory(folder / "witness.db").logs()
        assert sum(new > old for new in signed) <= 1
        assert all(new <= remembered for new in signed)
        assert remembered > old, "who was waited for had its answer, so somebody was first"
        old = remembered


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:", "127.0.0.1:99999", "192.0.2.1:80"])
def test_a_place_where_it_cannot_listen_is_named(tmp_path: Path, listen: str) -> None:
    witness = opened_witness(tmp_path / "w", NAME, [])

    with pytest.raises(Misconfigured, match=r"listen"):
        run_witness(witness, listen, print)


@pytest.mark.parametrize("vkey", ["nonsense", key(9, "court.example/w", 4).verifier.vkey])
def test_what_is_no_key_of_a_log_is_not_watched(tmp_path: Path, vkey: str) -> None:
    with pytest.raises(Misconfigured, match="--log"):
        opened_witness(tmp_path / "w", NAME, [vkey])
