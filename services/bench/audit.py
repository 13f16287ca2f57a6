"""`audit`: the whole log of a million entries checked anew, tree, heads and chains."""

import hashlib
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select

from services.bench.logs import OwnSigner, make_log, sign_some
from services.bench.measure import Result, rounds_of, spent_here, take_turns
from services.custody.audit import audit
from services.custody.tables import entry
from services.db import reading
from services.errors import IntegrityError

SIZE: Final = 1_000_000
HEADS: Final = 500
ROUNDS: Final = 3


def measure(folder: Path, scale: float) -> Result:
    """Take turns on one database; both find it in the page cache as far as it fits."""
    size = max(300, int(SIZE * scale))
    engine = make_log(f"sqlite:///{folder / 'archive.db'}", size)
    signer = OwnSigner(folder / "signer")
    sign_some(engine, signer, size, max(1, int(HEADS * scale)))

    walls: list[float] = []

    def subject(_: int) -> float:
        spent = spent_here(lambda: _audit(engine, signer))
        walls.append(spent.wall_s)
        return spent.cpu_s

    def floor(_: int) -> float:
        return spent_here(lambda: _hash_all(engine)).cpu_s

    ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    engine.dispose()
    return Result(
        what=f"audit of {size:,} entries: places, hashes, tiles, {max(1, int(HEADS * scale))} signed heads, chains",
        against="reading every entry once and hashing it",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=30.0,
        aim=10.0,
        judged="median",
        more={"wall_s": walls, "entries": size, "database_bytes": (folder / "archive.db").stat().st_size},
    )


def _audit(engine: Engine, signer: OwnSigner) -> None:
    with reading(engine) as session:
        for flaw in audit(session, signer.keys):
            raise IntegrityError(f"{flaw.thing}: expected {flaw.expected}, found {flaw.found}")


def _hash_all(engine: Engine) -> None:
    with reading(engine) as session:
        query = select(entry.c.entry).order_by(entry.c.idx)
        for text in session.scalars(query, execution_options={"yield_per": 1000}):
            hashlib.sha256(text)
