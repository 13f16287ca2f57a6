"""`proof`: a cold proof that an entry is in a log of a million."""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services.bench.logs import make_log
from services.bench.measure import Result, rounds_of, take_turns
from services.custody.proof import check_inclusion
from services.custody.proving import prove_entry, prove_growth
from services.custody.tables import entry
from services.db import reading

SIZE: Final = 1_000_003
"""Not a round one: its right edge is ragged on every level."""

ASKED: Final = 40
ROUNDS: Final = 7


def measure(folder: Path, scale: float) -> Result:
    """Take turns: each proof and each read on a connection that has read nothing yet, for random places."""
    size, asked = max(300, int(SIZE * scale)), max(2, int(ASKED * scale))
    engine = make_log(f"sqlite:///{folder / 'archive.db'}", size)
    chance = random.Random(size)  # noqa: S311  (places to ask for)

    def subject(_: int) -> float:
        return statistics.median(_prove(engine, chance.randrange(size), size) for _ in range(asked))

    def floor(_: int) -> float:
        return statistics.median(_read(engine, chance.randrange(size)) for _ in range(asked))

    for warm_up in (subject, floor):
        warm_up(0)
    ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    grown = statistics.median(_grow(engine, chance.randrange(1, size), size) for _ in range(asked))
    engine.dispose()
    return Result(
        what=f"a proof that an entry is in a log of {size:,}, on a connection that has read nothing; each is checked",
        against="reading the entry's hash on such a connection",
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
            "consistency_ms": grown,
        },
    )


def _prove(engine: Engine, index: int, size: int) -> float:
    with _cold(engine) as (session, began):
        proof = prove_entry(session, index, size)
        took = (time.monotonic() - began) * 1000
    check_inclusion(proof.leaf_hash, index, size, proof.path, proof.root)
    return took


def _grow(engine: Engine, old: int, size: int) -> float:
    with _cold(engine) as (session, began):
        prove_growth(session, old, size)
        return (time.monotonic() - began) * 1000


def _read(engine: Engine, index: int) -> float:
    with _cold(engine) as (session, began):
        session.scalars(select(entry.c.leaf_hash).where(entry.c.idx == index)).one()
        return (time.monotonic() - began) * 1000


@contextmanager
def _cold(engine: Engine) -> Iterator[tuple[Session, float]]:
    """Give a session whose connection stands and has read nothing, and the time from which it counts."""
    engine.dispose()
    with engine.connect():
        pass
    with reading(engine) as session:
        yield session, time.monotonic()
