"""
Decide who may do what: one pure function, and the same rule as one SQL predicate.

A property test holds the two equal. Deny by default: an action that no role is given is refused.
Roles, reach and grades are those of the field (domain, "Roles and rights").
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, false, or_, true

from services.errors import NotAllowed, NotFound

ROLES: Final = (
    "officer",
    "reviewer",
    "supervisor",
    "head",
    "custodian",
    "auditor",
    "admin",
    "dock",
    "integrator",
)

_PLAY = {"recording.see", "recording.play", "recording.clip"}
_WORK_UP = {"recording.link", "recording.categorise", "recording.original", "recording.history"}
_SEE_CASES = {"case.see", "incident.see"}
_SPOT_REVIEW = {"spotcheck.see", "spotcheck.review"}
_EXPORT = {"recording.export", "export.see"}
_BASIC = {"me.see", "ledger.see", "job.see", "event.see"}

GRANTS: Final[dict[str, frozenset[str]]] = {
    "officer": frozenset(_BASIC | _PLAY | _SEE_CASES | {"proposal.answer", "recording.history", "upload.see"}),
    "reviewer": frozenset(
        _BASIC | _PLAY | _WORK_UP | _SEE_CASES | _SPOT_REVIEW | _EXPORT
        | {"proposal.answer", "flag.dismiss", "case.write", "upload.see"}
    ),
    "supervisor": frozenset(
        _BASIC | _PLAY | _SEE_CASES | _SPOT_REVIEW
        | {"recording.original", "recording.history", "flag.dismiss", "upload.see", "spotcheck.define"}
        | {"spotcheck.reveal"}
    ),
    "head": frozenset(
        _BASIC | _PLAY | _WORK_UP | _SEE_CASES | _SPOT_REVIEW | _EXPORT
        | {"proposal.answer", "flag.dismiss", "case.write", "upload.see", "spotcheck.reveal", "export.approve"}
    ),
    "custodian": frozenset(
        _BASIC | _PLAY | _SEE_CASES | _EXPORT | {"recording.original", "recording.history", "upload.see"}
    ),
    "auditor": frozenset(
        _BASIC | _SEE_CASES
        | {"recording.see", "recording.history", "upload.see", "spotcheck.see", "spotcheck.reveal", "export.see"}
    ),
    "admin": frozenset(_BASIC | {"admin.see", "admin.write", "upload.see"}),
    "dock": frozenset({"me.see", "upload.send", "upload.see"}),
    "integrator": frozenset(
        _BASIC | _SEE_CASES | {"recording.see", "incident.write", "case.write", "upload.see"}
    ),
}  # fmt: skip
"""What each role may do at all; where, `decide` says. The table of rights in the docs is compared with this."""

ACTIONS: Final = frozenset().union(*GRANTS.values())

UPLOADERS_OF_FOOTAGE: Final = frozenset({"officer", "reviewer", "head", "custodian"})
"""People who may also bring footage in by hand; they see their own uploads."""

FOOTAGE_ACTIONS: Final = frozenset(
    {"recording.play", "recording.clip", "recording.original", "recording.export", "export.approve"}
)
NAMED_ONLY_GRADE: Final = 4
"""G4: only the persons named on the recording. Source: domain, rule 19 and "Roles and rights"."""


@dataclass(frozen=True, slots=True)
class Principal:
    """
    Who asks: a person or a program.

    `units` are the ids of the unit and everything below it; `reaches_all` stands for a token without
    a unit, which reaches every recording, also those of no known unit.
    """

    kind: str
    id: str
    name: str
    role: str
    number: str | None
    unit: str | None
    units: frozenset[str]
    reaches_all: bool = False


@dataclass(frozen=True, slots=True)
class What:
    """What of a recording matters to rights. `case_units` and `case_team` are of the cases it is linked to."""

    unit: str | None
    officer: str | None
    kind: str
    grade: int
    named: frozenset[str] = frozenset()
    incident_officers: frozenset[str] = frozenset()
    case_units: frozenset[str] = frozenset()
    case_team: frozenset[str] = frozenset()
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """The same facts as SQL: what the catalogue offers to the predicate. Values are boolean expressions."""

    in_units: ColumnElement[bool]
    officer_is_me: ColumnElement[bool]
    my_incident: ColumnElement[bool]
    is_interview: ColumnElement[bool]
    named_only: ColumnElement[bool]
    names_me: ColumnElement[bool]
    my_units_case: ColumnElement[bool]
    i_am_in_case_team: ColumnElement[bool]
    is_linked: ColumnElement[bool]


def allows(who: Principal, action: str) -> bool:
    """Say whether the role may do this at all, whatever the thing."""
    grants = GRANTS.get(who.role, frozenset())
    return action in grants or (action == "upload.send" and who.role in UPLOADERS_OF_FOOTAGE)


def decide(who: Principal, action: str, what: What) -> bool:
    """Say whether `who` may do `action` with this recording. Pure; the law behind every query and request."""
    if not allows(who, action):
        return False
    if what.grade >= NAMED_ONLY_GRADE and not (who.role == "auditor" and action not in FOOTAGE_ACTIONS):
        return who.id in what.named
    inside = who.reaches_all or (what.unit is not None and what.unit in who.units)
    match who.role:
        case "officer":
            return who.number is not None and (what.officer == who.number or who.number in what.incident_officers)
        case "reviewer" | "head":
            return inside or bool(what.case_units & who.units)
        case "supervisor" | "auditor":
            return inside
        case "custodian":
            in_team = who.number is not None and who.number in what.case_team
            return what.kind == "interview" and inside and not in_team
        case "integrator":
            return what.linked and (inside or bool(what.case_units & who.units))
        case _:
            return False


def predicate(who: Principal, action: str, on: Columns) -> ColumnElement[bool]:
    """Give `decide` as a condition on the catalogue's rows."""
    if not allows(who, action):
        return false()
    rule = _reach(who, on)
    if who.role == "auditor" and action not in FOOTAGE_ACTIONS:
        return rule
    return or_(and_(on.named_only, on.names_me), and_(~on.named_only, rule))


def _reach(who: Principal, on: Columns) -> ColumnElement[bool]:
    inside = true() if who.reaches_all else on.in_units
    match who.role:
        case "officer":
            return or_(on.officer_is_me, on.my_incident) if who.number is not None else false()
        case "reviewer" | "head":
            return or_(inside, on.my_units_case)
        case "supervisor" | "auditor":
            return inside
        case "custodian":
            mine = on.i_am_in_case_team if who.number is not None else false()
            return and_(on.is_interview, inside, ~mine)
        case "integrator":
            return and_(on.is_linked, or_(inside, on.my_units_case))
        case _:
            return false()


def require(who: Principal, action: str) -> None:
    """Raise `NotAllowed` when the role may not do this at all."""
    if not allows(who, action):
        raise NotAllowed(f"role {who.role!r} may not do {action!r}")


def require_on(who: Principal, action: str, what: What, see: str = "recording.see") -> None:
    """
    Raise unless `who` may do `action` with this recording.

    Raises:
        NotFound: who may not even know of it.
        NotAllowed: who may know of it, but not do this.
    """
    if decide(who, action, what):
        return
    if decide(who, see, what):
        raise NotAllowed(f"role {who.role!r} may not do {action!r} with this recording")
    raise NotFound("there is no such recording")
