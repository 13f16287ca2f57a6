"""
Choose which originals are read again next, keep what was found, and say how far the present round is.

An original counts as read when its bytes were last compared whole: by a fixity check, or on arrival by the read-back.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from services.custody import tree
from services.digest import CHUNK_LOG2, LEAF_PREFIX
from services.index.models import Object, Recording
from services.index.upkeep import FixityCheck, FixityDay, FixityObject

PORTION: Final = 500
SOONER: Final = 0.9
"""A cycle is planned for this part of its days, so that a few nights without a machine break no promise."""

RESULT_PREFIX: Final = b"huisu/fixity/v1\n"
FAILURES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Original:
    """An original as the catalogue knows it, and when its bytes were last compared whole."""

    id: str
    key: str
    version: str | None
    sha256: str
    size_bytes: int
    chunk_root: bytes
    read_at: datetime | None

    @property
    def chunks(self) -> int:
        """How many chunks it has."""
        return -(-self.size_bytes // (1 << CHUNK_LOG2))


@dataclass(frozen=True, slots=True)
class Failure:
    """An original that is not what was taken in: since when, in which way, whose."""

    object_id: str
    recordings: tuple[str, ...]
    since: datetime
    outcome: str
    found: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far the archive's bytes were read again within the cycle's days; `oldest_at` is the oldest reading.

    `late`: originals that were not read for longer than a cycle, or never although they are here for a day.
    """

    days: int
    objects: int
    bytes_total: int
    objects_read: int
    bytes_read: int
    late: int
    oldest_at: datetime | None
    failing: int
    failures: tuple[Failure, ...]
    last_day: str | None


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What one day's checks come to; `root` is over them in the order of their ids."""

    day: str
    checks: int
    failures: int
    bytes_read: int
    root: bytes


def day_of(at: datetime) -> str:
    """Name an instant's day (UTC)."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def _read_at() -> ColumnElement[datetime | None]:
    return func.coalesce(FixityObject.checked_at, Object.verified_at, type_=Object.verified_at.type)


def _here() -> ColumnElement[bool]:
    """Choose originals that ought to be in the store: not those whose every recording was disposed of."""
    return select(Recording.id).where(Recording.object_id == Object.id, Recording.state != "disposed").exists()


def _originals() -> Select[*tuple[Any, ...]]:
    columns = Object.id, Object.key, Object.version_id, Object.sha256, Object.size_bytes, Object.chunk_root, _read_at()
    return select(*columns).outerjoin(FixityObject, FixityObject.object_id == Object.id).where(_here())


def original(session: Session, object_id: str) -> Original | None:
    """Look one original up; None: it is gone from the catalogue."""
    row = session.execute(_originals().where(Object.id == object_id)).one_or_none()
    return None if row is None else Original(*row)


def share(session: Session, now: datetime, days: int) -> list[Original]:
    """
    Give what is still to be read whole today: the longest unread first, as many bytes as a cycle asks of a day.

    What was never read, or not for nearly a cycle, is always among them.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    total = int(session.scalar(select(func.sum(Object.size_bytes))) or 0)
    done = session.scalar(
        select(func.sum(FixityCheck.bytes_read)).where(FixityCheck.day == day_of(now), FixityCheck.chunk.is_(None))
    )
    room = int(total / (days * SOONER)) + 1 - int(done or 0)
    late = now - timedelta(days=max(days - 1, 0))
    read_at = _read_at()
    query = _originals().where(or_(read_at.is_(None), read_at < midnight)).order_by(read_at.asc().nulls_first())
    chosen: list[Original] = []
    with session.execute(query.order_by(Object.id).execution_options(yield_per=PORTION)) as rows:
        for row in rows:
            one = Original(*row)
            if room <= 0 and one.read_at is not None and one.read_at >= late:
                break
            chosen.append(one)
            room -= one.size_bytes
    return chosen


def sampled(session: Session, now: datetime) -> int:
    """Count the chunks that were drawn and read today."""
    query = select(func.count()).where(FixityCheck.day == day_of(now), FixityCheck.chunk.is_not(None))
    return session.scalar(query) or 0


def chunk_count(session: Session) -> int:
    """Count the chunks of all originals."""
    size = 1 << CHUNK_LOG2
    return int(session.scalar(select(func.sum((Object.size_bytes + size - 1) // size)).where(_here())) or 0)


def at_chunks(session: Session, places: Sequence[int]) -> Iterator[tuple[Original, int]]:
    """Give the originals that hold the chunks of these places, counted through all originals in the order of ids."""
    wanted, passed = sorted(places, reverse=True), 0
    with session.execute(_originals().order_by(Object.id).execution_options(yield_per=PORTION)) as rows:
        for row in rows:
            one = Original(*row)
            while wanted and wanted[-1] < passed + one.chunks:
                yield one, wanted.pop() - passed
            passed += one.chunks
            if not wanted:
                return


def open_days(session: Session, now: datetime) -> list[str]:
    """Name the days before today whose checks are not entered yet."""
    entered = select(FixityDay.day).where(FixityDay.day == FixityCheck.day).exists()
    query = select(FixityCheck.day).where(FixityCheck.day < day_of(now), ~entered).distinct()
    return sorted(session.scalars(query))


def total_of(session: Session, day: str) -> DayTotal:
    """Add a day's checks up and give the root over them (RFC 6962, a leaf for each `result_text`)."""
    query = (
        select(FixityCheck, Object.sha256)
        .outerjoin(Object, Object.id == FixityCheck.object_id)
        .where(FixityCheck.day == day)
        .order_by(FixityCheck.id)
    )
    leaves, failures, read = [], 0, 0
    for check, sha256 in session.execute(query.execution_options(yield_per=PORTION)):
        leaves.append(hashlib.sha256(LEAF_PREFIX + result_text(check, sha256)).digest())
        failures += check.outcome != "equal"
        read += check.bytes_read
    return DayTotal(day, len(leaves), failures, read, tree.root(leaves))


def result_text(check: FixityCheck, sha256: str | None) -> bytes:
    """Write one check as it is hashed: object, digest, instant, chunk (or `whole`), outcome."""
    chunk = "whole" if check.chunk is None else str(check.chunk)
    at = check.checked_at.astimezone(UTC).isoformat(timespec="microseconds")
    return RESULT_PREFIX + "\n".join((check.object_id, sha256 or "-", at, chunk, check.outcome)).encode()


def progress(session: Session, now: datetime, days: int) -> Progress:
    """Say how far the reading is."""
    since = now - timedelta(days=days)
    read_at = _read_at()
    within = read_at >= since
    objects, total, oldest = session.execute(
        select(func.count(), func.coalesce(func.sum(Object.size_bytes), 0), func.min(read_at))
        .outerjoin(FixityObject, FixityObject.object_id == Object.id)
        .where(_here())
    ).one()
    part = select(func.count(), func.coalesce(func.sum(Object.size_bytes), 0)).outerjoin(
        FixityObject, FixityObject.object_id == Object.id
    )
    objects_read, bytes_read = session.execute(part.where(_here(), within)).one()
    unread = and_(read_at.is_(None), Object.stored_at < now - timedelta(days=1))
    late, _ = session.execute(part.where(_here(), or_(read_at < since, unread))).one()
    failing = session.scalar(select(func.count()).where(FixityObject.failed_at.is_not(None))) or 0
    return Progress(
        days=days,
        objects=objects,
        bytes_total=int(total),
        objects_read=objects_read,
        bytes_read=int(bytes_read),
        late=late,
        oldest_at=oldest,
        failing=failing,
        failures=tuple(_failures(session)),
        last_day=session.scalar(select(func.max(FixityDay.day))),
    )


def _failures(session: Session) -> Iterator[Failure]:
    query = select(FixityObject).where(FixityObject.failed_at.is_not(None)).order_by(FixityObject.failed_at)
    for row in session.scalars(query.limit(FAILURES_MAX)):
        of_it = select(Recording.id).where(Recording.object_id == row.object_id).order_by(Recording.id)
        if row.failed_at is not None:
            yield Failure(row.object_id, tuple(session.scalars(of_it)), row.failed_at, row.outcome, row.found)
