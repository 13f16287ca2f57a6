"""
Declare the tables of upkeep: what was read again and found equal, what was repaired, what was recovered.

Fixity rows are plain: what must be proved of them stands in the ledger, a root a day and an entry a failure.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.db import Base, Id, Instant


class FixityCheck(Base):
    """One check of one original: of its whole, or of one chunk; the day's root in the ledger is over these rows."""

    __tablename__ = "fixity_checks"
    __table_args__ = (Index("ix_fixity_checks_day", "day", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_id: Mapped[str] = mapped_column(Id, index=True)
    day: Mapped[str] = mapped_column(String(10))
    checked_at: Mapped[datetime] = mapped_column(Instant)
    chunk: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    cycle: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str] = mapped_column(String(16))
    bytes_read: Mapped[int] = mapped_column(BigInteger)


class FixityObject(Base):
    """
    How an original stood when all its bytes were last read; `cycle` counts those reads.

    `failed_at`: since when it fails; None: it does not. A later equal check or a repair ends the failure.
    """

    __tablename__ = "fixity_objects"
    __table_args__ = (
        Index("ix_fixity_objects_checked", "checked_at"),
        Index("ix_fixity_objects_failed", "failed_at"),
    )

    object_id: Mapped[str] = mapped_column(Id, primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(Instant)
    cycle: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str] = mapped_column(String(16))
    found: Mapped[str | None] = mapped_column(Text, nullable=True)
    failed_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)


class FixityDay(Base):
    """A day whose checks are entered in the ledger: their number and the root over them."""

    __tablename__ = "fixity_days"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    checks: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int] = mapped_column(BigInteger)
    bytes_read: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    event_id: Mapped[str] = mapped_column(Id)


class Repair(Base):
    """
    A good copy that one person proposed for a damaged original, and another approved or not.

    `state` is proposed or done. `proposal` is the SHA-256 of what was proposed: who approves, approves that.
    """

    __tablename__ = "repairs"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(Id)
    object_id: Mapped[str] = mapped_column(Id, index=True)
    state: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    chunk_root: Mapped[bytes] = mapped_column(LargeBinary(32))
    former_version: Mapped[str | None] = mapped_column(String(200), nullable=True)
    version_id: Mapped[str | None] = mapped_column(String(200), nullable=True)
    proposer_id: Mapped[str] = mapped_column(Id)
    proposer: Mapped[str] = mapped_column(String(100))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    proposal: Mapped[str] = mapped_column(String(64))
    approver: Mapped[str | None] = mapped_column(String(100), nullable=True)
    approved_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)


class Recovery(Base):
    """
    Entries [first, end) of the log that came back from the store; values of those that have none here are lost.

    Of them `unsigned` stand behind the last signed head. `displaced` were written after the restore, in places that the
    log had given away, and took later ones. `event_id`: the entry `sys.recover`, which repeats all this; None: the
    recovery was cut short and goes on when it is repeated.
    """

    __tablename__ = "recoveries"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    unsigned: Mapped[int] = mapped_column(BigInteger)
    displaced: Mapped[int] = mapped_column(BigInteger)
    begun_at: Mapped[datetime] = mapped_column(Instant)
    event_id: Mapped[str | None] = mapped_column(Id, nullable=True)
