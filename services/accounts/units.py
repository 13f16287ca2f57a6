"""Keep the tree of units: a right reaches a unit and everything below it."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError as DuplicateRow
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.models import Unit
from services.accounts.names import check_name, check_number
from services.accounts.rights import Principal
from services.custody.work import Work
from services.errors import Conflict, Invalid, NotFound, PreconditionFailed

PATH_CHARACTERS: Final = 1000
"""Longest path kept; 27 levels of units."""


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """A unit as others see it; `parent` is the number of the unit above."""

    id: str
    number: str
    name: str
    parent: str | None
    case_pattern: str | None
    version: int


@dataclass(frozen=True, slots=True)
class UnitChange:
    """What of a unit is to change; None leaves it. An empty `parent` makes a top unit, an empty pattern the default."""

    name: str | None = None
    parent: str | None = None
    case_pattern: str | None = None


def find_unit(session: Session, number: str) -> Unit:
    """Give the unit of this number; raises `NotFound`."""
    unit = session.scalars(select(Unit).where(Unit.number == number)).one_or_none()
    if unit is None:
        raise NotFound(f"there is no unit {number!r}")
    return unit


def named_unit(session: Session, number: str) -> Unit:
    """Give the unit that a request names inside its body; raises `Invalid`, for the address itself was right."""
    try:
        return find_unit(session, number)
    except NotFound as error:
        raise Invalid(str(error)) from error


def subtree(session: Session, unit: str) -> frozenset[str]:
    """Give the ids of a unit and everything below it; empty for an unknown one."""
    path = session.scalar(select(Unit.path).where(Unit.id == unit))
    if path is None:
        return frozenset()
    return frozenset(session.scalars(select(Unit.id).where(Unit.path.startswith(path, autoescape=True))))


def list_units(session: Session, who: Principal) -> list[UnitFacts]:
    """Give the units that someone's rights reach, each after the one above it."""
    query = select(Unit).order_by(Unit.path)
    if not who.reaches_all:
        query = query.where(Unit.id.in_(who.units))
    return [facts(session, unit) for unit in session.scalars(query)]


def facts(session: Session, unit: Unit) -> UnitFacts:
    """Show a unit."""
    parent = session.get(Unit, unit.parent_id) if unit.parent_id else None
    return UnitFacts(
        unit.id, unit.number, unit.name, parent.number if parent else None, unit.case_pattern, unit.version
    )


def put_unit(
    work: Work,
    number: str,
    *,
    name: str,
    parent: str | None = None,
    case_pattern: str | None = None,
    actor: str,
) -> UnitFacts:
    """
    Add a unit below `parent` (a number), or bring a known one to these values; the same again changes nothing.

    Raises:
        Invalid: a value of the wrong form, or an unknown parent.
        Conflict: the unit would lie below itself.
    """
    known = work.session.scalars(select(Unit).where(Unit.number == number)).one_or_none()
    if known is not None:
        return change_unit(work, known, UnitChange(name, parent or "", case_pattern or ""), actor=actor)
    above = named_unit(work.session, parent) if parent else None
    unit = Unit(
        id=str(uuid7()),
        number=check_number(number, "unit"),
        name=check_name(name, "unit name", 200),
        parent_id=above.id if above else None,
        path="",
        case_pattern=_pattern(case_pattern),
        version=1,
        created_at=work.at,
    )
    unit.path = _path(above, unit)
    work.session.add(unit)
    try:
        work.session.flush()
    except DuplicateRow as error:
        raise Conflict(f"unit {number!r} was added by another in this moment") from error
    shown = facts(work.session, unit)
    work.append("unit.put", unit.id, actor=actor, before=None, after=asdict(shown))
    return shown


def change_unit(work: Work, unit: Unit, change: UnitChange, *, actor: str, version: int | None = None) -> UnitFacts:
    """
    Change what is given; moving a unit moves everything below it, each with its own entry.

    Raises:
        PreconditionFailed: the unit has another version than `version`.
        Invalid: as `put_unit`.
        Conflict: the unit would lie below itself.
    """
    require_version(f"unit {unit.number!r}", unit.version, version)
    before = facts(work.session, unit)
    if change.name is not None:
        unit.name = check_name(change.name, "unit name", 200)
    if change.case_pattern is not None:
        unit.case_pattern = _pattern(change.case_pattern)
    if change.parent is not None and change.parent != (before.parent or ""):
        _move(work, unit, named_unit(work.session, change.parent) if change.parent else None, actor)
    after = facts(work.session, unit)
    if after == before:
        return before
    unit.version += 1
    after = facts(work.session, unit)
    work.append("unit.put", unit.id, actor=actor, before=asdict(before), after=asdict(after))
    return after


def require_version(what: str, has: int, wanted: int | None) -> None:
    """Raise `PreconditionFailed` when a thing changed since the caller read it."""
    if wanted is not None and wanted != has:
        raise PreconditionFailed(f"{what} is at version {has}, not {wanted}: read it again")


def _move(work: Work, unit: Unit, above: Unit | None, actor: str) -> None:
    if above is not None and above.path.startswith(unit.path):
        raise Conflict(f"unit {unit.number!r} cannot lie below {above.number!r}, which lies below it")
    old = unit.path
    below = work.session.scalars(select(Unit).where(Unit.path.startswith(old, autoescape=True), Unit.id != unit.id))
    unit.parent_id = above.id if above else None
    unit.path = _path(above, unit)
    for lower in below.all():
        moved: dict[str, Any] = {"path": unit.path + lower.path.removeprefix(old)}
        work.append("unit.put", lower.id, actor=actor, before={"path": lower.path}, after=moved)
        lower.path = _checked_path(moved["path"], lower.number)


def _path(above: Unit | None, unit: Unit) -> str:
    return _checked_path(f"{above.path if above else ''}{unit.id}/", unit.number)


def _checked_path(path: str, number: str) -> str:
    if len(path) > PATH_CHARACTERS:
        raise Invalid(f"unit {number!r} would lie {path.count('/')} levels deep; {PATH_CHARACTERS // 37} are possible")
    return path


def _pattern(pattern: str | None) -> str | None:
    if not pattern:
        return None
    try:
        re.compile(pattern)
    except re.error as error:
        raise Invalid(f"case pattern {pattern!r}: {error}") from error
    if len(pattern) > 200:
        raise Invalid(f"a case pattern has at most 200 characters, this one {len(pattern)}")
    return pattern
