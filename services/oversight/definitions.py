"""
Read what somebody wants checked, and write it as the definition that is frozen. Pure.

Everything that counts stands in the entry `draw.define`; nothing of a draw is decided later than it.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.errors import Invalid
from services.oversight.draw import Share
from services.oversight.filters import GRADES, Filter, parse_filter, read_moment, text_of
from services.oversight.scorecards import Scorecard, scorecard
from services.oversight.seeds import Source, parse_sources
from services.oversight.tickets import KIND_OF, Population

KEYS: Final = frozenset(
    {
        "programme", "unit", "from", "to", "ticket", "filter", "strata", "size", "reserve", "seed_sources",
        "grade_max", "scorecard", "cross", "reveal_within", "reason",
    }
)  # fmt: skip
REST: Final = "rest"
"""The stratum of what no other one takes; always the last."""

MOST_STRATA: Final = 200
MOST_DRAWN: Final = 10_000
MOST_RESERVE: Final = 1_000
LONGEST: Final = timedelta(days=366)
REVEAL: Final = timedelta(days=7)
LATEST_REVEAL: Final = timedelta(days=30)
REASON_CHARACTERS: Final = 500
KEY_CHARACTERS: Final = 400


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the population that is drawn from by itself; `size` None: its share of the whole."""

    name: str
    filter: Filter
    size: int | None


@dataclass(frozen=True, slots=True)
class Definition:
    """What is wanted, in its normal form; `reason` says why there is a second one for the same period."""

    programme: str
    unit: str
    starts_at: datetime
    ends_at: datetime
    ticket: str
    filter: Filter
    strata: tuple[Stratum, ...]
    size: int
    reserve: int
    sources: tuple[Source, ...]
    grade_max: int
    card: Scorecard
    is_cross: bool
    reveal_within: timedelta
    reason: str | None

    @property
    def kind(self) -> int:
        """The kind of its tickets."""
        return KIND_OF[self.ticket]

    @property
    def wanted(self) -> tuple[int | None, ...]:
        """How many each stratum asks for, the rest included."""
        return (*(one.size for one in self.strata), None)

    def told(self, population: Population, shares: Sequence[Share]) -> dict[str, Any]:
        """Write what the entry of the definition says of it, strata with what they hold and what is drawn of them."""
        names = (*((one.name, one.filter.to_json()) for one in self.strata), (REST, {}))
        return {
            "programme": self.programme,
            "unit": self.unit,
            "from": text_of(self.starts_at),
            "to": text_of(self.ends_at),
            "ticket": self.ticket,
            "filter": self.filter.to_json(),
            "strata": [
                {"name": name, "filter": asked, "population": count, "size": share.size, "reserve": share.reserve}
                for (name, asked), count, share in zip(names, population.counts, shares, strict=True)
            ],
            "size": self.size,
            "reserve": self.reserve,
            "seed_sources": [one.to_json() for one in self.sources],
            "grade_max": self.grade_max,
            "scorecard": {"id": self.card.id, "version": self.card.version},
            "cross": self.is_cross,
            "population": population.size,
            "pop_root": population.root.hex(),
            "tickets_sha256": population.sha256,
        }


def parse_definition(told: Mapping[str, Any]) -> Definition:
    """
    Read a definition.

    Raises:
        Invalid: a key or value outside what a spot check may be about.
    """
    if unknown := sorted(set(told) - KEYS):
        raise Invalid(f"a spot check knows {', '.join(sorted(KEYS))}, not {', '.join(unknown)[:200]}")
    starts_at, ends_at = read_moment(told.get("from"), "from"), read_moment(told.get("to"), "to")
    if not timedelta(0) < ends_at - starts_at <= LONGEST:
        days = math.ceil((ends_at - starts_at) / timedelta(days=1) * 100) / 100
        raise Invalid(f"a period lasts up to {LONGEST.days} days, not {days:.10g}")
    ticket = told.get("ticket", "incident")
    if ticket not in KIND_OF:
        raise Invalid(f"a ticket is one of {', '.join(KIND_OF)}, not {ticket!r}")
    grade_max = told.get("grade_max", GRADES[-1])
    if grade_max not in GRADES or isinstance(grade_max, bool):
        raise Invalid(f"grade_max is one of {', '.join(map(str, GRADES))}, not {grade_max!r}")
    sources = told.get("seed_sources", [])
    return Definition(
        programme=_text(told.get("programme"), "programme", 100),
        unit=_text(told.get("unit"), "unit", 64),
        starts_at=starts_at,
        ends_at=ends_at,
        ticket=ticket,
        filter=parse_filter(_object(told.get("filter", {}), "filter")),
        strata=_strata(told.get("strata", [])),
        size=_number(told.get("size"), "size", 1, MOST_DRAWN),
        reserve=_number(told.get("reserve", 5), "reserve", 0, MOST_RESERVE),
        sources=parse_sources([_object(one, "seed_sources") for one in _list(sources, "seed_sources")]),
        grade_max=grade_max,
        card=scorecard(told.get("scorecard", "scene")),
        is_cross=bool(told.get("cross", False)),
        reveal_within=timedelta(
            seconds=_number(
                told.get("reveal_within", int(REVEAL.total_seconds())), "reveal_within", 60,
                int(LATEST_REVEAL.total_seconds()),
            )
        ),
        reason=_text(told["reason"], "reason", REASON_CHARACTERS) if told.get("reason") is not None else None,
    )  # fmt: skip


def programme_key(programme: str) -> str:
    """
    Give the form by which two names are one programme: another width, case or space, or a mark that nobody sees,
    makes no other one.

    Raises:
        Invalid: written out so, the name is too long to keep.
    """
    seen = (letter for letter in programme if unicodedata.category(letter) != "Cf")
    key = "".join(unicodedata.normalize("NFKC", "".join(seen)).casefold().split())
    if not 1 <= len(key) <= KEY_CHARACTERS:
        raise Invalid(f"a programme's name has 1 to {KEY_CHARACTERS} characters written out, this one {len(key)}")
    return key


def _strata(told: Any) -> tuple[Stratum, ...]:
    parts = _list(told, "strata")
    if len(parts) > MOST_STRATA:
        raise Invalid(f"a spot check has at most {MOST_STRATA} strata, not {len(parts)}")
    strata = tuple(_stratum(_object(one, "strata"), number) for number, one in enumerate(parts))
    names = [one.name for one in strata] + [REST]
    if len(set(names)) != len(names):
        raise Invalid(f"strata have names of their own, and none is {REST!r}: {', '.join(names)[:200]}")
    return strata


def _stratum(told: Mapping[str, Any], number: int) -> Stratum:
    if unknown := sorted(set(told) - {"name", "filter", "size"}):
        raise Invalid(f"a stratum has name, filter and size, not {', '.join(unknown)[:200]}")
    size = told.get("size")
    return Stratum(
        _text(told.get("name"), f"strata.{number}.name", 100),
        parse_filter(_object(told.get("filter", {}), f"strata.{number}.filter"), f"strata.{number}.filter"),
        None if size is None else _number(size, f"strata.{number}.size", 0, MOST_DRAWN),
    )


def _text(value: Any, what: str, most: int) -> str:
    bare = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(bare) <= most or any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in bare):
        raise Invalid(f"{what} is a text of 1 to {most} characters, not {str(value)[:120]!r}")
    return bare


def _number(value: Any, what: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(f"{what} is a whole number from {least} to {most}, not {value!r}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid(f"{what} is a list, not {type(value).__name__}")
    return value


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(f"{what} is an object, not {type(value).__name__}")
    return value
