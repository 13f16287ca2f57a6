"""Read everything that ever happened to a recording, as it was written."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.custody.ledger import Recorded, history
from services.errors import Invalid
from services.index.keyset import Page
from services.index.visible import fetch


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """
    One entry: its number in the recording's chain, when, what, by whom, and its values as they were written.

    Values that were expunged stand in `withheld` by name: shown as present, never as absent (rule 60). `entry` and
    `fields` are what the line is proven by: the entry's exact bytes, and what it committed to. `values_lost`: the entry
    came back by a recovery and its values did not.
    """

    n: int
    id: str
    at: datetime
    event: str
    actor: str | None
    detail: dict[str, Any]
    withheld: tuple[str, ...]
    leaf_hash: str
    index: int | None
    entry: str
    fields: tuple[tuple[str, ...], ...]
    values_lost: bool


def read_history(
    archive: Archive, who: Principal, recording_id: str, limit: int, cursor: str | None
) -> Page[HistoryLine]:
    """
    Give the recording's entries from the first on.

    Raises:
        NotFound, NotAllowed: as `fetch`.
        Invalid: the cursor is not one of this history.
    """
    with archive.reading() as session:
        fetch(session, who, "recording.history", recording_id)
        return history_page(session, recording_id, limit, cursor)


def history_page(session: Session, obj: str, limit: int, cursor: str | None) -> Page[HistoryLine]:
    """Give the entries of an object from the first on, after its rights were asked; raises `Invalid` as above."""
    after = _read_cursor(cursor, obj)
    lines = [line for line in history(session, obj) if line.entry.n > after]
    shown = tuple(_line(one) for one in lines[:limit])
    return Page(shown, f"{obj}.{shown[-1].n}" if len(lines) > limit else None)


def _line(one: Recorded) -> HistoryLine:
    values = {name: json.loads(text) for name, text in sorted(one.values.items())}
    actor = values.pop("actor", None) or values.get("sender")
    withheld = tuple(sorted(one.expunged))
    detail = values | {name: {"withheld": True} for name in withheld}
    return HistoryLine(
        one.entry.n, one.entry.id, one.entry.at, one.entry.type, actor, detail, withheld, one.leaf_hash.hex(),
        one.index, one.text.decode("ascii"), one.fields, one.is_lost,
    )  # fmt: skip


def _read_cursor(cursor: str | None, recording_id: str) -> int:
    if cursor is None:
        return -1
    name, _, n = cursor.rpartition(".")
    if name != recording_id or not (n.isascii() and n.isdigit() and len(n) < 19):
        raise Invalid(f"not a cursor of this history: {cursor[:80]!r}")
    return int(n)
