"""How many to check, and what a result says of all: the published tables, and brute force."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Invalid
from services.oversight.bounds import Found, at_least, at_most, rate_of, sample_size, weighted

TABLE = {
    100: (45, 59, 95, 99, 95),
    500: (56, 83, 225, 300, 388),
    1_000: (57, 86, 258, 368, 450),
    20_000: (59, 90, 296, 453, 589),
    10_000_000: (59, 90, 299, 459, 598),
}
"""Source: knowledge integrity 6; domain, rule 48 has the last line's 59 and 299."""

COLUMNS = ((0.05, 0.95), (0.05, 0.99), (0.01, 0.95), (0.01, 0.99), (0.005, 0.95))


@pytest.mark.parametrize("population", TABLE)
def test_the_published_sample_sizes_come_out(population: int) -> None:
    assert tuple(sample_size(population, rate, sure) for rate, sure in COLUMNS) == TABLE[population]


def test_the_planning_aid_of_the_rules_comes_out() -> None:
    assert [sample_size(10_000_000, rate) for rate in (0.1, 0.05, 0.01)] == [29, 59, 299]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 14), st.sampled_from([0.1, 0.2, 0.34, 0.5, 0.9]), st.sampled_from([0.5, 0.8, 0.95]))
def test_sample_sizes_agree_with_counting_every_way(population: int, rate: float, sure: float) -> None:
    faulty = max(1, math.floor(rate * population + 1e-9))
    size = sample_size(population, rate, sure)

    def missed(drawn: int) -> float:
        ways = list(itertools.combinations(range(population), drawn))
        return sum(min(way, default=population) >= faulty for way in ways) / len(ways)

    assert missed(size) <= 1 - sure + 1e-12
    assert size == 1 or missed(size - 1) > 1 - sure


def test_the_published_bounds_come_out() -> None:
    assert [f"{at_most(n, 59) * 100:.3g}" for n in range(4)] == ["4.95", "7.79", "10.3", "12.6"]
    assert [f"{at_most(n, 300) * 100:.2f}" for n in range(4)] == ["0.99", "1.57", "2.08", "2.56"]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 400), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_bounds_are_where_the_binomial_sum_says(reviewed: int, data: st.DataObject, sure: float) -> None:
    faults = data.draw(st.integers(0, reviewed))
    upper, lower = at_most(faults, reviewed, sure), at_least(faults, reviewed, sure)

    assert 0 <= lower <= faults / reviewed <= upper <= 1
    if faults < reviewed:
        up_to = math.fsum(math.comb(reviewed, n) * upper**n * (1 - upper) ** (reviewed - n) for n in range(faults + 1))
        assert up_to == pytest.approx(1 - sure, rel=1e-6)
    else:
        assert upper == 1
    if faults == 0:
        assert lower == 0


def test_nothing_reviewed_says_nothing() -> None:
    said = rate_of(0, 0)

    assert (said.rate, said.lower, said.upper) == (None, 0, 1)
    assert weighted([]).rate is None


def test_strata_are_weighed_never_pooled() -> None:
    """A small stratum looked at closely does not speak for the large one."""
    said = weighted([Found(100, 50, 25), Found(10_000, 50, 0)])

    assert said.rate is not None
    assert said.rate == pytest.approx(0.5 * 100 / 10_100)
    assert said.rate < 25 / 100
    assert said.lower < said.rate < said.upper


def test_a_stratum_nobody_looked_at_leaves_the_whole_open() -> None:
    said = weighted([Found(500, 20, 1), Found(500, 0, 0), Found(0, 0, 0)])

    assert said.rate is None
    assert said.upper > 0.5


def test_the_weighted_bounds_hold_as_often_as_they_say() -> None:
    """Seeded trials with known rates: the interval covers the truth in at least 95 of 100."""
    chance, covered = random.Random(11), 0
    for _ in range(200):
        strata = [(chance.randint(50, 3000), chance.random() * 0.3, chance.randint(5, 60)) for _ in range(4)]
        total = sum(size for size, _, _ in strata)
        truth = sum(size * rate for size, rate, _ in strata) / total
        found = [Found(size, n, sum(chance.random() < rate for _ in range(n))) for size, rate, n in strata]
        said = weighted(found)
        covered += said.lower <= truth <= said.upper

    assert covered >= 190


@pytest.mark.parametrize("wrong", [(0, 0.1, 0.95), (10**8, 0.1, 0.95), (10, 0, 0.95), (10, 1, 0.95), (10, 0.1, 1)])
def test_numbers_outside_their_range_are_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(Invalid):
        sample_size(*wrong)


@pytest.mark.parametrize("wrong", [(1, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_counts_that_cannot_be_are_refused(wrong: tuple[int, int, float]) -> None:
    with pytest.raises(Invalid):
        at_most(*wrong)
