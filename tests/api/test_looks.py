"""What is gathered of looks covers all that was sent, in bounded memory, and survives a busy database."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.accounts.rights import Principal
from services.api.actions.open_viewing import Wish, open_viewing
from services.api.looks import Looks, looks_of, merged
from services.bootstrap import Archive
from services.db import open_engine
from services.errors import HuisuError
from services.index.models import Viewing
from tests.archive_fixture import NOON, HeldClock, add_recording, add_unit, add_user

ranges = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda p: (min(p), max(p) + 1)), max_size=60)


@settings(max_examples=100, deadline=None)
@given(ranges, st.integers(1, 10))
def test_merging_never_loses_what_was_sent(given_ranges: list[tuple[float, float]], most: int) -> None:
    found = merged(given_ranges, most)
    inside = {n for start, end in given_ranges for n in range(int(start), int(end))}

    assert len(found) <= max(most, 1)
    assert found == sorted(found)
    assert inside <= {n for start, end in found for n in range(int(start), int(end))}
    if len(merged(given_ranges)) <= most:
        assert inside == {n for start, end in found for n in range(int(start), int(end))}


def reviewer(archive: Archive) -> tuple[Principal, str]:
    unit = add_unit(archive)
    return add_user(archive, "reviewer", unit), add_recording(archive, unit=unit)


def row(archive: Archive, viewing: str) -> Viewing:
    with archive.reading() as session:
        return session.get_one(Viewing, viewing)


def test_bytes_reach_the_row_when_written(archive: Archive, clock: HeldClock) -> None:
    who, recording = reviewer(archive)
    viewing = open_viewing(archive, who, recording, Wish())
    looks = Looks()
    looks.note_bytes(viewing, "proxy", 0, 100, clock())
    looks.note_bytes(viewing, "proxy", 100, 150, clock())
    looks.note_bytes(viewing, "original", 7, 9, clock.advance(5))
    assert row(archive, viewing).bytes_sent == 0
    looks.write(archive.engine, clock())
    looks.note_bytes(viewing, "proxy", 140, 200, clock())
    looks.write(archive.engine, clock())

    written = row(archive, viewing)
    assert written.byte_ranges == [["original", [7, 9]], ["proxy", [0, 200]]]
    assert written.bytes_sent == 212
    assert written.last_seen == NOON + timedelta(seconds=5)


def test_ten_thousand_ranges_take_bounded_room(sqlite_archive: Archive, clock: HeldClock) -> None:
    who, recording = reviewer(sqlite_archive)
    viewing = open_viewing(sqlite_archive, who, recording, Wish())
    looks = Looks()
    for n in range(10_000):
        looks.note_bytes(viewing, "original", n * 10, n * 10 + 1, clock())
    looks.write(sqlite_archive.engine, clock())

    written = row(sqlite_archive, viewing)
    assert written.bytes_sent == 10_000
    assert len(written.byte_ranges[0]) <= 501
    assert written.byte_ranges[0][-1][-1] == 99_991


def test_what_cannot_be_written_waits(sqlite_archive: Archive, clock: HeldClock) -> None:
    who, recording = reviewer(sqlite_archive)
    viewing = open_viewing(sqlite_archive, who, recording, Wish())
    looks = Looks()
    looks.note_bytes(viewing, "proxy", 0, 5, clock())
    nowhere = open_engine("sqlite:////nonexistent/archive.db")
    with pytest.raises(HuisuError):
        looks.write(nowhere, clock())
    looks.write(sqlite_archive.engine, clock())

    assert row(sqlite_archive, viewing).byte_ranges == [["proxy", [0, 5]]]


def test_each_archive_has_its_own(sqlite_archive: Archive) -> None:
    assert looks_of(sqlite_archive) is looks_of(sqlite_archive)
