"""
Append entries to the ledger and read an object's history.

`append_all` belongs to `services.custody.work`, which calls it once, last, in the business
transaction: heads are locked in one order (no deadlocks) and for a short time.
"""

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, null, select, union_all, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.custody import atonce
from services.custody.entry import (
    FIRST_PREV,
    SALT_BYTES,
    Entry,
    Field,
    commit_payload,
    entry_bytes,
    leaf_hash,
    make_fields,
    read_entry,
)
from services.custody.events import EVENTS
from services.custody.tables import entry as entry_table
from services.custody.tables import object_head, payload, pending
from services.db import Watch

NOTHING: Final = commit_payload({})
"""What an entry without values commits to."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be recorded: an event about an object, with its payload values."""

    event: str
    obj: str
    values: Mapping[str, Any]
    id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    One entry read back with the values that are not expunged.

    `index` is its place in the log, None while it waits for one. `fields` is what it committed to, in the order of the
    names: name, salt and value in base64 and JSON, or the commitment alone where the value was expunged.
    """

    entry: Entry
    text: bytes
    leaf_hash: bytes
    values: Mapping[str, str]
    expunged: frozenset[str]
    index: int | None = None
    fields: tuple[tuple[str, ...], ...] = ()

    @property
    def is_lost(self) -> bool:
        """Did the entry come back by a recovery, which brings entries and not their values?"""
        return not (self.fields or self.values or self.expunged) and self.entry.commitment != NOTHING


def new_line(event: str, obj: str, values: Mapping[str, Any]) -> Line:
    """
    Check an event against the vocabulary and name it.

    Raises:
        ValueError: the vocabulary has no such event, or the event no such field.
    """
    known = EVENTS.get(event)
    if known is None:
        raise ValueError(f"the vocabulary has no event {event!r}")
    if unknown := values.keys() - known.fields:
        raise ValueError(f"event {event!r} has no field {', '.join(sorted(unknown))}")
    return Line(event, obj, dict(values), str(uuid7()))


def append_all(session: Session, watch: Watch, lines: Sequence[Line], at: datetime) -> None:
    """Write the lines of one transaction: one object's in their order, the objects in id order."""
    entries, fields = [], {}
    for line in sorted(lines, key=lambda one: one.obj):
        made = make_fields(line.values, {name: secrets.token_bytes(SALT_BYTES) for name in line.values})
        commitment = commit_payload({field.name: field.commitment for field in made})
        entries.append(Entry(line.event, line.id, at, line.obj, 0, FIRST_PREV, commitment))
        fields[line.id] = made
    connection = session.connection()
    watch.ledger_open = True
    if connection.dialect.name == "postgresql":
        atonce.append(connection, entries, fields)
    else:
        _append(connection, entries, fields)
    watch.ledger_open = False


def _append(connection: Connection, entries: Sequence[Entry], fields: Mapping[str, Sequence[Field]]) -> None:
    """Let each entry follow the one before it in its chain, and write them all."""
    heads = _lock_heads(connection, sorted({entry.obj for entry in entries}))
    rows = []
    for entry in entries:
        n, prev = heads[entry.obj]
        text = entry_bytes(replace(entry, n=n + 1, prev=prev))
        heads[entry.obj] = n + 1, leaf_hash(text)
        rows.append(
            {"event_id": entry.id, "obj": entry.obj, "n": n + 1, "entry": text, "leaf_hash": heads[entry.obj][1]}
        )
    connection.execute(insert(pending), rows)
    if said := [
        {"event_id": event_id, "name": f.name, "salt": f.salt, "value": f.value, "commitment": f.commitment}
        for event_id, made in fields.items()
        for f in made
    ]:
        connection.execute(insert(payload), said)
    connection.execute(
        update(object_head).where(object_head.c.obj == bindparam("at_obj")),
        [{"at_obj": obj, "n": n, "leaf_hash": last} for obj, (n, last) in heads.items()],
    )


def _lock_heads(connection: Connection, objects: Sequence[str]) -> dict[str, tuple[int, bytes]]:
    """Make missing heads, and give each chain's last number and hash; SQLite has one writer, so all are locked."""
    connection.execute(
        sqlite.insert(object_head).on_conflict_do_nothing(),
        [{"obj": obj, "n": -1, "leaf_hash": FIRST_PREV} for obj in objects],
    )
    rows = connection.execute(select(object_head).where(object_head.c.obj.in_(objects)))
    return {row.obj: (row.n, row.leaf_hash) for row in rows}


def history(session: Session, obj: str) -> Iterator[Recorded]:
    """Give everything that was ever recorded about an object, in order: the log, then what is pending."""
    both = union_all(
        select(
            entry_table.c.event_id, entry_table.c.n, entry_table.c.entry, entry_table.c.leaf_hash, entry_table.c.idx
        ).where(entry_table.c.obj == obj),
        select(pending.c.event_id, pending.c.n, pending.c.entry, pending.c.leaf_hash, null().label("idx")).where(
            pending.c.obj == obj
        ),
    ).subquery()
    rows = session.execute(select(both).order_by(both.c.n)).all()
    found = session.execute(select(payload).where(payload.c.event_id.in_(select(both.c.event_id))))
    values: dict[str, dict[str, str]] = {}
    expunged: dict[str, set[str]] = {}
    fields: dict[str, list[tuple[str, ...]]] = {}
    for field in sorted(found, key=lambda one: one.name.encode()):
        if field.value is None or field.salt is None:
            expunged.setdefault(field.event_id, set()).add(field.name)
            told: tuple[str, ...] = (b64encode(field.commitment).decode(),)
        else:
            values.setdefault(field.event_id, {})[field.name] = field.value
            told = (field.name, b64encode(field.salt).decode(), field.value)
        fields.setdefault(field.event_id, []).append(told)
    for row in rows:
        yield Recorded(
            read_entry(row.entry),
            row.entry,
            row.leaf_hash,
            values.get(row.event_id, {}),
            frozenset(expunged.get(row.event_id, ())),
            row.idx,
            tuple(fields.get(row.event_id, ())),
        )


def check_chain(recorded: Sequence[Recorded]) -> list[str]:
    """Say what is wrong with one object's whole chain; nothing, if each entry follows the one before."""
    wrong, prev = [], FIRST_PREV
    for number, line in enumerate(recorded):
        if line.entry.n != number:
            wrong.append(f"{line.entry.obj}: entry {number} is missing, found {line.entry.n}")
        if line.entry.prev != prev:
            wrong.append(f"{line.entry.obj}: entry {line.entry.n} does not follow the one before it")
        if leaf_hash(line.text) != line.leaf_hash:
            wrong.append(f"{line.entry.obj}: entry {line.entry.n} was altered")
        prev = leaf_hash(line.text)
    return wrong
