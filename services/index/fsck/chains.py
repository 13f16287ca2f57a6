"""
Check every chain with what hangs on it: whole, every payload as committed, every recording as it was taken in.

Entries, heads and recordings are read as three streams in the order of their object's id and walked
side by side, so that a chain of any length and any number of chains need the same memory.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Row, column, exists, null, select, table, union_all
from sqlalchemy.orm import Session

from services.custody.audit import Chain
from services.custody.entry import SALT_BYTES, Entry, commit_field, commit_payload, read_entry
from services.custody.tables import entry, object_head, payload, pending
from services.db import EVIDENCE, Id, hold_snapshot
from services.index.fsck.finding import PORTION, Finding, Kind
from services.index.fsck.recovered import Places, recovered_places
from services.index.models import Object, Recording

Step = Callable[[str, int], None]

_BOTH = union_all(
    select(entry.c.obj, entry.c.n, entry.c.event_id, entry.c.entry, entry.c.leaf_hash, entry.c.idx),
    select(pending.c.obj, pending.c.n, pending.c.event_id, pending.c.entry, pending.c.leaf_hash, null().label("idx")),
).subquery()
_STREAM: Final = {"yield_per": PORTION}


@dataclass(slots=True)
class _Chain(Chain):
    """How far one object's chain has been walked, and what it says of a recording."""

    ingested: dict[str, Any] | None = None
    has_head: bool = False
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, kind: Kind, thing: str, expected: object, found: object) -> None:
        """Note a finding about this chain."""
        self.findings.append(Finding("error", kind, f"{thing} of {self.obj}", str(expected), str(found)))


def check_chains(session: Session, progress: Step) -> Iterator[Finding]:
    """Walk every chain, in one snapshot of the database."""
    hold_snapshot(session)
    heads = select(object_head.c.obj, object_head.c.n, object_head.c.leaf_hash).order_by(object_head.c.obj)
    recordings = (
        select(Recording.id, Recording.sha256, Recording.size_bytes, Object.sha256, Object.chunk_root)
        .join(Object, Object.id == Recording.object_id)
        .order_by(Recording.id)
    )
    streams = (
        _entries(session, recovered_places(session)),
        ((row[0], _end_of_chain, row) for row in session.execute(heads, execution_options=_STREAM)),
        ((row[0], _recording, row) for row in session.execute(recordings, execution_options=_STREAM)),
    )
    for count, (obj, items) in enumerate(groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)), 1):
        chain = _Chain(obj)
        for _, look, row in items:
            look(chain, row)
            yield from chain.findings
            chain.findings.clear()
        if not chain.has_head:
            chain.wrong("chain", "head", f"entry {chain.next_n - 1}", "none")
            yield from chain.findings
        progress("chains", count)
    yield from _stray_payload(session)
    session.rollback()


Look = Callable[[_Chain, Any], None]


def _entries(session: Session, lost: Places) -> Iterator[tuple[str, Look, Any]]:
    rows = session.execute(select(_BOTH).order_by(_BOTH.c.obj, _BOTH.c.n), execution_options=_STREAM)
    for portion in rows.partitions(PORTION):
        ids = [row.event_id for row in portion]
        fields: dict[str, list[Row[*tuple[Any, ...]]]] = {}
        for line in session.execute(select(payload).where(payload.c.event_id.in_(ids))):
            fields.setdefault(line.event_id, []).append(line)
        for row in portion:
            # What came back by a recovery may lack its values: only what commits to them was published.
            known = fields.get(row.event_id, None if row.idx in lost else [])
            yield row.obj, _entry, (row, known)


def _entry(chain: _Chain, both: tuple[Any, Sequence[Any] | None]) -> None:
    row, fields = both
    text, name = bytes(row.entry), f"entry {row.n}"
    for flaw in chain.follow(row.event_id, row.n, text, bytes(row.leaf_hash)):
        chain.wrong("chain", flaw.thing, flaw.expected, flaw.found)
    try:
        said = read_entry(text)
    except (ValueError, KeyError, TypeError):
        return  # the chain has said so
    if fields is not None:
        _payload(chain, name, said, fields)
    if said.type in {"rec.ingest", "rec.rebuild"} and not chain.ingested:
        chain.ingested = {line.name: line.value for line in fields or ()}


def _payload(chain: _Chain, name: str, said: Entry, fields: Sequence[Any]) -> None:
    for line in fields:
        if line.value is None and line.salt is None:
            continue  # expunged; the commitment stands for it
        if not _is_committed(line):
            chain.wrong("changed", f"field {line.name} of {name}", "its committed value", f"{str(line.value)[:80]!r}")
    if commit_payload({line.name: bytes(line.commitment) for line in fields}) != said.commitment:
        names = " ".join(sorted(line.name for line in fields)) or "none"
        chain.wrong("changed", f"payload of {name}", "the fields it commits to", f"other or missing ones among {names}")


def _is_committed(line: Any) -> bool:
    if line.value is None or line.salt is None or len(line.salt) != SALT_BYTES:
        return False
    return commit_field(line.name, line.value, bytes(line.salt)) == bytes(line.commitment)


def _end_of_chain(chain: _Chain, head: Any) -> None:
    chain.has_head = True
    if (head.n, bytes(head.leaf_hash)) != (chain.next_n - 1, chain.prev):
        found = f"{chain.next_n - 1} {chain.prev.hex()}"
        chain.wrong("chain", "last entry", f"{head.n} {bytes(head.leaf_hash).hex()}", found)


def _recording(chain: _Chain, row: Any) -> None:
    _, sha256, size, object_sha256, chunk_root = row
    name = "recording"
    if chain.ingested is None:
        chain.wrong("missing", name, "an entry rec.ingest", "none")
        return
    kept = {"sha256": sha256, "size": size, "chunk_root": bytes(chunk_root).hex()}
    for field_name, value in kept.items():
        said = chain.ingested.get(field_name)
        if said is not None and _read(said) != value:
            chain.wrong("changed", f"{field_name} of {name}", f"{_read(said)} as taken in", value)
    if object_sha256 != sha256:
        chain.wrong("changed", f"object of {name}", f"SHA-256 {sha256}", object_sha256)


def _read(value: str) -> object:
    """Read a committed value; one that was altered need not be JSON any more."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _stray_payload(session: Session) -> Iterator[Finding]:
    known = (exists().where(one.c.event_id == payload.c.event_id) for one in (entry, pending))
    query = select(payload.c.event_id).where(*(~one for one in known)).distinct()
    for event_id in session.scalars(query, execution_options=_STREAM):
        yield Finding("error", "chain", f"payload of {event_id}", "the entry that commits to it", "none")


def check_owners(session: Session, progress: Step) -> Iterator[Finding]:
    """Find evidence rows whose object has no chain at all: nobody recorded that they came to be."""
    for count, (name, owner) in enumerate(EVIDENCE.items(), 1):
        rows = table(name, column(owner, Id))  # by name: models of higher floors are not known here
        unrecorded = ~exists().where(object_head.c.obj == rows.c[owner])
        for obj in session.scalars(select(rows.c[owner]).where(unrecorded).distinct(), execution_options=_STREAM):
            yield Finding("error", "chain", f"row of {name} {obj}", "a chain of its object", "none")
        session.rollback()
        progress("owners", count)
