"""Signers for tests: keys from numbers, a folder each, and a socket where one is needed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from services.custody.proof import prove_consistency
from services.custody.signer import LogSigner
from services.custody.signer_client import Signer
from services.custody.signerhome import SignerHome
from services.custody.signersocket import serve
from services.errors import SignerUnavailable
from tests.custody.notes import ORIGIN, tree


@contextmanager
def open_signer(folder: Path, origin: str | None = ORIGIN, *, first_seed: int = 1) -> Iterator[LogSigner]:
    """Give a signer whose keys are made from numbers."""
    seeds = count(first_seed)
    signer = LogSigner(SignerHome(folder), origin, lambda: "huisu.local/made", lambda: bytes([next(seeds)]) * 32)
    try:
        yield signer
    finally:
        signer.close()


def sign(signer: LogSigner | Signer, size: int) -> bytes:
    """Have the head of the tests' tree signed, with the proof that it needs."""
    last = signer.public().size
    proof = prove_consistency(tree, last, size) if 0 < last < size else []
    note = signer.sign(size, tree(0, size), proof)
    return note if isinstance(note, bytes) else note.encode()


@contextmanager
def served(signer: LogSigner, socket: Path) -> Iterator[Signer]:
    """Answer for a signer on a socket; gives the client."""
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(signer, socket, stop), kwargs={"alone": True})
    thread.start()
    client = Signer(socket)
    try:
        await_answer(client)
        yield client
    finally:
        stop.set()
        thread.join(20)


def await_answer(client: Signer, patience_s: float = 30) -> None:
    ends = time.monotonic() + patience_s
    while True:
        try:
            client.public()
            return
        except SignerUnavailable:
            if time.monotonic() > ends:
                raise
            time.sleep(0.02)
