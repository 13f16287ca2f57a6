"""Give the values that a bureau sets for itself: the form of its case numbers (rule 18)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import Unit


def case_pattern(session: Session, unit: str | None, default: str) -> str:
    """Give the form of case numbers in a unit (by id): its own, the nearest one above it, else `default`."""
    path = session.scalar(select(Unit.path).where(Unit.id == unit)) if unit is not None else None
    if path:
        above = path.strip("/").split("/")
        rows = session.execute(select(Unit.id, Unit.case_pattern).where(Unit.id.in_(above)))
        patterns = {row.id: row.case_pattern for row in rows}
        for name in reversed(above):
            if patterns.get(name):
                return str(patterns[name])
    return default
