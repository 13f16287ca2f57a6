"""
Score what was seen by a card that everybody can read: presets with versions, each score naming the one it was made by.

The presets stand in `scorecards.json`; a changed card is a new version there, never a changed old one. Source:
knowledge ux_ecosystem 3.6; result codes: domain, rule 50.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from services.errors import Invalid

FILE: Final = Path(__file__).with_name("scorecards.json")
FULL: Final = 100

RESULTS: Final = (
    "no-footage", "late-start", "early-stop", "obstructed-view", "muted", "late-upload", "wrong-category",
    "wrong-link", "language-conduct", "procedure", "good-practice", "none",
)  # fmt: skip
"""What a check may find. Source: domain, rule 50."""

NO_FAULT: Final = frozenset({"good-practice", "none"})
VERDICTS: Final = ("pass", "fail", "not-applicable")
SKIPS: Final = ("restricted", "under-investigation", "damaged")
"""Why a drawn item may be left out. Source: domain, rule 49."""

MOST_SKIPPED: Final = 0.05
"""A share of skips above it is itself a finding. Source: domain, rule 49."""

WATCHED_LEAST: Final = 0.3
"""How much of the footage a reviewer watches at least, without a reason. Source: knowledge ux_ecosystem, S2."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a card: what it takes off at most, and whether a fault there can void the whole score."""

    id: str
    points: int
    can_veto: bool
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A card in one of its versions."""

    id: str
    version: int
    title: Mapping[str, str]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer says of one line; `deduction` of a failed one, `is_veto` voids the score."""

    line: str
    verdict: str
    deduction: int = 0
    is_veto: bool = False


@cache
def presets() -> tuple[Scorecard, ...]:
    """Give all cards in all their versions, as they are shipped."""
    return tuple(_card(told) for told in json.loads(FILE.read_text("utf-8")))


def _card(told: Mapping[str, Any]) -> Scorecard:
    lines = tuple(Line(one["id"], one["points"], one.get("veto", False), one["words"]) for one in told["lines"])
    return Scorecard(told["id"], told["version"], told["title"], lines)


def scorecard(name: object, version: int | None = None) -> Scorecard:
    """
    Give a card by its id, in its newest version or the one named.

    Raises:
        Invalid: there is no such card.
    """
    found = [card for card in presets() if card.id == name and version in (None, card.version)]
    if not found:
        known = ", ".join(sorted({card.id for card in presets()}))
        raise Invalid(
            f"a scorecard is one of {known}, not {str(name)[:80]!r}{f' version {version}' if version else ''}"
        )
    return max(found, key=lambda card: card.version)


def score(card: Scorecard, answers: Mapping[str, Answer]) -> int | None:
    """
    Give the points, 100 less what failed lines take off; a veto makes 0. None: some line is not answered yet.

    Raises:
        Invalid: a line that the card has not, another verdict, or a deduction outside the line's points.
    """
    lines = {line.id: line for line in card.lines}
    for answer in answers.values():
        line = lines.get(answer.line)
        if line is None or answer.verdict not in VERDICTS:
            raise Invalid(f"card {card.id} has no line {answer.line[:40]!r} with verdict {answer.verdict[:40]!r}")
        if answer.verdict != "fail" and (answer.deduction or answer.is_veto):
            raise Invalid(f"line {line.id} takes off points only where it failed")
        if not 0 <= answer.deduction <= line.points:
            raise Invalid(f"line {line.id} takes off 0 to {line.points} points, not {answer.deduction}")
        if answer.is_veto and not line.can_veto:
            raise Invalid(f"line {line.id} cannot void the score")
    if answers.keys() < lines.keys():
        return None
    if any(answer.is_veto for answer in answers.values()):
        return 0
    return FULL - sum(answer.deduction for answer in answers.values())


def check_results(results: tuple[str, ...]) -> tuple[str, ...]:
    """
    Bring the found results into their order.

    Raises:
        Invalid: none, an unknown one, or `none` beside others.
    """
    if unknown := sorted(set(results) - set(RESULTS)):
        raise Invalid(f"a result is one of {', '.join(RESULTS)}, not {', '.join(unknown)[:200]}")
    if not results or ("none" in results and len(set(results)) > 1):
        raise Invalid("a review has at least one result, and `none` stands alone")
    return tuple(one for one in RESULTS if one in results)


def is_faulty(results: tuple[str, ...]) -> bool:
    """Say whether any of the results is a fault."""
    return bool(set(results) - NO_FAULT)
