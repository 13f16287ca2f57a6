"""Export packages: exports, their items, the files that came out."""

import sqlalchemy as sa
from alembic import op

from services.db import Id, Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", Id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("case_number", sa.String(length=128), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("disclosure", sa.String(length=16), nullable=False),
        sa.Column("requester_id", Id, nullable=False),
        sa.Column("requester", sa.String(length=100), nullable=False),
        sa.Column("answered_by", sa.String(length=100), nullable=True),
        sa.Column("answer_reason", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("head_size", sa.BigInteger(), nullable=True),
        sa.Column("witnessed", sa.String(length=16), nullable=True),
        sa.Column("problem_code", sa.String(length=64), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index("ix_exports_state", "exports", ["state", "id"])
    op.create_table(
        "export_items",
        sa.Column("export_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asked_start", sa.String(length=64), nullable=True),
        sa.Column("asked_end", sa.String(length=64), nullable=True),
        sa.Column("file", sa.String(length=64), nullable=True),
        sa.Column("made", sa.String(length=16), nullable=True),
        sa.Column("made_start", sa.String(length=32), nullable=True),
        sa.Column("made_end", sa.String(length=32), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("chunk_root", sa.LargeBinary(length=32), nullable=True),
        sa.Column("proof_sha256", sa.String(length=64), nullable=True),
        sa.Column("proven", sa.Text(), nullable=True),
        sa.Column("event_id", Id, nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name=op.f("fk_export_items_export_id")),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_export_items_recording_id")),
        sa.PrimaryKeyConstraint("export_id", "n", name=op.f("pk_export_items")),
        sa.UniqueConstraint("event_id", name=op.f("uq_export_items_event_id")),
    )
    op.create_index(op.f("ix_export_items_recording_id"), "export_items", ["recording_id"])
    op.create_table(
        "export_packages",
        sa.Column("export_id", Id, nullable=False),
        sa.Column("copy_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("version_id", sa.String(length=200), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name=op.f("fk_export_packages_export_id")),
        sa.PrimaryKeyConstraint("export_id", "copy_number", name=op.f("pk_export_packages")),
    )
