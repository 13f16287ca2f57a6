"""`docking`: how long a reviewer waits for a list of recordings while eight docks upload."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from services.bench.measure import MIB, Result, random_file, rounds_of, take_turns
from services.bench.serving import serving
from services.bench.uploads import Door, fetch, refresh, upload, upload_all

DOCKS: Final = 8
FILES: Final = 4
SIZE_MIB: Final = 100
SEEDED: Final = 100
ASKED: Final = 150
PAUSE_S: Final = 0.05
ROUNDS: Final = 3
LIST: Final = "/api/v1/recordings?limit=50"


def measure(folder: Path, scale: float) -> Result:
    """Take turns: the list while uploads run, and the same list on the same archive at rest."""
    size, files = max(2, int(SIZE_MIB * scale)) * MIB, math.ceil(FILES * scale)
    sources = [random_file(folder / f"source-{number}", size) for number in range(DOCKS)]
    with serving(folder) as served:
        docks = [served.door("dock", f"bench-dock-{number}") for number in range(DOCKS)]
        person = served.door("reviewer", "bench-reviewer")
        _seed(folder, docks[0], math.ceil(SEEDED * scale))
        served.await_idle()
        counts: list[int] = []

        def subject(_: int) -> float:
            with ThreadPoolExecutor(DOCKS) as pool:
                floods = [pool.submit(_flood, dock, path, files) for dock, path in zip(docks, sources, strict=True)]
                took = _ask_while(person, lambda: not all(flood.done() for flood in floods))
                for flood in floods:
                    flood.result()
            counts.append(len(took))
            served.await_idle()
            return _p95(took)

        def floor(_: int) -> float:
            left = iter(range(math.ceil(ASKED * scale)))
            return _p95(_ask_while(person, lambda: next(left, None) is not None))

        ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    return Result(
        what=f"95th percentile of GET {LIST} while {DOCKS} docks upload",
        against="the same of the same archive at rest",
        unit="ms",
        subject=ours,
        floor=theirs,
        must=300.0,
        aim=100.0,
        judged="median",
        more={"docks": DOCKS, "files_per_dock": files, "size_bytes": size, "asked": counts},
    )


def _seed(folder: Path, dock: Door, count: int) -> None:
    """Bring in small files, so that the list has pages."""
    seeds = [random_file(folder / f"seed-{number}", 8192) for number in range(count)]
    for start in range(0, count, 8):
        upload_all(dock, seeds[start : start + 8], {"kind": "body"})


def _flood(dock: Door, source: Path, files: int) -> None:
    for _ in range(files):
        refresh(source)
        upload(dock, source, {"filename": source.name, "kind": "body"})


def _ask_while(person: Door, goes_on: Callable[[], bool]) -> list[float]:
    """Ask one after the other with a short pause, each on a connection of its own; milliseconds to the last byte."""
    took: list[float] = []
    while goes_on() or not took:
        began = time.monotonic()
        fetch(person, LIST)
        took.append((time.monotonic() - began) * 1000)
        time.sleep(PAUSE_S)
    return took


def _p95(took: list[float]) -> float:
    return sorted(took)[math.ceil(0.95 * len(took)) - 1]
