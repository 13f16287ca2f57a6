"""Declare the jobs table and the values read from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.db import Base, Id, Instant, Json


class JobState(StrEnum):
    """Where a job stands. `failed` jobs will not be tried again by themselves, like those set aside."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SET_ASIDE = "set_aside"


class JobRow(Base):
    """One thing to do. Plain: nothing here must be proved."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "key", "recipe"),
        Index("ix_jobs_waiting", "state", "queue", "priority", "not_before", "id"),
        Index("ix_jobs_leases", "state", "lease_until"),
        Index("ix_jobs_key", "key", "kind"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(128))
    recipe: Mapped[str] = mapped_column(String(64), default="")
    queue: Mapped[str] = mapped_column(String(96))
    priority: Mapped[int] = mapped_column(Integer, default=5)
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED)
    args: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    not_before: Mapped[datetime] = mapped_column(Instant)
    lease: Mapped[str | None] = mapped_column(Id, nullable=True)
    lease_until: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    progress: Mapped[float | None] = mapped_column(Float, nullable=True)
    error_code: Mapped[str | None] = mapped_column(String(64), nullable=True)
    error: Mapped[str | None] = mapped_column(Text, nullable=True)
    rung_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its worker holds it: what to do, and the lease that proves it is theirs."""

    id: str
    kind: str
    key: str
    recipe: str
    queue: str
    args: dict[str, Any]
    attempt: int
    lease: str


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as people see it."""

    id: str
    kind: str
    key: str
    state: JobState
    progress: float | None
    attempts: int
    error_code: str | None
    error: str | None


def view(row: JobRow) -> JobView:
    """Show a row as people see it."""
    return JobView(
        row.id, row.kind, row.key, JobState(row.state), row.progress, row.attempts, row.error_code, row.error
    )
