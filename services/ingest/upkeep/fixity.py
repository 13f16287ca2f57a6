"""
Read the archive's originals again, day after day: some chunks drawn from all of it, and the share of a day in order.

Drawn chunks find widespread damage within a night or two; the share finds every damage within a cycle. Each result is
kept when it is known, so a kill loses at most the reading of one original. Whatever is found, nothing is changed in the
store: a failure is an entry and an alarm at once, and people repair.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import select

from services.bootstrap import Archive, new_id
from services.custody.events import SYSTEM
from services.custody.work import Work
from services.index.fixity import (
    Original,
    at_chunks,
    chunk_count,
    day_of,
    open_days,
    original,
    sampled,
    share,
    total_of,
)
from services.index.models import Recording
from services.index.upkeep import FixityCheck, FixityDay, FixityObject
from services.ingest.upkeep.reading import EQUAL, Pace, Reading, read_chunk, read_whole

log = logging.getLogger(__name__)

SAMPLE: Final = 300
"""Chunks a night. Where 1 % of all chunks is damaged, one of 300 is with 95 %. Source: knowledge integrity 7.3."""

MIB: Final = 1 << 20

Draw = Callable[[int], int]
"""Gives a random number below its argument."""


def keep_fixity(
    archive: Archive, pace: Pace | None = None, draw: Draw = secrets.randbelow, sample: int = SAMPLE
) -> int:
    """
    Do what is left to do today, and enter the days that are over; gives how many checks were made.

    Raises:
        StoreUnavailable: the store does not answer; what was checked is kept, the rest follows when this is repeated.
    """
    enter_days(archive)
    used = pace or Pace(archive.settings.fixity_mib_s * MIB)
    count = 0
    for one in _share(archive):
        note(archive, one, read_whole(archive.store, one, used))
        count += 1
    for one, chunk in _drawn(archive, draw, sample):
        note(archive, one, read_chunk(archive.store, one, chunk, used), drawn=chunk)
        count += 1
    return count


def _share(archive: Archive) -> Iterator[Original]:
    with archive.reading() as session:
        chosen = share(session, archive.clock(), archive.settings.fixity_days)
    yield from chosen


def _drawn(archive: Archive, draw: Draw, sample: int) -> Iterator[tuple[Original, int]]:
    with archive.reading() as session:
        chunks = chunk_count(session)
        left = min(sample, chunks) - sampled(session, archive.clock())
        places = {draw(chunks) for _ in range(left)}
        chosen = list(at_chunks(session, sorted(places)))
    yield from chosen


def note(archive: Archive, one: Original, reading: Reading, drawn: int | None = None) -> None:
    """
    Keep the result of a reading; a failure that is new, or ends, is an entry of every recording on the original.

    Args:
        archive: where.
        one: what was read.
        reading: what came of it.
        drawn: the chunk by which it was chosen; its reading may have been of the whole.
    """
    with archive.work() as work:
        now = original(work.session, one.id)
        if now is None or now.version != one.version:
            return  # disposed of or repaired meanwhile
        row = work.session.get(FixityObject, one.id, with_for_update=True)
        cycle = row.cycle if row else 0
        is_whole = reading.chunk is None
        if is_whole:
            row = row or FixityObject(object_id=one.id, cycle=0)
            _note_whole(work, row, one, reading)
            work.session.add(row)
        check = FixityCheck(
            id=new_id(), object_id=one.id, day=day_of(work.at), checked_at=work.at, outcome=reading.outcome,
            chunk=drawn, cycle=cycle + is_whole, bytes_read=reading.bytes_read,
        )  # fmt: skip
        work.session.add(check)
    if reading.outcome != EQUAL:
        log.error(
            "stored original is not what was taken in",
            extra={"object": one.id, "key": one.key, "outcome": reading.outcome, "found": reading.found},
        )


def _note_whole(work: Work, row: FixityObject, one: Original, reading: Reading) -> None:
    is_news = (row.outcome or EQUAL) != reading.outcome
    row.checked_at, row.cycle = work.at, row.cycle + 1
    row.outcome, row.found = reading.outcome, reading.found
    row.failed_at = None if reading.outcome == EQUAL else row.failed_at or work.at
    if is_news:
        of_it = select(Recording.id).where(Recording.object_id == one.id).order_by(Recording.id)
        for recording in work.session.scalars(of_it).all():
            work.append(
                "rec.fixity", recording, sha256=one.sha256, size=one.size_bytes, object_key=one.key,
                version_id=one.version, outcome=reading.outcome, expected=one.chunk_root.hex(), found=reading.found,
            )  # fmt: skip


def enter_days(archive: Archive) -> int:
    """Enter each day that is over, once: its number of checks and the root over them. Gives how many were entered."""
    with archive.reading() as session:
        days = open_days(session, archive.clock())
    for day in days:
        with archive.work() as work:
            if work.session.get(FixityDay, day) is not None:
                continue
            done = total_of(work.session, day)
            told = {"checks": done.checks, "failures": done.failures, "bytes_read": done.bytes_read}
            event = work.append("sys.fixity", SYSTEM, day=day, root=done.root.hex(), **told)
            work.session.add(FixityDay(day=day, root=done.root, event_id=event, **told))
    return len(days)
