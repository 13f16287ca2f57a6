"""Say what is wrong in one form, and read the catalogue in portions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Row, Select
from sqlalchemy.orm import InstrumentedAttribute, Session

PORTION: Final = 500
"""Rows read at once: bounds memory and the ids bound to one statement."""

Kind = Literal["changed", "missing", "untracked", "chain", "unverified", "undone"]


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One disagreement: what kind, about what, what ought to be and what is.

    `error`: evidence is lost, altered or unproved. `warning`: something that can be made again.
    """

    severity: Literal["error", "warning"]
    kind: Kind
    thing: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.kind}: {self.thing}: expected {self.expected}, found {self.found}"


def portions(
    session: Session, query: Select[*tuple[Any, ...]], key: InstrumentedAttribute[str]
) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    """
    Give the rows of a query in portions by its id column, which must be its first.

    Between portions no transaction is open: whoever reads objects meanwhile holds up nobody.
    """
    after: str | None = None
    while True:
        narrowed = query if after is None else query.where(key > after)
        rows = list(session.execute(narrowed.order_by(key).limit(PORTION)).all())
        session.rollback()
        if not rows:
            return
        after = rows[-1][0]
        yield rows
