"""
Say how many checks are needed, and what a number of faults found allows to say of all. Pure and exact.

No normal approximation: a rate of 0 of 59 says "at most 4.95 %", not "0 %". Source: knowledge integrity 6; Clopper
and Pearson 1934.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.errors import Invalid

CONFIDENCE: Final = 0.95
MOST: Final = 10_000_000
STEPS: Final = 60
"""Halvings of [0, 1]: past the precision of the numbers."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen of one stratum: its tickets, how many of them were reviewed, and how many had a fault."""

    population: int
    reviewed: int
    faults: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate with its bounds, each from 0 to 1; `rate` is None where nothing can be said of some stratum."""

    rate: float | None
    lower: float
    upper: float
    confidence: float


def sample_size(population: int, rate: float, confidence: float = CONFIDENCE) -> int:
    """
    Say how many of `population` to check so that finding no fault shows, with this confidence, a rate below `rate`.

    The least n at which drawing none of D = floor(rate × population) faulty ones (at least one) has at most
    1 − confidence probability: hypergeometric, without replacement, in whole numbers.

    Raises:
        Invalid: a number outside its range.
    """
    if not 1 <= population <= MOST:
        raise Invalid(f"a population has 1 to {MOST:,} items, not {population}")
    if not (0 < rate < 1 and 0 < confidence < 1):
        raise Invalid(f"rate and confidence lie between 0 and 1, not {rate} and {confidence}")
    faulty = max(1, math.floor(Fraction(str(rate)) * population))
    allowed, least, most = 1 - Fraction(str(confidence)), 0, 1
    while most < population and _may_miss(population, faulty, most, allowed):
        least, most = most, min(population, most * 2)
    while most - least > 1:
        middle = (least + most) // 2
        if _may_miss(population, faulty, middle, allowed):
            least = middle
        else:
            most = middle
    return most


def _may_miss(population: int, faulty: int, drawn: int, allowed: Fraction) -> bool:
    """Say whether `drawn` of `population` hold none of the `faulty` ones with more than the allowed probability."""
    few, many = sorted((faulty, drawn))
    missed, all_ = math.perm(population - many, few), math.perm(population, few)
    return missed * allowed.denominator > all_ * allowed.numerator


def at_most(faults: int, reviewed: int, confidence: float = CONFIDENCE) -> float:
    """Give the greatest rate that `faults` of `reviewed` do not contradict (Clopper–Pearson, one side)."""
    _check(faults, reviewed, confidence)
    if faults == reviewed:
        return 1.0
    chance = _up_to(faults, reviewed)
    return _bisect(lambda rate: chance(rate) > 1 - confidence)


def at_least(faults: int, reviewed: int, confidence: float = CONFIDENCE) -> float:
    """Give the least rate that `faults` of `reviewed` do not contradict (Clopper–Pearson, one side)."""
    return 1 - at_most(reviewed - faults, reviewed, confidence)


def rate_of(faults: int, reviewed: int, confidence: float = CONFIDENCE) -> Estimate:
    """Give the rate of one stratum between its two-sided exact bounds; nothing reviewed says nothing."""
    if reviewed == 0:
        return Estimate(None, 0.0, 1.0, confidence)
    side = (1 + confidence) / 2
    return Estimate(faults / reviewed, at_least(faults, reviewed, side), at_most(faults, reviewed, side), confidence)


def weighted(strata: Sequence[Found], confidence: float = CONFIDENCE) -> Estimate:
    """
    Estimate the rate of the whole: each stratum weighs as many tickets as it has. Never pooled unweighted.

    The bounds are the weighted sums of each stratum's own exact ones at a confidence so much higher that all of them
    hold at once (Bonferroni): wider than need be, never narrower.
    """
    known = [one for one in strata if one.population > 0]
    total = sum(one.population for one in known)
    if total == 0:
        return Estimate(None, 0.0, 1.0, confidence)
    each = 1 - (1 - confidence) / len(known)
    rates = [(one.population / total, rate_of(one.faults, one.reviewed, each)) for one in known]
    said = [weight * one.rate for weight, one in rates if one.rate is not None]
    return Estimate(
        math.fsum(said) if len(said) == len(rates) else None,
        math.fsum(weight * one.lower for weight, one in rates),
        min(1.0, math.fsum(weight * one.upper for weight, one in rates)),
        confidence,
    )


def _check(faults: int, reviewed: int, confidence: float) -> None:
    if not 0 <= faults <= reviewed or reviewed == 0:
        raise Invalid(f"{faults} faults among {reviewed} reviewed cannot be")
    if not 0 < confidence < 1:
        raise Invalid(f"a confidence lies between 0 and 1, not {confidence}")


def _up_to(faults: int, reviewed: int) -> Callable[[float], float]:
    """Give the probability of at most so many faults by the rate: the whole sum, term by term."""
    ways = [math.log(math.comb(reviewed, n)) for n in range(faults + 1)]

    def of(rate: float) -> float:
        has, has_not = math.log(rate), math.log1p(-rate)
        return math.fsum(math.exp(many + n * has + (reviewed - n) * has_not) for n, many in enumerate(ways))

    return of


def _bisect(is_below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if is_below(middle):
            low = middle
        else:
            high = middle
    return high
