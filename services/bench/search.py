"""
`search`: how long a search, a case's page and the draw of a city's month take, by how many recordings there are.

Each is judged by its own bound; the line's value is the worst of the three as a share of its bound. The draw counts CPU
seconds of this process, SQLite's among them: it is work without waiting, and a shared machine's clock says little.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from services.bench.city import ENDS, STARTS, STATIONS, City, fill
from services.bench.measure import Result, Spent, rounds_of, spent_here, take_turns
from services.bootstrap import Archive, open_archive
from services.custody import vrf
from services.custody.checkpoint import Checkpoint
from services.custody.heads import SignedHead, keep_head
from services.custody.logtree import log_size, log_tree
from services.custody.note import PLAIN, Note
from services.custody.sequencer import integrate
from services.custody.signingkey import SigningKey
from services.index import recordings
from services.index.lists import show_case
from services.index.migrate import migrate
from services.index.models import Recording
from services.index.recordings import Filter
from services.index.timeline import case_timeline
from services.index.visible import fetch_case
from services.oversight.definitions import parse_definition
from services.oversight.filters import text_of
from services.oversight.models import SpotCheck
from services.oversight.spotchecks import define, finish, fixed, seed
from services.settings import load_settings

SEEDED: Final = 200_000
"""Recordings unless one asks for more; a month of a city is always 150,000 of them."""

ROUNDS: Final = 5
ASKED: Final = 40
MUST_MS: Final = {"search": 100.0, "case page": 100.0, "draw": 2_000.0}
AIM: Final = 0.3
"""The aims (30, 30 and 1,000 ms) as a share of the bounds; the draw's is half."""

_KEY: Final = SigningKey("bench.example/log", PLAIN, bytes(32))
_DRAW_KEY: Final = bytes(range(32))


def measure(folder: Path, scale: float, seeded: int = SEEDED) -> Result:
    """Ask each in turns with its floor: the bare rows of the month, read once."""
    settings = load_settings({}, home=folder / "home", staging_reserve_bytes=0)
    archive = open_archive(settings)
    try:
        archive.store.prepare()
        migrate(archive.engine)
        city = fill(archive, max(1_000, math.ceil(seeded * scale)))
        told: dict[str, list[float]] = {name: [] for name in MUST_MS}
        wall_ms: list[float] = []
        for warm_up in (_search, _case_page):
            warm_up(archive, city, 0)

        def subject(number: int) -> float:
            asks = max(3, math.ceil(ASKED * scale))
            told["search"].append(_p95([_search(archive, city, n) for n in range(asks)]))
            told["case page"].append(_p95([_case_page(archive, city, n) for n in range(asks)]))
            drawn = _draw(archive, city, number)
            told["draw"].append(drawn.cpu_s * 1000)
            wall_ms.append(round(drawn.wall_s * 1000, 1))
            return max(told[name][-1] / MUST_MS[name] for name in MUST_MS)

        def floor(_: int) -> float:
            return spent_here(lambda: _bare(archive)).cpu_s * 1000 / MUST_MS["draw"]

        ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    finally:
        archive.close()
    return Result(
        what="the worst of search, case page and draw of a city's month, as a share of its bound",
        against="reading id and unit of the month's recordings, as a share of the draw's bound",
        unit="of its bound",
        subject=ours,
        floor=theirs,
        must=1.0,
        aim=AIM,
        judged="median",
        more={
            "recordings": city.recordings,
            "month": city.month,
            "strata": STATIONS,
            "database": archive.engine.dialect.name,
            "draw_wall_ms": wall_ms,
            "ms": {name: _facts(values, MUST_MS[name]) for name, values in told.items()},
        },
    )


def _facts(values: list[float], must: float) -> dict[str, Any]:
    middle = sorted(values)[len(values) // 2]
    return {
        "median": round(middle, 1),
        "runs": [round(one, 1) for one in values],
        "must": must,
        "holds": middle <= must,
    }


def _took(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return (time.monotonic() - began) * 1000


def _p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def _search(archive: Archive, city: City, number: int) -> float:
    """Ask for words of a place that some dozens of recordings have, and their first page."""

    def act() -> None:
        with archive.reading() as session:
            recordings.page(session, city.who, Filter(q=f"路口 {number * 37 % 5_000}", from_=STARTS, to=ENDS))

    return _took(act)


def _case_page(archive: Archive, city: City, number: int) -> float:
    """Ask for what a case's page shows: the case, its recordings, its timeline."""
    name, who = city.cases[number % len(city.cases)], city.who

    def act() -> None:
        with archive.reading() as session:
            case = fetch_case(session, who, "case.see", name)
            show_case(session, who, case)
            recordings.page(session, who, Filter(case=name), order="oldest")
            case_timeline(session, who, case)

    return _took(act)


def _draw(archive: Archive, city: City, number: int) -> Spent:
    """Define and draw the month in a stratum for each station; what the log does between is not counted."""
    strata = [{"name": f"st{n:02d}", "filter": {"unit": f"st{n:02d}"}} for n in range(1, STATIONS + 1)]
    definition = parse_definition(
        {
            "programme": f"bench {number}", "unit": "city", "from": text_of(STARTS), "to": text_of(ENDS),
            "ticket": "segment", "strata": strata, "size": 200, "reserve": 5,
        }
    )  # fmt: skip
    made: list[str] = []

    def defined() -> None:
        with archive.work() as work:
            made.append(define(work, city.who, definition, vrf.public_of(_DRAW_KEY)).id)

    def drawn() -> None:
        with archive.work() as work:
            row = work.session.get_one(SpotCheck, made[0])
            at = fixed(work.session, row)
            assert at is not None  # noqa: S101  (its head was just kept)
            seed(work, city.who, row, at, vrf.prove(_DRAW_KEY, at.alpha))
            finish(work, city.who, row, at)

    first = spent_here(defined)
    _sign(archive)
    second = spent_here(drawn)
    return Spent(first.cpu_s + second.cpu_s, first.wall_s + second.wall_s)


def _sign(archive: Archive) -> None:
    while integrate(archive.engine):
        pass
    with archive.reading() as session:
        size = log_size(session)
        root = log_tree(session, size).root
    body = Checkpoint(_KEY.name, size, root).body
    note = Note(body, (_KEY.sign(body),)).content.decode()
    keep_head(archive.engine, SignedHead(size, root, note, archive.clock()))


def _bare(archive: Archive) -> int:
    with archive.reading() as session:
        query = select(Recording.id, Recording.unit_id).where(
            Recording.started_at >= STARTS, Recording.started_at < ENDS
        )
        return len(session.execute(query).all())
