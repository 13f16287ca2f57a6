"""
Lock heads and write entries in one statement each, on PostgreSQL, where each is a way to a server and back.

The same rows as `services.custody.ledger` writes one statement after the other; its tests run both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from services.custody.entry import FIRST_PREV

Rows = Sequence[Mapping[str, Any]]

_HEADS: Final = text(
    """
    WITH made AS (
        INSERT INTO object_head (obj, n, leaf_hash)
        SELECT obj, -1, :first FROM unnest(CAST(:objects AS uuid[])) AS wanted (obj) ORDER BY obj
        ON CONFLICT DO NOTHING
        RETURNING obj, n, leaf_hash
    ), held AS (
        SELECT obj, n, leaf_hash FROM object_head WHERE obj = ANY (CAST(:objects AS uuid[])) ORDER BY obj FOR UPDATE
    )
    SELECT obj, n, leaf_hash FROM made UNION ALL SELECT obj, n, leaf_hash FROM held
    """
)

_ENTRIES: Final = text(
    """
    WITH waiting AS (
        INSERT INTO pending (event_id, obj, n, entry, leaf_hash)
        SELECT event_id, obj, n, entry, leaf_hash
        FROM unnest(CAST(:event_id AS uuid[]), CAST(:obj AS uuid[]), CAST(:n AS bigint[]), CAST(:entry AS bytea[]),
                    CAST(:leaf_hash AS bytea[])) WITH ORDINALITY AS line (event_id, obj, n, entry, leaf_hash, place)
        ORDER BY place
    ), fields AS (
        INSERT INTO payload (event_id, name, salt, value, commitment)
        SELECT * FROM unnest(CAST(:of AS uuid[]), CAST(:name AS text[]), CAST(:salt AS bytea[]), CAST(:value AS text[]),
                             CAST(:commitment AS bytea[]))
    )
    UPDATE object_head SET n = moved.n, leaf_hash = moved.leaf_hash
    FROM unnest(CAST(:at_obj AS uuid[]), CAST(:last_n AS bigint[]), CAST(:last_hash AS bytea[]))
        AS moved (obj, n, leaf_hash)
    WHERE object_head.obj = moved.obj
    """
)


def lock_heads(connection: Connection, objects: Sequence[str]) -> dict[str, tuple[int, bytes]] | None:
    """
    Make missing heads, lock all, and give each chain's last number and hash.

    None: another transaction made one of them between our look and our insert. It is committed, and stands to be locked
    by asking again.
    """
    rows = connection.execute(_HEADS, {"objects": list(objects), "first": FIRST_PREV}).all()
    found = {str(obj): (n, bytes(leaf)) for obj, n, leaf in rows}
    return found if len(found) == len(objects) else None


def write_entries(connection: Connection, rows: Rows, fields: Rows, moved: Rows) -> None:
    """Write entries in their order, their fields, and the heads that they move."""
    connection.execute(
        _ENTRIES,
        {
            **{name: [row[name] for row in rows] for name in ("event_id", "obj", "n", "entry", "leaf_hash")},
            "of": [field["event_id"] for field in fields],
            **{name: [field[name] for field in fields] for name in ("name", "salt", "value", "commitment")},
            "at_obj": [head["at_obj"] for head in moved],
            "last_n": [head["n"] for head in moved],
            "last_hash": [head["leaf_hash"] for head in moved],
        },
    )
