"""
Make exports in a process of its own, and be killed at a named step as if the plug were pulled.

It says its greatest size in KiB at the end.

usage: python -m tests.crash.exporter HOME DATABASE NOW STEP, where STEP is `module:function` or `none`.
"""

import importlib
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from services.api.tasks import tasks
from services.bootstrap import open_archive
from services.jobs.worker import drain
from services.settings import load_settings


def die(*_: Any, **__: Any) -> None:
    """End at once: no handler, no `finally`, no flushing."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def main(home: str, database: str, now: str, step: str) -> None:
    at = datetime.fromisoformat(now)
    archive = open_archive(
        load_settings({}, home=Path(home), database_url=database, staging_reserve_bytes=0), clock=lambda: at
    )
    if step != "none":
        module, _, function = step.partition(":")
        setattr(importlib.import_module(module), function, die)
    print("ready", flush=True)
    drain(archive.engine, ["export"], tasks(archive), archive.clock)
    archive.close()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(status["VmHWM"].split()[0])  # getrusage would tell the size of whoever started this


if __name__ == "__main__":
    main(*sys.argv[1:])
