"""
Read what a spot check is about: a closed grammar, so that nobody can aim a draw by words of their own. Pure.

A filter is an object with any of these keys; what is absent restricts nothing, several keys restrict together:

```
unit           numbers of units, each with everything below it
kind           body, vehicle, facility, interview
category       of rule 19
grade          1, 2, 3
min_length     seconds that the footage lasts at least
late           hours: the footage was taken in more than so many after it ended
linked         true or false: a recording is linked to an incident or a case, an incident to a recording
incident_type  types of incidents, as dispatch names them: the incident's own, or those a recording is linked to
from, to       a period, half-open, with zone
```
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from services.errors import Invalid

KINDS: Final = ("body", "vehicle", "facility", "interview")
CATEGORIES: Final = (
    "CALL", "STOP_CHECK", "ON_SPOT_PENALTY", "SCENE_WORK", "COERCION", "MASS_INCIDENT", "INTERROGATION", "WITNESS",
    "DETENTION", "PROPERTY", "RECEPTION", "TRAFFIC", "TRAINING", "ACCIDENTAL", "UNCATEGORISED",
)  # fmt: skip
"""What a recording shows. Source: domain, rule 19."""

GRADES: Final = (1, 2, 3)
"""G4 is looked at by those named alone, so it is never drawn. Source: domain, rule 31."""

KEYS: Final = frozenset(
    {"unit", "kind", "category", "grade", "min_length", "late", "linked", "incident_type", "from", "to"}
)
MOST_UNITS: Final = 1000
LONGEST_S: Final = 10_000_000
LATEST_H: Final = 366 * 24
NUMBER_CHARACTERS: Final = 64
TYPE_CHARACTERS: Final = 100
HOUR: Final = timedelta(hours=1)


class Footage(NamedTuple):
    """
    What a filter asks of one recording; `length_s` is None where nothing could be read of it.

    `late_h` are the hours begun between its end and its arrival: it is more than n late exactly where they are.
    """

    kind: str
    category: str
    grade: int
    length_s: float | None
    late_h: int = 0


class Candidate(NamedTuple):
    """
    One incident or recording that could be drawn: `subject` is its id's 16 bytes.

    An incident brings all footage linked to it and one ticket; a recording brings itself and a ticket for each segment.
    `incident_types` are the incident's own, or those of all incidents that a recording is linked to.
    """

    subject: bytes
    unit: str | None
    at: datetime
    footage: tuple[Footage, ...]
    segments: int
    is_linked: bool = False
    incident_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in its one normal form: sorted, without repeats, times in UTC."""

    units: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    grades: tuple[int, ...] | None = None
    min_length_s: int | None = None
    late_h: int | None = None
    linked: bool | None = None
    incident_types: tuple[str, ...] | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def asks_footage(self) -> bool:
        """Whether anything is asked of footage: an incident without any cannot match then."""
        chosen = (self.kinds, self.categories, self.grades, self.late_h)
        return any(one is not None for one in chosen) or bool(self.min_length_s)

    def to_json(self) -> dict[str, Any]:
        """Write the normal form; reading it gives this filter again."""
        told = {
            "unit": self.units,
            "kind": self.kinds,
            "category": self.categories,
            "grade": self.grades,
            "min_length": self.min_length_s,
            "late": self.late_h,
            "linked": self.linked,
            "incident_type": self.incident_types,
            "from": text_of(self.starts_at) if self.starts_at else None,
            "to": text_of(self.ends_at) if self.ends_at else None,
        }
        return {key: list(v) if isinstance(v, tuple) else v for key, v in told.items() if v is not None}


@dataclass(frozen=True, slots=True)
class Rule:
    """A filter whose units are known: `units` are the ids of all of them and of everything below."""

    filter: Filter
    units: frozenset[str] | None

    def takes(self, one: Candidate) -> bool:
        """Say whether a candidate matches; an incident does when any of its footage has all that is asked of it."""
        asked = self.filter
        if self.units is not None and one.unit not in self.units:
            return False
        if asked.linked is not None and one.is_linked is not asked.linked:
            return False
        if asked.incident_types is not None and one.incident_types.isdisjoint(asked.incident_types):
            return False
        if asked.starts_at is not None and one.at < asked.starts_at:
            return False
        if asked.ends_at is not None and one.at >= asked.ends_at:
            return False
        return not asked.asks_footage or any(self._takes_footage(footage) for footage in one.footage)

    def _takes_footage(self, footage: Footage) -> bool:
        asked = self.filter
        return (
            (asked.kinds is None or footage.kind in asked.kinds)
            and (asked.categories is None or footage.category in asked.categories)
            and (asked.grades is None or footage.grade in asked.grades)
            and (not asked.min_length_s or (footage.length_s is not None and footage.length_s >= asked.min_length_s))
            and (asked.late_h is None or footage.late_h > asked.late_h)
        )


def hours_late(ended_at: datetime, received_at: datetime) -> int:
    """Count the hours begun between the end of footage and its arrival; none where it came before its own end."""
    return max(0, -((ended_at - received_at) // HOUR))


def text_of(moment: datetime) -> str:
    """Write an instant in UTC, to the microsecond where it has one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_moment(text: object, what: str) -> datetime:
    """
    Read an instant with its zone, in UTC.

    Raises:
        Invalid: it is none, or names no zone.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError as error:
        raise Invalid(f"{what} is a time with its zone, not {text!r}") from error
    if moment is None or moment.tzinfo is None:
        raise Invalid(f"{what} is a time with its zone, not {text!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"{what} is outside the calendar: {text!r}") from error


def parse_filter(told: Mapping[str, Any], what: str = "filter") -> Filter:
    """
    Read a filter and bring it into its normal form.

    Raises:
        Invalid: an unknown key, or a value outside the grammar.
    """
    if unknown := sorted(set(told) - KEYS):
        raise Invalid(f"{what} knows {', '.join(sorted(KEYS))}, not {', '.join(unknown)[:200]}")
    starts_at = read_moment(told["from"], f"{what}.from") if "from" in told else None
    ends_at = read_moment(told["to"], f"{what}.to") if "to" in told else None
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise Invalid(f"{what} ends at {text_of(ends_at)}, not after its start {text_of(starts_at)}")
    return Filter(
        units=_names(told["unit"], NUMBER_CHARACTERS, f"{what}.unit") if "unit" in told else None,
        kinds=_chosen(told["kind"], KINDS, f"{what}.kind") if "kind" in told else None,
        categories=_chosen(told["category"], CATEGORIES, f"{what}.category") if "category" in told else None,
        grades=_chosen(told["grade"], GRADES, f"{what}.grade") if "grade" in told else None,
        min_length_s=_whole(told["min_length"], 0, LONGEST_S, f"{what}.min_length") if "min_length" in told else None,
        late_h=_whole(told["late"], 1, LATEST_H, f"{what}.late") if "late" in told else None,
        linked=_yes_or_no(told["linked"], f"{what}.linked") if "linked" in told else None,
        incident_types=(
            _names(told["incident_type"], TYPE_CHARACTERS, f"{what}.incident_type") if "incident_type" in told else None
        ),
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _several(value: Any, what: str) -> list[Any]:
    several = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not 1 <= len(several) <= MOST_UNITS:
        raise Invalid(f"{what} names 1 to {MOST_UNITS} values, not {len(several)}")
    return several


def _chosen(value: Any, from_: Sequence[Any], what: str) -> tuple[Any, ...]:
    for one in _several(value, what):
        if one not in from_ or isinstance(one, bool):
            raise Invalid(f"{what} is one of {', '.join(map(str, from_))}, not {one!r}")
    return tuple(sorted(set(_several(value, what))))


def _names(value: Any, most: int, what: str) -> tuple[str, ...]:
    for one in _several(value, what):
        if not isinstance(one, str) or not 1 <= len(one) <= most or not one.isprintable():
            raise Invalid(f"{what} is a text of 1 to {most} characters, not {one!r}")
    return tuple(sorted(set(_several(value, what))))


def _whole(value: Any, least: int, most: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(f"{what} is a whole number from {least} to {most}, not {value!r}")
    return value


def _yes_or_no(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{what} is true or false, not {value!r}")
    return value
