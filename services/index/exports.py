"""Declare the tables of export packages: what was asked for, what was made of it, the files that came out."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.db import Base, Id, Instant

PROPOSED, QUEUED, ENTERED = "proposed", "queued", "entered"
MADE, FAILED, REFUSED = "made", "failed", "refused"
ENDED = frozenset({MADE, FAILED, REFUSED})


class Export(Base):
    """
    One export: who gives what to whom and why, and how far it is.

    `proposed` waits for a second person; `queued` for its items to be made; `entered` for the log, the signer and the
    witnesses; `made`, `failed` and `refused` are ends. `head_size` and `witnessed` are of the head in the packages.
    """

    __tablename__ = "exports"
    __table_args__ = (Index("ix_exports_state", "state", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    case_number: Mapped[str | None] = mapped_column(String(128), nullable=True)
    recipient: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    copies: Mapped[int] = mapped_column(Integer)
    disclosure: Mapped[str] = mapped_column(String(16))
    requester_id: Mapped[str] = mapped_column(Id)
    requester: Mapped[str] = mapped_column(String(100))
    answered_by: Mapped[str | None] = mapped_column(String(100), nullable=True)
    answer_reason: Mapped[str | None] = mapped_column(Text, nullable=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    head_size: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    witnessed: Mapped[str | None] = mapped_column(String(16), nullable=True)
    problem_code: Mapped[str | None] = mapped_column(String(64), nullable=True)
    problem: Mapped[str | None] = mapped_column(Text, nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1)


class ExportItem(Base):
    """
    One file of an export: `asked_*` as fractions of seconds, the rest once it was made and entered.

    `event_id` names its `rec.export`; `proof` says whether the package holds a proof of it; `note` what is not copied.
    """

    __tablename__ = "export_items"

    export_id: Mapped[str] = mapped_column(ForeignKey("exports.id"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    asked_start: Mapped[str | None] = mapped_column(String(64), nullable=True)
    asked_end: Mapped[str | None] = mapped_column(String(64), nullable=True)
    file: Mapped[str | None] = mapped_column(String(64), nullable=True)
    made: Mapped[str | None] = mapped_column(String(16), nullable=True)
    made_start: Mapped[str | None] = mapped_column(String(32), nullable=True)
    made_end: Mapped[str | None] = mapped_column(String(32), nullable=True)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    sha256: Mapped[str | None] = mapped_column(String(64), nullable=True)
    chunk_root: Mapped[bytes | None] = mapped_column(LargeBinary(32), nullable=True)
    proof_sha256: Mapped[str | None] = mapped_column(String(64), nullable=True)
    proven: Mapped[str | None] = mapped_column(Text, nullable=True)
    event_id: Mapped[str | None] = mapped_column(Id, nullable=True, unique=True)
    receipt: Mapped[str | None] = mapped_column(Text, nullable=True)


class ExportPackage(Base):
    """One copy of a package, as it lies in the store."""

    __tablename__ = "export_packages"

    export_id: Mapped[str] = mapped_column(ForeignKey("exports.id"), primary_key=True)
    copy_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(300))
    version_id: Mapped[str | None] = mapped_column(String(200), nullable=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(Instant)
