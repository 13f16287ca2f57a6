"""The log: whole tiles, signed checkpoints, witnesses' signatures. Triggers and functions are frozen here with it."""

import sqlalchemy as sa
from alembic import op

from services.db import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("tile", "checkpoint", "cosig")

SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN "
    "SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for table in TABLES
    for action in ("UPDATE", "DELETE")
)

POSTGRES_TRIGGERS = tuple(
    statement
    for table in TABLES
    for statement in (
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
        "EXECUTE FUNCTION huisu_refuse()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION huisu_refuse_truncate()",
    )
)

POSTGRES_APPEND = """
    CREATE FUNCTION huisu_append(lines json, fields json) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        line record;
        place bigint;
        before bytea;
        made bytea;
        hash bytea;
    BEGIN
        FOR line IN
            SELECT * FROM json_to_recordset(lines) AS said (event_id uuid, obj uuid, head text, tail text)
        LOOP
            LOOP
                SELECT n + 1, leaf_hash INTO place, before FROM object_head WHERE obj = line.obj FOR UPDATE;
                IF NOT FOUND THEN
                    place := 0;
                    before := decode(repeat('00', 32), 'hex');
                END IF;
                made := convert_to(
                    line.head || '"n":' || place || ',"prev":"' || encode(before, 'base64') || '"' || line.tail, 'UTF8'
                );
                hash := sha256('\\x00'::bytea || made);
                INSERT INTO object_head AS head (obj, n, leaf_hash) VALUES (line.obj, place, hash)
                ON CONFLICT (obj) DO UPDATE SET n = place, leaf_hash = hash WHERE head.n = place - 1;
                EXIT WHEN FOUND;  -- else another transaction began this chain meanwhile: follow it
            END LOOP;
            INSERT INTO pending (event_id, obj, n, entry, leaf_hash)
            VALUES (line.event_id, line.obj, place, made, hash);
        END LOOP;
        INSERT INTO payload (event_id, name, salt, value, commitment)
        SELECT * FROM json_to_recordset(fields)
            AS field (event_id uuid, name text, salt bytea, value text, commitment bytea);
    END $$
"""
"""
Append entries to their objects' chains: `lines` in id order of their objects, each with its entry's bytes before and
behind `n` and `prev`, which only the holder of the chain's lock can know.

The id of a pending row is drawn after that lock. Source: knowledge integrity 2.1 and 2.2.
"""


def upgrade() -> None:
    op.create_table(
        "tile",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hashes", sa.LargeBinary(length=8192), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_tile_root")),
        sa.CheckConstraint("length(hashes) = 8192", name=op.f("ck_tile_hashes")),
        sa.PrimaryKeyConstraint("level", "n", name=op.f("pk_tile")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_checkpoint_root")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "cosig",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.String(length=200), nullable=False),
        sa.Column("ts", Instant(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["size"], ["checkpoint.size"], name=op.f("fk_cosig_size")),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_cosig")),
    )
    for trigger in POSTGRES_TRIGGERS if op.get_bind().dialect.name == "postgresql" else SQLITE_TRIGGERS:
        op.execute(trigger)
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(POSTGRES_APPEND)
