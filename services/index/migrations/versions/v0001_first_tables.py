"""First tables: ledger, jobs, accounts and catalogue."""

import sqlalchemy as sa
from alembic import op

from services.db import Id, Instant, Json
from services.index.migrations.ledger_triggers import POSTGRES_TRIGGERS, SQLITE_TRIGGERS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.create_table(
        "denial_counts",
        sa.Column("minute", Instant(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "address", "kind", name=op.f("pk_denial_counts")),
    )
    op.create_table(
        "entry",
        sa.Column("idx", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("obj", Id, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_entry")),
        sa.UniqueConstraint("event_id", name=op.f("uq_entry_event_id")),
        sa.UniqueConstraint("obj", "n", name=op.f("uq_entry_obj_n")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", Id, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("recipe", sa.String(length=64), nullable=False),
        sa.Column("queue", sa.String(length=96), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("args", Json, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("lease", Id, nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("rung_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("kind", "key", "recipe", name=op.f("uq_jobs_kind_key_recipe")),
    )
    op.create_index("ix_jobs_key", "jobs", ["key", "kind"], unique=False)
    op.create_index("ix_jobs_leases", "jobs", ["state", "lease_until"], unique=False)
    op.create_index("ix_jobs_waiting", "jobs", ["state", "queue", "priority", "not_before", "id"], unique=False)
    op.create_table(
        "login_attempts",
        sa.Column("id", Id, nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
    )
    op.create_index("ix_login_attempts_subject_at", "login_attempts", ["subject", "at"], unique=False)
    op.create_table(
        "object_head",
        sa.Column("obj", Id, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("obj", name=op.f("pk_object_head")),
    )
    op.create_table(
        "objects",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("chunk_log2", sa.Integer(), nullable=False),
        sa.Column("chunk_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("version_id", sa.String(length=200), nullable=True),
        sa.Column("stored_at", Instant(), nullable=False),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.Column("lock_mode", sa.String(length=16), nullable=True),
        sa.Column("lock_until", Instant(), nullable=True),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objects")),
        sa.UniqueConstraint("sha256", name=op.f("uq_objects_sha256")),
    )
    op.create_table(
        "payload",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "name", name=op.f("pk_payload")),
    )
    op.create_table(
        "pending",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False, cache=1),
            nullable=False,
        ),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("obj", Id, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pending_event_id")),
        sa.UniqueConstraint("obj", "n", name=op.f("uq_pending_obj_n")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "previews",
        sa.Column("account_id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "recording_id", "day", name=op.f("pk_previews")),
    )
    op.create_table(
        "processes",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("last_seen", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_processes")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.String(length=128), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=True),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("number", name=op.f("uq_sessions_number")),
    )
    op.create_index(op.f("ix_sessions_device"), "sessions", ["device"], unique=False)
    op.create_table(
        "units",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.Column("case_pattern", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["units.id"], name=op.f("fk_units_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint("number", name=op.f("uq_units_number")),
    )
    op.create_index(op.f("ix_units_path"), "units", ["path"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", Id, nullable=False),
        sa.Column("gate", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", Id, nullable=False),
        sa.Column("sender", sa.String(length=100), nullable=False),
        sa.Column("unit_id", Id, nullable=True),
        sa.Column("dock", sa.String(length=128), nullable=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("officer", sa.Text(), nullable=True),
        sa.Column("given", Json, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("chunk_root", sa.LargeBinary(length=32), nullable=True),
        sa.Column("object_version", sa.String(length=200), nullable=True),
        sa.Column("deposited", sa.Boolean(), nullable=False),
        sa.Column("recording_id", Id, nullable=True),
        sa.Column("duplicate", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_changed", "uploads", ["changed_at"], unique=False)
    op.create_index("ix_uploads_created", "uploads", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_uploads_recording_id"), "uploads", ["recording_id"], unique=False)
    op.create_index("ix_uploads_state", "uploads", ["state", "created_at"], unique=False)
    op.create_table(
        "viewings",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("last_seen", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("byte_ranges", Json, nullable=False),
        sa.Column("time_ranges", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_viewings")),
    )
    op.create_index("ix_viewings_open", "viewings", ["ended_at", "last_seen"], unique=False)
    op.create_index(op.f("ix_viewings_recording_id"), "viewings", ["recording_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("unit_id", Id, nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(length=100), nullable=True),
        sa.Column("stage", sa.String(length=100), nullable=True),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.Column("filed_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_cases_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
    )
    op.create_index("ix_cases_accepted", "cases", ["accepted_at", "id"], unique=False)
    op.create_index(op.f("ix_cases_unit_id"), "cases", ["unit_id"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("unit_id", Id, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_devices_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("number", name=op.f("uq_devices_number")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("unit_id", Id, nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("type", sa.String(length=100), nullable=True),
        sa.Column("reported_at", Instant(), nullable=True),
        sa.Column("dispatched_at", Instant(), nullable=True),
        sa.Column("arrived_at", Instant(), nullable=True),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.Column("window_start", Instant(), nullable=True),
        sa.Column("window_end", Instant(), nullable=True),
        sa.Column("devices", Json, nullable=False),
        sa.Column("place", Json, nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_incidents_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("number", name=op.f("uq_incidents_number")),
    )
    op.create_index("ix_incidents_window", "incidents", ["window_start", "window_end"], unique=False)
    op.create_table(
        "recordings",
        sa.Column("id", Id, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("unit_id", Id, nullable=True),
        sa.Column("officer", sa.String(length=64), nullable=True),
        sa.Column("device", sa.String(length=128), nullable=True),
        sa.Column("dock", sa.String(length=128), nullable=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("started_source", sa.String(length=16), nullable=False),
        sa.Column("started_given", sa.Text(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("clock_offset", sa.Float(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("duration", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("container", sa.String(length=32), nullable=True),
        sa.Column("facts", Json, nullable=True),
        sa.Column("playable", sa.Boolean(), nullable=False),
        sa.Column("flags", Json, nullable=False),
        sa.Column("flag_kinds", sa.String(length=500), nullable=False),
        sa.Column("given", Json, nullable=False),
        sa.Column("session_number", sa.String(length=128), nullable=True),
        sa.Column("channel", sa.String(length=64), nullable=True),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("retain_until", Instant(), nullable=True),
        sa.Column("retain_rule", sa.String(length=64), nullable=False),
        sa.Column("unlinked_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["objects.id"], name=op.f("fk_recordings_object_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_recordings_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index("ix_recordings_device_started", "recordings", ["device", "started_at", "id"], unique=False)
    op.create_index("ix_recordings_kind_started", "recordings", ["kind", "started_at", "id"], unique=False)
    op.create_index(op.f("ix_recordings_object_id"), "recordings", ["object_id"], unique=False)
    op.create_index("ix_recordings_officer_started", "recordings", ["officer", "started_at", "id"], unique=False)
    op.create_index(op.f("ix_recordings_session_number"), "recordings", ["session_number"], unique=False)
    op.create_index("ix_recordings_sha256", "recordings", ["sha256"], unique=False)
    op.create_index("ix_recordings_started", "recordings", ["started_at", "id"], unique=False)
    op.create_index("ix_recordings_state_started", "recordings", ["state", "started_at", "id"], unique=False)
    op.create_index("ix_recordings_unit_started", "recordings", ["unit_id", "started_at", "id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("unit_id", Id, nullable=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_tokens_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
    )
    op.create_index(op.f("ix_tokens_name"), "tokens", ["name"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("unit_id", Id, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_users_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sa.UniqueConstraint("number", name=op.f("uq_users_number")),
    )
    op.create_index(op.f("ix_users_unit_id"), "users", ["unit_id"], unique=False)
    op.create_table(
        "arrivals",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("upload_id", Id, nullable=False),
        sa.Column("gate", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=100), nullable=False),
        sa.Column("dock", sa.String(length=128), nullable=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("claimed_sha256", sa.String(length=200), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("given", Json, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_arrivals_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrivals")),
        sa.UniqueConstraint("upload_id", name=op.f("uq_arrivals_upload_id")),
    )
    op.create_index(op.f("ix_arrivals_recording_id"), "arrivals", ["recording_id"], unique=False)
    op.create_table(
        "case_incidents",
        sa.Column("case_id", Id, nullable=False),
        sa.Column("incident_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_incidents_case_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_case_incidents_incident_id")),
        sa.PrimaryKeyConstraint("case_id", "incident_id", name=op.f("pk_case_incidents")),
    )
    op.create_index(op.f("ix_case_incidents_incident_id"), "case_incidents", ["incident_id"], unique=False)
    op.create_table(
        "case_officers",
        sa.Column("case_id", Id, nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_officers_case_id")),
        sa.PrimaryKeyConstraint("case_id", "officer", name=op.f("pk_case_officers")),
    )
    op.create_index(op.f("ix_case_officers_officer"), "case_officers", ["officer"], unique=False)
    op.create_table(
        "incident_officers",
        sa.Column("incident_id", Id, nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_incident_officers_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "officer", name=op.f("pk_incident_officers")),
    )
    op.create_index(op.f("ix_incident_officers_officer"), "incident_officers", ["officer"], unique=False)
    op.create_table(
        "links",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("target_type", sa.String(length=16), nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", Json, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_links_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index("ix_links_target", "links", ["target_type", "target_id", "ended_at"], unique=False)
    op.create_index(
        "uq_links_live",
        "links",
        ["recording_id", "target_type", "target_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "login_links",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_links_user_id")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_login_links")),
    )
    op.create_table(
        "login_sessions",
        sa.Column("id", Id, nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_seen", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_login_sessions_secret_hash")),
    )
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("target_type", sa.String(length=16), nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", Json, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answered_by", sa.String(length=100), nullable=True),
        sa.Column("answer_reason", sa.Text(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_proposals_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index(op.f("ix_proposals_state"), "proposals", ["state"], unique=False)
    op.create_index("uq_proposals_target", "proposals", ["recording_id", "target_type", "target_id"], unique=True)
    op.create_table(
        "recording_persons",
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_recording_persons_recording_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recording_persons_user_id")),
        sa.PrimaryKeyConstraint("recording_id", "user_id", name=op.f("pk_recording_persons")),
    )
    op.create_table(
        "renditions",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("parent_sha256", sa.String(length=64), nullable=False),
        sa.Column("recipe_id", sa.String(length=64), nullable=False),
        sa.Column("recipe", Json, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("version_id", sa.String(length=200), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("access", sa.String(length=32), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_renditions_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renditions")),
    )
    op.create_index("uq_renditions_recipe", "renditions", ["recording_id", "kind", "recipe_id"], unique=True)
    op.create_table(
        "rosters",
        sa.Column("id", Id, nullable=False),
        sa.Column("device_id", Id, nullable=False),
        sa.Column("device_number", sa.String(length=128), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_rosters_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rosters")),
    )
    op.create_index("ix_rosters_device_from", "rosters", ["device_number", "starts_at"], unique=False)
    op.create_table(
        "session_members",
        sa.Column("session_id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=True),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("uncertainty_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_session_members_recording_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_session_members_session_id")),
        sa.PrimaryKeyConstraint("session_id", "recording_id", name=op.f("pk_session_members")),
    )
    op.create_index(op.f("ix_session_members_recording_id"), "session_members", ["recording_id"], unique=False)
    if dialect == "postgresql":
        op.execute("CREATE TABLE recording_search (recording_id UUID PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX ix_recording_search_words ON recording_search USING gin (words)")
        for trigger in POSTGRES_TRIGGERS:
            op.execute(trigger)
    else:
        op.execute("CREATE VIRTUAL TABLE recording_search USING fts5(recording_id UNINDEXED, words)")
        for trigger in SQLITE_TRIGGERS:
            op.execute(trigger)
