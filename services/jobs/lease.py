"""Ask for jobs, lease them, renew, answer, and take back what a dead worker held."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from uuid_utils import uuid4, uuid7

from services.db import plain, reading
from services.errors import HuisuError, NotFound, Unavailable
from services.jobs.table import Job, JobRow, JobState, JobView, view
from services.queue import queue_of

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=30)
"""How long a worker may be silent before its job is another's. Renewed every third of it."""

ATTEMPTS: Final = 3
"""Failures before a job is set aside. Source: design 2.2."""

BACK_OFF: Final = (timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=60))
OUTAGE_BACK_OFF: Final = timedelta(seconds=5)
"""Pause after a failure that is nobody's fault (the store is down); it does not count towards setting aside."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A doorbell to ring once the transaction that asked for the job is durable."""

    queue: str
    job: str


def ask(
    session: Session,
    kind: str,
    key: str,
    now: datetime,
    *,
    recipe: str = "",
    args: dict[str, Any] | None = None,
    gate: str | None = None,
    priority: int = 5,
) -> Ring:
    """
    Ask for a job in the caller's transaction; asking for one that exists changes nothing.

    Lower `priority` numbers go first. Gives the bell to ring after the commit.
    """
    upsert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    queue = queue_of(kind, gate)
    row = {
        "id": str(uuid7()),
        "kind": kind,
        "key": key,
        "recipe": recipe,
        "queue": queue,
        "priority": priority,
        "state": JobState.QUEUED,
        "args": args or {},
        "attempts": 0,
        "not_before": now,
        "created_at": now,
    }
    session.execute(upsert(JobRow).values(row).on_conflict_do_nothing(index_elements=["kind", "key", "recipe"]))
    found = session.execute(
        select(JobRow.id).where(JobRow.kind == kind, JobRow.key == key, JobRow.recipe == recipe)
    ).scalar_one()
    return Ring(queue, found)


def _takeable(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(JobRow.state == JobState.QUEUED, JobRow.not_before <= now),
        and_(JobRow.state == JobState.RUNNING, JobRow.lease_until < now),
    )


def claim(
    engine: Engine,
    queues: Sequence[str],
    now: datetime,
    *,
    job_id: str | None = None,
    patience: timedelta = timedelta(0),
) -> Job | None:
    """
    Take the next job of these queues (or the one named), or none; with `patience` only one that waits for so long.

    A lease that ended counts as a failed attempt: a job that kills its worker three times is set
    aside here, before it kills a fourth.
    """
    wanted = [_takeable(now - patience), JobRow.queue.in_(queues)]
    if job_id is not None:
        wanted.append(JobRow.id == job_id)
    with reading(engine) as look:
        if look.execute(select(JobRow.id).where(*wanted).limit(1)).first() is None:
            return None
    with plain(engine) as session:
        query = select(JobRow).where(*wanted).order_by(JobRow.priority, JobRow.not_before, JobRow.id).limit(1)
        row = session.execute(query.with_for_update(skip_locked=True)).scalar_one_or_none()
        if row is None:
            return None
        if row.state == JobState.RUNNING and row.attempts >= ATTEMPTS:
            reason = f"its worker ended {row.attempts} times without an answer"
            _end(row, JobState.SET_ASIDE, now, "worker-lost", reason)
            log.error("job set aside", extra={"job": row.id, "kind": row.kind, "key": row.key, "error": reason})
            return None
        row.state, row.attempts = JobState.RUNNING, row.attempts + 1
        row.lease, row.lease_until, row.progress = str(uuid4()), now + LEASE, None
        return Job(row.id, row.kind, row.key, row.recipe, row.queue, dict(row.args), row.attempts, row.lease)


def renew(engine: Engine, job: Job, now: datetime, progress: float | None = None) -> bool:
    """Keep the lease; False when it is another's by now: stop, nothing done from here on counts."""
    values: dict[str, Any] = {"lease_until": now + LEASE}
    if progress is not None:
        values["progress"] = progress
    return _answer(engine, job, values)


def finish(engine: Engine, job: Job, now: datetime) -> bool:
    """Say that the job is done; False when the lease was lost (the other holder will find it done)."""
    return _answer(
        engine,
        job,
        {"state": JobState.DONE, "lease": None, "lease_until": None, "progress": 1.0, "ended_at": now,
         "error": None, "error_code": None},
    )  # fmt: skip


def fail(engine: Engine, job: Job, now: datetime, error: BaseException) -> JobState:
    """Say why an attempt failed: tried again later, or set aside after the last. RUNNING: another holds it by now."""
    code = error.code if isinstance(error, HuisuError) else "internal"
    outage = isinstance(error, Unavailable)
    aside = not outage and job.attempt >= ATTEMPTS
    pause = OUTAGE_BACK_OFF if outage else BACK_OFF[min(job.attempt, len(BACK_OFF)) - 1]
    state = JobState.SET_ASIDE if aside else JobState.QUEUED
    values: dict[str, Any] = {
        "state": state,
        "lease": None,
        "lease_until": None,
        "not_before": now + pause,
        "error_code": code,
        "error": f"{type(error).__name__}: {error}"[:2000],
        "ended_at": now if aside else None,
        "rung_at": None,
    }
    if outage:
        values["attempts"] = job.attempt - 1
    return state if _answer(engine, job, values) else JobState.RUNNING


def _answer(engine: Engine, job: Job, values: dict[str, Any]) -> bool:
    with plain(engine) as session:
        held = update(JobRow).where(JobRow.id == job.id, JobRow.lease == job.lease, JobRow.state == JobState.RUNNING)
        result = session.execute(held.values(**values).returning(JobRow.id))
        return result.first() is not None


def _end(row: JobRow, state: JobState, now: datetime, code: str, error: str) -> None:
    row.state, row.lease, row.lease_until, row.ended_at = state, None, None, now
    row.error_code, row.error = code, error


def retry(session: Session, job_id: str, now: datetime) -> None:
    """Give a job that was set aside three new attempts; raises `NotFound` when there is none."""
    row = session.get(JobRow, job_id)
    if row is None or row.state not in (JobState.SET_ASIDE, JobState.FAILED):
        raise NotFound(f"no job {job_id} is set aside")
    row.state, row.attempts, row.not_before, row.ended_at, row.rung_at = JobState.QUEUED, 0, now, None, None


def unrung(engine: Engine, now: datetime, patience: timedelta = timedelta(seconds=10)) -> list[Ring]:
    """Give the bells that should ring (again): waiting jobs nobody took for `patience`, and ended leases."""
    with plain(engine) as session:
        silent = or_(JobRow.rung_at.is_(None), JobRow.rung_at < now - patience)
        rows = session.execute(select(JobRow).where(_takeable(now), silent).order_by(JobRow.priority).limit(500))
        rings = []
        for row in rows.scalars():
            row.rung_at = now
            rings.append(Ring(row.queue, row.id))
        return rings


def find(session: Session, job_id: str) -> JobView:
    """Show a job; raises `NotFound`."""
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFound(f"there is no job {job_id}")
    return view(row)


def of_key(session: Session, key: str) -> list[JobView]:
    """Show all jobs about one thing, oldest first."""
    return [view(row) for row in session.execute(select(JobRow).where(JobRow.key == key).order_by(JobRow.id)).scalars()]
