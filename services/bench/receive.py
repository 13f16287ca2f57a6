"""`receive`: MB/s into the dock's door, durable, with one and with four streams, against the forty lines of `sink`."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.bench.measure import MIB, Result, random_file, rounds_of, take_turns
from services.bench.serving import await_port, free_port, running, serving
from services.bench.sink import FOLDER
from services.bench.uploads import Door, upload_all
from services.ingest.shelf import Shelf

SIZE_MIB: Final = 400
STREAMS: Final = (1, 4)
ROUNDS: Final = 5


def measure(folder: Path, scale: float) -> Result:
    """Take turns per number of streams; the worse of the two is judged."""
    size = max(1, int(SIZE_MIB * scale)) * MIB
    files = [random_file(folder / f"source-{number}", size) for number in range(max(STREAMS))]
    sunk, port, log = folder / "sunk", free_port(), folder / "sink.log"
    sunk.mkdir()
    command = ("uvicorn", "services.bench.sink:sink", "--port", str(port), "--http", "httptools", "--ws", "none",
               "--lifespan", "off", "--log-level", "warning", "--no-access-log")  # fmt: skip
    environment = {**os.environ, FOLDER: str(sunk)}
    with serving(folder, ["serve"]) as served, running([command], environment, log):
        await_port(port, "/", log)
        door, floor_door = served.door("dock", "bench-dock"), Door(port, "none", "/")
        shelf = Shelf(served.archive.settings.paths.staging)
        found = {}
        for streams in STREAMS:
            chosen = files[:streams]

            def clear() -> None:
                for upload in shelf.complete():
                    shelf.discard(upload)
                for path in sunk.iterdir():
                    path.unlink()

            found[streams] = take_turns(
                lambda _, chosen=chosen: _speed(door, chosen, clear),  # type: ignore[misc]
                lambda _, chosen=chosen: _speed(floor_door, chosen, clear),  # type: ignore[misc]
                rounds_of(ROUNDS, scale),
            )
    worst = min(STREAMS, key=lambda streams: statistics.median(_ratios(*found[streams])))
    ours, theirs = found[worst]
    return Result(
        what="the dock's door: durable bytes per second, the worse of 1 and 4 streams",
        against="a 40-line ASGI sink that writes, hashes and fsyncs",
        unit="MB/s",
        subject=ours,
        floor=theirs,
        must=0.8,
        aim=1.0,
        is_more_better=True,
        more={
            "size_bytes": size,
            "streams": {
                str(streams): {
                    "ratio": round(statistics.median(_ratios(*pair)), 3),
                    "ours": [round(value, 1) for value in pair[0]],
                    "floor": [round(value, 1) for value in pair[1]],
                }
                for streams, pair in found.items()
            },
        },
    )


def _speed(door: Door, files: list[Path], clear: Callable[[], None]) -> float:
    began = time.monotonic()
    ended = max(one.acknowledged for one in upload_all(door, files, {"kind": "body"}))
    clear()
    return sum(path.stat().st_size for path in files) / 1e6 / (ended - began)


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]
