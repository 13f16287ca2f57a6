"""Spot checks: definitions, frozen tickets, drawn items. Triggers keep what was frozen as it is."""

import sqlalchemy as sa
from alembic import op

from services.db import Id, Instant, Json

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQLITE_TRIGGERS = (
    *(
        f"CREATE TRIGGER spot_populations_no_{action.lower()} BEFORE {action} ON spot_populations BEGIN "
        "SELECT RAISE(ABORT, 'a frozen population never changes'); END"
        for action in ("UPDATE", "DELETE")
    ),
    "CREATE TRIGGER spot_checks_no_delete BEFORE DELETE ON spot_checks BEGIN "
    "SELECT RAISE(ABORT, 'a spot check stays'); END",
    "CREATE TRIGGER spot_checks_frozen BEFORE UPDATE ON spot_checks WHEN NEW.definition <> OLD.definition "
    "OR NEW.define_event <> OLD.define_event OR NEW.id <> OLD.id BEGIN SELECT RAISE(ABORT, 'a definition is frozen'); "
    "END",
    "CREATE TRIGGER spot_items_no_delete BEFORE DELETE ON spot_items BEGIN "
    "SELECT RAISE(ABORT, 'a drawn item stays'); END",
)

POSTGRES_TRIGGERS = (
    """
    CREATE FUNCTION huisu_spot_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'what was frozen or drawn stays as it is'; END $$
    """,
    "CREATE TRIGGER spot_populations_no_change BEFORE UPDATE OR DELETE ON spot_populations FOR EACH ROW "
    "EXECUTE FUNCTION huisu_spot_refuse()",
    "CREATE TRIGGER spot_checks_no_delete BEFORE DELETE ON spot_checks FOR EACH ROW "
    "EXECUTE FUNCTION huisu_spot_refuse()",
    "CREATE TRIGGER spot_checks_frozen BEFORE UPDATE ON spot_checks FOR EACH ROW WHEN "
    "(NEW.definition <> OLD.definition OR NEW.define_event <> OLD.define_event OR NEW.id <> OLD.id) "
    "EXECUTE FUNCTION huisu_spot_refuse()",
    "CREATE TRIGGER spot_items_no_delete BEFORE DELETE ON spot_items FOR EACH ROW EXECUTE FUNCTION huisu_spot_refuse()",
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION huisu_spot_refuse()"
        for table in ("spot_populations", "spot_checks", "spot_items")
    ),
)


def upgrade() -> None:
    op.create_table(
        "spot_checks",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("programme", sa.String(length=100), nullable=False),
        sa.Column("programme_key", sa.String(length=400), nullable=False),
        sa.Column("unit_id", Id, nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("definition", Json, nullable=False),
        sa.Column("define_event", Id, nullable=False),
        sa.Column("definer_id", Id, nullable=False),
        sa.Column("definer", sa.String(length=100), nullable=False),
        sa.Column("defined_at", Instant(), nullable=False),
        sa.Column("reveal_until", Instant(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("head_size", sa.BigInteger(), nullable=True),
        sa.Column("vrf_proof", sa.String(length=160), nullable=True),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("drawn_at", Instant(), nullable=True),
        sa.Column("result_event", Id, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_spot_checks_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_checks")),
        sa.UniqueConstraint("define_event", name=op.f("uq_spot_checks_define_event")),
    )
    op.create_index("ix_spot_checks_programme", "spot_checks", ["programme_key", "starts_at"])
    op.create_index("ix_spot_checks_unit", "spot_checks", ["unit_id", "id"])
    op.create_table(
        "spot_populations",
        sa.Column("spot_check_id", Id, nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["spot_check_id"], ["spot_checks.id"], name=op.f("fk_spot_populations_spot_check_id")),
        sa.PrimaryKeyConstraint("spot_check_id", name=op.f("pk_spot_populations")),
    )
    op.create_table(
        "spot_items",
        sa.Column("spot_check_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stratum", sa.Integer(), nullable=False),
        sa.Column("in_reserve", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", Id, nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.Column("reviewer_id", Id, nullable=True),
        sa.Column("reviewer", sa.String(length=100), nullable=True),
        sa.Column("assigned_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("skip", Json, nullable=True),
        sa.Column("review", Json, nullable=True),
        sa.Column("confirmer", sa.String(length=100), nullable=True),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["spot_check_id"], ["spot_checks.id"], name=op.f("fk_spot_items_spot_check_id")),
        sa.PrimaryKeyConstraint("spot_check_id", "n", name=op.f("pk_spot_items")),
    )
    op.create_index("ix_spot_items_reviewer", "spot_items", ["reviewer_id", "state"])
    op.create_index(op.f("ix_spot_items_subject_id"), "spot_items", ["subject_id"])
    for trigger in POSTGRES_TRIGGERS if op.get_bind().dialect.name == "postgresql" else SQLITE_TRIGGERS:
        op.execute(trigger)
