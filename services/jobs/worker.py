"""
Do jobs: claim, run, renew the lease beside, answer. The same for polling workers and for rings.

Which function does which kind comes in as a table, so this floor knows names only.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Engine

from services.errors import HuisuError, Unavailable
from services.jobs.lease import LEASE, claim, fail, finish, renew
from services.jobs.table import Job, JobState

log = logging.getLogger(__name__)

POLL_S: Final = 0.05
"""First pause of an idle polling worker, in seconds; each further one is a quarter longer."""

IDLE_S: Final = 0.25
"""Longest pause. A look takes a few milliseconds of CPU, so four a second stay below two per cent of a core."""


class LeaseLost(Exception):
    """The job is another worker's by now; what this one does no longer counts."""


@dataclass(slots=True)
class Running:
    """A job being done: its facts, and how its function reports progress (a share from 0 to 1)."""

    job: Job
    progress: float | None = None
    lost: bool = False

    def report(self, share: float) -> None:
        """Say how far the job is; written with the next renewal. Raises `LeaseLost` when it is another's."""
        self.progress = max(0.0, min(1.0, share))
        if self.lost:
            raise LeaseLost(f"the lease on job {self.job.id} ended")


Task = Callable[[Running], None]


def run(engine: Engine, job: Job, tasks: Mapping[str, Task], clock: Callable[[], datetime]) -> JobState:
    """Do one claimed job to its answer; failures are answers, too."""
    running, done = Running(job), threading.Event()
    keeper = threading.Thread(target=_keep, args=(engine, running, clock, done), daemon=True)
    keeper.start()
    about = {"job": job.id, "kind": job.kind, "key": job.key, "attempt": job.attempt}
    try:
        tasks[job.kind](running)
    except LeaseLost:
        log.warning("job lease lost", extra=about)
        return JobState.RUNNING
    except Exception as error:  # whatever it is, the answer must be written
        done.set()
        state = _answer(partial(fail, engine, job, clock(), error), about)
        _log_failure(error, state, about)
        return state
    finally:
        done.set()
        keeper.join()
    state = _answer(lambda: JobState.DONE if finish(engine, job, clock()) else JobState.RUNNING, about)
    if state is JobState.DONE:
        log.info("job done", extra=about)
    return state


def _answer(write: Callable[[], JobState], about: dict[str, object]) -> JobState:
    """Write the answer, or leave the job to whoever comes when the lease ends: it will find what is done."""
    try:
        return write()
    except Unavailable as error:
        log.warning("job could not be answered", extra={**about, "error": str(error)[:500]})
        return JobState.RUNNING


def _log_failure(error: Exception, state: JobState, about: dict[str, object]) -> None:
    about = {**about, "error": str(error)[:500], "code": error.code if isinstance(error, HuisuError) else "internal"}
    if state is JobState.SET_ASIDE:
        log.error("job set aside", extra=about, exc_info=error)
    elif isinstance(error, Unavailable):
        log.warning("job waits for an outage to end", extra=about)
    else:
        log.warning("job attempt failed", extra=about, exc_info=error)


def _keep(engine: Engine, running: Running, clock: Callable[[], datetime], done: threading.Event) -> None:
    last: float | None = None
    waited = 0.0
    while not done.wait(1.0):
        waited += 1.0
        if running.progress == last and waited < LEASE.total_seconds() / 3:
            continue
        try:
            running.lost = not renew(engine, running.job, clock(), running.progress)
        except HuisuError:
            continue  # the lease lasts a while yet; the next renewal may reach the database
        last, waited = running.progress, 0.0


def poll(
    engine: Engine,
    queues: Sequence[str],
    tasks: Mapping[str, Task],
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    """Do jobs of these queues until told to stop; looks every `POLL_S` while busy, every `IDLE_S` when idle."""
    pause = POLL_S
    while not stop.is_set():
        try:
            job = claim(engine, queues, clock())
        except Unavailable as error:
            log.warning("no job could be claimed", extra={"error": str(error)})
            stop.wait(1.0)
            continue
        if job is None:
            stop.wait(pause)
            pause = min(IDLE_S, pause * 1.25)
        else:
            pause = POLL_S
            run(engine, job, tasks, clock)


def drain(engine: Engine, queues: Sequence[str], tasks: Mapping[str, Task], clock: Callable[[], datetime]) -> int:
    """Do every job that can be done now and give their number: for commands and tests."""
    count = 0
    while (job := claim(engine, queues, clock())) is not None:
        run(engine, job, tasks, clock)
        count += 1
    return count
