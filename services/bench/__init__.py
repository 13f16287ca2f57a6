"""
Measure the archive against floors, in one run, on this machine: `huisu bench NAME` prints one JSON line.

Subject and floor take turns, CPU seconds come first, and the load average stands beside the result: a
shared machine's seconds say little, a ratio within one run says much. `docs/performance.md` explains
each field and keeps measured lines.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from services.bench import (
    audit,
    clip,
    clip_proof,
    docking,
    exact,
    first_byte,
    index,
    ingest,
    ledger,
    playable,
    proof,
    receive,
    render,
    reviewers,
    search,
    store,
)
from services.bench.measure import Result, as_line
from services.errors import Invalid

BENCHES: Final[Mapping[str, Callable[[Path, float], Result]]] = MappingProxyType(
    {
        "store": store.measure,
        "ingest": ingest.measure,
        "receive": receive.measure,
        "playable": playable.measure,
        "index": index.measure,
        "clip": clip.measure,
        "clip-proof": clip_proof.measure,
        "first-byte": first_byte.measure,
        "exact": exact.measure,
        "render": render.measure,
        "docking": docking.measure,
        "reviewers": reviewers.measure,
        "search": search.measure,
        "ledger": ledger.measure,
        "ledger-postgres": ledger.measure_postgres,
        "proof": proof.measure,
        "audit": audit.measure,
    }
)


def run(name: str, folder: Path | None = None, scale: float = 1.0, recordings: int | None = None) -> str:
    """
    Run one benchmark in a folder of its own below `folder` (default: the system's temporary one); give its JSON line.

    `scale` shrinks sizes and rounds, to see that a benchmark works; only a run at 1 measures anything.
    `recordings` says how many `search` seeds.

    Raises:
        Invalid: there is no such benchmark, or the scale is not above 0 and at most 1.
    """
    if name not in BENCHES:
        raise Invalid(f"no benchmark {name!r}; there are {', '.join(BENCHES)}")
    if not 0 < scale <= 1:
        raise Invalid(f"the scale of a benchmark is above 0 and at most 1, not {scale}")
    if recordings is not None and (name != "search" or recordings < 1):
        raise Invalid(f"only the benchmark search seeds recordings, at least one: not {name} with {recordings}")
    load = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix=f"huisu-bench-{name}-", dir=folder) as place:
        if recordings is None:
            result = BENCHES[name](Path(place), scale)
        else:
            result = search.measure(Path(place), scale, recordings)
    return as_line(name, result, scale, load)
