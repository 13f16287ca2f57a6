"""
Declare the catalogue's tables: footage, what it belongs to, and what was made from it.

Units, officers and devices that an upload names stand as the text it gave, so that an unknown one is
taken in and shown; `unit_id` is set once the unit is known.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db import Base, Id, Instant, Json
from services.index import upkeep as _upkeep  # noqa: F401  (its tables belong to every archive)


class Device(Base):
    """A camera, a room's recorder, a vehicle or a dock, by the number that footage names it."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(String(128), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), nullable=True)
    name: Mapped[str | None] = mapped_column(String(200), nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)


class Roster(Base):
    """Who carried a device from when to when; an open end means until further notice."""

    __tablename__ = "rosters"
    __table_args__ = (Index("ix_rosters_device_from", "device_number", "starts_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    device_number: Mapped[str] = mapped_column(String(128))
    officer: Mapped[str] = mapped_column(String(64))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)


class Recording(Base):
    """What a camera made: exactly one original file, and what is known about it."""

    __tablename__ = "recordings"
    __table_args__ = (
        Index("ix_recordings_started", "started_at", "id"),
        Index("ix_recordings_unit_started", "unit_id", "started_at", "id"),
        Index("ix_recordings_officer_started", "officer", "started_at", "id"),
        Index("ix_recordings_device_started", "device", "started_at", "id"),
        Index("ix_recordings_kind_started", "kind", "started_at", "id"),
        Index("ix_recordings_state_started", "state", "started_at", "id"),
        Index("ix_recordings_sha256", "sha256"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_id: Mapped[str] = mapped_column(ForeignKey("objects.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), nullable=True)
    officer: Mapped[str | None] = mapped_column(String(64), nullable=True)
    device: Mapped[str | None] = mapped_column(String(128), nullable=True)
    dock: Mapped[str | None] = mapped_column(String(128), nullable=True)
    filename: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    started_source: Mapped[str] = mapped_column(String(16))
    started_given: Mapped[str | None] = mapped_column(Text, nullable=True)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    clock_offset: Mapped[float | None] = mapped_column(Float, nullable=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    duration: Mapped[str | None] = mapped_column(String(64), nullable=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    container: Mapped[str | None] = mapped_column(String(32), nullable=True)
    facts: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)
    playable: Mapped[bool] = mapped_column(Boolean, default=False)
    flags: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    flag_kinds: Mapped[str] = mapped_column(String(500), default="")
    given: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    session_number: Mapped[str | None] = mapped_column(String(128), nullable=True, index=True)
    channel: Mapped[str | None] = mapped_column(String(64), nullable=True)
    category: Mapped[str] = mapped_column(String(32), default="UNCATEGORISED")
    grade: Mapped[int] = mapped_column(Integer, default=1)
    note: Mapped[str | None] = mapped_column(Text, nullable=True)
    retain_until: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    retain_rule: Mapped[str] = mapped_column(String(64))
    unlinked_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1)


class Person(Base):
    """A person named on a G4 recording: only they may see it."""

    __tablename__ = "recording_persons"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Object(Base):
    """Bytes in the store, one per digest: where they are, which version is pinned, how they are locked."""

    __tablename__ = "objects"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(Id)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    chunk_log2: Mapped[int] = mapped_column(Integer)
    chunk_root: Mapped[bytes] = mapped_column(LargeBinary(32))
    key: Mapped[str] = mapped_column(String(300))
    version_id: Mapped[str | None] = mapped_column(String(200), nullable=True)
    stored_at: Mapped[datetime] = mapped_column(Instant)
    verified_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    lock_mode: Mapped[str | None] = mapped_column(String(16), nullable=True)
    lock_until: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    hold: Mapped[bool] = mapped_column(Boolean, default=False)


class Arrival(Base):
    """One upload of a recording's bytes: who brought them, from where, when and under which name."""

    __tablename__ = "arrivals"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"), index=True)
    upload_id: Mapped[str] = mapped_column(Id, unique=True)
    gate: Mapped[str] = mapped_column(String(64))
    sender: Mapped[str] = mapped_column(String(100))
    dock: Mapped[str | None] = mapped_column(String(128), nullable=True)
    filename: Mapped[str] = mapped_column(Text)
    claimed_sha256: Mapped[str | None] = mapped_column(String(200), nullable=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    given: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    key: Mapped[str] = mapped_column(String(300))


class Rendition(Base):
    """Something made from an original by a recipe; rebuildable, with its own digest, grade and access."""

    __tablename__ = "renditions"
    __table_args__ = (Index("uq_renditions_recipe", "recording_id", "kind", "recipe_id", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"))
    kind: Mapped[str] = mapped_column(String(32))
    parent_sha256: Mapped[str] = mapped_column(String(64))
    recipe_id: Mapped[str] = mapped_column(String(64))
    recipe: Mapped[dict[str, Any]] = mapped_column(Json)
    key: Mapped[str] = mapped_column(String(300))
    version_id: Mapped[str | None] = mapped_column(String(200), nullable=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    facts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    grade: Mapped[int | None] = mapped_column(Integer, nullable=True)
    access: Mapped[str] = mapped_column(String(32), default="play")
    made_at: Mapped[datetime] = mapped_column(Instant)


class SessionRow(Base):
    """An ordered set of recordings of one device or room: a view, never a file."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str | None] = mapped_column(String(128), unique=True, nullable=True)
    kind: Mapped[str] = mapped_column(String(32))
    device: Mapped[str | None] = mapped_column(String(128), nullable=True, index=True)
    method: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(Instant)


class SessionMember(Base):
    """A recording's place in a session: channel, offset from the session's start, and how sure that is."""

    __tablename__ = "session_members"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"), primary_key=True, index=True)
    channel: Mapped[str | None] = mapped_column(String(64), nullable=True)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    method: Mapped[str] = mapped_column(String(32))
    uncertainty_s: Mapped[float] = mapped_column(Float)


class Incident(Base):
    """An incident (警情) as dispatch tells it, or only its number while dispatch has not."""

    __tablename__ = "incidents"
    __table_args__ = (Index("ix_incidents_window", "window_start", "window_end"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(String(128), unique=True)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), nullable=True)
    unit: Mapped[str | None] = mapped_column(String(64), nullable=True)
    type: Mapped[str | None] = mapped_column(String(100), nullable=True)
    reported_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    dispatched_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    arrived_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    cleared_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    window_start: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    window_end: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    devices: Mapped[list[str]] = mapped_column(Json, default=list)
    place: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)
    known: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)


class IncidentOfficer(Base):
    """An officer sent to an incident."""

    __tablename__ = "incident_officers"

    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    officer: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class Case(Base):
    """A case (案件) as case management tells it, or only its number while it has not."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_accepted", "accepted_at", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(String(128), unique=True)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), nullable=True, index=True)
    unit: Mapped[str | None] = mapped_column(String(64), nullable=True)
    title: Mapped[str | None] = mapped_column(Text, nullable=True)
    kind: Mapped[str | None] = mapped_column(String(100), nullable=True)
    stage: Mapped[str | None] = mapped_column(String(100), nullable=True)
    accepted_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    filed_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    closed_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    known: Mapped[bool] = mapped_column(Boolean, default=True)
    search_text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)


class CaseOfficer(Base):
    """A member of a case's team."""

    __tablename__ = "case_officers"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    officer: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class CaseIncident(Base):
    """That an incident became part of a case."""

    __tablename__ = "case_incidents"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True, index=True)


class Link(Base):
    """That a recording belongs to an incident or a case: why, since when, and until when it did."""

    __tablename__ = "links"
    __table_args__ = (
        Index(
            "uq_links_live",
            "recording_id",
            "target_type",
            "target_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_links_target", "target_type", "target_id", "ended_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"))
    target_type: Mapped[str] = mapped_column(String(16))
    target_id: Mapped[str] = mapped_column(Id)
    number: Mapped[str] = mapped_column(String(128))
    origin: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(String(64))
    score: Mapped[float] = mapped_column(Float)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    actor: Mapped[str | None] = mapped_column(String(100), nullable=True)
    made_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    end_reason: Mapped[str | None] = mapped_column(Text, nullable=True)


class Proposal(Base):
    """A doubtful link, put to a person to confirm or reject."""

    __tablename__ = "proposals"
    __table_args__ = (Index("uq_proposals_target", "recording_id", "target_type", "target_id", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"))
    target_type: Mapped[str] = mapped_column(String(16))
    target_id: Mapped[str] = mapped_column(Id)
    number: Mapped[str] = mapped_column(String(128))
    rule: Mapped[str] = mapped_column(String(64))
    score: Mapped[float] = mapped_column(Float)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    state: Mapped[str] = mapped_column(String(16), default="open", index=True)
    answered_by: Mapped[str | None] = mapped_column(String(100), nullable=True)
    answer_reason: Mapped[str | None] = mapped_column(Text, nullable=True)
    answered_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    made_at: Mapped[datetime] = mapped_column(Instant)


class Upload(Base):
    """An upload on its way in. Plain: what must be proved of it stands in the recording's entries."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_created", "created_at", "id"),
        Index("ix_uploads_changed", "changed_at"),
        Index("ix_uploads_state", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    gate: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text, nullable=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sender_id: Mapped[str] = mapped_column(Id)
    sender: Mapped[str] = mapped_column(String(100))
    unit_id: Mapped[str | None] = mapped_column(Id, nullable=True)
    dock: Mapped[str | None] = mapped_column(String(128), nullable=True)
    filename: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str | None] = mapped_column(String(32), nullable=True)
    device: Mapped[str | None] = mapped_column(Text, nullable=True)
    officer: Mapped[str | None] = mapped_column(Text, nullable=True)
    given: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    sha256: Mapped[str | None] = mapped_column(String(64), nullable=True)
    chunk_root: Mapped[bytes | None] = mapped_column(LargeBinary(32), nullable=True)
    object_version: Mapped[str | None] = mapped_column(String(200), nullable=True)
    deposited: Mapped[bool] = mapped_column(Boolean, default=False)
    recording_id: Mapped[str | None] = mapped_column(Id, nullable=True, index=True)
    duplicate: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class Viewing(Base):
    """A look in progress: its start is an entry; what was sent is gathered here until its end is one."""

    __tablename__ = "viewings"
    __table_args__ = (Index("ix_viewings_open", "ended_at", "last_seen"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[str] = mapped_column(Id, index=True)
    account_id: Mapped[str] = mapped_column(Id)
    actor: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(Text, nullable=True)
    purpose: Mapped[str | None] = mapped_column(Text, nullable=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    last_seen: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, nullable=True)
    bytes_sent: Mapped[int] = mapped_column(BigInteger, default=0)
    byte_ranges: Mapped[list[Any]] = mapped_column(Json, default=list)
    time_ranges: Mapped[list[Any]] = mapped_column(Json, default=list)


class Process(Base):
    """The heartbeat of a process of this archive, for `doctor` and `/readyz`."""

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    queues: Mapped[str] = mapped_column(Text, default="")
    started_at: Mapped[datetime] = mapped_column(Instant)
    last_seen: Mapped[datetime] = mapped_column(Instant)
