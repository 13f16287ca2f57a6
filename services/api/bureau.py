"""Give the values that a bureau sets for itself: the form of its case numbers, its rules of linking."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import Unit
from services.bootstrap import Archive
from services.index.linking import LinkRules
from services.index.matching import Rules


def case_pattern(archive: Archive, session: Session, unit: str | None) -> str:
    """Give the form of case numbers in a unit (by id): its own, the nearest one above it, else the setting."""
    path = session.scalar(select(Unit.path).where(Unit.id == unit)) if unit is not None else None
    if path:
        above = path.strip("/").split("/")
        rows = session.execute(select(Unit.id, Unit.case_pattern).where(Unit.id.in_(above)))
        patterns = {row.id: row.case_pattern for row in rows}
        for name in reversed(above):
            if patterns.get(name):
                return str(patterns[name])
    return archive.settings.case_pattern


def link_rules(archive: Archive, session: Session, unit: str | None) -> LinkRules:
    """Give what linking needs to know, with the case numbers of this unit."""
    settings = archive.settings
    matching = Rules(
        before=timedelta(seconds=settings.link_before_s),
        after=timedelta(seconds=settings.link_after_s),
        longest=timedelta(seconds=settings.incident_max_s),
    )
    return LinkRules(matching, case_pattern(archive, session, unit), settings.retention_months)
