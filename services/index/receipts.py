"""Find the entry that a recording came in by: what a receipt promises a place in the log."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from services.custody.entry import read_entry
from services.custody.tables import entry, pending


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted entry: its leaf hash, and the time that it says."""

    leaf_hash: bytes
    at: datetime

    @property
    def at_ms(self) -> int:
        """The time in milliseconds since 1970, as receipts have it."""
        return round(self.at.timestamp() * 1000)


def accepted(session: Session, recording: str) -> Accepted | None:
    """Give the entry that a recording began with, sequenced or not; None: it has none."""
    first = union_all(
        *(select(t.c.entry, t.c.leaf_hash).where(t.c.obj == recording, t.c.n == 0) for t in (entry, pending))
    )
    row = session.execute(first).first()
    if row is None:
        return None
    found = read_entry(bytes(row.entry))
    return Accepted(bytes(row.leaf_hash), found.at) if found.type == "rec.ingest" else None
