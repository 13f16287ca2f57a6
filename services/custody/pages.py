"""Give the ledger's entries in log order, page by page, without their payload: open to every account."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.custody.entry import Entry, read_entry
from services.custody.tables import entry, pending
from services.db import hold_snapshot
from services.errors import Invalid


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry in its exact bytes; `index` is its place in the log, None while it waits for one."""

    index: int | None
    text: bytes
    leaf_hash: bytes
    entry: Entry


def log_page(session: Session, after: str | None, limit: int) -> tuple[list[LogLine], str | None]:
    """
    Give entries behind the one with the id `after` (None: from the first), and the id to go on from.

    The log comes first, what waits behind it: a row that moves from one to the other between two pages
    is neither skipped nor repeated, for it keeps its place. Only what waits may still get others before it, where
    PostgreSQL commits a lower id later: who must have every entry goes by the places in the log.

    Raises:
        Invalid: there is no such entry.
    """
    hold_snapshot(session)
    placed, waiting = _places(session, after)
    lines = [] if placed is None else _from_log(session, placed, limit + 1)
    if len(lines) <= limit:
        lines += _from_pending(session, waiting, limit + 1 - len(lines))
    return lines[:limit], lines[limit - 1].entry.id if len(lines) > limit else None


def _places(session: Session, after: str | None) -> tuple[int | None, int]:
    """Find where to go on: in the log (None: behind it), and among what waits."""
    if after is None:
        return -1, -1
    placed = session.scalar(select(entry.c.idx).where(entry.c.event_id == after))
    if placed is not None:
        return placed, -1
    waiting = session.scalar(select(pending.c.id).where(pending.c.event_id == after))
    if waiting is None:
        raise Invalid(f"there is no entry {after}")
    return None, waiting


def _from_log(session: Session, placed: int, limit: int) -> list[LogLine]:
    query = select(entry.c.idx, entry.c.entry, entry.c.leaf_hash).where(entry.c.idx > placed)
    rows = session.execute(query.order_by(entry.c.idx).limit(limit))
    return [LogLine(index, text, leaf, read_entry(text)) for index, text, leaf in rows]


def _from_pending(session: Session, waiting: int, limit: int) -> list[LogLine]:
    not_moved = ~select(entry.c.idx).where(entry.c.event_id == pending.c.event_id).exists()
    query = select(pending.c.entry, pending.c.leaf_hash).where(pending.c.id > waiting, not_moved)
    return [
        LogLine(None, text, leaf, read_entry(text))
        for text, leaf in session.execute(query.order_by(pending.c.id).limit(limit))
    ]
