"""
Fill an archive's catalogue with a city's months of recordings, as rows only: for benchmarks of lists and draws.

One month has 150,000 recordings of 40 stations, the load of one city (domain, "Where numbers come from"); the rest lies
before it. Rows go in past the guard of `work`, which would take an entry for each; nothing but a benchmark may do that.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Table, insert, text
from uuid_utils import uuid7

from services.accounts.models import Unit
from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.db import Base, Watch
from services.index.models import Case, Link, Object, Recording
from services.index.search import keep_words
from services.oversight.filters import CATEGORIES

MONTH: Final = 150_000
STATIONS: Final = 40
BATCH: Final = 2_000
STARTS: Final = datetime(2026, 2, 1, tzinfo=UTC)
ENDS: Final = datetime(2026, 3, 1, tzinfo=UTC)
PER_CASE: Final = 20
OFFICERS: Final = 3_000


@dataclass(frozen=True, slots=True)
class City:
    """What a benchmark asks about: who asks, how many there are, cases with recordings of the month."""

    who: Principal
    recordings: int
    month: int
    cases: tuple[str, ...]


def fill(archive: Archive, recordings: int) -> City:
    """Add units, recordings with words to be found by, and cases of 20 recordings each."""
    chance = random.Random(recordings)  # noqa: S311  (the same rows each time, no secret)
    units = _units(archive)
    month = min(recordings, MONTH)
    cases: list[str] = []
    engine = archive.engine.execution_options(huisu_writing=True, huisu_watch=Watch("migration"))
    rows = _rows(chance, units[1:], recordings, month)
    for batch in _batched(rows):
        with engine.begin() as connection:
            connection.execute(insert(_table(Object)), [_object(row) for row in batch])
            connection.execute(insert(_table(Recording)), batch)
            case = _case(chance, units[1], len(cases))
            cases.append(case["number"])
            connection.execute(insert(_table(Case)), [case])
            connection.execute(insert(_table(Link)), [_link(row, case) for row in batch[:PER_CASE]])
        with archive.plain() as session:
            for row in batch:
                keep_words(session, row["id"], f"{row['filename']}\n{row['officer']}\n{row['note']}")
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    who = Principal("user", str(uuid7()), "bench", "supervisor", None, units[0], frozenset(units))
    return City(who, recordings, month, tuple(cases))


def _units(archive: Archive) -> list[str]:
    """Make the city and its stations; the city first."""
    city = str(uuid7())
    with archive.work() as work:
        for number in range(STATIONS + 1):
            made = city if number == 0 else str(uuid7())
            path = f"{city}/" if number == 0 else f"{city}/{made}/"
            unit = Unit(
                id=made, number="city" if number == 0 else f"st{number:02d}", name="所",
                parent_id=None if number == 0 else city, path=path, version=1, created_at=work.at,
            )  # fmt: skip
            work.session.add(unit)
            work.session.flush()
            work.append("unit.put", made, actor="bench", before=None, after={"number": unit.number})
    with archive.reading() as session:
        stations = session.query(Unit.id).where(Unit.parent_id == city).order_by(Unit.number)
        return [city, *(row.id for row in stations)]


def _rows(chance: random.Random, stations: list[str], recordings: int, month: int) -> Iterator[dict[str, Any]]:
    span = (ENDS - STARTS).total_seconds()
    for number in range(recordings):
        made = str(uuid7())
        back = timedelta(days=28 * (1 + (number - month) // MONTH)) if number >= month else timedelta(0)
        started = STARTS - back + timedelta(seconds=chance.random() * span)
        length = chance.randint(20, 600)
        yield {
            "id": made, "object_id": made, "state": "ready", "kind": chance.choice(("body", "body", "vehicle")),
            "unit_id": chance.choice(stations), "officer": f"{chance.randrange(OFFICERS):06d}",
            "device": f"C-{chance.randrange(OFFICERS):05d}", "filename": f"{number:08d}.mp4", "started_at": started,
            "started_source": "given", "ended_at": started + timedelta(seconds=length), "received_at": started,
            "duration": f"{length * 30}/30", "size_bytes": length * 1_000_000, "sha256": f"{number:064x}",
            "playable": True, "flags": [], "flag_kinds": "", "given": {}, "category": chance.choice(CATEGORIES),
            "grade": chance.choices((1, 2, 3), (8, 2, 1))[0], "note": f"路口 {chance.randrange(5_000)} 号",
            "retain_rule": "six-months", "version": 1,
        }  # fmt: skip


def _object(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "recording_id": row["id"], "sha256": row["sha256"], "size_bytes": row["size_bytes"],
        "chunk_log2": 20, "chunk_root": bytes(32), "key": row["sha256"], "stored_at": row["received_at"], "hold": False,
    }  # fmt: skip


def _case(chance: random.Random, unit: str, number: int) -> dict[str, Any]:
    return {
        "id": str(uuid7()), "number": f"A-2026-{number:06d}", "unit_id": unit, "unit": "st01",
        "title": f"案件 {chance.randrange(10**6)}", "accepted_at": STARTS, "known": True, "search_text": "",
        "version": 1, "created_at": STARTS,
    }  # fmt: skip


def _link(row: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid7()), "recording_id": row["id"], "target_type": "case", "target_id": case["id"],
        "number": case["number"], "origin": "manual", "rule": "by-hand", "score": 1.0, "reasons": [],
        "made_at": row["received_at"],
    }  # fmt: skip


def _batched(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  (every mapped class here has one)
    return table
