"""Check recoveries: each one ended, and what it says of itself is what its entry says."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.custody.events import SYSTEM
from services.custody.kinds import of_kind
from services.index.fsck.finding import Finding
from services.index.upkeep import Recovery

Step = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Places:
    """Places of the log whose entries came back by a recovery; their values may be lost."""

    ranges: tuple[range, ...]

    def __contains__(self, place: int | None) -> bool:
        """Say whether an entry at this place came back; None: it is not in the log yet."""
        return place is not None and any(place in one for one in self.ranges)


def recovered_places(session: Session) -> Places:
    """Ask where values may be lost."""
    return Places(tuple(range(one.first, one.end) for one in session.scalars(select(Recovery))))


def check_recoveries(session: Session, progress: Step) -> Iterator[Finding]:
    """Compare each recovery with its entry: nothing else excuses values that are not there."""
    rows = session.scalars(select(Recovery).order_by(Recovery.id)).all()
    entered = {line.id: line.values for line in of_kind(session, SYSTEM, "sys.recover")}
    session.rollback()
    for count, row in enumerate(rows, 1):
        thing, told = f"recovery {row.id}", entered.get(row.event_id or "")
        wanted = {"recovery": row.id, "first": row.first, "end": row.end, "displaced": row.displaced}
        if row.event_id is None:
            yield Finding("error", "undone", thing, "one that ended: repeat `huisu recover`", "one that was cut short")
        elif told is None or any(told.get(name) != json.dumps(value) for name, value in wanted.items()):
            yield Finding("error", "changed", thing, "what its entry sys.recover says", str(wanted))
        progress("recoveries", count)
