"""Flags stand once, survive a dismissal and a new analysis, and open whatever release wrote them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.index.flags import (
    MOST_OF_A_DETECTOR,
    add_flag,
    answer_flag,
    bounded,
    flags_of,
    replace_findings,
    set_flags,
)
from services.index.models import Recording
from services.media.facts import Dismissal, Flag

DISMISSAL = Dismissal("li", datetime(2026, 3, 2, 12, tzinfo=UTC), "夜间")
LANDED = {"kind": "truncated", "start": "1/3", "end": None, "detail": "ends early"}
RENDERED = frozenset({"blackdetect", "keyframes"})


def black(start, end, detector="blackdetect", **more):
    return replace(Flag("black", Fraction(start), Fraction(end), detector=detector, version="1", score=0.9), **more)


def recording(*flags: Flag) -> Recording:
    row = Recording(flags=[], flag_kinds="")
    set_flags(row, [flag.to_json() for flag in flags])
    return row


def test_a_flag_of_the_first_release_opens_and_is_written_as_it_was() -> None:
    flag = Flag.from_json(LANDED)

    assert (flag.detector, flag.score, flag.dismissed) == ("", None, None)
    assert flag.to_json() == LANDED


@given(
    st.fractions(0, 9000),
    st.fractions(0, 9000),
    st.sampled_from(["", "blackdetect"]),
    st.sampled_from([None, 0.0, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_a_flag_survives_json(start: Fraction, length: Fraction, detector: str, score: float | None) -> None:
    flag = Flag("black", start, start + length, "x", detector, "1", score, "stream 1 channel 2", DISMISSAL)

    assert Flag.from_json(json.loads(json.dumps(flag.to_json()))) == flag


def test_the_name_of_a_finding_depends_on_what_was_found_not_on_who_says_how() -> None:
    flag = black(1, 5)

    assert flag.id == replace(flag, version="2", score=0.1, detail="other words", dismissed=DISMISSAL).id
    others = {black(1, 6).id, replace(flag, kind="frozen").id, replace(flag, channel="stream 1 channel 1").id}
    assert len(others | {flag.id}) == 4
    assert Flag("no-decoder", detail="stream 0").id != Flag("no-decoder", detail="stream 1").id


def test_equal_flags_stand_once_and_a_dismissed_one_is_not_added_again() -> None:
    row = recording(black(1, 5), black(1, 5), Flag("truncated"))
    answer_flag(row, black(1, 5).id, DISMISSAL)

    assert not add_flag(row, black(1, 5))
    assert [flag.dismissed for flag in flags_of(row)] == [DISMISSAL, None]
    assert row.flag_kinds == " black truncated "


def test_a_dismissal_is_lifted_and_an_unknown_flag_is_not_answered() -> None:
    row = recording(black(1, 5))
    answer_flag(row, black(1, 5).id, DISMISSAL)
    answer_flag(row, black(1, 5).id, None)

    assert flags_of(row) == [black(1, 5)]
    assert answer_flag(row, "0123", DISMISSAL) is None


@pytest.mark.parametrize("again", [black(10, 20), black(10, 20, version="2", score=0.4), black(11, 21)])
def test_a_new_analysis_never_undoes_a_dismissal(again: Flag) -> None:
    row = recording(Flag("truncated"), black(10, 20, "keyframes"))
    answer_flag(row, black(10, 20, "keyframes").id, DISMISSAL)

    replace_findings(row, [again, black(50, 60)], RENDERED)
    replace_findings(row, [again, black(50, 60)], RENDERED)

    assert flags_of(row) == [Flag("truncated"), replace(again, dismissed=DISMISSAL), black(50, 60)]


def test_what_was_dismissed_is_not_forgotten_when_it_is_found_no_more() -> None:
    row = recording(black(10, 20), black(30, 40))
    answer_flag(row, black(10, 20).id, DISMISSAL)

    replace_findings(row, [], RENDERED)

    assert flags_of(row) == [black(10, 20, dismissed=DISMISSAL)]


def test_another_stretch_is_another_finding() -> None:
    row = recording(black(10, 20))
    answer_flag(row, black(10, 20).id, DISMISSAL)

    replace_findings(row, [black(16, 40)], RENDERED)

    assert [flag.dismissed for flag in flags_of(row)] == [None, DISMISSAL]


def test_hundreds_of_findings_are_told_in_a_few_lines():
    found = bounded([black(2 * n, 2 * n + 1) for n in range(300)])

    assert len(found) == MOST_OF_A_DETECTOR + 1
    assert (found[-1].start, found[-1].end) == (2 * MOST_OF_A_DETECTOR, 599)
    assert "250 more" in found[-1].detail
