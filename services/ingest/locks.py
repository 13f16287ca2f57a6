"""
Keep the store's locks in step with retention: rolled forward every week, never shortened (design 2.7, rule 28).

Originals are locked up to their retention, at most 90 days ahead, so that a lawful disposal stays
possible; COMPLIANCE, which nobody lifts, once they are evidence of a case or an interview.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from services.bootstrap import Archive
from services.index.models import Link, Object, Recording
from services.storage.store import Lock, LockMode

log = logging.getLogger(__name__)

AHEAD: Final = timedelta(days=90)
SLACK: Final = timedelta(days=7)
"""A lock that reaches this close to its aim is left for the next week."""

BATCH: Final = 200


def roll_locks(archive: Archive) -> int:
    """Extend every lock that is due; gives how many were changed."""
    changed = 0
    for object_id in _due(archive):
        changed += _roll(archive, object_id)
    return changed


def _due(archive: Archive) -> Iterator[str]:
    last = ""
    while True:
        with archive.reading() as session:
            query = select(Object.id).order_by(Object.id).limit(BATCH)
            query = query.where(or_(Object.lock_until.is_(None), Object.lock_until < archive.clock() + AHEAD - SLACK))
            found = list(session.execute(query.where(Object.id > last) if last else query).scalars())
        yield from found
        if len(found) < BATCH:
            return
        last = found[-1]


def _roll(archive: Archive, object_id: str) -> bool:
    now = archive.clock()
    with archive.reading() as session:
        obj = session.get_one(Object, object_id)
        ends = session.execute(select(Recording.retain_until).where(Recording.object_id == obj.id)).scalars().all()
        mode, until = aim(ends, evidence=_is_evidence(session, obj.id), now=now)
        held = Lock(LockMode(obj.lock_mode) if obj.lock_mode else None, obj.lock_until, obj.hold)
        key, version = obj.key, obj.version_id
    if held.covers(mode, until):
        return False
    lock = archive.store.lock(key, version, mode=mode, until=until)
    note_lock(archive, object_id, lock)
    return True


def _is_evidence(session: Session, object_id: str) -> bool:
    linked = exists().where(Link.recording_id == Recording.id, Link.target_type == "case", Link.ended_at.is_(None))
    query = select(Recording.id).where(Recording.object_id == object_id, or_(Recording.kind == "interview", linked))
    return session.execute(query.limit(1)).first() is not None


def aim(ends: Sequence[datetime | None], *, evidence: bool, now: datetime) -> tuple[LockMode, datetime]:
    """Give the mode and date that an object's recordings ask for; `ends` are their retentions, None: no end."""
    known = [end for end in ends if end is not None]
    latest = min(max(known), now + AHEAD) if known and len(known) == len(ends) else now + AHEAD
    return (LockMode.COMPLIANCE if evidence else LockMode.GOVERNANCE), max(latest, now + timedelta(days=1))


def note_lock(archive: Archive, object_id: str, lock: Lock) -> None:
    """Keep in the catalogue, with its entry, what the store says about a lock."""
    with archive.work() as work:
        obj = work.session.get_one(Object, object_id)
        obj.lock_mode, obj.lock_until, obj.hold = (lock.mode.value if lock.mode else None), lock.until, lock.hold
        work.append(
            "rec.lock", obj.recording_id, version_id=obj.version_id, mode=obj.lock_mode,
            until=lock.until.isoformat() if lock.until else None, hold=lock.hold,
        )  # fmt: skip
