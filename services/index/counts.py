"""Count what operators watch: uploads and jobs by state, waiting work, living processes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.index.models import Process, Upload
from services.jobs.table import JobRow, JobState

SILENT: Final = timedelta(minutes=1)
"""A process that has not shown itself for this long counts as gone; it does every ten seconds."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A process of the archive: what kind, and whether it lives."""

    name: str
    kind: str
    last_seen: datetime
    is_alive: bool


def tally_uploads(session: Session) -> dict[str, tuple[int, int]]:
    """Give number and bytes of uploads by state."""
    rows = session.execute(select(Upload.state, func.count(), func.sum(Upload.size_bytes)).group_by(Upload.state))
    return {state: (count, int(size)) for state, count, size in rows}


def tally_jobs(session: Session) -> dict[tuple[str, str], int]:
    """Give the number of jobs by kind and state."""
    rows = session.execute(select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state))
    return {(kind, state): count for kind, state, count in rows}


def oldest_waiting(session: Session) -> datetime | None:
    """Give since when the oldest waiting job could have been begun; None when none waits."""
    return session.scalar(select(func.min(JobRow.not_before)).where(JobRow.state == JobState.QUEUED))


def heartbeats(session: Session, now: datetime) -> list[Heartbeat]:
    """Give the processes that have shown themselves, by name."""
    rows = session.scalars(select(Process).order_by(Process.name))
    return [Heartbeat(row.name, row.kind, row.last_seen, now - row.last_seen < SILENT) for row in rows]
