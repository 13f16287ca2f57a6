"""`first-byte`: from asking for a clip over HTTP to its first byte, above what the store itself takes for that."""

import http.client
import json
import statistics
import time
from pathlib import Path
from typing import Final

from services.bench.measure import MIB, Result, rounds_of, take_turns
from services.bench.samples import make_looped
from services.bench.serving import Served, serving
from services.bench.uploads import Door, append_free_box, ask, upload
from services.errors import DeadlinePassed, Refused
from services.index.models import Object, Recording

SECONDS: Final = 600
ONCE_SECONDS: Final = 60
RATE: Final = 30
BITS_PER_S: Final = 4_000_000
CLIP_SECONDS: Final = 30
ROUNDS: Final = 21
PATIENCE_S: Final = 120.0


def measure(folder: Path, scale: float) -> Result:
    """Take turns on an idle archive; each clip begins elsewhere, and each has its committed entry as every clip has."""
    once = max(4.0, ONCE_SECONDS * scale)
    sample = folder / "sample.mp4"
    make_looped(sample, seconds=once, times=SECONDS // ONCE_SECONDS, rate=RATE, size=(640, 360), bits_per_s=BITS_PER_S)
    append_free_box(sample)
    whole = once * (SECONDS // ONCE_SECONDS)
    with serving(folder) as served:
        dock, person = served.door("dock", "bench-dock"), served.door("reviewer", "bench-reviewer")
        recording = bring_in(dock, sample)
        served.await_idle()
        line = person.connect()
        viewing = _open_viewing(line, person, recording)

        def clip(number: int) -> float:
            start = 0.3 + number * (whole - 10) / ROUNDS
            asked_for = f"mode=verbatim&start={start:.3f}&end={start + CLIP_SECONDS:.3f}&viewing={viewing}"
            return _first_byte(line, person, f"/api/v1/recordings/{recording}/clip?{asked_for}")

        def store(number: int) -> float:
            return _from_store(served, recording, number)

        clip(0)
        store(0)
        before = served.cpu_s()["serve"]
        asked, own = take_turns(clip, store, rounds_of(ROUNDS, scale))
        cpu_ms = 1000 * (served.cpu_s()["serve"] - before) / len(asked)
        nothing = [_first_byte(line, person, "/version") for _ in asked]
        above = [max(one - other, 0.001) for one, other in zip(asked, own, strict=True)]
        line.close()
    more = {"seconds": whole, "server_cpu_ms_a_clip": cpu_ms, "version_ms": statistics.median(nothing)}
    return Result(
        what="first byte of a verbatim clip of 30 s over HTTP, less the store's own in the same round",
        against="the store opening the original and giving a first block",
        unit="ms",
        subject=above,
        floor=own,
        must=20.0,
        aim=8.0,
        judged="median",
        more={name: float(f"{value:.4g}") for name, value in more.items()},
    )


def bring_in(dock: Door, sample: Path) -> str:
    """Send a file through the dock's door; gives the recording that it became."""
    sent = upload(dock, sample, {"filename": "sample.mp4", "kind": "body"})
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = ask(dock, sent.location)["recording"]
        if found:
            return str(found)
        time.sleep(0.1)
    raise DeadlinePassed(f"no recording came of {sent.location} for {PATIENCE_S:.0f} s")


def _open_viewing(line: http.client.HTTPConnection, person: Door, recording: str) -> str:
    """Open a viewing as a page does, to which the clips belong."""
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
    line.request("POST", f"/api/v1/recordings/{recording}/viewings", body=b"{}", headers=headers)
    answer = line.getresponse()
    content = answer.read()
    if answer.status != 201:
        raise Refused(f"no viewing: {answer.status} {content[:300]!r}")
    return str(json.loads(content)["id"])


def _first_byte(line: http.client.HTTPConnection, person: Door, path: str) -> float:
    """Ask on a kept connection, stop the clock at the first byte of the body, and take the rest; milliseconds."""
    began = time.monotonic()
    line.request("GET", path, headers={"Authorization": f"Bearer {person.token}"})
    answer = line.getresponse()
    first = answer.read(1)
    took = time.monotonic() - began
    rest = answer.read()
    if answer.status != 200 or not first:
        raise Refused(f"GET {path}: {answer.status} {rest[:300]!r}")
    return took * 1000


def _from_store(served: Served, recording: str, number: int) -> float:
    """Open the original somewhere and take a block; milliseconds."""
    with served.archive.reading() as session:
        row = session.get_one(Object, session.get_one(Recording, recording).object_id)
        key, version, size = row.key, row.version_id, row.size_bytes
    began = time.monotonic()
    offset = min(number * size // ROUNDS, size - 1)
    with served.archive.store.read(key, version, offset=offset, length=min(MIB, size - offset)) as blocks:
        next(blocks)
    return (time.monotonic() - began) * 1000
