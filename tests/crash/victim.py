"""
Work on an archive until a named moment, then die as if the plug were pulled.

usage: python -m tests.crash.victim HOME POINT [AHEAD_S]
POINT is `STEP:before`, `STEP:after`, `STEP:commit-N` (right before the N-th commit inside the step), `STEP:put-N`
(right after the N-th object of the step is kept), or `none`. The clock runs AHEAD_S seconds ahead, so that
leases of a dead predecessor have ended.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from services.bootstrap import open_archive, utc_now
from services.ingest import pipeline
from services.ingest.tasks import tasks
from services.jobs.worker import drain
from services.settings import load_settings
from services.storage.filesystem import FolderStore

DEAD = 86
STEPS = ("seal", "deposit", "record", "read_back", "examine", "remux", "link", "render")


def arm(step: str, moment: str) -> None:
    """Make the step of that name die at its moment."""
    inner: Callable[..., Any] = getattr(pipeline, step)
    kind, _, number = moment.partition("-")
    left = int(number or 0)

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(DEAD)

    def step_that_dies(*args: Any) -> Any:
        if kind == "before":
            os._exit(DEAD)
        if kind == "commit":
            event.listen(Session, "before_commit", count)
        if kind == "put":
            for name in ("put", "put_bytes"):
                wrap(name, count)
        done = inner(*args)
        if kind == "after":
            os._exit(DEAD)
        return done

    setattr(pipeline, step, step_that_dies)


def wrap(name: str, count: Callable[[], None]) -> None:
    """Count the objects that the store keeps."""
    inner = getattr(FolderStore, name)

    def counted(self: FolderStore, *args: Any, **kwargs: Any) -> Any:
        kept = inner(self, *args, **kwargs)
        count()
        return kept

    setattr(FolderStore, name, counted)


def main() -> None:
    """Do all jobs of the archive, or die on the way."""
    home, point, ahead = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    if point != "none":
        arm(*point.split(":"))
    archive = open_archive(load_settings({}, home=home), clock=lambda: utc_now() + timedelta(seconds=ahead))
    drain(archive.engine, ["gate.g1", "examine", "render"], tasks(archive), archive.clock)
    archive.close()


if __name__ == "__main__":
    main()
