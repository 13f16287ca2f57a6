"""
Do jobs when the broker rings, one at a time; and look for oneself now and then, because rings get lost.

A worker may go deaf for good: where the broker goes away just while a job runs, Celery's acknowledgement
fails, its only place for a message stays taken, and it never asks for another (seen with Redis). The
database is the truth: what waited long without a ring is done all the same.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.bootstrap import Archive
from services.errors import Unavailable
from services.jobs.lease import claim
from services.jobs.worker import run
from services.queue import TASK
from services.up.rounds import Round, run_rounds
from services.up.tasks import tasks

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
PATIENCE: Final = timedelta(seconds=15)
"""How long a job may wait before it is done without a ring: longer than the sweeper takes to ring again."""


class RungWorker:
    """Do the jobs of some queues, whoever says that they wait. Two threads ask; one job is done at a time."""

    def __init__(self, archive: Archive, queues: Sequence[str]) -> None:
        self._archive, self._queues = archive, list(queues)
        self._tasks = tasks(archive)
        self._turn = threading.Lock()
        self._heard = archive.clock()

    def answer(self, job_id: str) -> None:
        """Do the job that a ring names, unless another has it."""
        with self._turn:
            try:
                job = claim(self._archive.engine, self._queues, self._archive.clock(), job_id=job_id)
            except Unavailable as error:  # the sweeper rings again
                log.warning("no job could be claimed", extra={"job": job_id, "error": str(error)})
                return
            if job is not None:
                run(self._archive.engine, job, self._tasks, self._archive.clock)
            self._heard = self._archive.clock()

    def look(self) -> None:
        """Do what waited too long, where no ring came for as long; until there is none or a ring comes between."""
        if self._archive.clock() - self._heard < PATIENCE:
            return
        while self._turn.acquire(blocking=False):
            try:
                job = claim(self._archive.engine, self._queues, self._archive.clock(), patience=PATIENCE)
                if job is None:
                    return
                log.warning("job waited without a ring", extra={"job": job.id, "kind": job.kind})
                run(self._archive.engine, job, self._tasks, self._archive.clock)
            finally:
                self._turn.release()


def work_by_rings(archive: Archive, queues: Sequence[str], stop: threading.Event) -> None:
    """Take rings until the process is told to stop; each carries a job's id, and the job is claimed in the database."""
    app = archive.broker
    assert app is not None  # noqa: S101  (the caller looked)
    worker = RungWorker(archive, queues)

    @app.task(name=TASK, acks_late=True)  # type: ignore[untyped-decorator]
    def answer(job_id: str) -> None:
        worker.answer(job_id)

    run_rounds([Round("look", LOOK_S, worker.look)], stop)
    # Threads, one at a time: the broker's heartbeat goes on beside an hour of rendering.
    app.Worker(
        queues=list(queues), pool="threads", concurrency=1, loglevel="WARNING", quiet=True, without_gossip=True,
        without_mingle=True,
    ).start()  # fmt: skip
    stop.set()
