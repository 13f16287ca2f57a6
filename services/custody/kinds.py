"""
Find the entries of one kind in an object's chain, without reading the chain.

The archive's own chain grows with every minute in which strangers are refused something; what is sought in it is rare.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.orm import Session

from services.custody.tables import entry, payload, pending


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the kind: its id, its number in the chain, and its values as JSON texts, but for expunged ones."""

    id: str
    n: int
    values: Mapping[str, str]


def of_kind(session: Session, obj: str, event: str, most: int = 1000) -> list[Told]:
    """Give an object's entries of this kind, in the log and behind it, the newest first and at most so many."""
    begins = f'{{"v":1,"t":"{event}",'.encode("ascii")
    found: dict[str, int] = {}
    for table in (pending, entry):  # in this order: what moves into the log between the two is seen twice, not never
        first = func.substr(table.c.entry, 1, len(begins), type_=LargeBinary)
        query = select(table.c.event_id, table.c.n).where(table.c.obj == obj, first == begins)
        rows = session.execute(query.order_by(table.c.n.desc()).limit(most))
        found |= {row.event_id: row.n for row in rows}
    newest = sorted(found, key=found.__getitem__, reverse=True)[:most]
    values: dict[str, dict[str, str]] = {}
    told = session.execute(select(payload).where(payload.c.event_id.in_(newest), payload.c.value.is_not(None)))
    for field in told:
        values.setdefault(field.event_id, {})[field.name] = field.value
    return [Told(one, found[one], values.get(one, {})) for one in newest]
