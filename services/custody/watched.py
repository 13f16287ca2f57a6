"""Say how the log is watched: what each witness of the policy signed last, and whether enough did lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.custody.heads import newest_head
from services.custody.policy import Policy, Witness
from services.custody.tables import cosig

SILENCE: Final = timedelta(hours=24)
"""After this long without an outside signature people are warned. Source: knowledge integrity 2.4."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness signed last: when by its clock, and how many entries."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Watched:
    """How the log is watched: the policy's witnesses with what each signed last, and whether enough did lately."""

    witnesses: Mapping[str, Seen | None]
    is_watched: bool
    last_at: datetime | None
    missing: tuple[str, ...]


def watched(session: Session, policy: Policy, now: datetime) -> Watched:
    """
    Say whether enough witnesses signed within the last 24 hours, or what is newest; without a quorum nobody watches.

    A log that did not grow needs no new signature: what was signed is all there is.
    """
    head = newest_head(session)
    found = {one.name: _last_of(session, one) for one in policy.witnesses}
    fresh = {
        name
        for name, seen in found.items()
        if seen and (now - seen.at < SILENCE or (head is not None and seen.size == head.size))
    }
    verdict = policy.judge(fresh)
    times = [seen.at for seen in found.values() if seen]
    is_watched = policy.quorum is not None and verdict.is_met and bool(fresh)
    return Watched(found, is_watched, max(times, default=None), verdict.missing)


def seen_by(session: Session, witness: Witness) -> int:
    """Tell how many entries a witness has signed, as far as its kept lines say."""
    found = _last_of(session, witness)
    return found.size if found else 0


def _last_of(session: Session, witness: Witness) -> Seen | None:
    query = select(func.max(cosig.c.size)).where(cosig.c.witness == witness.key.name)
    size = session.scalar(query)
    if size is None:
        return None
    at = session.scalar(select(cosig.c.ts).where(cosig.c.size == size, cosig.c.witness == witness.key.name))
    return None if at is None else Seen(at, int(size))
