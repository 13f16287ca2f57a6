"""
Gather in memory what is sent and watched under each viewing, and write it to plain rows every few seconds.

The look itself is an entry before its first byte (`actions/open_viewing`); what it came to is an entry at
its end. A crash loses at most the seconds since the last writing; the viewing then ends as "unknown end".
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select

from services.bootstrap import Archive
from services.custody.work import work
from services.db import plain
from services.index.models import Viewing

WRITE_EVERY: Final = timedelta(seconds=10)
"""How old what is only in memory gets. Source: design 2.13."""

MOST_RANGES: Final = 500
"""Ranges kept of one kind in one viewing; past these the nearest ones are covered by one that spans both."""

Range = tuple[float, float]


@dataclass(slots=True)
class Gathered:
    """What one viewing came to since it was last written: byte ranges by what they are of, times, bytes."""

    last_seen: datetime
    of: dict[str, list[Range]] = field(default_factory=dict)
    times: list[Range] = field(default_factory=list)
    bytes_sent: int = 0

    def join(self, other: "Gathered") -> None:
        """Take in what another gathering of the same viewing holds."""
        for what, ranges in other.of.items():
            self.of[what] = merged([*self.of.get(what, []), *ranges])
        self.times = merged([*self.times, *other.times])
        self.bytes_sent += other.bytes_sent
        self.last_seen = max(self.last_seen, other.last_seen)


class Looks:
    """What this process sends under viewings. One for each database that the process works with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._gathered: dict[str, Gathered] = {}
        self._written_at: datetime | None = None

    def note_bytes(self, viewing: str, what: str, start: int, end: int, at: datetime) -> None:
        """Note that bytes of `what` (original, proxy, …) are handed to the line."""
        self.note_ranges(viewing, what, [(start, end)], at)

    def note_ranges(self, viewing: str, what: str, ranges: Sequence[Range], at: datetime) -> None:
        """Note bytes of `what` that leave together, without those that lie between them."""
        with self._lock:
            gathered = self._of(viewing, at)
            gathered.of[what] = merged([*gathered.of.get(what, []), *ranges])
            gathered.bytes_sent += sum(int(end - start) for start, end in ranges)

    def note_sent(self, viewing: str, count: int, at: datetime) -> None:
        """Note bytes that are no part of a stored file: a clip's, a still's."""
        with self._lock:
            self._of(viewing, at).bytes_sent += count

    def note_times(self, viewing: str, ranges: Iterable[Range], at: datetime) -> None:
        """Note stretches of the recording that were watched or sent, in seconds."""
        with self._lock:
            gathered = self._of(viewing, at)
            gathered.times = merged([*gathered.times, *ranges])

    def touch(self, viewing: str, at: datetime) -> None:
        """Note that the viewing is in use."""
        with self._lock:
            self._of(viewing, at)

    def last_seen(self, viewing: str) -> datetime | None:
        """Tell when this process last saw the viewing in use; None when that is written already."""
        with self._lock:
            gathered = self._gathered.get(viewing)
            return gathered.last_seen if gathered else None

    def _of(self, viewing: str, at: datetime) -> Gathered:
        gathered = self._gathered.setdefault(viewing, Gathered(at))
        gathered.last_seen = max(gathered.last_seen, at)
        return gathered

    def take(self, viewing: str) -> Gathered | None:
        """Hand over what was gathered; the caller writes it, or gives it back."""
        with self._lock:
            return self._gathered.pop(viewing, None)

    def give_back(self, viewing: str, gathered: Gathered) -> None:
        """Keep again what could not be written."""
        with self._lock:
            present = self._gathered.get(viewing)
            if present is not None:
                gathered.join(present)
            self._gathered[viewing] = gathered

    def write_when_due(self, engine: Engine, now: datetime) -> None:
        """Write if the last writing is long past: a process whose rounds do not run still keeps its rows fresh."""
        if self._written_at is None:
            self._written_at = now
        elif now - self._written_at >= 2 * WRITE_EVERY:
            self.write(engine, now)

    def write(self, engine: Engine, now: datetime) -> None:
        """
        Write all that was gathered to the viewings' rows.

        Bytes that still flowed after a viewing had ended become a further entry of their own. What cannot
        be written now stays in memory for the next time.
        """
        with self._writing:
            self._written_at = now
            with self._lock:
                taken, self._gathered = self._gathered, {}
            try:
                for names in _batches(sorted(taken)):
                    late = _write(engine, {name: taken[name] for name in names})
                    for name in set(names) - late:
                        del taken[name]
                    if late:
                        _enter_late(engine, {name: taken[name] for name in late}, now)
                    for name in late:
                        del taken[name]
            except BaseException:
                for name, gathered in taken.items():
                    self.give_back(name, gathered)
                raise


def _write(engine: Engine, taken: Mapping[str, Gathered]) -> set[str]:
    """Write to the rows of open viewings; names the ended ones under which bytes still flowed."""
    late = set()
    with plain(engine) as session:
        query = select(Viewing).where(Viewing.id.in_(taken)).order_by(Viewing.id).with_for_update()
        for row in session.scalars(query):
            if row.ended_at is None:
                add_to(row, taken[row.id])
            elif taken[row.id].bytes_sent:
                late.add(row.id)
    return late


def _enter_late(engine: Engine, late: Mapping[str, Gathered], now: datetime) -> None:
    with work(engine, now) as done:
        for row in done.session.scalars(select(Viewing).where(Viewing.id.in_(late))):
            told = as_told(late[row.id])
            done.append(
                "rec.view.end", row.recording_id, actor=row.actor, viewing=row.id, outcome="after the end", **told
            )


def merged(ranges: Iterable[Range], most: int = MOST_RANGES) -> list[Range]:
    """
    Join ranges that overlap or touch; past `most`, also those with the smallest gaps between them.

    So the result covers all that was given and, past `most`, a little more: never less than was sent.
    """
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    if len(found) <= most:
        return found
    gaps = sorted(range(1, len(found)), key=lambda at: found[at][0] - found[at - 1][1])
    closed = set(gaps[: len(found) - most])
    few: list[Range] = []
    for at, one in enumerate(found):
        if at in closed:
            few[-1] = (few[-1][0], one[1])
        else:
            few.append(one)
    return few


def as_told(gathered: Gathered) -> dict[str, Any]:
    """Give it as the values of a `rec.view.end` entry."""
    return {
        "byte_ranges": [[what, *map(list, ranges)] for what, ranges in sorted(gathered.of.items())],
        "time_ranges": [list(one) for one in gathered.times],
        "bytes_sent": gathered.bytes_sent,
    }


def add_to(row: Viewing, gathered: Gathered) -> None:
    """Add what was gathered to a viewing's row."""
    total = in_row(row)
    total.join(gathered)
    told = as_told(total)
    row.byte_ranges, row.time_ranges, row.bytes_sent = told["byte_ranges"], told["time_ranges"], told["bytes_sent"]
    row.last_seen = max(row.last_seen, gathered.last_seen)


def in_row(row: Viewing) -> Gathered:
    """Read what a viewing's row holds."""
    of = {what: [(start, end) for start, end in ranges] for what, *ranges in row.byte_ranges}
    return Gathered(row.last_seen, of, [(start, end) for start, end in row.time_ranges], row.bytes_sent)


def _batches(names: Sequence[str], size: int = 200) -> Iterable[Sequence[str]]:
    return (names[at : at + size] for at in range(0, len(names), size))


_KNOWN: WeakKeyDictionary[Engine, Looks] = WeakKeyDictionary()
_KNOWN_LOCK = threading.Lock()


def looks_of(archive: Archive) -> Looks:
    """Give the looks of this process into this archive; the same for its routes and its rounds."""
    with _KNOWN_LOCK:
        return _KNOWN.setdefault(archive.engine, Looks())
