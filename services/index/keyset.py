"""
Give long lists in pages that neither skip nor repeat a row while others write.

A cursor carries the place of the last row given, not a count; it is opaque, and bound to the list
(filter and order) that made it, so that it cannot be carried over to another one.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, literal, or_, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.db import Instant
from services.errors import Invalid

LIMIT_MAX: Final = 200
"""Most items of one page. Source: the public contract of lists."""

LIMIT_DEFAULT: Final = 50
CURSOR_MAX: Final = 2000

Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and the cursor of those that follow; None: these were the last."""

    items: tuple[Item, ...]
    next: str | None

    def map(self, shape: Callable[[Sequence[Item]], Sequence[Other]]) -> "Page[Other]":
        """Give the same page with its items turned into others, all at once."""
        return Page(tuple(shape(self.items)), self.next)


@dataclass(frozen=True, slots=True)
class Key:
    """
    One column to order by: an instant, an id or text.

    Rows without a value come last, whatever the direction and the database.
    """

    column: InstrumentedAttribute[Any]
    descending: bool = False
    nullable: bool = False


def page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
    of: object,
) -> Page[Any]:
    """
    Give the rows of `query` (one entity each) after `cursor`, at most `limit`.

    Args:
        session: where to read.
        query: selects one entity, filtered, not ordered.
        keys: what to order by; the last one is unique, so that no two rows share a place.
        limit: 1 to 200.
        cursor: `next` of an earlier page, or None for the first.
        of: says which list this is (its filter); a cursor of another one is refused.

    Raises:
        Invalid: the limit is outside its bounds, or the cursor is not one of this list.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid(f"limit is 1 to {LIMIT_MAX}, not {limit}")
    mark = _mark(keys, of)
    if cursor is not None:
        query = query.where(_after(keys, _read(cursor, mark, keys)))
    ordered = query.add_columns(*(key.column for key in keys)).order_by(None).order_by(*_order(keys))
    rows = session.execute(ordered.limit(limit + 1)).all()
    following = _write(mark, rows[limit - 1][-len(keys) :]) if len(rows) > limit else None
    return Page(tuple(row[0] for row in rows[:limit]), following)


def _order(keys: Sequence[Key]) -> list[ColumnElement[Any]]:
    order: list[ColumnElement[Any]] = []
    for key in keys:
        if key.nullable:  # the databases disagree on where NULL stands, so neither is asked
            order.append(key.column.is_(None))
        order.append(key.column.desc() if key.descending else key.column.asc())
    return order


def _after(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    if len({key.descending for key in keys}) == 1 and not any(key.nullable for key in keys):
        # A row comparison is one range of the index; the same with OR makes SQLite read from the start.
        place = tuple_(*(key.column for key in keys))
        last = tuple_(*(literal(value, key.column.type) for key, value in zip(keys, values, strict=True)))
        return place < last if keys[0].descending else place > last
    ways = []
    for count, (key, value) in enumerate(zip(keys, values, strict=True)):
        equal = [_equals(k, v) for k, v in zip(keys[:count], values[:count], strict=True)]
        beyond = _beyond(key, value)
        if beyond is not None:
            ways.append(and_(*equal, beyond))
    return or_(*ways)


def _equals(key: Key, value: Any) -> ColumnElement[bool]:
    return key.column.is_(None) if value is None else key.column == value


def _beyond(key: Key, value: Any) -> ColumnElement[bool] | None:
    if value is None:
        return None
    further = key.column < value if key.descending else key.column > value
    return or_(further, key.column.is_(None)) if key.nullable else further


def _mark(keys: Sequence[Key], of: object) -> str:
    order = [f"{key.column}{'-' if key.descending else '+'}" for key in keys]
    return hashlib.sha256(f"{order} {of!r}".encode()).hexdigest()[:16]


def _write(mark: str, values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps([mark, plain], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, mark: str, keys: Sequence[Key]) -> list[Any]:
    try:
        if len(cursor) > CURSOR_MAX:
            raise ValueError(f"a cursor has at most {CURSOR_MAX} characters, not {len(cursor)}")
        found, plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if found == mark:
            return [_value(key, value) for key, value in zip(keys, plain, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid(f"not a cursor of this archive: {cursor[:80]!r}") from error
    raise Invalid("the cursor belongs to another list, filter or order")


def _value(key: Key, plain: Any) -> Any:
    """Read one value as its column's type; a forged cursor must not reach the database as another type."""
    if plain is None and key.nullable:
        return None
    if isinstance(key.column.type, Instant):
        moment = datetime.fromisoformat(plain)
        if moment.tzinfo is None:
            raise ValueError("a place in time without a zone")
        return moment.astimezone(UTC)
    if not isinstance(plain, str):
        raise TypeError(f"{key.column} is text, not {type(plain).__name__}")
    if isinstance(key.column.type, Uuid):
        return str(UUID(plain))
    plain.encode()  # half a surrogate pair is not text
    if "\0" in plain:
        raise ValueError("no text in the catalogue has a NUL")
    return plain
