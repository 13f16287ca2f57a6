"""Every stored byte is read again in time; what is not what was taken in is an entry and an alarm at once."""

import hashlib
import json
import os
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from services.bootstrap import Archive
from services.custody import tree
from services.custody.events import SYSTEM
from services.custody.ledger import Recorded, history
from services.errors import StoreUnavailable
from services.index.fixity import at_chunks, day_of, progress, result_text
from services.index.models import Object, Recording
from services.index.upkeep import FixityCheck, FixityDay
from services.ingest.upkeep.fixity import enter_days, keep_fixity
from services.ingest.upkeep.reading import Pace
from tests.archive_fixture import HeldClock, add_recording

MIB = 1 << 20
ALARM = "stored original is not what was taken in"
FAST = Pace(1e15)


def entries(archive: Archive, obj: str, event: str) -> list[Recorded]:
    with archive.reading() as session:
        return [line for line in history(session, obj) if line.entry.type == event]


def value(line: Recorded, name: str) -> Any:
    return json.loads(line.values[name])


def file_of(archive: Archive, recording: str) -> Path:
    with archive.reading() as session:
        key = session.scalars(
            select(Object.key).join(Recording, Recording.object_id == Object.id).where(Recording.id == recording)
        ).one()
    return archive.settings.paths.store / key


def rot(path: Path, at: int) -> None:
    """Flip one bit of a kept file, as a failing disk does."""
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def checks(archive: Archive) -> list[FixityCheck]:
    with archive.reading() as session:
        return list(session.scalars(select(FixityCheck).order_by(FixityCheck.id)))


def days_of(archive: Archive, clock: HeldClock, days: int) -> None:
    for _ in range(days):
        clock.advance(86_400)
        keep_fixity(archive, FAST)


def test_every_byte_is_read_again_within_the_cycle(sqlite_archive: Archive, clock: HeldClock) -> None:
    archive = sqlite_archive
    for size in (0, 1, MIB, 3 * MIB + 5, *[40_000 + number for number in range(20)]):
        add_recording(archive, content=os.urandom(size))
    begun = clock.now

    for _ in range(90):
        clock.advance(86_400)
        keep_fixity(archive, FAST, sample=0)

    with archive.reading() as session:
        whole = select(FixityCheck.object_id).where(FixityCheck.chunk.is_(None), FixityCheck.checked_at > begun)
        read = set(session.scalars(whole))
        told = progress(session, clock.now, 90)
        most = session.execute(
            select(func.sum(FixityCheck.bytes_read)).group_by(FixityCheck.day).order_by(func.sum(FixityCheck.bytes_read))
        ).scalars().all()[-1]  # fmt: skip
        assert read == set(session.scalars(select(Object.id)))
    assert (told.objects, told.objects_read, told.late, told.failing) == (24, 24, 0, 0)
    assert told.bytes_read == told.bytes_total
    assert told.oldest_at is not None
    assert told.oldest_at >= clock.now - timedelta(days=90)
    assert most < told.bytes_total * 0.75, "no day takes all"


def test_a_day_is_entered_once_with_the_root_over_its_results(archive: Archive, clock: HeldClock) -> None:
    for _ in range(3):
        add_recording(archive)
    turn = count()
    for _ in range(2):
        clock.advance(86_400)
        keep_fixity(archive, FAST, draw=lambda chunks: next(turn) % chunks)
    first = day_of(clock.now - timedelta(days=1))

    assert enter_days(archive) == 0
    clock.advance(86_400)
    assert enter_days(archive) == 1

    lines = entries(archive, SYSTEM, "sys.fixity")
    assert [value(line, "day") for line in lines] == [first, day_of(clock.now - timedelta(days=1))]
    with archive.reading() as session:
        rows = session.execute(
            select(FixityCheck, Object.sha256)
            .join(Object, Object.id == FixityCheck.object_id)
            .where(FixityCheck.day == first)
            .order_by(FixityCheck.id)
        ).all()
        leaves = [hashlib.sha256(b"\0" + result_text(check, sha256)).digest() for check, sha256 in rows]
        kept = session.get_one(FixityDay, first)
    assert value(lines[0], "root") == tree.root(leaves).hex() == kept.root.hex()
    assert value(lines[0], "checks") == len(leaves) == kept.checks >= 3
    assert kept.event_id == lines[0].entry.id


@pytest.mark.parametrize("place", [0, MIB, 2 * MIB + 4])
def test_a_flipped_bit_is_an_entry_of_each_recording_and_an_alarm_at_once(
    archive: Archive, clock: HeldClock, expects_errors: list[str], place: int
) -> None:
    expects_errors.append(ALARM)
    content = os.urandom(2 * MIB + 5)
    one, twin, other = add_recording(archive, content=content), add_recording(archive, content=content), ""
    other = add_recording(archive)
    path = file_of(archive, one)
    rot(path, place)
    damaged = path.read_bytes()

    days_of(archive, clock, 2)

    for recording in (one, twin):
        (line,) = entries(archive, recording, "rec.fixity")
        assert value(line, "outcome") == "differs"
        assert hashlib.sha256(damaged).hexdigest() in value(line, "found")
        assert value(line, "sha256") == hashlib.sha256(content).hexdigest()
    assert entries(archive, other, "rec.fixity") == []
    assert path.read_bytes() == damaged, "reports, and changes nothing"
    with archive.reading() as session:
        told = progress(session, clock.now, 90)
    assert told.failing == 1
    assert set(told.failures[0].recordings) == {one, twin}


def test_an_original_that_is_gone_is_missing_and_one_that_came_back_is_no_failure_any_more(
    archive: Archive, clock: HeldClock, expects_errors: list[str]
) -> None:
    expects_errors.append(ALARM)
    recording = add_recording(archive)
    path = file_of(archive, recording)
    content = path.read_bytes()
    path.unlink()
    days_of(archive, clock, 1)
    path.write_bytes(content)

    days_of(archive, clock, 1)

    assert [value(line, "outcome") for line in entries(archive, recording, "rec.fixity")] == ["missing", "equal"]
    with archive.reading() as session:
        assert progress(session, clock.now, 90).failing == 0


def test_a_drawn_chunk_is_read_alone_once_its_leaves_are_kept(sqlite_archive: Archive, clock: HeldClock) -> None:
    archive = sqlite_archive
    add_recording(archive, content=os.urandom(5 * MIB + 9))
    clock.advance(86_400)
    keep_fixity(archive, FAST, sample=0)
    clock.advance(3600)

    keep_fixity(archive, FAST, draw=lambda chunks: chunks - 1)

    last = checks(archive)[-1]
    assert (last.chunk, last.outcome, last.bytes_read) == (5, "equal", 9)


def test_a_drawn_chunk_with_a_flipped_bit_is_found(
    sqlite_archive: Archive, clock: HeldClock, expects_errors: list[str]
) -> None:
    archive = sqlite_archive
    expects_errors.append(ALARM)
    recording = add_recording(archive, content=os.urandom(5 * MIB + 9))
    clock.advance(86_400)
    keep_fixity(archive, FAST, sample=0)
    rot(file_of(archive, recording), 4 * MIB + 77)

    keep_fixity(archive, FAST, draw=lambda _: 3)
    assert entries(archive, recording, "rec.fixity") == []
    clock.advance(86_400 / 4)
    with archive.plain() as session:
        for check in session.scalars(select(FixityCheck)):
            session.delete(check)
    keep_fixity(archive, FAST, draw=lambda _: 4)

    assert len(entries(archive, recording, "rec.fixity")) == 1


def test_leaves_that_somebody_changed_excuse_nothing(
    sqlite_archive: Archive, clock: HeldClock, expects_errors: list[str]
) -> None:
    archive = sqlite_archive
    expects_errors.append(ALARM)
    recording = add_recording(archive, content=os.urandom(2 * MIB))
    clock.advance(86_400)
    keep_fixity(archive, FAST, sample=0)
    path = file_of(archive, recording)
    rot(path, 5)
    (kept,) = archive.store.keys("derived/")
    leaves = [hashlib.sha256(b"\0" + path.read_bytes()[at : at + MIB]).digest() for at in (0, MIB)]
    archive.store.put_bytes(kept.key, b"".join(leaves))

    keep_fixity(archive, FAST, draw=lambda _: 0)

    assert len(entries(archive, recording, "rec.fixity")) == 1


def test_chunks_are_drawn_by_size_from_the_whole_archive(sqlite_archive: Archive) -> None:
    sizes = [0, 1, MIB, MIB + 1, 7 * MIB]
    for size in sizes:
        add_recording(sqlite_archive, content=os.urandom(size))

    with sqlite_archive.reading() as session:
        found = [(one.size_bytes, chunk) for one, chunk in at_chunks(session, list(range(11)))]

    assert len(found) == 11
    assert sorted(found) == sorted((size, chunk) for size in sizes for chunk in range(-(-size // MIB)))


class Plug(Exception):
    """The plug is pulled."""


def test_a_kill_at_any_reading_loses_no_result_and_repeats_none(
    sqlite_archive: Archive, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = sqlite_archive
    for number in range(8):
        add_recording(archive, content=os.urandom(1000 + number), verified=False)
    clock.advance(86_400)
    read = type(archive.store).read
    left = 0

    def pulled(*arguments: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Plug
        return read(*arguments, **more)

    monkeypatch.setattr(type(archive.store), "read", pulled)
    for _ in range(20):
        left = 1
        try:
            keep_fixity(archive, FAST, sample=0)
        except Plug:
            continue
        break

    done = checks(archive)
    assert len(done) == len({check.object_id for check in done}) == 8


def test_a_store_that_is_away_is_no_failure(
    sqlite_archive: Archive, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_recording(sqlite_archive, verified=False)

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the store is away")

    for name in ("read", "stat"):
        monkeypatch.setattr(type(sqlite_archive.store), name, away)
    with pytest.raises(StoreUnavailable):
        keep_fixity(sqlite_archive, FAST)

    assert checks(sqlite_archive) == []


def test_an_original_that_the_disk_does_not_give_is_unreadable(
    sqlite_archive: Archive, clock: HeldClock, monkeypatch: pytest.MonkeyPatch, expects_errors: list[str]
) -> None:
    expects_errors.append(ALARM)
    recording = add_recording(sqlite_archive, verified=False)

    def bad_sector(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("Input/output error")

    monkeypatch.setattr(type(sqlite_archive.store), "read", bad_sector)
    keep_fixity(sqlite_archive, FAST)

    (line,) = entries(sqlite_archive, recording, "rec.fixity")
    assert value(line, "outcome") == "unreadable"


def test_an_original_that_never_answers_holds_up_no_other(
    sqlite_archive: Archive, clock: HeldClock, monkeypatch: pytest.MonkeyPatch, expects_errors: list[str]
) -> None:
    """Else whoever spoils the oldest one would have spoilt the whole service."""
    expects_errors.append(ALARM)
    recordings = [add_recording(sqlite_archive, verified=False) for _ in range(4)]
    dead, store = file_of(sqlite_archive, recordings[0]).name, type(sqlite_archive.store)

    def refusing(act: Any) -> Any:
        def answer(self: Any, key: str, *more: Any, **named: Any) -> Any:
            if key.endswith(dead):
                raise StoreUnavailable("access denied")
            return act(self, key, *more, **named)

        return answer

    for name in ("read", "stat"):
        monkeypatch.setattr(store, name, refusing(getattr(store, name)))
    keep_fixity(sqlite_archive, FAST, sample=0)

    assert len(checks(sqlite_archive)) == 4
    outcomes = [[value(line, "outcome") for line in entries(sqlite_archive, one, "rec.fixity")] for one in recordings]
    assert outcomes == [["unreadable"], [], [], []]


def test_a_store_that_goes_away_in_between_is_no_failure(
    sqlite_archive: Archive, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        add_recording(sqlite_archive, verified=False)
    store, asked = type(sqlite_archive.store), 0

    def leaving(act: Any) -> Any:
        def answer(*more: Any, **named: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked > 2:
                raise StoreUnavailable("the store is away")
            return act(*more, **named)

        return answer

    for name in ("read", "stat"):
        monkeypatch.setattr(store, name, leaving(getattr(store, name)))
    with pytest.raises(StoreUnavailable):
        keep_fixity(sqlite_archive, FAST, sample=0)

    assert {check.outcome for check in checks(sqlite_archive)} == {"equal"}


def test_reading_keeps_its_pace() -> None:
    slept: list[float] = []
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    pace = Pace(10 * MIB, clock=lambda: now, sleep=sleep)
    for _ in range(50):
        pace.took(MIB)

    assert now - 100.0 == pytest.approx(5.0)
