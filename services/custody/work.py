"""
One transaction: a change and its ledger line, or neither.

`work` watches the statements of its own connection (through `services.db`) and the rows that the
session flushes. Evidence rows change only through the session's flush, and each row must belong to
an object that gets an entry in the same transaction; anything else rolls the whole of it back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, event, inspect
from sqlalchemy.orm import Session

from services.custody.ledger import Line, append_all, new_line
from services.db import EVIDENCE, Watch, busy_is_named, watched_session
from services.errors import UnrecordedChange


@dataclass(slots=True)
class Work:
    """The open transaction: change rows through `session`, say what happened through `append`."""

    session: Session
    at: datetime
    lines: list[Line] = field(default_factory=list)
    changed: set[tuple[str, str]] = field(default_factory=set)
    after: list[Callable[[], None]] = field(default_factory=list)

    def append(self, event_name: str, obj: str, **values: Any) -> str:
        """
        Record an event about an object when the transaction commits; gives the entry's id.

        Values are JSON values. Raises `ValueError` when the vocabulary lacks the event or a field.
        """
        line = new_line(event_name, obj, values)
        self.lines.append(line)
        return line.id

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something that needs no proof (ring a doorbell) once the change is durable."""
        self.after.append(act)


@contextmanager
def work(engine: Engine, at: datetime) -> Iterator[Work]:
    """
    Open a transaction that commits on a clean exit and rolls back on any error.

    Args:
        engine: the archive's database.
        at: the time of every entry in it; the caller's clock, so that tests can hold it.

    Raises:
        UnrecordedChange: evidence changed without an entry of its object. Nothing is kept.
        DatabaseBusy: another writer held the database too long. Nothing is kept; try again.
    """
    watch = Watch("work")
    with busy_is_named(), watched_session(engine, watch, _Followed) as session:
        done = Work(session, at)
        session.info.update(watch=watch, work=done)
        with session.begin():
            yield done
            session.flush()
            _refuse_unrecorded(done)
            if done.lines:
                append_all(session, watch, done.lines, at)
    for act in done.after:
        act()


class _Followed(Session):
    """A session whose flushes are noted: it knows its `Watch` and its `Work`."""


@event.listens_for(_Followed, "before_flush")
def _note(session: Session, _context: Any, _instances: Any) -> None:
    session.info["watch"].flushing = True
    for row in (*session.new, *session.deleted, *(r for r in session.dirty if session.is_modified(r))):
        table = inspect(row).mapper.local_table.name
        if table in EVIDENCE:
            session.info["work"].changed.add((table, str(getattr(row, EVIDENCE[table]))))


@event.listens_for(_Followed, "after_flush")
def _noted(session: Session, _context: Any) -> None:
    session.info["watch"].flushing = False


def _refuse_unrecorded(done: Work) -> None:
    recorded = {line.obj for line in done.lines}
    missing = sorted(f"{table} of {owner}" for table, owner in done.changed if owner not in recorded)
    if missing:
        raise UnrecordedChange(f"changed without a ledger entry of its object: {', '.join(missing)}")
