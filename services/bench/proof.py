"""`proof`: a cold proof that an entry is in a log of a million."""

import random
import statistics
import time
from pathlib import Path
from typing import Final

from sqlalchemy import select

from services.bench.logs import make_log
from services.bench.measure import Result, rounds_of, take_turns
from services.custody.proof import check_inclusion
from services.custody.proving import prove_entry, prove_growth
from services.custody.tables import entry
from services.db import open_engine, reading

SIZE: Final = 1_000_003
"""Not a round one: its right edge is ragged on every level."""

ASKED: Final = 40
ROUNDS: Final = 7


def measure(folder: Path, scale: float) -> Result:
    """Take turns: each proof and each read on a connection that has read nothing yet, for random places."""
    size, asked = max(300, int(SIZE * scale)), max(2, int(ASKED * scale))
    url = f"sqlite:///{folder / 'archive.db'}"
    make_log(url, size).dispose()
    chance = random.Random(size)  # noqa: S311  (places to ask for)

    def subject(_: int) -> float:
        return statistics.median(_prove(url, chance.randrange(size), size) for _ in range(asked))

    def floor(_: int) -> float:
        return statistics.median(_read(url, chance.randrange(size)) for _ in range(asked))

    ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    return Result(
        what=f"a proof that an entry is in a log of {size:,}, from a database that was just opened; each is checked",
        against="reading the entry's hash from a database that was just opened",
        unit="ms",
        subject=ours,
        floor=theirs,
        must=20.0,
        aim=6.0,
        judged="median",
        more={
            "entries": size,
            "asked": asked,
            "database_bytes": (folder / "archive.db").stat().st_size,
            "consistency_ms": statistics.median(_grow(url, chance.randrange(1, size), size) for _ in range(asked)),
        },
    )


def _prove(url: str, index: int, size: int) -> float:
    engine = open_engine(url)
    with engine.connect():
        pass  # the connection stands; its pages are not read yet
    began = time.monotonic()
    with reading(engine) as session:
        proof = prove_entry(session, index, size)
    took = (time.monotonic() - began) * 1000
    engine.dispose()
    check_inclusion(proof.leaf_hash, index, size, proof.path, proof.root)
    return took


def _grow(url: str, old: int, size: int) -> float:
    engine = open_engine(url)
    with engine.connect():
        pass
    began = time.monotonic()
    with reading(engine) as session:
        prove_growth(session, old, size)
    took = (time.monotonic() - began) * 1000
    engine.dispose()
    return took


def _read(url: str, index: int) -> float:
    engine = open_engine(url)
    with engine.connect():
        pass
    began = time.monotonic()
    with reading(engine) as session:
        session.scalars(select(entry.c.leaf_hash).where(entry.c.idx == index)).one()
    took = (time.monotonic() - began) * 1000
    engine.dispose()
    return took
