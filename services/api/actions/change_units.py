"""Add and change units, within those that an administrator's own unit reaches."""

from services.accounts import units
from services.accounts.models import Unit
from services.accounts.rights import Principal
from services.accounts.units import UnitChange, UnitFacts
from services.bootstrap import Archive
from services.custody.work import Work
from services.errors import Conflict, Invalid, NotAllowed, NotFound
from services.index.visible import is_id


def add_unit(
    archive: Archive, who: Principal, number: str, name: str, parent: str | None, case_pattern: str | None
) -> UnitFacts:
    """
    Add a unit below one's own.

    Raises:
        NotAllowed: it would lie outside one's own unit.
        Conflict: there is a unit of this number.
        Invalid: a value of the wrong form, or an unknown parent.
    """
    with archive.work() as work:
        require_within(work, who, parent)
        try:
            units.find_unit(work.session, number)
        except NotFound:
            return units.put_unit(work, number, name=name, parent=parent, case_pattern=case_pattern, actor=who.name)
        raise Conflict(f"there is a unit {number!r} already")


def change_unit(archive: Archive, who: Principal, unit_id: str, change: UnitChange, version: int | None) -> UnitFacts:
    """Change a unit that one's own reaches; raises as `add_unit`, and `NotFound` and `PreconditionFailed`."""
    with archive.work() as work:
        unit = work.session.get(Unit, unit_id) if is_id(unit_id) else None
        if unit is None or not (who.reaches_all or unit.id in who.units):
            raise NotFound(f"there is no unit {unit_id}")
        if change.parent is not None:
            require_within(work, who, change.parent or None)
        return units.change_unit(work, unit, change, actor=who.name, version=version)


def require_within(work: Work, who: Principal, number: str | None) -> None:
    """Raise `NotAllowed` unless a unit (by number; None: the top) lies where someone's rights reach."""
    if who.reaches_all:
        return
    try:
        inside = number is not None and units.find_unit(work.session, number).id in who.units
    except NotFound as error:
        raise Invalid(str(error)) from error
    if not inside:
        raise NotAllowed(f"unit {number or 'at the top'} lies outside your own unit")
