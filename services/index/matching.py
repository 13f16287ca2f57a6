"""
Match a recording with incidents. Pure: facts in, links and proposals out (rule 14).

One incident that fits without doubt is linked with its reasons; several, or one whose times need a
look, become proposals for a person. Never a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Rules:
    """The bureau's values of rule 14."""

    before: timedelta
    after: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Footage:
    """What of a recording matters to matching; `holders` carried its device at its start, by the roster."""

    started_at: datetime
    officer: str | None
    device: str | None
    holders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scene:
    """What of an incident matters to matching."""

    id: str
    number: str
    dispatched_at: datetime | None
    cleared_at: datetime | None
    officers: frozenset[str]
    devices: frozenset[str]


@dataclass(frozen=True, slots=True)
class Match:
    """One incident that fits: how well, why, and whether its own times are beyond doubt."""

    scene: Scene
    score: float
    reasons: tuple[dict[str, Any], ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: link one, propose several, or nothing."""

    link: Match | None
    propose: tuple[Match, ...]


def match(footage: Footage, scene: Scene, rules: Rules) -> Match | None:
    """Say whether and how an incident fits; None when nobody of it filmed, or at another time."""
    if scene.dispatched_at is None:
        return None
    who = _who(footage, scene)
    if who is None:
        return None
    by, value, score = who
    length = scene.cleared_at - scene.dispatched_at if scene.cleared_at else None
    certain = length is not None and timedelta(0) < length <= rules.longest
    end = scene.cleared_at if scene.cleared_at and certain else scene.dispatched_at + rules.longest
    opens, closes = scene.dispatched_at - rules.before, end + rules.after
    if not opens <= footage.started_at <= closes:
        return None
    reasons: list[dict[str, Any]] = [
        {"rule": "14", "by": by, "value": value},
        {
            "rule": "14",
            "by": "time",
            "value": footage.started_at.isoformat(),
            "window": [opens.isoformat(), closes.isoformat()],
        },
    ]
    if not certain:
        told = "not cleared yet" if length is None else f"lasted {length}"
        reasons.append({"rule": "14", "by": "needs-review", "value": told})
    return Match(scene, score if certain else score / 2, tuple(reasons), certain)


def _who(footage: Footage, scene: Scene) -> tuple[str, str, float] | None:
    if footage.officer is not None:
        return ("officer", footage.officer, 0.95) if footage.officer in scene.officers else None
    if held := sorted(footage.holders & scene.officers):
        return "roster", held[0], 0.9
    if footage.device is not None and footage.device in scene.devices:
        return "device", footage.device, 0.9
    return None


def decide(footage: Footage, scenes: Sequence[Scene], rules: Rules) -> Decision:
    """Weigh all incidents: exactly one certain fit is linked, anything else that fits is proposed."""
    found = [one for scene in scenes if (one := match(footage, scene, rules)) is not None]
    found.sort(key=lambda one: (-one.score, one.scene.number))
    if len(found) == 1 and found[0].certain:
        return Decision(found[0], ())
    return Decision(None, tuple(found))
