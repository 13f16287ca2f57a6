"""
Declare the ledger's tables. Source: knowledge integrity 2.2.

History is `entry` with `pending` behind it: the sequencer moves pending rows into `entry` in id order.
Triggers of the migrations refuse everything else, whoever asks.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.db import Base, Id, Instant

object_head = Table(
    "object_head",
    Base.metadata,
    Column("obj", Id, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
)
"""The last entry of each object's chain; locked per object while one is appended."""

pending = Table(
    "pending",
    Base.metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(cache=1), primary_key=True),
    Column("event_id", Id, nullable=False, unique=True),
    Column("obj", Id, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    UniqueConstraint("obj", "n"),
    sqlite_autoincrement=True,
)

entry = Table(
    "entry",
    Base.metadata,
    Column("idx", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("event_id", Id, nullable=False, unique=True),
    Column("obj", Id, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    UniqueConstraint("obj", "n"),
)

displaced = Table(
    "displaced",
    Base.metadata,
    Column("event_id", Id, primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("obj", Id, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("displaced_at", Instant, nullable=False),
)
"""Pending rows as they were before a recovery gave them later places in their chains; nothing leaves unseen."""

payload = Table(
    "payload",
    Base.metadata,
    Column("event_id", Id, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("salt", LargeBinary(16), nullable=True),
    Column("value", Text, nullable=True),
    Column("commitment", LargeBinary(32), nullable=False),
)
"""Salt and value NULL: the field was expunged; its commitment keeps the entry checkable."""

tile = Table(
    "tile",
    Base.metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("hashes", LargeBinary(8192), nullable=False),
    CheckConstraint("length(root) = 32", name="root"),
    CheckConstraint("length(hashes) = 8192", name="hashes"),
)
"""Whole tiles of the log's tree and the root over each; what no whole tile holds follows from `entry` and `tile`."""

checkpoint = Table(
    "checkpoint",
    Base.metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    CheckConstraint("length(root) = 32", name="root"),
)
"""Every tree head that was ever signed, with the log's own signatures."""

cosig = Table(
    "cosig",
    Base.metadata,
    Column("size", BigInteger, ForeignKey("checkpoint.size"), primary_key=True, autoincrement=False),
    Column("witness", String(200), primary_key=True),
    Column("ts", Instant, nullable=False),
    Column("line", Text, nullable=False),
)
"""The signature lines of witnesses under a checkpoint: who, when by the witness's clock, and the line as it came."""
