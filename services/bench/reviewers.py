"""`reviewers`: fifty people stream one after the other segment; what memory the server takes, and that it stays so."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from services.bench.first_byte import bring_in
from services.bench.measure import MIB, Result
from services.bench.samples import make_looped
from services.bench.serving import serving
from services.bench.uploads import Door, append_free_box, fetch
from services.errors import Unplayable

REVIEWERS: Final = 50
SECONDS: Final = 40.0
"""Of streaming, after which everybody stops."""

ONCE_SECONDS: Final = 60
TIMES: Final = 10
RATE: Final = 30
BITS_PER_S: Final = 9_000_000
WATCH_S: Final = 0.25


def measure(folder: Path, scale: float) -> Result:
    """Let one person stream, then fifty, each from another place; the server's memory is read as they do."""
    once, lasts = max(4.0, ONCE_SECONDS * scale), max(2.0, SECONDS * scale)
    people = REVIEWERS if scale == 1 else 3
    sample = folder / "sample.mp4"
    make_looped(sample, seconds=once, times=TIMES, rate=RATE, size=(640, 360), bits_per_s=BITS_PER_S)
    append_free_box(sample)
    with serving(folder) as served:
        dock = served.door("dock", "bench-dock")
        recording = bring_in(dock, sample)
        served.await_idle()
        doors = [served.door("reviewer", f"bench-reviewer-{number}") for number in range(people)]
        server = served.processes["serve"]
        alone, _ = _stream(doors[:1], recording, lasts, server)
        many, delivered = _stream(doors, recording, lasts, server)
    half = len(many) // 2
    growth = max(many[half:]) / max(many[:half])
    return Result(
        what=f"most resident memory of the server while {people} people stream segments of the original",
        against="the same while one person does",
        unit="MiB",
        subject=[max(many)],
        floor=[max(alone)],
        must=300.0,
        aim=150.0,
        judged="median",
        more={
            "people": people,
            "seconds": lasts,
            "delivered_bytes": delivered,
            "second_half_to_first": float(f"{growth:.4g}"),
            "holds": max(many) <= 300 and growth <= MOST_GROWTH,
        },
    )


MOST_GROWTH: Final = 1.1
"""What memory of the second half may be of the first: constant, but for what the allocator rounds."""


def _stream(doors: list[Door], recording: str, lasts: float, server: int) -> tuple[list[float], int]:
    """Stream until the time is over; gives the server's memory in MiB, again and again, and the bytes that came."""
    deadline = time.monotonic() + lasts
    ended, seen = threading.Event(), [_resident(server)]

    def watch() -> None:
        while not ended.wait(WATCH_S):
            seen.append(_resident(server))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with ThreadPoolExecutor(len(doors)) as pool:
            going = [
                pool.submit(_watch, door, recording, number / len(doors), lambda: time.monotonic() < deadline)
                for number, door in enumerate(doors)
            ]
            took = [one.result() for one in going]
    finally:
        ended.set()
        watching.join()
    return seen, sum(took)


def _watch(door: Door, recording: str, share: float, goes_on: Callable[[], bool]) -> int:
    """Fetch segments from a place on, round and round."""
    listing = f"/api/v1/recordings/{recording}/hls/index.m3u8"
    names = re.findall(r"^[^#\n]+\.m4s[^\n]*$", fetch(door, listing).decode(), re.MULTILINE)
    if not names:
        raise Unplayable("the original is not played from its own bytes")
    at, taken = int(share * len(names)), 0
    while goes_on():
        taken += len(fetch(door, urljoin(listing, names[at % len(names)])))
        at += 1
    return taken


def _resident(process: int) -> float:
    """Source: proc(5), /proc/PID/statm, second field, in pages of 4 KiB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / MIB
