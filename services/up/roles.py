"""Run one process of an archive: server, dock's gate, worker, beat or sequencer."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.bootstrap import Archive, open_archive
from services.custody.signer_client import Signer
from services.index.migrate import require_current
from services.ingest.door import CatalogueRegister
from services.ingest.scratch import sweep_scratch
from services.ingest.staging import Staging
from services.jobs.worker import poll
from services.queue import QUEUES
from services.settings import Settings
from services.up.cosigning import start_asking
from services.up.logs import log_as_json
from services.up.rounds import Round, beat_rounds, gate_rounds, heartbeat, run_rounds
from services.up.rung import work_by_rings
from services.up.sequencing import Sequencing
from services.up.stamping import start_stamping
from services.up.tasks import tasks

log = logging.getLogger(__name__)

WORKER_NICE = 5
"""How far workers stand behind the server, which people wait for; media programs stand behind both."""


@contextmanager
def process(settings: Settings) -> Iterator[tuple[Archive, threading.Event]]:
    """Open the archive for one process, with its logs and a stop flag that SIGTERM and Ctrl-C set."""
    log_as_json(settings.log_level)
    archive = open_archive(settings)
    try:
        require_current(archive.engine)
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        yield archive, stop
    finally:
        archive.close()


def serve(settings: Settings, *, door: bool, pages: bool = True, beat: bool = False) -> None:
    """
    Serve people, docks, or both, until stopped.

    `door` makes this process a gate: it owns the staging folder. `beat` also runs the archive's rounds.
    """
    from services.up.listening import listen  # noqa: PLC0415  (a worker starts in half the time without it)

    with process(settings) as (archive, stop):
        kind = "serve" if pages else "gate"
        rounds: list[Round] = [heartbeat(archive, kind), *(beat_rounds(archive) if beat else [])]
        staging = register = None
        if door:
            staging = Staging(settings.paths.staging, reserve_bytes=settings.staging_reserve_bytes)
            register = CatalogueRegister(archive)
            rounds += gate_rounds(archive, staging, register)
        run_rounds(rounds, stop)
        try:
            listen(archive, staging, register, people=pages)
        finally:
            stop.set()
            if staging is not None:
                staging.close()


def queues_of(settings: Settings, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Name the queues a worker takes; `gate` means this gate's own."""
    return tuple(f"gate.{settings.gate}" if queue == "gate" else queue for queue in wanted or QUEUES)


def work(settings: Settings, wanted: Sequence[str] | None = None) -> None:
    """Do jobs of these queues until stopped: by rings where there is a broker, else by looking."""
    with process(settings) as (archive, stop):
        queues = queues_of(settings, wanted)
        os.nice(WORKER_NICE)
        sweep_scratch(settings.paths.scratch)
        run_rounds([heartbeat(archive, "worker", queues)], stop)
        if archive.broker is None:
            poll(archive.engine, queues, tasks(archive), archive.clock, stop)
        else:
            work_by_rings(archive, queues, stop)


def beat(settings: Settings) -> None:
    """Run the rounds of the whole archive until stopped."""
    with process(settings) as (archive, stop):
        run_rounds([heartbeat(archive, "beat"), *beat_rounds(archive)], stop)
        stop.wait()


def sequence(settings: Settings) -> None:
    """Run the log of the archive until stopped; where another process does, wait until that one has ended."""
    with process(settings) as (archive, stop):
        run_rounds([heartbeat(archive, "sequencer")], stop)
        signer = Signer(settings.paths.signer_socket)
        start_stamping(archive, stop)
        Sequencing(archive, signer, stop, after_signing=start_asking(archive, stop)).run()
