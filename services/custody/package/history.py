"""
Gather from the ledger what a package proves by: whole histories, and the heads that they lie under.

Reads only; give it a session that holds one moment, so that histories, proofs and heads agree.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.custody.entry import read_entry
from services.custody.events import EVENTS
from services.custody.heads import SignedHead, cosigned_note, head_at_least, head_of
from services.custody.ledger import NOTHING
from services.custody.logtree import log_tree
from services.custody.package.texts import b64, canonical
from services.custody.proof import prove_consistency, prove_inclusion
from services.custody.tables import checkpoint, cosig, entry, payload
from services.errors import IntegrityError, NotReady

Disclosure = Literal["minimal", "audit"]

EXPORT: Final = "rec.export"
ARRIVALS: Final = frozenset({"rec.ingest", "rec.rebuild"})
HIDDEN: Final = "actor"
"""Of this export's own entries only who pressed the button stays hidden, unless the export is for an audit."""

MOST_HEADS: Final = 256
"""Heads that a verifier reads of one package. Source: docs/formats/package.md."""

FILE_BYTES: Final = 16 << 20
"""Of one file of a history: some 10,000 entries, a quarter of what a verifier reads of a file."""

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry's place in the log, in its object's chain, and its leaf hash."""

    index: int
    n: int
    leaf_hash: bytes


def places_of(session: Session, events: Sequence[str]) -> dict[str, Placed]:
    """Give the places of entries by their ids; those that only wait are left out."""
    found: dict[str, Placed] = {}
    for at in range(0, len(events), _BATCH):
        query = select(entry.c.event_id, entry.c.idx, entry.c.n, entry.c.leaf_hash)
        rows = session.execute(query.where(entry.c.event_id.in_(events[at : at + _BATCH])))
        found |= {row.event_id: Placed(row.idx, row.n, bytes(row.leaf_hash)) for row in rows}
    return found


def history_files(
    session: Session,
    recording: str,
    last: int,
    size: int,
    own: Collection[str],
    disclosure: Disclosure,
    *,
    most_bytes: int = FILE_BYTES,
) -> Iterator[bytes]:
    """
    Write a recording's chain up to its entry number `last`, each proven under the head of `size` entries.

    What comes out are the contents of its files in their order, each of some `most_bytes`: a recording that many have
    looked at has a longer chain than a verifier reads at once. `own` are the ids of this export's entries. What was
    expunged stays a commitment, whatever is disclosed. Of an entry that a recovery brought back nothing is there but
    its text: its fields are null.

    Raises:
        IntegrityError: the chain has a gap, or an entry lies behind that head.
    """
    tree = cache(log_tree(session, size))
    told: list[dict[str, Any]] = []
    room = most_bytes
    for low in range(0, last + 1, _BATCH):
        high = min(low + _BATCH, last + 1)
        query = select(entry).where(entry.c.obj == recording, entry.c.n >= low, entry.c.n < high).order_by(entry.c.n)
        rows = session.execute(query).all()
        if [row.n for row in rows] != list(range(low, high)) or any(row.idx >= size for row in rows):
            raise IntegrityError(f"the chain of {recording} is not whole up to entry {last} in a log of {size} entries")
        fields = _fields(session, [row.event_id for row in rows])
        for row in rows:
            one = _told(row, fields.get(row.event_id, []), disclosure, is_own=row.event_id in own)
            one["path"] = [b64(part) for part in prove_inclusion(tree, row.idx, size)]
            told.append(one)
            room -= len(canonical(one))
            if room <= 0 and row.n < last:
                yield canonical({"recording": recording, "size": size, "entries": told})
                told, room = [], most_bytes
    yield canonical({"recording": recording, "size": size, "entries": told})


def _told(row: Any, fields: Sequence[Any], disclosure: Disclosure, *, is_own: bool) -> dict[str, Any]:
    text = bytes(row.entry)
    shown = [_field(one, shown=_is_shown(text, one.name, disclosure, is_own=is_own)) for one in fields]
    return {"index": row.idx, "entry": text.decode("ascii"), "fields": None if _is_lost(text, fields) else shown}


def _fields(session: Session, events: Sequence[str]) -> dict[str, list[Any]]:
    """Read the payloads of entries, each in the order of its names' bytes."""
    found: dict[str, list[Any]] = {}
    for at in range(0, len(events), _BATCH):
        rows = session.execute(select(payload).where(payload.c.event_id.in_(events[at : at + _BATCH])))
        for row in rows:
            found.setdefault(row.event_id, []).append(row)
    return {event: sorted(rows, key=lambda row: row.name.encode()) for event, rows in found.items()}


def _is_lost(text: bytes, fields: Sequence[Any]) -> bool:
    return not fields and read_entry(text).commitment != NOTHING


def count_lost(history: bytes) -> int:
    """Count the entries in a file of a written history whose values are lost."""
    return sum(one["fields"] is None for one in json.loads(history)["entries"])


def _is_shown(text: bytes, name: str, disclosure: Disclosure, *, is_own: bool) -> bool:
    if disclosure == "audit":
        return True
    if is_own:
        return name != HIDDEN
    event = EVENTS.get(read_entry(text).type)
    return event is not None and name in event.disclosed


def _field(row: Any, *, shown: bool) -> list[str]:
    if not shown or row.value is None or row.salt is None:
        return [b64(bytes(row.commitment))]
    return [row.name, b64(bytes(row.salt)), row.value]


def first_index(session: Session, recording: str) -> int:
    """
    Give the place of the entry that says what was taken in: the first, or the rebuild behind it if its values are lost.

    Raises:
        NotReady: it only waits for one.
    """
    has_values = entry.c.event_id.in_(select(payload.c.event_id))
    query = select(entry.c.idx, entry.c.entry).where(entry.c.obj == recording, has_values).order_by(entry.c.n)
    for row in session.execute(query):
        if read_entry(bytes(row.entry)).type in ARRIVALS:
            return int(row.idx)
    raise NotReady(f"no entry that says what was taken in as {recording} is in the log yet")


def earlier_heads(
    session: Session,
    firsts: Collection[int],
    head: SignedHead,
    stamped: Collection[int] = (),
    *,
    most: int = MOST_HEADS,
) -> list[SignedHead]:
    """
    Choose heads that hold these entries already: of each the earliest, the earliest that a witness signed, the earliest
    that as many signed as signed `head`, and the earliest of the `stamped` sizes, which an authority of time has dated;
    and `head`, under which all lie.

    Where these are more than `most`, those that nobody outside has dated are left out.
    """
    dated, bare = {head.size: head}, {}
    number = session.scalar(select(func.count()).select_from(cosig).where(cosig.c.size == head.size)) or 0
    for index in firsts:
        stamp = min((size for size in stamped if index < size <= head.size), default=None)
        for size in (_seen(session, index, head.size, 1), _seen(session, index, head.size, max(number, 1)), stamp):
            if size is not None and (found := head_of(session, size)) is not None:
                dated[size] = found
        first = head_at_least(session, index + 1)
        if first is not None and first.size <= head.size:
            bare[first.size] = first
    chosen = {**bare, **dated} if len(bare.keys() | dated.keys()) <= most else dated
    return [chosen[size] for size in sorted(chosen)]


def _seen(session: Session, index: int, most: int, witnesses: int) -> int | None:
    """Give the size of the earliest head that holds an entry and that so many witnesses signed."""
    query = (
        select(cosig.c.size)
        .join(checkpoint, checkpoint.c.size == cosig.c.size)
        .where(cosig.c.size > index, cosig.c.size <= most)
        .group_by(cosig.c.size)
        .having(func.count() >= witnesses)
        .order_by(cosig.c.size)
        .limit(1)
    )
    return session.scalar(query)


def consistency_json(session: Session, heads: Sequence[SignedHead], size: int) -> bytes:
    """Write the proofs that each of these heads is a beginning of the head of `size` entries."""
    tree = cache(log_tree(session, size))
    told = [
        {
            "note": cosigned_note(session, one),
            "path": [b64(path) for path in prove_consistency(tree, one.size, size)] if one.size < size else [],
        }
        for one in heads
    ]
    return canonical({"size": size, "heads": told})


def receipts_json(receipts: Sequence[str]) -> bytes:
    """Write the receipts of an export's entries, in the order of its items; each is base64 already."""
    return canonical({"receipts": list(receipts)})
