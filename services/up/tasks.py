"""Put together what every floor's jobs are done by: what docks cause, and what people ask for."""

from services.api import tasks as asked
from services.bootstrap import Archive
from services.ingest import tasks as ingested
from services.jobs.worker import Task


def tasks(archive: Archive) -> dict[str, Task]:
    """Give the function of each kind of job."""
    return {**ingested.tasks(archive), **asked.tasks(archive)}
