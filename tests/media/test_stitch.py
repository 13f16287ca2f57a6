"""Sessions as edit lists: order, gaps, overlaps, what placed each recording and how sure that is."""

import itertools
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.media.ownclock import WRAP, OwnClock, fold
from services.media.stitch import WITHIN, EditList, Member, Take, stitch

TICK = Fraction(1, 90_000)


def take(name: str, clock: float | None, duration: float = 60, **more: object) -> Take:
    exact = None if clock is None else Fraction(clock).limit_denominator(1000)
    facts: dict[str, object] = {"recording": name, "clock": exact, "duration": Fraction(duration), **more}
    return Take(**facts)  # type: ignore[arg-type]


def own(first: int, seconds: float = 60) -> OwnClock:
    return OwnClock(first % WRAP, first % WRAP + int(seconds * 90_000), TICK)


def only(laid: EditList) -> tuple[Member, ...]:
    (lane,) = laid.lanes
    return lane.members


def names(laid: EditList) -> list[str]:
    return [member.recording for member in only(laid)]


def test_files_whose_clocks_are_a_second_apart_touch():
    laid = stitch([take("b", 161), take("a", 100)])

    first, second = only(laid)
    assert (first.recording, first.start, second.start) == ("a", 0, 60)
    assert (second.gap_before, second.overlap_before, second.method) == (0, 0, "clock")
    assert laid.origin == 100
    assert laid.duration == 120


def test_a_gap_that_the_clock_can_tell_stays_at_its_true_length() -> None:
    laid = stitch([take("a", 100), take("b", 163)])

    assert only(laid)[1].gap_before == 3
    assert only(laid)[1].start == 63


def test_a_fine_clock_tells_a_gap_of_half_a_second() -> None:
    laid = stitch([take("a", 100, step=Fraction(1, 1000)), take("b", 160.5, step=Fraction(1, 1000))])

    assert only(laid)[1].gap_before == Fraction(1, 2)


def test_small_steps_never_add_up_unseen() -> None:
    laid = stitch([take(f"{n:02}", 1000 + 61 * n) for n in range(30)])

    assert all(abs(member.start - 61 * n) < WITHIN for n, member in enumerate(only(laid)))
    assert sum(member.gap_before for member in only(laid)) >= 28


def test_a_buffer_from_before_the_button_is_trimmed_in_the_view_only():
    laid = stitch([take("a", 100), take("b", 130, 90)])

    second = only(laid)[1]
    assert (second.start, second.duration, second.overlap_before) == (30, 90, 30)
    assert (second.view_start, second.seen_from, second.end) == (30, 60, 120)


def test_what_lies_wholly_beside_a_longer_one_is_left_out_of_the_view():
    laid = stitch([take("long", 100, 600), take("short", 200, 60), take("next", 700, 10)])

    _, short, after = only(laid)
    assert short.view_start == short.duration
    assert (after.start, after.gap_before, after.overlap_before) == (600, 0, 0)


def test_numbers_decide_inside_one_second_of_the_clock() -> None:
    laid = stitch([take("z", 100, 0.4, sequence=1), take("a", 100, 0.4, sequence=2)])

    assert names(laid) == ["z", "a"]
    assert only(laid)[1].method == "sequence"


def test_a_file_that_only_its_upload_dates_goes_behind_its_number():
    laid = stitch(
        [
            take("c", 220, sequence=3),
            take("b", None, sequence=2, uncertainty=Fraction(3600)),
            take("a", 100, sequence=1),
        ]
    )

    assert names(laid) == ["a", "b", "c"]
    assert (only(laid)[1].start, only(laid)[1].method, only(laid)[1].uncertainty) == (60, "sequence", 3600)


def test_without_any_clock_the_numbers_make_the_order() -> None:
    laid = stitch([take("x", None, sequence=9), take("y", None, sequence=8), take("w", None)])

    assert names(laid) == ["y", "x", "w"]
    assert laid.origin is None
    assert [member.start for member in only(laid)] == [0, 60, 120]


def test_a_clock_that_runs_on_places_exactly() -> None:
    laid = stitch([take("a", 100, own=own(9_000_000)), take("b", 161, own=own(9_000_000 + 60 * 90_000 + 45_000))])

    second = only(laid)[1]
    assert (second.method, second.gap_before) == ("pts", Fraction(1, 2))


@pytest.mark.parametrize("before_wrap_s", [0.0, 1.0, 59.9, 60.0, 61.0])
def test_a_clock_that_wraps_runs_on(before_wrap_s):
    first = WRAP - int(before_wrap_s * 90_000)
    laid = stitch([take("a", 100, own=own(first)), take("b", 159, 60, own=own(first + 60 * 90_000 - 90_000))])

    second = only(laid)[1]
    assert (second.method, second.overlap_before) == ("pts", 1)


def test_a_clock_that_starts_anew_proves_nothing() -> None:
    laid = stitch([take("a", 100, own=own(126_000)), take("b", 161, own=own(126_000))])

    assert only(laid)[1].method == "clock"


def test_a_clock_of_another_tick_proves_nothing() -> None:
    other = OwnClock(0, 1000, Fraction(1, 1000))

    assert own(0).gap_to(other) is None


def test_channels_are_lanes_on_one_axis() -> None:
    laid = stitch([take("near", 100, channel="1"), take("far", 99.2, channel="2"), take("near2", 160, channel="1")])

    assert [(lane.channel, lane.start, lane.end) for lane in laid.lanes] == [
        ("1", Fraction(4, 5), Fraction(604, 5)),
        ("2", 0, 60),
    ]


def test_a_channel_without_a_clock_begins_with_the_session() -> None:
    laid = stitch([take("told", 500, channel="1"), take("untold", None, channel="2")])

    assert [lane.start for lane in laid.lanes] == [0, 0]


def test_no_recordings_are_an_empty_list() -> None:
    assert stitch([]) == EditList(None, ())
    assert stitch([]).duration == 0


@given(st.integers(-(2**40), 2**40))
def test_a_fold_is_the_smallest_difference(ticks: int) -> None:
    folded = fold(ticks, WRAP)

    assert (folded - ticks) % WRAP == 0
    assert -WRAP <= 2 * folded < WRAP


members = st.builds(
    take,
    st.uuids().map(str),
    st.none() | st.integers(0, 2000),
    st.integers(0, 300),
    channel=st.sampled_from([None, "1", "2"]),
    sequence=st.none() | st.integers(0, 20),
    own=st.none() | st.integers(0, WRAP - 1).map(own),
    step=st.sampled_from([Fraction(1, 1000), Fraction(1), Fraction(2)]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(members, max_size=12, unique_by=lambda one: one.recording), st.randoms(use_true_random=False))
def test_what_is_laid_out_holds_together(takes: list[Take], chance: Random) -> None:
    laid = stitch(takes)
    told = {one.recording: one for one in takes}

    assert sorted(told) == sorted(member.recording for lane in laid.lanes for member in lane.members)
    assert laid == stitch(chance.sample(takes, len(takes)))
    if takes:
        assert min(member.start for lane in laid.lanes for member in lane.members) == 0
    for lane in laid.lanes:
        reach = lane.members[0].start
        for member in lane.members:
            take_ = told[member.recording]
            assert member.channel == lane.channel == take_.channel
            assert member.duration == take_.duration
            assert 0 <= member.overlap_before <= member.duration
            assert min(member.gap_before, member.overlap_before) == 0
            if member.view_start < member.duration:
                assert member.seen_from == reach + member.gap_before
            reach = max(reach, member.end)
            if take_.clock is not None and laid.origin is not None and member.method != "pts":
                assert abs(member.start + laid.origin - take_.clock) < WITHIN * 2


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 30)), min_size=1, max_size=10),
    st.integers(0, WRAP - 1),
    st.randoms(use_true_random=False),
)
def test_a_days_files_come_back_exactly_through_the_streams_own_clock(
    shots: list[tuple[int, int]], first_tick: int, chance: Random
) -> None:
    at, takes, true = Fraction(50_000), [], []
    for number, (duration, gap) in enumerate(shots):
        read = int(at)  # the device's clock has whole seconds
        tick = first_tick + int((at - 50_000) * 90_000)
        takes.append(take(str(number), read, duration, own=own(tick, duration), sequence=number))
        true.append(at - 50_000)
        at += duration + Fraction(gap, 7).limit_denominator(1) + Fraction(gap % 3, 9)
    chance.shuffle(takes)
    laid = stitch(takes)

    assert [member.start for member in only(laid)] == true
    assert [member.method for member in only(laid)[1:]] == ["pts"] * (len(shots) - 1)
    views = [(member.seen_from, member.end) for member in only(laid)]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(views))
