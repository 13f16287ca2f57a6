"""A case's recordings side by side: lanes, gaps and overlaps by the wall clock."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.bootstrap import Archive, new_id
from services.index.models import Case, SessionMember, SessionRow
from services.index.timeline import Gap, Overlap, Piece, Span, Timeline, case_timeline, lay_out
from tests.archive_fixture import NOON, add_case, add_recording, add_unit, add_user, link


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def piece(name: str, start: float, end: float, **more: str) -> Piece:
    return Piece(name, at(start), at(end), **({"device": "D1"} | more))


PIECES = st.lists(
    st.builds(
        lambda number, start, length, device: piece(f"{number:03}", start, start + length, device=device),
        st.integers(0, 999),
        st.integers(0, 60),
        st.integers(0, 20),
        st.sampled_from(["D1", "D2", "D3"]),
    ),
    max_size=12,
    unique_by=lambda one: one.recording,
)


@settings(max_examples=150, deadline=None)
@given(PIECES, st.integers(0, 10))
def test_lanes_hold_every_recording_once_in_order(pieces: list[Piece], allowed: int) -> None:
    laid = lay_out(pieces, timedelta(seconds=allowed))

    spans = [span for lane in laid.lanes for span in lane.spans]
    assert sorted(span.recording for span in spans) == sorted(one.recording for one in pieces)
    for lane in laid.lanes:
        assert list(lane.spans) == sorted(lane.spans, key=lambda span: (span.start, span.end, span.recording))
        assert all(gap.end - gap.start > timedelta(seconds=allowed) for gap in lane.gaps)
        assert all(gap.end <= span.start or span.end <= gap.start for gap in lane.gaps for span in lane.spans)
    assert laid.from_ == min((one.start for one in pieces), default=None)
    assert laid.to == max((one.end for one in pieces), default=None)


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_what_is_covered_and_what_is_not_sum_to_the_whole(pieces: list[Piece]) -> None:
    laid = lay_out(pieces, timedelta(0))

    second = timedelta(seconds=1)
    for lane in laid.lanes:
        whole = range(int((max(s.end for s in lane.spans) - lane.spans[0].start) / second))
        start = lane.spans[0].start
        covered = sum(any(s.start <= start + n * second < s.end for s in lane.spans) for n in whole)
        missing = sum(((gap.end - gap.start) for gap in lane.gaps), timedelta(0))
        assert covered * second + missing == len(whole) * second


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_overlaps_name_exactly_who_runs_at_each_second(pieces: list[Piece]) -> None:
    laid = lay_out(pieces)

    for second in range(85):
        running = sorted(one.recording for one in pieces if one.start <= at(second) < one.end)
        said = [overlap.recordings for overlap in laid.overlaps if overlap.start <= at(second) < overlap.end]
        assert said == ([tuple(running)] if len(running) > 1 else [])


def test_a_lane_is_a_channel_of_a_session_else_a_device_else_an_officer() -> None:
    laid = lay_out(
        [
            piece("1", 0, 10, session="S1", channel="全景", kind="interview"),
            piece("2", 1, 10, session="S1", channel="特写", kind="interview"),
            piece("3", 2, 10, device="D9", officer="041"),
            piece("4", 3, 10, device="", officer="041"),
            piece("5", 4, 10, device=""),
            piece("6", 5, 10, session="S2", kind="interview"),
            piece("7", 6, 10, session="of one device", device="D9"),
        ]
    )

    assert [(lane.key, lane.label) for lane in laid.lanes] == [
        ("session:S1:全景", "S1 · 全景"),
        ("session:S1:特写", "S1 · 特写"),
        ("device:D9", "D9"),
        ("officer:041", "041"),
        ("unknown", ""),
        ("session:S2", "S2"),
    ]
    assert [span.recording for span in laid.lanes[2].spans] == ["3", "7"]


def test_three_seconds_are_a_gap_in_an_interview_only() -> None:
    interview = [piece("1", 0, 10, session="S1", kind="interview"), piece("2", 13, 20, session="S1", kind="interview")]
    patrol = [piece("3", 0, 10), piece("4", 13, 20), piece("5", 26, 30)]

    laid = lay_out(interview + patrol)

    assert laid.lanes[0].gaps == (Gap(at(10), at(13)),)
    assert laid.lanes[1].gaps == (Gap(at(20), at(26)),)


def test_a_short_recording_inside_a_long_one_makes_no_gap() -> None:
    laid = lay_out([piece("1", 0, 100), piece("2", 10, 20), piece("3", 120, 130)])

    assert laid.lanes[0].gaps == (Gap(at(100), at(120)),)
    assert laid.overlaps == (Overlap(at(10), at(20), ("1", "2")),)


def test_nothing_recorded_is_an_empty_timeline() -> None:
    assert lay_out([]) == Timeline(None, None, (), ())


def test_a_case_shows_what_one_may_see_with_the_places_of_sessions(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    who = add_user(archive, "supervisor", unit)
    case = add_case(archive, "A1", unit=unit)
    first = add_recording(archive, unit=unit, started_at=at(0), kind="interview", device="R1")
    second = add_recording(archive, unit=unit, started_at=at(63), kind="interview", device="R1")
    hidden = add_recording(archive, unit=other, started_at=at(10), device="D5")
    unlinked = add_recording(archive, unit=unit, started_at=at(10), device="D6")
    open_end = add_recording(archive, unit=unit, started_at=at(30), duration=None, device="D7")
    for recording in (first, second, hidden, open_end):
        link(archive, recording, "case", case)
    link(archive, unlinked, "case", case, ended=True)
    with archive.work() as work:
        made = new_id()
        work.session.add(SessionRow(id=made, number="讯问一", kind="interview", method="given", created_at=NOON))
        work.append("session.make", made, kind="interview", method="given")
        work.session.flush()
        for recording in (first, second):
            work.session.add(
                SessionMember(
                    session_id=made,
                    recording_id=recording,
                    channel="全景",
                    starts_at=at(0),
                    method="given",
                    uncertainty_s=0.0,
                )
            )
            work.append("rec.session", recording, session=made)

    with archive.reading() as session:
        laid = case_timeline(session, who, session.get_one(Case, case))
    assert [lane.key for lane in laid.lanes] == ["session:讯问一:全景", "device:D7"]
    assert laid.lanes[0].spans == (Span(first, at(0), at(60)), Span(second, at(63), at(123)))
    assert laid.lanes[0].gaps == (Gap(at(60), at(63)),)
    assert laid.lanes[1].spans == (Span(open_end, at(30), at(30)),)
    assert (laid.from_, laid.to, laid.overlaps) == (at(0), at(123), ())
