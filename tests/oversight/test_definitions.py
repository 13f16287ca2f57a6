"""A definition outside the rules is refused in words that people read."""

import pytest

from services.errors import Invalid
from services.oversight.definitions import parse_definition
from tests.oversight.bureau import WANTED
from tests.oversight.proofs import WITNESS

BEGINS = "2026-02-01T00:00:00+08:00"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("2032-11-03T00:00:00+08:00", "not 2467"),
        ("2027-02-02T00:00:01+08:00", "not 366.01"),
        ("2026-02-01T00:00:00+08:00", "not 0"),
        ("2026-01-30T12:00:00+08:00", "not -1.5"),
    ],
)
def test_a_period_of_a_strange_length_is_told_in_days(ends: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_definition({**WANTED, "from": BEGINS, "to": ends})

    assert str(refused.value) == f"a period lasts up to 366 days, {said}"


def test_a_period_of_366_days_is_taken() -> None:
    assert parse_definition({**WANTED, "from": BEGINS, "to": "2027-02-02T00:00:00+08:00"})


def test_two_witnesses_of_one_name_are_refused() -> None:
    """Of each name one line is kept under a head: the second key could never be found there."""
    keys = [WITNESS, type(WITNESS)(WITNESS.name, 1, bytes([8]) * 32)]
    sources = [{"kind": "witness", "key": one.verifier.vkey} for one in keys]
    with pytest.raises(Invalid, match="one name"):
        parse_definition({**WANTED, "seed_sources": sources})
