"""
Append entries in one statement on PostgreSQL, where each statement is a way to a server and back.

Only who holds the lock of a chain's head knows the entry's number and the hash before it, and that is the server in the
middle of the statement. So each entry is written here but for these two, and the server fills them in (`huisu_append`
of migration 0002): the bytes are those that `services.custody.ledger` writes itself on SQLite. Its tests run both.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from services.custody.entry import FIRST_PREV, Entry, Field, entry_bytes

_LAST_N: Final = (1 << 63) - 1
"""The largest number that a chain can have on the server: an entry that is not too long with it never is."""

_HOLE: Final = f'"n":{_LAST_N},"prev":"{b64encode(FIRST_PREV).decode()}"'


def append(connection: Connection, entries: Sequence[Entry], fields: Mapping[str, Sequence[Field]]) -> None:
    """
    Append entries whose `n` and `prev` nobody knows yet, one object's in their order, the objects in id order.

    Args:
        connection: of the business transaction.
        entries: what is to be written.
        fields: the committed values of each entry, by its id.

    Raises:
        ValueError: an entry could become longer than an entry may be.
    """
    lines = []
    for entry in entries:
        head, tail = _around(entry)
        lines.append({"event_id": entry.id, "obj": entry.obj, "head": head, "tail": tail})
    said = [_said(event_id, field) for event_id, made in fields.items() for field in made]
    connection.exec_driver_sql(
        "SELECT huisu_append(%s::json, %s::json)",
        (json.dumps(lines), json.dumps(said, ensure_ascii=False)),
    )


def _around(entry: Entry) -> tuple[str, str]:
    """Write an entry's bytes before and behind its number and the hash before it."""
    text = entry_bytes(replace(entry, n=_LAST_N, prev=FIRST_PREV)).decode("ascii")
    head, _, tail = text.partition(_HOLE)
    return head, tail


def _said(event_id: str, field: Field) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "name": field.name,
        "salt": f"\\x{field.salt.hex()}",
        "value": field.value,
        "commitment": f"\\x{field.commitment.hex()}",
    }
