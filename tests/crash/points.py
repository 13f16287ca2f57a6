"""
Name every point at which a process of the archive is made to fail, and lay the trap there.

A point is the moment right before or right after a function of the product returns, the N-th time in that process. The
log's own points (sequence, publish, sign, keep the head) are in `tests.custody.log_victim`, and tried beside them.
"""

import importlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

HOWS = ("exit", "raise", "hang")
STEPS = "services.ingest.steps"
STORE = "services.storage.filesystem:FolderStore"
UPKEEP = "services.ingest.upkeep"
RECOVERY = "services.ingest.recovery"
ACTIONS = "services.api.actions"
DRAWS = "services.oversight.spotchecks"
ENTERED = "services.custody.work:append_all"
"""Right after it all of a transaction is written, and nothing of it committed."""


class Pulled(Exception):
    """What `raise` raises: nothing of ours, as a bug would."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a flow fails: at `module:name`, before or after it, the `turn`-th time."""

    flow: str
    place: str
    moment: Literal["before", "after"] = "after"
    turn: int = 1

    def __str__(self) -> str:
        return f"{self.flow}-{self.moment}-{self.place.rpartition(':')[2]}-{self.turn}"


def _of(flow: str, *places: str | tuple[str, Literal["before", "after"]] | tuple[str, int]) -> list[Point]:
    made = []
    for place in places:
        if isinstance(place, str):
            made.append(Point(flow, place))
        elif isinstance(place[1], int):
            made.append(Point(flow, place[0], turn=place[1]))
        else:
            made.append(Point(flow, place[0], place[1]))
    return made


POINTS = [
    *_of(
        "upload", "services.ingest.pipeline:seal", f"{STORE}.put", f"{STORE}.lock", f"{STORE}.put_bytes",
        (f"{STORE}.lock", 2), "services.ingest.pipeline:deposit", ENTERED, "services.ingest.pipeline:record",
        f"{STEPS}.read_back:digest_blocks", (ENTERED, 2), ("services.ingest.shelf:Shelf.discard", "before"),
        "services.ingest.shelf:Shelf.discard",
    ),
    *_of("essence", f"{STEPS}.fingerprint:_look", f"{STEPS}.fingerprint:_kept", f"{STEPS}.fingerprint:_told",
         "services.ingest.pipeline:fingerprint_original"),
    *_of("sign", ("services.custody.signer:LogSigner._keep", "before"), ("os:fsync", "before"),
         ("pathlib:Path.replace", "before"), "pathlib:Path.replace", "services.custody.signerhome:sync_folder",
         "services.custody.signer:LogSigner._keep"),
    *_of("cosign", "services.custody.witnessing:submission", "services.custody.witness.witness:_judge",
         "services.custody.witness.memory:Turn.keep", ("services.custody.witness.witness:cosign", "before"),
         ("services.custody.witnessing:take_line", "before"),
         ("services.custody.witnessing:keep_cosignature", "before"), "services.custody.witnessing:keep_cosignature"),
    *_of("fixity", f"{UPKEEP}.fixity:total_of", ENTERED, f"{UPKEEP}.fixity:enter_days", f"{UPKEEP}.fixity:read_whole",
         f"{UPKEEP}.fixity:_note_whole", (f"{UPKEEP}.fixity:note", 2), f"{UPKEEP}.fixity:read_chunk"),
    *_of("propose", f"{UPKEEP}.repair:_require_good", f"{UPKEEP}.repair:proposal_of", ENTERED),
    *_of("approve", (f"{STORE}.mend", "before"), f"{STORE}.mend", f"{UPKEEP}.repair:_read_back",
         f"{UPKEEP}.repair:_pin", ENTERED, (f"{UPKEEP}.repair:note_lock", "before"), f"{UPKEEP}.repair:note_lock"),
    *_of("recover", f"{RECOVERY}.run:find_missing", f"{RECOVERY}.run:bring_forward",
         f"{RECOVERY}.run:keep_published_heads", f"{RECOVERY}.footage:_note_upload", f"{RECOVERY}.footage:record",
         (f"{RECOVERY}.footage:record", 2), f"{RECOVERY}.run:list_losses", ENTERED, f"{RECOVERY}.run:_enter"),
    *_of("define", f"{DRAWS}:population", f"{ACTIONS}.define_check:facts", ENTERED),
    *_of("draw", (f"{ACTIONS}.draw_check:seed", "before"), f"{ACTIONS}.draw_check:seed", f"{DRAWS}:draw",
         f"{DRAWS}:_items", ENTERED),
    *_of("reveal", f"{ACTIONS}.draw_check:reveal", f"{DRAWS}:draw", ENTERED),
    *_of("export", f"{ACTIONS}.enter_export:make_item", f"{STORE}.put", ENTERED, f"{ACTIONS}.enter_export:_enter",
         f"{ACTIONS}.enter_export:_file_of", f"{ACTIONS}.pack_export:_receipts", f"{ACTIONS}.pack_export:await_head",
         f"{ACTIONS}.pack_export:build_copy", f"{ACTIONS}.pack_export:try_package", f"{ACTIONS}.pack_export:_copy",
         f"{ACTIONS}.pack_export:_release", f"{ACTIONS}.pack_export:_tidy"),
]  # fmt: skip

IS_FULL = bool(os.environ.get("HUISU_SOAK"))
SHARE, SHARE_OF_EXPORTS = 10, 30
"""At the seeded size one case of so many is tried, in turn of the ways to fail; exports take longest."""


@dataclass(frozen=True, slots=True)
class Case:
    """A point and how the process fails there."""

    point: Point
    how: str

    def __str__(self) -> str:
        return f"{self.point}-{self.how}"


def cases_of(flow: str) -> list[Case]:
    """Give what is tried of a flow: all points in every way, or at the seeded size a share of them."""
    every = [Case(point, how) for point in POINTS for how in HOWS if point.flow == flow]
    return every if IS_FULL else every[3 :: SHARE_OF_EXPORTS if flow == "export" else SHARE]


def lay_trap(home: Path, case: Case) -> None:
    """Have this process fail at a point, once."""
    module, _, dotted = case.point.place.partition(":")
    owner: Any = importlib.import_module(module)
    *path, name = dotted.split(".")
    for part in path:
        owner = getattr(owner, part)
    inner, left = getattr(owner, name), case.point.turn

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            fail(home, case.how)

    def outer(*args: Any, **kwargs: Any) -> Any:
        if case.point.moment == "before":
            count()
        done = inner(*args, **kwargs)
        if case.point.moment == "after":
            count()
        return done

    setattr(owner, name, outer)


def marker(home: Path) -> Path:
    """Name the file that says: it came to the point."""
    return home / "came"


def fail(home: Path, how: str) -> None:
    """Say that the point was reached, and end here."""
    marker(home).touch()
    if how == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        time.sleep(600)
    raise Pulled
