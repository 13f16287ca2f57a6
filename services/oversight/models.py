"""Declare the tables of spot checks: what was defined and drawn, the frozen tickets, and what became of each item."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.db import Base, Id, Instant, Json


class SpotCheck(Base):
    """
    One definition and the draw that it led to; also one that was given up stays.

    `definition` repeats the entry `draw.define`, whose id is `define_event`. `state` is FROZEN, SEEDED, DRAWN or
    FAILED; how far its items are is read from them.
    """

    __tablename__ = "spot_checks"
    __table_args__ = (
        Index("ix_spot_checks_programme", "programme_key", "starts_at"),
        Index("ix_spot_checks_unit", "unit_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    programme: Mapped[str] = mapped_column(String(100))
    programme_key: Mapped[str] = mapped_column(String(400))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    definition: Mapped[dict[str, Any]] = mapped_column(Json)
    define_event: Mapped[str] = mapped_column(Id, unique=True)
    definer_id: Mapped[str] = mapped_column(Id)
    definer: Mapped[str] = mapped_column(String(100))
    defined_at: Mapped[datetime] = mapped_column(Instant)
    reveal_until: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(16))
    head_size: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    vrf_proof: Mapped[str | None] = mapped_column(String(160), nullable=True)
    inputs: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    drawn_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    result_event: Mapped[str | None] = mapped_column(Id, nullable=True)
    failure: Mapped[str | None] = mapped_column(Text, nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1)


class SpotPopulation(Base):
    """The frozen tickets of a spot check, leaf behind leaf, as `tickets` writes them."""

    __tablename__ = "spot_populations"

    spot_check_id: Mapped[str] = mapped_column(ForeignKey("spot_checks.id"), primary_key=True)
    leaves: Mapped[bytes] = mapped_column(LargeBinary)


class SpotItem(Base):
    """
    One drawn ticket: of the sample, or in reserve until it takes the place of a skipped one of its stratum.

    `subject_id` is an incident or a recording. `state` is RESERVE, DRAWN, ASSIGNED, IN_REVIEW, SUBMITTED, CONFIRMED
    or SKIPPED.
    """

    __tablename__ = "spot_items"
    __table_args__ = (Index("ix_spot_items_reviewer", "reviewer_id", "state"),)

    spot_check_id: Mapped[str] = mapped_column(ForeignKey("spot_checks.id"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    stratum: Mapped[int] = mapped_column(Integer)
    in_reserve: Mapped[bool] = mapped_column(Boolean)
    kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[str] = mapped_column(Id, index=True)
    segment: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    replaces: Mapped[int | None] = mapped_column(Integer, nullable=True)
    reviewer_id: Mapped[str | None] = mapped_column(Id, nullable=True)
    reviewer: Mapped[str | None] = mapped_column(String(100), nullable=True)
    assigned_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    due_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    skip: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)
    review: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)
    confirmer: Mapped[str | None] = mapped_column(String(100), nullable=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
