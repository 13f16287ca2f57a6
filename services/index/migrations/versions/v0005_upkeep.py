"""Upkeep: fixity checks, repairs, recoveries, and what a recovery takes out of the queue before the log."""

import sqlalchemy as sa
from alembic import op

from services.db import Id, Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQLITE_TRIGGERS = (
    *(
        f"CREATE TRIGGER displaced_no_{action.lower()} BEFORE {action} ON displaced BEGIN "
        "SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for action in ("UPDATE", "DELETE")
    ),
    "DROP TRIGGER pending_delete_moved",
    "CREATE TRIGGER pending_delete_moved BEFORE DELETE ON pending WHEN NOT EXISTS (SELECT 1 FROM entry e WHERE "
    "e.event_id = OLD.event_id AND e.entry = OLD.entry) AND NOT EXISTS (SELECT 1 FROM displaced d WHERE "
    "d.event_id = OLD.event_id AND d.entry = OLD.entry) "
    "BEGIN SELECT RAISE(ABORT, 'a pending entry leaves only into the log, or is kept as displaced'); END",
)

POSTGRES_TRIGGERS = (
    "CREATE TRIGGER displaced_no_change BEFORE UPDATE OR DELETE ON displaced FOR EACH ROW "
    "EXECUTE FUNCTION huisu_refuse()",
    "CREATE TRIGGER displaced_no_truncate BEFORE TRUNCATE ON displaced EXECUTE FUNCTION huisu_refuse_truncate()",
    """
    CREATE OR REPLACE FUNCTION huisu_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM entry e WHERE e.event_id = OLD.event_id AND e.entry = OLD.entry)
           AND NOT EXISTS (SELECT 1 FROM displaced d WHERE d.event_id = OLD.event_id AND d.entry = OLD.entry) THEN
            RAISE EXCEPTION 'a pending entry leaves only into the log, or is kept as displaced';
        END IF;
        RETURN OLD;
    END $$
    """,
)


def upgrade() -> None:
    _fixity()
    op.create_table(
        "repairs",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("chunk_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("former_version", sa.String(length=200), nullable=True),
        sa.Column("version_id", sa.String(length=200), nullable=True),
        sa.Column("proposer_id", Id, nullable=False),
        sa.Column("proposer", sa.String(length=100), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("proposal", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=100), nullable=True),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repairs")),
    )
    op.create_index(op.f("ix_repairs_object_id"), "repairs", ["object_id"])
    op.create_table(
        "recoveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("unsigned", sa.BigInteger(), nullable=False),
        sa.Column("displaced", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("event_id", Id, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recoveries")),
    )
    op.create_table(
        "displaced",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("obj", Id, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("displaced_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "n", name=op.f("pk_displaced")),
    )
    for trigger in POSTGRES_TRIGGERS if op.get_bind().dialect.name == "postgresql" else SQLITE_TRIGGERS:
        op.execute(trigger)


def _fixity() -> None:
    op.create_table(
        "fixity_checks",
        sa.Column("id", Id, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.Column("chunk", sa.BigInteger(), nullable=True),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fixity_checks")),
    )
    op.create_index("ix_fixity_checks_day", "fixity_checks", ["day", "id"])
    op.create_index(op.f("ix_fixity_checks_object_id"), "fixity_checks", ["object_id"])
    op.create_table(
        "fixity_objects",
        sa.Column("object_id", Id, nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_fixity_objects")),
    )
    op.create_index("ix_fixity_objects_checked", "fixity_objects", ["checked_at"])
    op.create_index("ix_fixity_objects_failed", "fixity_objects", ["failed_at"])
    op.create_table(
        "fixity_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_fixity_days")),
    )
