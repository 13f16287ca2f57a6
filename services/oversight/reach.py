"""
Say who may do what with a spot check: those whose role may, within the units that they reach.

`decide` is the law for one spot check, `visible_checks` the same as SQL; a property test holds the two equal.
"""

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import Session

from services.accounts.rights import Principal, allows, require
from services.errors import NotFound
from services.index.visible import is_id
from services.oversight.models import SpotCheck


def decide(who: Principal, action: str, unit: str) -> bool:
    """Say whether `who` may do `action` with a spot check of this unit (its id)."""
    return allows(who, action) and (who.reaches_all or unit in who.units)


def visible_checks(who: Principal, action: str = "spotcheck.see") -> ColumnElement[bool]:
    """Give `decide` as a condition on `SpotCheck`."""
    if not allows(who, action):
        return false()
    return true() if who.reaches_all else SpotCheck.unit_id.in_(sorted(who.units))


def fetch_check(session: Session, who: Principal, action: str, check_id: str, *, to_change: bool = False) -> SpotCheck:
    """
    Give a spot check with which `who` may do `action`; `to_change` locks it until the transaction ends.

    Raises:
        NotFound: there is none, or none that `who` may know of.
        NotAllowed: `who` may know of it, but not do this.
    """
    row = None
    if is_id(check_id):
        row = session.get(SpotCheck, check_id, with_for_update=to_change, populate_existing=to_change)
    if row is None or not decide(who, "spotcheck.see", row.unit_id):
        raise NotFound("there is no such spot check")
    require(who, action)
    return row
