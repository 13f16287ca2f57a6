"""`ingest`: CPU of gate and worker from the first byte to `verified`, against what no archive can do without."""

import sys
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from services.bench import twice
from services.bench.measure import MIB, Result, random_file, rounds_of, spent_by, take_turns
from services.bench.serving import Served, serving
from services.bench.uploads import refresh, upload_all
from services.errors import DeadlinePassed
from services.index.models import Upload

FILES: Final = 8
SIZE_MIB: Final = 200
ROUNDS: Final = 3
PATIENCE_S: Final = 600.0


def measure(folder: Path, scale: float) -> Result:
    """Take turns. Only the gate's queue is worked: looking at the footage is another benchmark's matter."""
    size = max(1, int(SIZE_MIB * scale)) * MIB
    files = [random_file(folder / f"source-{number}", size) for number in range(FILES)]
    copies = folder / "copies"
    copies.mkdir()
    with serving(folder, ["serve", "gate"]) as served:
        door = served.door("dock", "bench-dock")
        parts: list[dict[str, float]] = []

        def subject(_: int) -> float:
            for path in files:
                refresh(path)
            before, done = served.cpu_s(), _verified(served)
            upload_all(door, files, {"kind": "body"})
            _await_verified(served, done + FILES)
            used = {name: round(cpu_s - before[name], 2) for name, cpu_s in served.cpu_s().items()}
            parts.append(used)
            return sum(used.values())

        def floor(_: int) -> float:
            names = map(str, files)
            return spent_by([sys.executable, "-I", "-S", str(twice.__file__), str(copies), *names]).cpu_s

        ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    return Result(
        what=f"{FILES} files through tus on loopback to verified: CPU of the serving gate and its worker",
        against="reading twice, writing twice and one SHA-256, in one process",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=2.5,
        aim=1.8,
        more={"files": FILES, "size_bytes": size, "parts": parts},
    )


def _verified(served: Served) -> int:
    query = select(func.count()).select_from(Upload).where(Upload.state == "verified")
    with served.archive.reading() as session:
        return session.scalars(query).one()


def _await_verified(served: Served, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while _verified(served) < count:
        if time.monotonic() > deadline:
            raise DeadlinePassed(f"{_verified(served)} of {count} uploads were verified after {PATIENCE_S:.0f} s")
        time.sleep(0.1)
