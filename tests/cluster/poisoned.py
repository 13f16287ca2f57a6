"""
Be a worker whose link jobs kill it; everything else of it is the real one.

usage: HUISU_…=… python -m tests.cluster.poisoned QUEUES AHEAD_S — its clock runs ahead, so that the lease of the
one killed before has ended.
"""

import os
import signal
import sys
from datetime import timedelta
from functools import partial
from typing import Any

from services.bootstrap import open_archive, utc_now
from services.ingest import tasks
from services.settings import load_settings
from services.up import roles


def poison(*_: Any) -> None:
    """Die in the middle of a job."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Work like `huisu worker`."""
    queues, ahead = sys.argv[1].split(","), timedelta(seconds=float(sys.argv[2]))
    setattr(tasks, "_ALL", {**tasks._ALL, "link": poison})  # noqa: B010  (it is Final for everybody else)
    setattr(roles, "open_archive", partial(open_archive, clock=lambda: utc_now() + ahead))  # noqa: B010
    roles.work(load_settings(), queues)


if __name__ == "__main__":
    main()
