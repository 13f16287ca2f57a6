"""What a spot check may be about is a closed grammar with one normal form."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Invalid
from services.oversight.definitions import parse_definition, programme_key
from services.oversight.filters import CATEGORIES, KINDS, Candidate, Filter, Footage, Rule, hours_late, parse_filter
from services.oversight.tickets import MOST_SEGMENTS, freeze, segments_of, stratify
from tests.oversight.proofs import WANTED, WITNESS

AT = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
CALL = Footage("body", "CALL", 1, 900.0)

told_filters = st.fixed_dictionaries(
    {},
    optional={
        "unit": st.lists(st.sampled_from(["D1", "D2", "一所"]), min_size=1, max_size=4),
        "kind": st.sampled_from(KINDS) | st.lists(st.sampled_from(KINDS), min_size=1),
        "category": st.lists(st.sampled_from(CATEGORIES), min_size=1),
        "grade": st.lists(st.integers(1, 3), min_size=1),
        "min_length": st.integers(0, 7200),
        "late": st.integers(1, 8784),
        "linked": st.booleans(),
        "incident_type": st.lists(st.sampled_from(["投诉", "纠纷"]), min_size=1),
        "from": st.just("2026-02-01T00:00:00+08:00"),
        "to": st.just("2026-03-01T00:00:00+08:00"),
    },
)


@settings(max_examples=200, deadline=None)
@given(told_filters)
def test_the_normal_form_is_read_as_itself(told: dict[str, Any]) -> None:
    read = parse_filter(told)

    assert parse_filter(json.loads(json.dumps(read.to_json()))) == read


@pytest.mark.parametrize(
    "told",
    [
        {"officer": "42"}, {"kind": "drone"}, {"kind": []}, {"kind": 1}, {"grade": 4}, {"grade": True}, {"grade": "1"},
        {"min_length": -1}, {"min_length": 1.5}, {"min_length": True}, {"unit": ""}, {"unit": [1]},
        {"category": "call"},
        {"from": "yesterday"}, {"from": "2026-02-01T00:00:00"}, {"from": 7},
        {"from": "0001-01-01T00:00:00+08:00"}, {"to": "9999-12-31T23:59:59-08:00"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, {"unit": ["u"] * 1001},
        {"kind": {"body": 1, "$gt": 2}}, {"category": None}, {"late": 0}, {"late": True}, {"late": "24"},
        {"late": 8785}, {"linked": 1}, {"linked": None}, {"linked": "no"}, {"incident_type": ""},
        {"incident_type": ["a\nb"]}, {"incident_type": "字" * 101}, {"incident_type": []},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_outside_the_grammar_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        parse_filter(told)


def rule(**told: Any) -> Rule:
    read = parse_filter(told)
    return Rule(read, None if read.units is None else frozenset(f"id-{one}" for one in read.units))


@pytest.mark.parametrize(
    ("told", "takes"),
    [
        ({}, True),
        ({"unit": ["D1", "D2"]}, True),
        ({"unit": "D2"}, False),
        ({"kind": "body", "category": "CALL", "grade": 1, "min_length": 900}, True),
        ({"kind": "interview"}, False),
        ({"min_length": 901}, False),
        ({"from": "2026-02-03T04:05:00Z"}, True),
        ({"to": "2026-02-03T04:05:00Z"}, False),
        ({"grade": [2, 3]}, False),
        ({"linked": False}, True),
        ({"linked": True}, False),
        ({"incident_type": "投诉"}, False),
        ({"late": 1}, False),
    ],
)
def test_a_candidate_matches_all_that_is_asked(told: dict[str, Any], takes: bool) -> None:
    assert rule(**told).takes(Candidate(b"x" * 16, "id-D1", AT, (CALL,), 1)) is takes


def test_one_recording_must_have_all_that_is_asked_of_footage() -> None:
    """Two recordings of an incident that each have half of it are not what was asked for."""
    halves = (Footage("body", "TRAFFIC", 1, 5.0), Footage("vehicle", "CALL", 1, 5.0))

    assert not rule(kind="body", category="CALL").takes(Candidate(b"x" * 16, None, AT, halves, 1))
    assert rule(kind="vehicle", category="CALL").takes(Candidate(b"x" * 16, None, AT, halves, 1))


def test_an_incident_without_footage_is_drawn_unless_footage_is_asked_for() -> None:
    bare = Candidate(b"x" * 16, "id-D1", AT, (), 1)

    assert rule(unit="D1").takes(bare)
    assert not rule(kind="body").takes(bare)
    assert not rule(min_length=1).takes(bare)
    assert rule(min_length=0).takes(bare)


def test_late_footage_came_more_than_so_many_hours_after_its_end() -> None:
    hours = [
        hours_late(AT, AT + after)
        for after in (
            timedelta(hours=-3), timedelta(0), timedelta(hours=24), timedelta(hours=24, microseconds=1),
            timedelta(days=2),
        )
    ]  # fmt: skip
    late = [rule(late=24).takes(Candidate(b"x" * 16, None, AT, (CALL._replace(late_h=n),), 1)) for n in hours]

    assert hours == [0, 0, 24, 25, 48]
    assert late == [False, False, False, True, True]


def test_candidates_that_differ_in_links_alone_are_told_apart() -> None:
    strata = [rule(incident_type=["投诉", "举报"]), rule(linked=False), rule(linked=True)]
    links: list[tuple[bool, frozenset[str]]] = [
        (True, frozenset({"纠纷", "投诉"})), (False, frozenset()), (True, frozenset({"纠纷"})), (True, frozenset()),
    ]  # fmt: skip
    candidates = [Candidate(bytes([n]) * 16, "u", AT, (CALL,), 1, *one) for n, one in enumerate(links)]

    assert freeze(stratify(2, candidates, strata), 4).counts == (1, 1, 2, 0)


def test_each_candidate_stands_in_its_first_stratum_or_the_rest() -> None:
    strata = [rule(category="COERCION"), rule(unit="D1"), rule(unit="D1", category="CALL")]
    candidates = [
        Candidate(b"a" * 16, "id-D1", AT, (Footage("body", "COERCION", 1, None),), 1),
        Candidate(b"b" * 16, "id-D1", AT, (CALL,), 3),
        Candidate(b"c" * 16, "id-D9", AT, (CALL,), 1),
    ]
    population = freeze(stratify(2, candidates, strata), 4)

    assert population.counts == (1, 3, 0, 1)


def test_strata_by_time_and_length_are_told_apart_though_all_else_is_alike() -> None:
    strata = [rule(min_length=600), rule(to="2026-02-03T04:05:00Z")]
    candidates = [
        Candidate(bytes([n]) * 16, "u", AT - timedelta(days=n % 2), (Footage("body", "CALL", 1, length),), 1)
        for n, length in enumerate([700.0, 700.0, 10.0, 10.0, None])
    ]

    assert freeze(stratify(2, candidates, strata), 3).counts == (2, 1, 2)


def test_long_footage_has_a_ticket_for_each_ten_minutes() -> None:
    assert [segments_of(s) for s in (None, 0, 1, 600, 600.1, 36_000)] == [1, 1, 1, 1, 2, 60]
    assert segments_of(1e12) == MOST_SEGMENTS


def test_too_many_tickets_are_refused_before_they_take_memory() -> None:
    endless = (Candidate(n.to_bytes(16, "big"), None, AT, (CALL,), MOST_SEGMENTS) for n in itertools.count())

    with pytest.raises(Invalid, match="at most 1,000,000"):
        stratify(2, endless, [])


def test_a_definition_is_read_with_its_defaults() -> None:
    read = parse_definition({**WANTED})

    assert (read.size, read.reserve, read.grade_max, read.card.id, read.sources, read.is_cross) == (
        20, 3, 3, "scene", (), False,
    )  # fmt: skip
    assert read.filter == Filter()


@pytest.mark.parametrize(
    "change",
    [
        {"programme": ""}, {"programme": "a\nb"}, {"programme": None}, {"unit": 5}, {"from": None},
        {"to": WANTED["from"]},
        {"to": "2028-01-01T00:00:00Z"}, {"ticket": "officer"}, {"size": 0}, {"size": "20"}, {"size": 10_001},
        {"reserve": -1}, {"strata": {}}, {"strata": [1]}, {"strata": [{"name": "rest"}]}, {"grade_max": 4},
        {"strata": [{"name": "a"}, {"name": "a"}]}, {"strata": [{"name": "a", "officer": 1}]},
        {"strata": [{"size": 5}]},
        {"strata": [{"name": "a", "size": -5}]}, {"seed_sources": "nonce"}, {"seed_sources": [{"kind": "moon"}]},
        {"seed_sources": [{"kind": "beacon", "round": 7}]}, {"seed_sources": [{"kind": "nonce", "by": "a"}]},
        {"seed_sources": [{"kind": "nonce", "by": "a", "commitment": "00"}]},
        {"seed_sources": [{"kind": "nonce", "by": "a", "commitment": "0" * 64}] * 2},
        {"seed_sources": [{"kind": "witness", "key": "w+00000000+AQ=="}]}, {"scorecard": "none"}, {"scorecard": []},
        {"reveal_within": 5}, {"reveal_within": 10**9}, {"officers": ["42"]}, {"reason": "x" * 501}, {"filter": []},
        {"strata": [{"name": f"s{n}"} for n in range(201)]},
    ],
    ids=lambda change: str(change)[:60],
)  # fmt: skip
def test_a_definition_outside_the_rules_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        parse_definition({**WANTED, **change})


def test_a_witness_signs_draws_without_a_time() -> None:
    """A signature with a time can be had again with another one: whoever asks could try until it suits them."""
    as_policy_has_it = WITNESS.of_type(4).verifier.vkey
    read = parse_definition({**WANTED, "seed_sources": [{"kind": "witness", "key": as_policy_has_it}]})

    assert read.sources[0].check == WITNESS.verifier.vkey != as_policy_has_it


def test_a_programme_is_known_again_in_another_dress() -> None:
    assert programme_key("Monthly  Ｃheck") == programme_key("monthly check ")
    assert programme_key("月查") != programme_key("周查")
