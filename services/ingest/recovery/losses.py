"""List what did not come back: values of entries, and things that the log speaks of and the database lacks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.accounts.models import Token, Unit, User
from services.custody.entry import Entry, read_entry
from services.custody.events import EVENTS
from services.custody.ledger import NOTHING
from services.custody.tables import entry, payload, pending
from services.index.exports import Export
from services.index.models import Case, Device, Incident, Recording, SessionRow
from services.oversight.models import SpotCheck

PORTION: Final = 500

_TABLES: Final[dict[str, InstrumentedAttribute[str]]] = {
    "recording": Recording.id,
    "incident": Incident.id,
    "case": Case.id,
    "session": SessionRow.id,
    "unit": Unit.id,
    "device": Device.id,
    "account": User.id,
    "token": Token.id,
    "draw": SpotCheck.id,
    "export": Export.id,
}

MADE_AGAIN: Final = frozenset(
    {"rec.lock", "rec.verify", "rec.facts", "rec.essence", "rec.rendition", "rec.rendition.drop", "rec.session"}
    | {"rec.propose", "session.make"}
)
"""What the jobs of a recording do again by themselves."""


@dataclass(frozen=True, slots=True)
class LostThing:
    """Something that the log speaks of and the database lacks; `event` and `at` are of its first entry back."""

    about: str
    obj: str
    event: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Losses:
    """
    What did not come back of the entries [first, end).

    `values` counts entries whose values are lost; `events` says how many of them of each kind are not made again.
    """

    values: int
    events: dict[str, int]
    things: tuple[LostThing, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many things of each kind are lost."""
        return dict(sorted(Counter(one.about for one in self.things).items()))


def list_losses(session: Session, first: int, end: int) -> Losses:
    """Go through the entries that came back."""
    values, events, firsts = 0, Counter[str](), dict[str, Entry]()
    for portion in _portions(session, first, end):
        valued = set(session.scalars(select(payload.c.event_id).where(payload.c.event_id.in_([e.id for e in portion]))))
        for one in portion:
            firsts.setdefault(one.obj, one)
            if one.id not in valued and one.commitment != NOTHING:
                values += 1
                if one.type not in MADE_AGAIN:
                    events[one.type] += 1
    return Losses(values, dict(sorted(events.items())), tuple(_lost_things(session, list(firsts.values()))))


def _portions(session: Session, first: int, end: int) -> Iterator[list[Entry]]:
    for start in range(first, end, PORTION):
        query = select(entry.c.entry).where(entry.c.idx >= start, entry.c.idx < min(end, start + PORTION))
        yield [read_entry(bytes(text)) for text in session.scalars(query.order_by(entry.c.idx))]


def _lost_things(session: Session, firsts: list[Entry]) -> Iterator[LostThing]:
    by_kind: dict[str, list[Entry]] = {}
    for one in firsts:
        known = EVENTS.get(one.type)
        if known is not None and known.about in _TABLES:
            by_kind.setdefault(known.about, []).append(one)
    for about, entries in sorted(by_kind.items()):
        column = _TABLES[about]
        for start in range(0, len(entries), PORTION):
            portion = entries[start : start + PORTION]
            here: set[Any] = set(session.scalars(select(column).where(column.in_([one.obj for one in portion]))))
            for one in portion:
                if one.obj not in here:
                    yield LostThing(about, one.obj, one.type, one.at)


def count_since(session: Session, end: int, event: str) -> int:
    """Count the entries of one kind that stand behind the place `end` or are pending: also those of a run cut short."""
    behind = select(entry.c.entry).where(entry.c.idx >= end)
    return sum(
        read_entry(bytes(text)).type == event
        for query in (behind, select(pending.c.entry))
        for text in session.scalars(query)
    )
