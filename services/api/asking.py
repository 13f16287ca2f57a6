"""Know of the request that is being answered, where no request is at hand: its id, language and address."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Asking:
    """What answers and records need of a request."""

    id: str
    language: Language
    address: str


NOBODY: Final = Asking("-", "en", "unknown")

_asking: ContextVar[Asking] = ContextVar("asking", default=NOBODY)


def asking() -> Asking:
    """Give the request that this thread or task answers."""
    return _asking.get()


def begin(now: Asking) -> None:
    """Set the request that this task answers, and every thread that it starts."""
    _asking.set(now)


def language_of(header: str) -> Language:
    """Choose between the two languages from `Accept-Language`; the first named of the best weight wins."""
    best: tuple[float, Language] = (0.0, "en")
    for part in header.split(","):
        tag, _, rest = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if name == "zh" and weight > best[0]:
            best = (weight, "zh")
        elif name == "en" and weight > best[0]:
            best = (weight, "en")
    return best[1]


def _weight(rest: str) -> float:
    try:
        return float(rest.strip().removeprefix("q=")) if rest.strip() else 1.0
    except ValueError:
        return 0.0
