"""Sessions: who belongs together, and how a session shows itself to those who may see some of it."""

from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.errors import NotAllowed, NotFound
from services.index.models import Recording, SessionMember
from services.index.session_axis import fetch_session, lay
from services.index.session_view import facts, measured
from services.index.sessions import group
from tests.archive_fixture import NOON, add_recording, add_rendition, add_unit, add_user, everywhere

START = NOON - timedelta(hours=3)
GAP = timedelta(seconds=5)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def add(archive: Archive, start: float, duration: float = 60, **told: object) -> str:
    """Add a recording of camera D1 and find its session, as `examine` does."""
    given: dict[str, object] = {"device": "D1", "started_source": "container", **told}
    made = add_recording(archive, started_at=at(start), duration=Fraction(duration), **given)  # type: ignore[arg-type]
    with archive.work() as work:
        group(work, work.session.get_one(Recording, made), GAP)
    return made


def session_of(archive: Archive, recording: str) -> str | None:
    with archive.reading() as session:
        row = session.query(SessionMember).filter_by(recording_id=recording).one_or_none()
        return None if row is None else row.session_id


def seen(archive: Archive, who: Principal, name: str) -> object:
    with archive.reading() as session:
        laid = lay(*fetch_session(session, who, "recording.see", name), {})
        return facts(laid, measured(session, laid))


def test_a_buffer_from_before_the_button_belongs_to_the_file_that_it_overlaps(archive: Archive) -> None:
    first = add(archive, 0, 300)
    second = add(archive, 270, 300)
    third = add(archive, 490, 300)

    assert session_of(archive, first) is not None
    assert session_of(archive, first) == session_of(archive, second) == session_of(archive, third)


def test_footage_of_the_same_minutes_is_no_continuation(archive: Archive) -> None:
    whole = add(archive, 0, 600)
    inside = add(archive, 490, 60)
    far = add(archive, 700, 60)

    assert [session_of(archive, one) for one in (whole, inside, far)] == [None, None, None]


def test_a_session_is_found_by_id_and_by_number(archive: Archive) -> None:
    made = add(archive, 0, session_number="讯问 1", started_source="given")
    who, name = everywhere("reviewer"), session_of(archive, made)

    assert name is not None
    assert seen(archive, who, name) == seen(archive, who, "讯问 1")


def test_what_one_may_not_see_leaves_a_gap_and_nothing_else(archive: Archive) -> None:
    mine, other = add_unit(archive, "U1"), add_unit(archive, "U2")
    shown = [add(archive, 0, unit=mine), add(archive, 120, unit=mine)]
    hidden = add(archive, 60, unit=other)
    name = session_of(archive, hidden)
    who = add_user(archive, "supervisor", mine)

    assert name is not None
    with archive.reading() as session:
        laid = lay(*fetch_session(session, who, "recording.see", name), {})
    told = facts(laid, {})
    assert [member.recording for member in told.members] == shown
    assert told.members[1].gap_before == 60
    assert [(gap.start, gap.end) for gap in told.timeline.gaps] == [(at(60), at(120))]
    assert hidden not in repr(told)


def test_a_session_of_which_nothing_may_be_seen_does_not_exist(archive: Archive) -> None:
    made = add(archive, 0, session_number="S1", unit=add_unit(archive, "U2"))
    stranger = add_user(archive, "reviewer", add_unit(archive, "U1"))
    name = session_of(archive, made)

    assert name is not None
    for asked in (name, "S1", made, "没有", "0" * 8):
        with archive.reading() as session, pytest.raises(NotFound):
            fetch_session(session, stranger, "recording.see", asked)


def test_an_auditor_sees_a_session_and_may_not_play_it(archive: Archive) -> None:
    unit = add_unit(archive, "U1")
    add(archive, 0, session_number="S1", unit=unit)
    auditor = add_user(archive, "auditor", unit)

    with archive.reading() as session, pytest.raises(NotAllowed):
        fetch_session(session, auditor, "recording.play", "S1")


def test_places_are_told_in_seconds_and_by_the_clock(archive: Archive) -> None:
    first = add(archive, 0, 60, session_number="S1", channel="1", filename="cam_0001.mp4", clock_offset=7.0)
    second = add(archive, 61, 60, session_number="S1", channel="1", filename="cam_0002.mp4", clock_offset=7.0)
    far = add(archive, 30, 120, session_number="S1", channel="2", started_source="arrival", clock_offset=7.0)

    told = facts_of(archive, "S1")
    assert told.started_at == at(-7)
    places = {member.recording: (member.offset, member.method, member.uncertainty) for member in told.members}
    assert places == {
        first: (0, "clock", 1),
        second: (60, "sequence", 1),
        far: (0, "clock", 3600),
    }
    assert [(channel.channel, channel.recordings) for channel in told.channels] == [
        ("1", (first, second)),
        ("2", (far,)),
    ]
    assert [lane.label for lane in told.timeline.lanes] == ["1", "2"]
    assert [(one.start, one.end, one.recordings) for one in told.timeline.overlaps] == [
        (at(-7), at(53), tuple(sorted((first, far)))),
        (at(53), at(113), tuple(sorted((second, far)))),
    ]


def facts_of(archive: Archive, name: str):
    return seen(archive, everywhere("reviewer"), name)


def test_a_measured_skew_is_told_beside_the_places_and_moves_nothing(archive: Archive) -> None:
    near = add(archive, 0, 600, session_number="S1", channel="1")
    far = add(archive, 2, 600, session_number="S1", channel="2")
    measure = {"against": near, "begins_at": "16/5", "score": 21.5, "accepted": True}
    add_rendition(archive, far, "skew", facts=measure)
    add_rendition(archive, far, "skew", content=b"worse", facts=measure | {"begins_at": "9", "score": 9.0})
    add_rendition(archive, far, "skew", content=b"none", facts=measure | {"score": 99.0, "accepted": False})

    told = facts_of(archive, "S1")
    lead, follower = told.channels
    assert lead.skew is None
    assert (follower.skew.seconds, follower.skew.score, follower.skew.method) == (Fraction(6, 5), 21.5, "sound")
    assert told.members[1].offset == 2
