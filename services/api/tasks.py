"""Say which function does which kind of job that people ask for."""

from functools import partial

from services.api.actions.make_export import KIND
from services.api.actions.pack_export import pack_export
from services.bootstrap import Archive
from services.jobs.lease import ATTEMPTS
from services.jobs.worker import Running, Task


def tasks(archive: Archive) -> dict[str, Task]:
    """Give the functions of these jobs for one archive."""
    return {KIND: partial(run_export, archive)}


def run_export(archive: Archive, running: Running) -> None:
    """Make the packages of an export."""
    pack_export(
        archive,
        running.job.key,
        lambda: running.report(running.progress or 0.0),
        is_last_try=running.job.attempt >= ATTEMPTS,
    )
