"""
Read the archive's originals again, day after day: some chunks drawn from all of it, and the share of a day in order.

Drawn chunks find widespread damage within a night or two; the share finds every damage within a cycle. Each result is
kept when it is known, so a kill loses at most the reading of one original. Whatever is found, nothing is changed in the
store: a failure is an entry and an alarm at once, and people repair.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from sqlalchemy import select

from services.bootstrap import Archive, new_id
from services.custody.events import SYSTEM
from services.custody.work import Work
from services.errors import NotFound, StoreUnavailable
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
from services.ingest.upkeep.reading import EQUAL, UNREADABLE, Pace, Reading, read_chunk, read_whole
from services.storage.store import ObjectStore

log = logging.getLogger(__name__)

SAMPLE: Final = 300
"""Chunks a night. Where 1 % of all chunks is damaged, one of 300 is with 95 %. Source: knowledge integrity 7.3."""

MIB: Final = 1 << 20

SILENT_MOST: Final = 100
"""Originals that are asked for in vain before the store as a whole counts as away."""

Chosen = tuple[Original, int | None]
"""An original that is to be read, and the chunk by which it was drawn; None: it is its turn."""

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
    used, count = pace or Pace(archive.settings.fixity_mib_s * MIB), 0
    for choose in (partial(_share, archive), partial(_drawn, archive, draw, sample)):
        for one, chunk, reading in _readings(archive.store, choose(), used):
            note(archive, one, reading, drawn=chunk)
            count += 1
    return count


def _share(archive: Archive) -> list[Chosen]:
    with archive.reading() as session:
        return [(one, None) for one in share(session, archive.clock(), archive.settings.fixity_days)]


def _drawn(archive: Archive, draw: Draw, sample: int) -> list[Chosen]:
    with archive.reading() as session:
        chunks = chunk_count(session)
        left = min(sample, chunks) - sampled(session, archive.clock())
        places = {draw(chunks) for _ in range(left)}
        return list(at_chunks(session, sorted(places)))


def _readings(
    store: ObjectStore, chosen: Iterable[Chosen], pace: Pace
) -> Iterator[tuple[Original, int | None, Reading]]:
    """
    Read what was chosen. An original for which the store does not answer, while it does for others, is unreadable: else
    one that never answers would keep all behind it from being read.

    Raises:
        StoreUnavailable: it does not answer for any.
    """
    left, answered, silent = deque(chosen), None, 0
    while left:
        one, chunk = left.popleft()
        try:
            reading = _read(store, one, chunk, pace)
        except StoreUnavailable:
            if answered is None:  # perhaps it does for others: this one is asked again behind them
                silent += 1
                if silent > min(SILENT_MOST, len(left)):
                    raise
                left.append((one, chunk))
                continue
            with suppress(NotFound):
                store.stat(answered.key, answered.version)
            try:
                reading = _read(store, one, chunk, pace)
            except StoreUnavailable as error:
                with suppress(NotFound):
                    store.stat(answered.key, answered.version)
                reading = Reading(UNREADABLE, 0, str(error))
        else:
            answered = one
        yield one, chunk, reading


def _read(store: ObjectStore, one: Original, chunk: int | None, pace: Pace) -> Reading:
    return read_whole(store, one, pace) if chunk is None else read_chunk(store, one, chunk, pace)


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
