"""A look is a viewing: an entry before it, what it came to after it, nobody else's to use."""

import json
import threading
from datetime import timedelta

import pytest

from services.accounts.rights import Principal
from services.api.actions.end_viewing import end_silent, end_viewing, tell_watched
from services.api.actions.look import look
from services.api.actions.open_viewing import Wish, open_viewing
from services.api.actions.preview import preview
from services.api.actions.take_original import take_original
from services.api.looks import looks_of
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import Gone, Invalid, NotAllowed, NotFound, ReasonRequired
from services.index.models import Viewing
from tests.api.theatre import Theatre
from tests.archive_fixture import NOON, HeldClock, add_recording, add_unit, add_user


@pytest.fixture
def scene(archive: Archive) -> tuple[Principal, str]:
    unit = add_unit(archive)
    return add_user(archive, "reviewer", unit, name="li"), add_recording(archive, unit=unit)


def entries(archive: Archive, recording: str, *events: str) -> list[dict[str, str]]:
    with archive.reading() as session:
        return [dict(one.values) for one in history(session, recording) if one.entry.type in events]


def starts(archive: Archive, recording: str) -> list[dict[str, str]]:
    return entries(archive, recording, "rec.view.start")


def test_opening_is_an_entry_with_who_why_and_whence(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    viewing = open_viewing(archive, who, recording, Wish(reason="复核", purpose="review", address="10.1.2.3"))

    assert starts(archive, recording) == [
        {
            "actor": '"li"',
            "role": '"reviewer"',
            "viewing": f'"{viewing}"',
            "reason": '"复核"',
            "purpose": '"review"',
            "address": '"10.1.2.3"',
        }
    ]


def test_each_opening_is_its_own_but_requests_without_one_join(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    first = look(archive, who, recording, "recording.play", Wish())
    again = look(archive, who, recording, "recording.play", Wish())
    opened = open_viewing(archive, who, recording, Wish())
    joined = look(archive, who, recording, "recording.play", Wish(viewing=opened))

    assert first.viewing == again.viewing != opened == joined.viewing
    assert len(starts(archive, recording)) == 2


def test_forty_requests_at_once_are_one_look(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(look(archive, who, recording, "recording.play", Wish()).viewing))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(found) == 12
    assert len(set(found)) == 1
    assert len(starts(archive, recording)) == 1


def test_another_reason_is_another_look(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    found = [
        look(archive, who, recording, "recording.original", Wish(reason=reason)).viewing for reason in ("a", "b", "a")
    ]

    assert found[0] == found[2] != found[1]


def test_a_viewing_is_no_credential(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    viewing = open_viewing(archive, who, recording, Wish())
    other = add_user(archive, "reviewer", who.unit or "", name="wu")
    elsewhere = add_recording(archive, unit=who.unit)
    with pytest.raises(NotFound):
        look(archive, other, recording, "recording.play", Wish(viewing=viewing))
    with pytest.raises(NotFound):
        look(archive, who, elsewhere, "recording.play", Wish(viewing=viewing))
    with pytest.raises(NotFound):
        look(archive, who, recording, "recording.play", Wish(viewing="' OR 1=1 --"))
    moved = add_user(archive, "reviewer", add_unit(archive, "U2"), name="moved")
    stripped = Principal(who.kind, who.id, who.name, who.role, who.number, moved.unit, moved.units)
    with pytest.raises(NotFound):
        look(archive, stripped, recording, "recording.play", Wish(viewing=viewing))


def test_facts_are_no_footage(archive: Archive, scene: tuple[Principal, str]) -> None:
    auditor = add_user(archive, "auditor", scene[0].unit or "")
    with pytest.raises(NotAllowed):
        open_viewing(archive, auditor, scene[1], Wish())
    with pytest.raises(NotAllowed):
        preview(archive, auditor, scene[1])

    assert entries(archive, scene[1], "rec.view.start", "rec.preview") == []


def test_the_strictest_grade_is_looked_at_with_a_reason_only(archive: Archive) -> None:
    unit = add_unit(archive)
    who = add_user(archive, "reviewer", unit)
    recording = add_recording(archive, unit=unit, grade=4, named=[who.id])
    for forbidden in (
        lambda: open_viewing(archive, who, recording, Wish()),
        lambda: look(archive, who, recording, "recording.play", Wish()),
        lambda: preview(archive, who, recording),
    ):
        with pytest.raises(ReasonRequired):
            forbidden()
    viewing = open_viewing(archive, who, recording, Wish(reason="主办"))

    assert look(archive, who, recording, "recording.play", Wish()).viewing == viewing
    assert len(starts(archive, recording)) == 1


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb", "a\0b", "\ud800"])
def test_a_reason_is_words(sqlite_archive: Archive, reason: str) -> None:
    unit = add_unit(sqlite_archive)
    who, recording = add_user(sqlite_archive, "reviewer", unit), add_recording(sqlite_archive, unit=unit)
    with pytest.raises(Invalid):
        open_viewing(sqlite_archive, who, recording, Wish(reason=reason))

    assert starts(sqlite_archive, recording) == []


def test_the_end_says_what_it_came_to(archive: Archive, scene: tuple[Principal, str], clock: HeldClock) -> None:
    who, recording = scene
    seen = look(archive, who, recording, "recording.play", Wish())
    seen.note_bytes("proxy", 0, 1000)
    tell_watched(archive, who, recording, seen.viewing, [(0, 2.5), (2, 4)])
    tell_watched(archive, who, recording, seen.viewing, [(0, 4), (10, 11)], ended=True)
    tell_watched(archive, who, recording, seen.viewing, [(0, 4)], ended=True)

    assert entries(archive, recording, "rec.view.end") == [
        {
            "actor": '"li"',
            "viewing": f'"{seen.viewing}"',
            "outcome": '"ended"',
            "byte_ranges": '[["proxy",[0,1000]]]',
            "time_ranges": "[[0,4],[10,11]]",
            "bytes_sent": "1000",
        }
    ]
    with pytest.raises(Gone):
        look(archive, who, recording, "recording.play", Wish(viewing=seen.viewing))
    with pytest.raises(Gone):
        tell_watched(archive, who, recording, seen.viewing, [(0, 5)])


def test_bytes_that_flow_after_the_end_are_entered_too(
    archive: Archive, scene: tuple[Principal, str], clock: HeldClock
) -> None:
    who, recording = scene
    seen = look(archive, who, recording, "recording.play", Wish())
    seen.note_bytes("original", 0, 10)
    assert end_viewing(archive, seen.viewing, "ended")
    seen.note_bytes("original", 10, 5000)
    looks_of(archive).write(archive.engine, clock())
    looks_of(archive).write(archive.engine, clock())

    ends = entries(archive, recording, "rec.view.end")
    assert [one["outcome"] for one in ends] == ['"ended"', '"after the end"']
    assert ends[1]["byte_ranges"] == '[["original",[10,5000]]]'


def test_ten_minutes_of_silence_end_a_viewing(archive: Archive, scene: tuple[Principal, str], clock: HeldClock) -> None:
    who, recording = scene
    viewing = open_viewing(archive, who, recording, Wish())
    clock.advance(599)
    assert end_silent(archive, NOON) == 0
    look(archive, who, recording, "recording.play", Wish(viewing=viewing))  # only this process' memory knows
    clock.advance(599)
    assert end_silent(archive, NOON) == 0
    clock.advance(1)
    assert end_silent(archive, NOON) == 1
    assert end_silent(archive, NOON) == 0

    with archive.reading() as session:
        assert session.get_one(Viewing, viewing).ended_at == clock()
    assert [one["outcome"] for one in entries(archive, recording, "rec.view.end")] == ['"silence"']


def test_a_viewing_is_over_by_itself_before_the_round_comes(
    archive: Archive, scene: tuple[Principal, str], clock: HeldClock
) -> None:
    who, recording = scene
    viewing = open_viewing(archive, who, recording, Wish())
    clock.advance(600)
    with pytest.raises(Gone):
        look(archive, who, recording, "recording.play", Wish(viewing=viewing))
    fresh = look(archive, who, recording, "recording.play", Wish())

    assert fresh.viewing != viewing


def test_twelve_hours_end_the_longest_look(archive: Archive, scene: tuple[Principal, str], clock: HeldClock) -> None:
    who, recording = scene
    viewing = open_viewing(archive, who, recording, Wish())
    for _ in range(12 * 8):
        clock.advance(450)
        if clock() < NOON + timedelta(hours=12):
            look(archive, who, recording, "recording.play", Wish(viewing=viewing))
    with pytest.raises(Gone):
        look(archive, who, recording, "recording.play", Wish(viewing=viewing))
    end_silent(archive, NOON)

    assert [one["outcome"] for one in entries(archive, recording, "rec.view.end")] == ['"twelve hours"']


def test_what_a_crash_took_ends_as_unknown(archive: Archive, scene: tuple[Principal, str], clock: HeldClock) -> None:
    open_viewing(archive, scene[0], scene[1], Wish())
    restarted = clock.advance(700)
    end_silent(archive, restarted)

    assert [one["outcome"] for one in entries(archive, scene[1], "rec.view.end")] == ['"unknown end"']


@pytest.mark.parametrize("watched", [(-1, 2), (3, 2), (0, float("inf")), (float("nan"), 1), (0, 1e9)])
def test_watched_stretches_are_seconds(sqlite_archive: Archive, watched: tuple[float, float]) -> None:
    unit = add_unit(sqlite_archive)
    who, recording = add_user(sqlite_archive, "reviewer", unit), add_recording(sqlite_archive, unit=unit)
    viewing = open_viewing(sqlite_archive, who, recording, Wish())
    with pytest.raises(Invalid):
        tell_watched(sqlite_archive, who, recording, viewing, [watched])


def test_a_preview_is_one_a_day_by_the_bureaus_calendar(
    archive: Archive, scene: tuple[Principal, str], clock: HeldClock
) -> None:
    who, recording = scene
    clock.now = NOON.replace(hour=15, minute=59)  # 23:59 in Shanghai
    for _ in range(3):
        preview(archive, who, recording)
    clock.advance(120)
    preview(archive, who, recording)

    assert [one["day"] for one in entries(archive, recording, "rec.preview")] == ['"2026-03-02"', '"2026-03-03"']


def test_a_page_of_posters_at_once_is_one_preview_each(archive: Archive, scene: tuple[Principal, str]) -> None:
    who = scene[0]
    shown = [add_recording(archive, unit=who.unit) for _ in range(6)]
    failed: list[BaseException] = []

    def glance(recording: str) -> None:
        try:
            preview(archive, who, recording)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=glance, args=(recording,)) for recording in shown * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failed == []
    assert [len(entries(archive, recording, "rec.preview")) for recording in shown] == [1] * 6


def test_over_http_a_viewing_is_opened_told_and_ended(theatre: Theatre) -> None:
    viewing = theatre.open(reason="复核", purpose="review")
    address = theatre.path(f"viewings/{viewing}")
    told = theatre.reviewer.patch(address, json={"watched": [[0, 1.5]]})
    ended = theatre.reviewer.patch(address, json={"watched": [[0, 3]], "ended": True})
    late = theatre.reviewer.patch(address, json={"watched": [[0, 3]]})
    odd = theatre.reviewer.patch(address, json={"watched": [[0]]})
    empty = theatre.reviewer.post(theatre.path("viewings"))

    assert (told.status_code, ended.status_code, empty.status_code) == (204, 204, 201)
    assert (late.status_code, late.json()["code"]) == (410, "gone")
    assert odd.status_code == 422
    last = theatre.entries(None, "rec.view.end")[-1]
    assert (json.loads(last.values["time_ranges"]), last.values["outcome"]) == ([[0, 3]], '"ended"')


def test_an_original_is_entered_once_for_a_viewing_and_reason(archive: Archive, scene: tuple[Principal, str]) -> None:
    who, recording = scene
    viewing = open_viewing(archive, who, recording, Wish(reason="复核"))
    wishes = [Wish(viewing=viewing), Wish(viewing=viewing, reason="复核"), Wish(viewing=viewing, reason="法庭")]
    taken = [take_original(archive, who, recording, wish) for wish in (*wishes, wishes[0])]
    taken[0].look.note_bytes("original", 0, 10)
    end_viewing(archive, viewing, "ended")

    assert {one.look.viewing for one in taken} == {viewing}
    made = entries(archive, recording, "rec.original")
    assert [one["reason"] for one in made] == ['"复核"', '"法庭"']
    assert entries(archive, recording, "rec.view.end")[0]["byte_ranges"] == '[["original",[0,10]]]'
    with pytest.raises(ReasonRequired):
        take_original(archive, who, recording, Wish())
    with pytest.raises(ReasonRequired):
        take_original(archive, who, recording, Wish(viewing=open_viewing(archive, who, recording, Wish())))


def test_what_was_disposed_of_is_gone(archive: Archive, scene: tuple[Principal, str]) -> None:
    recording = add_recording(archive, unit=scene[0].unit, state="disposed")
    for forbidden in (
        lambda: open_viewing(archive, scene[0], recording, Wish()),
        lambda: preview(archive, scene[0], recording),
        lambda: take_original(archive, scene[0], recording, Wish(reason="x")),
    ):
        with pytest.raises(Gone):
            forbidden()

    assert starts(archive, recording) == []
