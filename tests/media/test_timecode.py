from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import Invalid, RangeOutside
from services.media.timecode import TimeRange, parse_clock, parse_range, print_clock, print_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", Fraction(0)),
        ("12.345", Fraction(12345, 1000)),
        ("01:05", Fraction(65)),
        ("1:05.5", Fraction(131, 2)),
        ("00:12:31", Fraction(751)),
        ("26:00:00", Fraction(93600)),
        ("00:00:00.000001", Fraction(1, 1_000_000)),
    ],
)
def test_clock_text_is_read_exactly(text, seconds):
    assert parse_clock(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "-1",
        "+1",
        "1e5",
        "1.",
        ".5",
        "00:60:00",
        "00:00:60",
        "60:00",
        "1:2",
        "1:2:3:4",
        "12:31,5",
        "nan",
        "inf",
        "1/3",
        "٣",
        "１２",
        "0x10",
        "1_0",
        "9" * 40,
        "00:00:0\n",
        "1\x00",
    ],
)
def test_other_text_is_refused_with_a_typed_error(text):
    with pytest.raises(Invalid):
        parse_clock(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_but_never_breaks(text):
    try:
        seconds = parse_clock(text)
    except Invalid:
        return

    assert seconds >= 0


@given(st.fractions(min_value=0, max_value=10**6))
def test_printed_seconds_are_rounded_down_by_less_than_a_microsecond(seconds):
    printed = parse_clock(print_seconds(seconds))

    assert printed <= seconds < printed + Fraction(1, 1_000_000)


def test_seconds_below_zero_are_rounded_towards_the_past():
    assert print_seconds(Fraction(-1, 3)) == "-0.333334"
    assert print_seconds(Fraction(12345, 1000)) == "12.345000"


def test_clock_is_printed_for_webvtt():
    assert print_clock(Fraction(93600) + Fraction(9999, 10000)) == "26:00:00.999"
    assert print_clock(Fraction(0)) == "00:00:00.000"


@pytest.mark.parametrize(("start", "end"), [("5", "5"), ("5", "4.999999999"), ("0", "0")])
def test_a_range_that_holds_nothing_is_refused(start, end):
    with pytest.raises(RangeOutside):
        parse_range(start, end)


def test_a_range_before_zero_is_refused():
    with pytest.raises(RangeOutside):
        TimeRange(Fraction(-1), Fraction(1))


def test_a_range_is_half_open():
    stretch = parse_range("1", "2")

    assert stretch.contains(Fraction(1))
    assert not stretch.contains(Fraction(2))
    assert stretch.duration == 1
    assert str(stretch) == "1.000000-2.000000"


def test_a_range_is_cut_to_the_recording_and_refused_beyond_it():
    assert parse_range("1", "9").inside(Fraction(5)) == parse_range("1", "5")
    with pytest.raises(RangeOutside):
        parse_range("5", "9").inside(Fraction(5))


def test_overlap_is_what_both_cover_and_touching_is_nothing():
    assert parse_range("0", "3").overlap(parse_range("2", "5")) == parse_range("2", "3")
    assert parse_range("0", "2").overlap(parse_range("2", "5")) is None
