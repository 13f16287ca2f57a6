"""
Declare the ledger's tables. Source: knowledge integrity 2.2.

History is `entry` with `pending` behind it: the sequencer of a later release moves pending rows into
`entry` in id order. Triggers of the first migration refuse everything else, whoever asks.
"""

from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from services.db import Base, Id

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
