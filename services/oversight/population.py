"""
Find what a spot check can draw: the incidents or recordings that its definition names, as pure candidates.

Only what the definer may see is there: for a supervisor all of the unit's subtree up to the grade that the definition
allows. Values are fetched raw: turning 150,000 ids and times of SQLite into objects takes longer than the draw.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, exists, func, literal, or_, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from services.accounts.models import Unit
from services.accounts.rights import Principal
from services.accounts.units import subtree
from services.errors import Invalid
from services.index.models import Incident, Link, Recording
from services.index.visible import visible, visible_incidents
from services.oversight.definitions import Definition
from services.oversight.filters import Candidate, Filter, Footage, Rule, hours_late
from services.oversight.tickets import INCIDENT, Population, freeze, seconds_of, segments_of, stratify

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where no filter asks when; reading times costs more than all the rest."""

NO_TYPES: Final[frozenset[str]] = frozenset()


def unit_in_reach(session: Session, who: Principal, number: str) -> Unit:
    """
    Give the unit that a definition names.

    Raises:
        Invalid: there is none, or none within reach.
    """
    unit = session.scalars(select(Unit).where(Unit.number == number)).one_or_none()
    if unit is None or not (who.reaches_all or unit.id in who.units):
        raise Invalid(f"there is no unit {number!r}")
    return unit


def population(session: Session, who: Principal, definition: Definition, unit: Unit) -> Population:
    """
    Find all tickets, each in its stratum, and freeze them.

    Raises:
        Invalid: a filter names a unit that does not lie below the spot check's, or there are too many tickets.
    """
    below = subtree(session, unit.id)
    strata = [_rule(session, one.filter, unit, below) for one in definition.strata]
    whole = _rule(session, definition.filter, unit, below)
    find = _incidents if definition.kind == INCIDENT else _recordings
    found: Iterable[Candidate] = find(session, who, definition, below, [whole, *strata])
    if whole.filter != Filter():
        found = filter(whole.takes, found)
    return freeze(stratify(definition.kind, found, strata), len(strata) + 1)


def _rule(session: Session, asked: Filter, unit: Unit, below: frozenset[str]) -> Rule:
    if asked.units is None:
        return Rule(asked, None)
    named = session.execute(select(Unit.id, Unit.number).where(Unit.number.in_(asked.units), Unit.id.in_(below))).all()
    if missing := set(asked.units) - {number for _, number in named}:
        raise Invalid(f"unit {unit.number!r} has no unit {', '.join(sorted(missing))[:200]} below it")
    return Rule(asked, frozenset().union(*(subtree(session, one) for one, _ in named)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What any of the rules asks for: only that is read."""

    when: bool
    length: bool
    late: bool
    footage: bool
    links: bool
    types: bool

    @classmethod
    def by(cls, rules: Sequence[Rule]) -> Self:
        """Gather it."""
        asked = [rule.filter for rule in rules]
        return cls(
            when=any(one.starts_at or one.ends_at for one in asked),
            length=any(one.min_length_s for one in asked),
            late=any(one.late_h is not None for one in asked),
            footage=any(one.asks_footage or one.linked is not None for one in asked),
            links=any(one.linked is not None or one.incident_types is not None for one in asked),
            types=any(one.incident_types is not None for one in asked),
        )


def _recordings(
    session: Session, who: Principal, definition: Definition, below: frozenset[str], rules: Sequence[Rule]
) -> Iterator[Candidate]:
    asked = _Asked.by(rules)
    chosen = and_(
        Recording.unit_id.in_(sorted(below)),
        Recording.started_at >= definition.starts_at,
        Recording.started_at < definition.ends_at,
        Recording.grade <= definition.grade_max,
        Recording.state != "disposed",
        visible(who),
    )
    at = Recording.started_at if asked.when else literal(None)
    query = select(
        _raw(Recording.id), _raw(Recording.unit_id), at, Recording.kind, Recording.category, Recording.grade,
        Recording.duration, *_times(asked),
    ).where(chosen)  # fmt: skip
    types = _types_of_links(session, who, chosen) if asked.links else {}
    units, lengths, bytes_of = _Units(), _Lengths(), _reader(session)
    known: dict[object, tuple[Footage, ...]] = {}
    for recording, unit, started_at, kind, category, grade, duration, *times in _read(session, query):
        length, segments = lengths[duration]
        alike = (kind, category, grade, length if asked.length else None, hours_late(*times) if times else 0)
        footage = known.get(alike) or known.setdefault(alike, (Footage(*alike),))
        subject = bytes_of(recording)
        linked = types.get(subject)
        yield Candidate(
            subject, units[unit], started_at or NO_TIME, footage, segments, linked is not None, linked or NO_TYPES
        )


def _times(asked: _Asked) -> Sequence[ColumnElement[Any]]:
    """Give when footage ended and arrived; what has no readable length ended, as far as is known, when it began."""
    if not asked.late:
        return ()
    ended = func.coalesce(Recording.ended_at, Recording.started_at)
    return type_coerce(ended, Recording.started_at.type), type_coerce(Recording.received_at, Recording.received_at.type)


def _types_of_links(session: Session, who: Principal, chosen: ColumnElement[bool]) -> dict[bytes, frozenset[str]]:
    """Give the types of the incidents that each linked recording is linked to, as far as `who` may know of them."""
    live = aliased(Link)  # an own name: the conditions of rights ask about links too
    seen = and_(live.target_type == "incident", Incident.id == live.target_id, visible_incidents(who))
    query = (
        select(_raw(live.recording_id), Incident.type)
        .join(Recording, Recording.id == live.recording_id)
        .outerjoin(Incident, seen)
        .where(live.ended_at.is_(None), chosen)
    )
    types: dict[bytes, frozenset[str]] = {}
    for recording, type_ in _read(session, query):
        subject = _bytes(recording)
        types[subject] = types.get(subject, NO_TYPES) | (NO_TYPES if type_ is None else {type_})
    return types


def _incidents(
    session: Session, who: Principal, definition: Definition, below: frozenset[str], rules: Sequence[Rule]
) -> Iterator[Candidate]:
    when = func.coalesce(Incident.window_start, Incident.created_at)
    chosen = and_(Incident.unit_id.in_(sorted(below)), _within(definition), ~_above(definition), visible_incidents(who))
    asked = _Asked.by(rules)
    footage = _footage_of(session, chosen, asked) if asked.footage else {}
    at = type_coerce(when, Incident.created_at.type) if asked.when else literal(None)
    type_column = Incident.type if asked.types else literal(None)
    query = select(_raw(Incident.id), _raw(Incident.unit_id), at, type_column).where(chosen)
    units = _Units()
    for incident, unit, moment, type_ in _read(session, query):
        subject = _bytes(incident)
        linked = tuple(sorted(footage.get(subject, ()), key=str))
        types = NO_TYPES if type_ is None else frozenset({type_})
        yield Candidate(subject, units[unit], moment or NO_TIME, linked, 1, bool(linked), types)


def _footage_of(session: Session, chosen: ColumnElement[bool], asked: _Asked) -> dict[bytes, list[Footage]]:
    """Give the footage that is linked to each incident."""
    query = (
        select(
            _raw(Link.target_id), Recording.kind, Recording.category, Recording.grade, Recording.duration,
            *_times(asked),
        )
        .join(Recording, Recording.id == Link.recording_id)
        .where(Link.target_type == "incident", Link.ended_at.is_(None))
        .where(Link.target_id.in_(select(Incident.id).where(chosen)))
    )  # fmt: skip
    footage: dict[bytes, list[Footage]] = {}
    for incident, kind, category, grade, duration, *times in session.execute(query):
        one = Footage(kind, category, grade, seconds_of(duration), hours_late(*times) if times else 0)
        footage.setdefault(_bytes(incident), []).append(one)
    return footage


def _read(session: Session, query: Select[*tuple[Any, ...]]) -> Iterable[Any]:
    """Read plain rows in portions: the session's own, 150,000 at once, take three times as long."""
    return session.connection().execute(query, execution_options={"yield_per": 5_000})


def _within(definition: Definition) -> ColumnElement[bool]:
    """An incident whose times nobody told stands at the time it was taken in: untold, it would never be drawn."""
    return or_(
        and_(Incident.window_start >= definition.starts_at, Incident.window_start < definition.ends_at),
        and_(
            Incident.window_start.is_(None),
            Incident.created_at >= definition.starts_at,
            Incident.created_at < definition.ends_at,
        ),
    )


def _above(definition: Definition) -> ColumnElement[bool]:
    """Whether footage of an incident has a stricter grade than the definition allows."""
    return (
        exists()
        .where(
            Link.target_type == "incident",
            Link.target_id == Incident.id,
            Link.ended_at.is_(None),
            Recording.id == Link.recording_id,
            Recording.grade > definition.grade_max,
        )
        .correlate(Incident)
    )


def _raw(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    return type_coerce(column, String)


def _bytes(raw: Any) -> bytes:
    """Give an id's bytes, as whichever form the database's driver has it in."""
    return raw.bytes if isinstance(raw, UUID) else bytes.fromhex(raw.replace("-", ""))


def _reader(session: Session) -> Callable[[Any], bytes]:
    """Give the quickest way to an id's bytes on this database."""
    return bytes.fromhex if session.get_bind().dialect.name == "sqlite" else _bytes


class _Lengths(dict["str | None", "tuple[float | None, int]"]):
    """Turn lengths as they are kept into seconds and numbers of segments, each once."""

    def __missing__(self, duration: str | None) -> tuple[float | None, int]:
        seconds = seconds_of(duration)
        self[duration] = seconds, segments_of(seconds)
        return self[duration]


class _Units(dict[Any, "str | None"]):
    """Turn the few raw ids of units into ours, each once."""

    def __missing__(self, raw: Any) -> str | None:
        self[raw] = None if raw is None else str(UUID(bytes=_bytes(raw)))
        return self[raw]
