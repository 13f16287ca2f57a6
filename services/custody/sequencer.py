"""
Move what is pending into the log, in id order, and fill the log's tiles: one transaction, all of it or nothing.

The head of an object's chain is locked until its entry's transaction has committed, and ids are drawn after that lock:
so the order of ids is the order of every chain, and a batch of all committed rows up to its last id never takes an
entry before the one that it follows. There is one sequencer: a lock holds others back, and each transaction takes its
own besides, so that even two could only take turns.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.custody.entry import leaf_hash, read_entry
from services.custody.logtree import hashes_at, log_size
from services.custody.tables import entry, pending, tile
from services.custody.tiles import HEIGHT, WIDTH
from services.custody.tree import root
from services.db import Watch, busy_is_named, lock_name, reading, watched_session
from services.errors import DatabaseBusy, IntegrityError

BATCH: Final = 1000
"""Most entries of one transaction: enough to keep pace with any writers, few enough to hold none of them up."""

_TURN: Final = "huisu/sequencer/turn"
_LEADER: Final = "huisu/sequencer/leader"

Waiting = Sequence[Row[*tuple[Any, ...]]]


def integrate(engine: Engine, most: int = BATCH) -> int:
    """
    Move up to `most` pending entries into the log; gives how many were moved.

    Raises:
        IntegrityError: a pending entry's bytes are not those that its leaf hash names; nothing was moved.
        DatabaseBusy: the database did not take the transaction; nothing was moved.
    """
    if not is_waiting(engine):
        return 0
    watch = Watch("plain", ledger_open=True)
    with busy_is_named(), watched_session(engine, watch, eager=True) as session, session.begin():
        sequencing_turn(session)
        size = log_size(session)
        rows = _take(session, most)
        if rows:
            _enter(session, size, rows)
            fill_tiles(session, size, size + len(rows))
            _clear(session, rows)
    return len(rows)


def is_waiting(engine: Engine) -> bool:
    """Say whether anything is pending; asks without holding up any writer."""
    with reading(engine) as session:
        return session.execute(select(pending.c.id).limit(1)).first() is not None


def waiting_since(session: Session) -> datetime | None:
    """Tell the time of the oldest entry that is not in the log yet; None: all are."""
    text = session.scalar(select(pending.c.entry).order_by(pending.c.id).limit(1))
    return None if text is None else read_entry(bytes(text)).at


def sequencing_turn(session: Session) -> None:
    """Let nobody else enter anything into the log until this transaction ends."""
    lock_name(session, _TURN)


def _take(session: Session, most: int) -> Waiting:
    rows = session.execute(select(pending).order_by(pending.c.id).limit(most)).all()
    for row in rows:
        found = leaf_hash(bytes(row.entry))
        if found != bytes(row.leaf_hash):
            said = bytes(row.leaf_hash).hex()
            raise IntegrityError(f"pending entry {row.event_id} has leaf hash {found.hex()}, not {said} as recorded")
    return rows


def _enter(session: Session, size: int, rows: Waiting) -> None:
    """Give the rows that were read and checked their places; they are copied where they lie, by their ids."""
    place = func.row_number().over(order_by=pending.c.id) + (size - 1)
    copied = (pending.c.event_id, pending.c.obj, pending.c.n, pending.c.entry, pending.c.leaf_hash)
    chosen = select(place, *copied).where(pending.c.id.in_([row.id for row in rows]))
    session.execute(insert(entry).from_select(["idx", *(column.name for column in copied)], chosen))


def fill_tiles(session: Session, old: int, new: int) -> None:
    """Write the tiles that became whole, lowest level first: each level is made of the one below."""
    level, step = 0, WIDTH
    while new >= step:
        made = []
        for number in range(old // step, new // step):
            hashes = hashes_at(session, level, number * WIDTH, WIDTH)
            made.append({"level": level, "n": number, "root": root(hashes), "hashes": b"".join(hashes)})
        if made:
            session.execute(insert(tile), made)
        level, step = level + 1, step << HEIGHT


def _clear(session: Session, rows: Waiting) -> None:
    session.execute(delete(pending).where(pending.c.id.in_([row.id for row in rows])))


class Leadership:
    """
    The right to sequence: held by one process of an archive, and let go by the system when that process ends.

    PostgreSQL: an advisory lock of a connection of its own. SQLite: a lock on a file beside the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._file: int | None = None

    def is_mine(self) -> bool:
        """Take the lead, or see that it is still held; False: another process has it."""
        return self._ask_server() if self._engine.dialect.name == "postgresql" else self._lock_file()

    def release(self) -> None:
        """Let another process lead; harmless when repeated."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()  # the lock lives as long as its connection: never back into the pool
            connection.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _ask_server(self) -> bool:
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return True
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            taken = self._connection.execute(
                text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": _LEADER}
            ).scalar_one()
        except DBAPIError as error:
            self.release()
            raise DatabaseBusy(f"the database did not say who sequences: {error.orig}") from error
        if not taken:
            self.release()
        return bool(taken)

    def _lock_file(self) -> bool:
        if self._file is not None:
            return True
        handle = os.open(f"{self._engine.url.database}-sequencer", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._file = handle
        return True


@contextmanager
def leading(engine: Engine) -> Iterator[Leadership]:
    """Give the means to lead, and let the lead go at the end."""
    lead = Leadership(engine)
    try:
        yield lead
    finally:
        lead.release()
