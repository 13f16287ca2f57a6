"""
Do the waiting jobs once, in a process whose files may not grow past a limit: a disk without room.

usage: HUISU_…=… python -m tests.cluster.cramped BYTES
"""

import resource
import sys

from services.bootstrap import open_archive
from services.ingest.tasks import tasks
from services.jobs.worker import drain
from services.settings import load_settings
from tests.flows.pipeline import QUEUES


def main() -> None:
    """Drain the queues; the interpreter itself ignores the limit's signal, so that writes fail as on a full disk."""
    archive = open_archive(load_settings())
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    drain(archive.engine, QUEUES, tasks(archive), archive.clock)
    archive.close()


if __name__ == "__main__":
    main()
