"""Lists and details of recordings: filters, order, what each line tells, and how few queries that takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import event

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.errors import Invalid
from services.index.flags import set_flags
from services.index.models import Recording
from services.index.recording_facts import RecordingItem, facts, progress
from services.index.recordings import Filter, etag, page, rendition
from services.index.search import index_recording
from services.jobs.lease import ask, claim, fail, finish, renew
from services.media.facts import Flag, MediaFacts, Stream
from tests.archive_fixture import (
    NOON,
    HeldClock,
    add_case,
    add_incident,
    add_recording,
    add_rendition,
    add_unit,
    add_user,
    everywhere,
    link,
)

HOUR = timedelta(hours=1)


@contextmanager
def counted(archive: Archive) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(archive.engine, "before_cursor_execute", note)
    yield statements
    event.remove(archive.engine, "before_cursor_execute", note)


def names(archive: Archive, who: Principal, **wanted: Any) -> list[str]:
    """The file names that a filter keeps, newest first."""
    with archive.reading() as session:
        found = page(session, who, Filter(**wanted), limit=200)
        rows = {row.id: row.filename for row in session.query(Recording)}
    return [rows[item.id] for item in found.items]


def test_each_filter_keeps_what_it_names(archive: Archive) -> None:
    root = add_unit(archive, "U1")
    below = add_unit(archive, "U1-2", parent=root)
    who = everywhere("auditor")
    add_recording(archive, filename="a", unit=root, officer="1", device="D1", kind="body", started_at=NOON)
    add_recording(archive, filename="b", unit=below, officer="2", device="D2", kind="vehicle", started_at=NOON - HOUR)
    c = add_recording(archive, filename="c", officer="1", state="damaged", started_at=NOON - 2 * HOUR)
    incident, case = add_incident(archive, "J1"), add_case(archive, "A1", title="盗窃")
    link(archive, c, "incident", incident)
    link(archive, c, "case", case)
    with archive.work() as work:
        row = work.session.get_one(Recording, c)
        set_flags(row, [Flag("truncated").to_json(), Flag("same-bytes").to_json()])
        work.append("rec.facts", c, flags=row.flags)
        work.session.flush()
        index_recording(work.session, row)

    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["a", "b", "c"]),
        ({"unit": "U1"}, ["a", "b"]),
        ({"unit": root}, ["a", "b"]),
        ({"unit": "U1-2"}, ["b"]),
        ({"unit": "U9"}, []),
        ({"officer": "1"}, ["a", "c"]),
        ({"device": "D2"}, ["b"]),
        ({"kind": "vehicle"}, ["b"]),
        ({"state": "damaged"}, ["c"]),
        ({"flag": "truncated"}, ["c"]),
        ({"flag": "same-bytes"}, ["c"]),
        ({"flag": "same"}, []),
        ({"flag": "%"}, []),
        ({"case": "A1"}, ["c"]),
        ({"incident": "J1"}, ["c"]),
        ({"case": "J1"}, []),
        ({"q": "盗窃"}, ["c"]),
        ({"q": "诈骗"}, []),
        ({"q": " "}, ["a", "b", "c"]),
        ({"officer": "1", "kind": "body", "case": "A1"}, ["c"]),
    ]
    for wanted, kept in expected:
        assert names(archive, who, **wanted) == kept, wanted


def test_a_link_that_ended_keeps_nothing_in_the_case(archive: Archive) -> None:
    case, recording = add_case(archive, "A1"), add_recording(archive)
    link(archive, recording, "case", case, ended=True)
    who = everywhere("auditor")

    assert names(archive, who, case="A1") == []
    with archive.reading() as session:
        assert page(session, who, Filter()).items[0].cases == ()


def test_a_stretch_of_time_keeps_what_overlaps_it(archive: Archive) -> None:
    minute = timedelta(minutes=1)
    add_recording(archive, filename="12:00-12:10", started_at=NOON, duration=Fraction(600))
    add_recording(archive, filename="12:10-", started_at=NOON + 10 * minute, duration=None)
    who = everywhere("auditor")

    def between(start: int | None, end: int | None) -> list[str]:
        moments = [None if one is None else NOON + one * minute for one in (start, end)]
        return names(archive, who, from_=moments[0], to=moments[1])

    assert between(None, None) == ["12:10-", "12:00-12:10"]
    assert between(5, 6) == between(-5, 1) == between(9, 10) == ["12:00-12:10"]
    assert between(10, 11) == between(10, None) == ["12:10-"]
    assert between(-5, 0) == between(11, None) == []
    assert between(9, 11) == ["12:10-", "12:00-12:10"]
    with pytest.raises(Invalid):
        between(6, 6)


def test_pages_follow_each_other_newest_or_oldest_first(archive: Archive) -> None:
    made = [add_recording(archive, started_at=NOON + timedelta(minutes=n // 2)) for n in range(7)]
    who = everywhere("auditor")

    def walk(order: Any) -> list[str]:
        seen: list[str] = []
        cursor = None
        with archive.reading() as session:
            while True:
                part = page(session, who, Filter(), limit=3, cursor=cursor, order=order)
                seen += [item.id for item in part.items]
                cursor = part.next
                if cursor is None:
                    return seen

    assert walk("oldest") == made
    assert walk("newest") == made[::-1]
    with archive.reading() as session:
        cursor = page(session, who, Filter(), limit=3).next
        with pytest.raises(Invalid, match="another list"):
            page(session, who, Filter(kind="body"), limit=3, cursor=cursor)


def test_values_that_no_text_here_has_are_refused(sqlite_archive: Archive) -> None:
    with sqlite_archive.reading() as session, pytest.raises(Invalid, match="officer"):
        page(session, everywhere("auditor"), Filter(officer="a\0b"))


def test_a_list_shows_only_what_one_may_see_and_costs_the_same_however_long(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    who, case = add_user(archive, "reviewer", unit), add_case(archive, "A1")
    for n in range(6):
        link(archive, add_recording(archive, unit=unit if n % 2 else other), "case", case)

    with archive.reading() as session:
        with counted(archive) as few:
            page(session, who, Filter(), limit=1)
        with counted(archive) as many:
            found = page(session, who, Filter(), limit=200)

    assert len(found.items) == 3
    assert len(few) == len(many) <= 3


def test_a_line_tells_what_the_contract_names(archive: Archive) -> None:
    unit = add_unit(archive, "U1")
    recording = add_recording(
        archive, content=b"x" * 99, unit=unit, officer="1", device="D1", duration=Fraction(10, 3), state="damaged"
    )
    link(archive, recording, "case", add_case(archive, "A2"))
    link(archive, recording, "case", add_case(archive, "A1"))
    link(archive, recording, "incident", add_incident(archive, "J1"))
    flag = Flag("truncated", Fraction(1, 3), None, "ends early")
    with archive.work() as work:
        row = work.session.get_one(Recording, recording)
        set_flags(row, [flag.to_json()])
        work.append("rec.facts", recording, flags=row.flags)

    with archive.reading() as session:
        item = page(session, everywhere("auditor"), Filter()).items[0]
    assert item == RecordingItem(
        id=recording,
        state="damaged",
        kind="body",
        unit="U1",
        officer="1",
        device="D1",
        started_at=NOON - 2 * HOUR,
        ended_at=item.ended_at,
        duration=Fraction(10, 3),
        size=99,
        sha256=item.sha256,
        flags=(flag,),
        cases=("A1", "A2"),
        incidents=("J1",),
    )


def test_a_detail_adds_where_it_came_from_and_why_it_belongs_there(archive: Archive) -> None:
    stream = Stream(0, "video", "h264", width=1920, height=1080, rate=Fraction(30000, 1001))
    told = MediaFacts("mp4", streams=(stream,), duration=Fraction(60), playable=True)
    recording = add_recording(
        archive, filename="执法 1.mp4", dock="dock-1", note="夜间", grade=2, facts=told.to_json(), channel="1"
    )
    link(archive, recording, "case", add_case(archive, "A1"), origin="auto", rule="window", reasons=[{"by": "officer"}])
    link(archive, recording, "case", add_case(archive, "A2"), ended=True)
    add_rendition(archive, recording, "poster")

    with archive.reading() as session:
        found = facts(session, session.get_one(Recording, recording))
    assert (found.filename, found.note, found.grade, found.channel) == ("执法 1.mp4", "夜间", 2, "1")
    assert found.streams == (stream,)
    assert [arrival.sender for arrival in found.arrivals] == ["dock-1"]
    assert [(one.target, one.number, one.origin, one.rule, one.reasons) for one in found.links] == [
        ("case", "A1", "auto", "window", ({"by": "officer"},))
    ]
    assert found.retention.rule == "six-months"
    assert (found.renditions, found.progress, found.version) == (("poster",), None, 1)


@pytest.mark.parametrize(
    ("duration", "playable", "shown"),
    [
        (Fraction(0), False, None),
        (None, False, None),
        (Fraction(0), True, Fraction(0)),
        (Fraction(5, 2), False, Fraction(5, 2)),
    ],
    ids=["damaged", "not examined", "one frame without an end", "no decoder"],
)
def test_what_holds_nothing_to_play_has_no_duration(
    sqlite_archive: Archive, duration: Fraction | None, playable: bool, shown: Fraction | None
) -> None:
    recording = add_recording(sqlite_archive, duration=duration, playable=playable)

    with sqlite_archive.reading() as session:
        row = session.get_one(Recording, recording)
        assert facts(session, row).duration == shown
        assert [item.duration for item in page(session, everywhere("auditor"), Filter()).items] == [shown]


def test_progress_is_that_of_the_review_proxy(archive: Archive, clock: HeldClock) -> None:
    recording = add_recording(archive)

    def now() -> float | None:
        with archive.reading() as session:
            return progress(session, recording)

    before = now()
    with archive.plain() as session:
        ask(session, "render", recording, clock.now)
        ask(session, "examine", recording, clock.now)
    waiting = now()
    job = claim(archive.engine, ["render"], clock.now)
    assert job is not None
    renew(archive.engine, job, clock.now, 0.25)
    running = now()
    finish(archive.engine, job, clock.now)

    assert (before, waiting, running, now()) == (None, 0.0, 0.25, 1.0)


def test_progress_of_a_proxy_that_was_given_up_is_unknown(archive: Archive, clock: HeldClock) -> None:
    recording = add_recording(archive)
    with archive.plain() as session:
        ask(session, "render", recording, clock.now)
    for _ in range(3):
        job = claim(archive.engine, ["render"], clock.advance(100))
        assert job is not None
        fail(archive.engine, job, clock.now, RuntimeError("no"))

    with archive.reading() as session:
        assert progress(session, recording) is None


def test_the_newest_rendition_of_a_kind_is_given(archive: Archive, clock: HeldClock) -> None:
    recording = add_recording(archive)
    add_rendition(archive, recording, "proxy", b"old")
    clock.advance(60)
    newer = add_rendition(archive, recording, "proxy", b"new")
    add_rendition(archive, recording, "poster", b"poster")

    with archive.reading() as session:
        found = rendition(session, recording, "proxy")
        assert found is not None
        assert found.id == newer
        assert rendition(session, recording, "peaks") is None


def test_a_version_has_its_etag() -> None:
    assert etag(7) == '"7"'
