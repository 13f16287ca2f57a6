"""
Decide until when a recording is kept, and by which rule. Pure: nothing here disposes of anything.

Rules 20 to 22 and 24 of the field: six calendar months at least, evidence and major events for ever,
interviews as long as the case file, the latest date wins, unlinking restarts the ordinary clock.
"""

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PERMANENT_CATEGORIES: Final = frozenset({"MASS_INCIDENT", "COERCION"})
"""Categories that stand for obstruction and major events, kept for ever. Source: rule 21."""

AFTER_UNLINK: Final = timedelta(days=30)
"""Shortest time to keep a recording after its last link ended. Source: rule 24."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Until when, exclusive, and why; `until` None: no end that time alone could bring."""

    until: datetime | None
    rule: str


def keep(
    *,
    ends_at: datetime,
    kind: str,
    months: int,
    category: str = "UNCATEGORISED",
    in_case: bool = False,
    unlinked_at: datetime | None = None,
) -> Keep:
    """
    Give the latest of all dates that the rules demand.

    `ends_at` is the recording's end (its start while the end is unknown), `months` the bureau's
    shortest retention in calendar months, `unlinked_at` when its last case link ended.
    """
    found = [Keep(add_months(ends_at, months), "20-minimum")]
    if unlinked_at is not None:
        found.append(Keep(unlinked_at + AFTER_UNLINK, "24-unlinked"))
    if in_case:
        found.append(Keep(None, "21-evidence"))
    if category in PERMANENT_CATEGORIES:
        found.append(Keep(None, "21-category"))
    if kind == "interview" or category == "INTERROGATION":
        found.append(Keep(None, "22-interview"))
    return max(found, key=lambda one: (one.until is None, one.until or ends_at))


def add_months(moment: datetime, months: int) -> datetime:
    """Go on by calendar months; a day that the month lacks becomes its last day (31 August + 6 = 28 February)."""
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
