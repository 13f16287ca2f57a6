"""Who is drawn depends on the seed alone, everybody is drawn alike, and nobody can try until it suits them."""

import hashlib
import math
import os
import random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.errors import Invalid, ProofRefused
from services.oversight.draw import Share, allot, draw
from services.oversight.seeds import seed_of
from services.oversight.tickets import LEAF_BYTES, freeze, read_ticket, thaw, ticket_bytes
from tests.oversight.proofs import population_of

SEEDS = 10_000 if os.environ.get("HUISU_SOAK") else 1_000
TIMES = 300 if os.environ.get("HUISU_SOAK") else 50

DEFINE, HEAD, BETA = b"d" * 32, b"h" * 32, b"b" * 64


def drawn_with(number: int, size: int = 300, strata: int = 5) -> tuple[list[bytes], list[Share]]:
    population = population_of(random.Random(number), size, strata)
    shares = [Share(min(4, count), min(2, max(0, count - 4))) for count in population.counts]
    return [one for part in draw(population.leaves, DEFINE, shares) for one in part.sample], shares


@hypothesis_settings(max_examples=TIMES, deadline=None)
@given(st.integers(0, 10**9), st.binary(min_size=32, max_size=32), st.randoms(use_true_random=False))
def test_the_order_of_the_population_does_not_matter(number: int, seed: bytes, chance: random.Random) -> None:
    population = population_of(random.Random(number), 60, 3)
    leaves = [population.leaves[at : at + LEAF_BYTES] for at in range(0, len(population.leaves), LEAF_BYTES)]
    shuffled = freeze(chance.sample(leaves, len(leaves)), 3)
    shares = [Share(min(5, count), 0) for count in population.counts]

    assert shuffled == population == thaw(population.leaves, 3)
    assert draw(shuffled.leaves, seed, shares) == draw(population.leaves, seed, shares)


def test_each_stratum_gives_what_it_owes_and_nobody_twice() -> None:
    population = population_of(random.Random(3), 500, 6)
    shares = [Share(min(7, count), min(3, max(0, count - 7))) for count in population.counts]
    drawn = draw(population.leaves, b"s" * 32, shares)
    every = [ticket for part in drawn for ticket in (*part.sample, *part.reserve)]

    assert [(len(part.sample), len(part.reserve)) for part in drawn] == [(s.size, s.reserve) for s in shares]
    assert len(set(every)) == len(every)
    stratum_of = {
        population.leaves[at : at + 21]: int.from_bytes(population.leaves[at + 21 : at + 25], "big")
        for at in range(0, len(population.leaves), LEAF_BYTES)
    }
    assert all(stratum_of[one] == n for n, part in enumerate(drawn) for one in (*part.sample, *part.reserve))


def test_the_keys_are_the_published_ones() -> None:
    """Golden: the formula of the design, written out by hand."""
    population = population_of(random.Random(8), 50, 1)
    tickets = [population.leaves[at : at + 21] for at in range(0, len(population.leaves), 25)]
    by_hand = sorted(tickets, key=lambda one: hashlib.sha256(b"huisu/draw-key/v1\n" + b"k" * 32 + one).digest())

    (part,) = draw(population.leaves, b"k" * 32, [Share(5, 4)])

    assert (part.sample, part.reserve) == (tuple(by_hand[:5]), tuple(by_hand[5:9]))
    seed = hashlib.sha256(
        b"huisu/draw-seed/v1\n" + DEFINE + (7).to_bytes(8, "big") + HEAD + BETA
        + hashlib.sha256(b"\0\0\0\3abc" + b"\0\0\0\2zz").digest()
    ).digest()  # fmt: skip
    assert seed_of(DEFINE, 7, HEAD, BETA, [b"zz", b"abc"]) == seed


def chi_square(counts: list[int], expected: float) -> float:
    return math.fsum((count - expected) ** 2 / expected for count in counts)


def p_of(statistic: float, degrees: int) -> float:
    """Wilson and Hilferty's approximation of the chi-square tail: good to a few per cent for many degrees."""
    z = ((statistic / degrees) ** (1 / 3) - (1 - 2 / (9 * degrees))) / math.sqrt(2 / (9 * degrees))
    return 0.5 * math.erfc(z / math.sqrt(2))


def test_everybody_is_drawn_alike_over_many_seeds() -> None:
    """Chi-square of how often each ticket is drawn; seeds are fixed, so this never fails by chance."""
    population = population_of(random.Random(1), 120, 2)
    sizes = [max(1, count // 6) for count in population.counts]
    times = {population.leaves[at : at + 21]: 0 for at in range(0, len(population.leaves), LEAF_BYTES)}
    for number in range(SEEDS):
        seed = hashlib.sha256(f"seed {number}".encode()).digest()
        for part in draw(population.leaves, seed, [Share(size, 0) for size in sizes]):
            for ticket in part.sample:
                times[ticket] += 1

    for stratum, (count, size) in enumerate(zip(population.counts, sizes, strict=True)):
        members = [
            population.leaves[at : at + 21]
            for at in range(0, len(population.leaves), LEAF_BYTES)
            if population.leaves[at + 24] == stratum
        ]
        # without replacement the counts of one draw repel each other, which makes the statistic smaller
        expected = SEEDS * size / count
        spread = chi_square([times[one] for one in members], expected) / (1 - size / count)
        assert p_of(spread * (count - 1) / count, count - 1) > 0.001


def test_a_draw_that_leans_would_be_seen() -> None:
    """The test above can fail: whoever draws one ticket three times too often is found."""
    chance, counts = random.Random(2), [0] * 60
    for _ in range(SEEDS):
        counts[chance.choices(range(60), [3] + [1] * 59)[0]] += 1

    assert p_of(chi_square(counts, SEEDS / 60), 59) < 0.001


def test_another_seed_draws_others() -> None:
    """Neighbouring seeds share no more of their sample than chance: nothing can be steered by a small change."""
    population = population_of(random.Random(5), 400, 1)
    first = set(draw(population.leaves, bytes(32), [Share(40, 0)])[0].sample)
    shared = [
        len(first & set(draw(population.leaves, (1 << n).to_bytes(32, "big"), [Share(40, 0)])[0].sample))
        for n in range(200)
    ]

    assert max(shared) < 20
    assert abs(sum(shared) / 200 - 4) < 1


@pytest.mark.parametrize("which", ["define", "size", "root", "beta", "outside"])
def test_grinding_one_part_of_the_seed_needs_all_others(which: str) -> None:
    """Each part moves the whole draw: trying one without the rest gets no wanted ticket oftener than chance."""
    population = population_of(random.Random(9), 100, 1)
    wanted, hits = population.leaves[:21], 0
    for n in range(200):
        told = n.to_bytes(32, "big")
        seed = seed_of(
            told if which == "define" else DEFINE,
            n + 1 if which == "size" else 9,
            told if which == "root" else HEAD,
            told * 2 if which == "beta" else BETA,
            [told] if which == "outside" else [],
        )
        hits += wanted in draw(population.leaves, seed, [Share(5, 0)])[0].sample

    assert 0 < hits < 30


def test_a_ticket_in_two_strata_is_no_population() -> None:
    ticket = ticket_bytes(1, b"u" * 16, 0)
    with pytest.raises(Invalid, match="twice"):
        freeze([ticket + bytes(4), ticket + bytes([0, 0, 0, 1])], 2)
    with pytest.raises(ProofRefused):
        thaw(ticket + bytes(4) + ticket + bytes([0, 0, 0, 1]), 2)


@pytest.mark.parametrize("frozen", [b"x", b"x" * 26, bytes(25), bytes([3]) + bytes(24), bytes([1]) + bytes(23) + b"\2"])
def test_what_is_no_list_of_tickets_is_refused(frozen: bytes) -> None:
    with pytest.raises(ProofRefused):
        thaw(frozen, 2)


def test_a_ticket_is_read_back() -> None:
    read = read_ticket(ticket_bytes(2, b"\x01" * 16, 7))

    assert (read.kind, read.segment, read.starts_s) == (2, 7, 4200)
    for wrong in (b"", bytes(21), b"\x01" * 20):
        with pytest.raises(ProofRefused):
            read_ticket(wrong)


def test_shares_follow_the_strata() -> None:
    assert [one.size for one in allot([900, 90, 10], [None, None, None], 100, 0)] == [90, 9, 1]
    assert [one.size for one in allot([900, 5, 0], [None, 30, None], 50, 0)] == [20, 5, 0]
    assert [one.size for one in allot([3, 2, 1], [None] * 3, 100, 0)] == [3, 2, 1]
    assert [one.reserve for one in allot([10, 4], [4, 4], 8, 3)] == [3, 0]


@hypothesis_settings(max_examples=TIMES * 4, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40), st.integers(1, 400), st.integers(0, 9))
def test_no_stratum_owes_more_than_it_has(counts: list[int], size: int, reserve: int) -> None:
    if not sum(counts):
        with pytest.raises(Invalid, match="nothing can be drawn"):
            allot(counts, [None] * len(counts), size, reserve)
        return
    shares = allot(counts, [None] * len(counts), size, reserve)

    assert all(one.size + one.reserve <= count for one, count in zip(shares, counts, strict=True))
    assert all(one.size >= 1 for one, count in zip(shares, counts, strict=True) if count)
    filled = sum(1 for count in counts if count)
    assert min(size, sum(counts)) <= sum(one.size for one in shares) <= max(size, filled)
