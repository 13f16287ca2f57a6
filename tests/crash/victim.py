"""
Work on an archive until a named moment, then be killed there as if the plug were pulled.

usage: python -m tests.crash.victim — then one order a line, `{"home": …, "point": …}`; for each one line comes back,
the exit status. Each order is carried out by a child forked from this process, which has everything loaded.

POINT is `STEP:MOMENT`, or `none`. STEP is a step of the pipeline or `job`, the keeping of the job itself. MOMENT
is `before`, `after`, or the N-th time that something happens inside the step, counted from 1: `commit-N` right
before, `committed-N` right after a commit; `put-N` right after the store keeps an object; `sync-N` right before
bytes are made durable; `read-N` after so many blocks of an object were read; `child-N` right after a program was
started; `clear-N` right before a folder is cleared away; of a job `claim-N` and `finish-N`: right after it was
claimed, right before it is called done.
"""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from services.bootstrap import open_archive
from services.ingest import pipeline
from services.ingest.tasks import tasks
from services.jobs import worker
from services.media import starting
from services.settings import load_settings
from services.storage.filesystem import FolderStore
from services.storage.store import Blocks

STEPS = (
    "seal",
    "deposit",
    "record",
    "read_back",
    "examine",
    "remux",
    "link",
    "look_over",
    "fingerprint_original",
    "render",
)
QUEUES = ["gate.g1", "examine", "render"]


def die() -> None:
    """End at once: no handler, no `finally`, no flushing."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def arm(step: str, moment: str) -> None:
    """Make the step of that name die at its moment."""
    kind, _, number = moment.partition("-")
    count = _countdown(int(number or 0))
    if step == "job":
        _wrap(worker, kind, before=count if kind == "finish" else None, after=count if kind == "claim" else None)
        return

    def lay_the_trap() -> None:
        if kind == "before":
            die()
        _trap(kind, count)

    _wrap(pipeline, step, before=lay_the_trap, after=die if kind == "after" else None)


def _countdown(number: int) -> Callable[[], None]:
    left = number

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()

    return count


def _trap(kind: str, count: Callable[[], None]) -> None:
    if kind in {"commit", "committed"}:
        main = threading.get_ident()  # the thread that renews the lease commits, too

        def counted(*_: object) -> None:
            if threading.get_ident() == main:
                count()

        event.listen(Session, "before_commit" if kind == "commit" else "after_commit", counted)
    elif kind == "put":
        for name in ("put", "put_bytes"):
            _wrap(FolderStore, name, after=count)
    elif kind == "sync":
        _wrap(os, "fsync", before=count)
    elif kind == "read":
        _wrap(Blocks, "__next__", after=count)
    elif kind == "child":
        _wrap(starting, "_start", after=count)
    elif kind == "clear":
        _wrap(shutil, "rmtree", before=count)


def _wrap(
    home: Any, name: str, *, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> None:
    inner = getattr(home, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before()
        done = inner(*args, **kwargs)
        if after is not None:
            after()
        return done

    setattr(home, name, outer)


def obey(home: Path, point: str) -> None:
    """Do all jobs of the archive, or die on the way."""
    if point != "none":
        arm(*point.split(":"))
    archive = open_archive(load_settings({}, home=home))
    worker.drain(archive.engine, QUEUES, tasks(archive), archive.clock)
    archive.close()


def main() -> None:
    """Carry out orders until standard input ends."""
    starting.sandbox_kind()  # found once, here
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                obey(Path(order["home"]), order["point"])
                status = 0
            finally:
                os._exit(status)
        _, raw = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(raw), flush=True)


if __name__ == "__main__":
    main()
