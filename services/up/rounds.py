"""
Do again and again what nobody asks for: sweep, expire, ring, close, beat.

Every round may fail and is tried again at its next time; none holds anything that only it knows.
"""

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from services import __version__
from services.bootstrap import Archive
from services.custody.events import SYSTEM
from services.custody.kinds import of_kind
from services.errors import HuisuError
from services.index.fixity import day_of
from services.index.migrate import newest
from services.index.models import Process, Upload
from services.ingest.door import CatalogueRegister
from services.ingest.locks import roll_locks
from services.ingest.staging import Staging
from services.ingest.steps.fingerprint import ask_for_fingerprints
from services.ingest.steps.reindex import BEFORE_ALL, ask_for_indexes
from services.ingest.upkeep.fixity import keep_fixity
from services.jobs.lease import unrung
from services.queue import MOST_RINGS, rings_in
from services.storage.store import WormReport

log = logging.getLogger(__name__)

STALE = timedelta(minutes=1)
"""Silence after which a process counts as gone."""


REST = timedelta(hours=1)
"""Pause after a round found nothing to do in the whole catalogue."""

SETTLED = timedelta(minutes=10)
"""Time after a start in which nothing is read that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Round:
    """One thing to do every so many seconds."""

    name: str
    every_s: float
    act: Callable[[], object]


def run_rounds(rounds: Sequence[Round], stop: threading.Event) -> None:
    """Start each round in its own thread; they end with the process or with `stop`."""
    for one in rounds:
        threading.Thread(target=_turn, args=(one, stop), name=one.name, daemon=True).start()


def _turn(one: Round, stop: threading.Event) -> None:
    while True:
        try:
            one.act()
        except HuisuError as error:
            log.warning("round failed", extra={"round": one.name, "code": error.code, "error": str(error)})
        except Exception:
            log.exception("round broke")
        if stop.wait(one.every_s):
            return


def gate_rounds(archive: Archive, staging: Staging, register: CatalogueRegister) -> list[Round]:
    """Give the rounds of the process that owns a staging folder."""

    def sweep() -> None:
        """Ask again for complete uploads whose accession nobody knows of; clear what the store has."""
        for upload in staging.complete():
            with archive.reading() as session:
                state = session.execute(select(Upload.state).where(Upload.id == upload)).scalar_one_or_none()
            if state == "receiving":
                register.received(upload)
            elif state == "verified":
                staging.discard(upload)

    def expire() -> None:
        staging.expire(archive.clock(), register.expired)

    return [Round("sweep", 5, sweep), Round("expire", 60, expire)]


def beat_rounds(archive: Archive) -> list[Round]:
    """Give the rounds that one process of an archive does for all."""
    from services.api.rounds import api_rounds  # noqa: PLC0415  (the API is not loaded by workers)

    def ring() -> None:
        """Ring for what nobody took; not where many rings wait already, as before a long row of renderings."""
        if archive.broker is None:
            return
        rings = unrung(archive.engine, archive.clock())
        open_queues = {name for name in {bell.queue for bell in rings} if rings_in(archive.broker, name) < MOST_RINGS}
        archive.ring(bell for bell in rings if bell.queue in open_queues)

    def probe() -> None:
        note_probe(archive, archive.store.probe(archive.clock()))

    def clear() -> None:
        archive.store.sweep_temporary(archive.clock() - timedelta(days=1))

    own = [
        Round("worm", 86_400, probe),
        Round("locks", 7 * 86_400, lambda: roll_locks(archive)),
        Round("temporaries", 86_400, clear),
        Round("indexes", 10, indexes(archive)),
        Round("fingerprints", 10, fingerprints(archive)),
        Round("fixity", 600, fixity(archive)),
    ]
    ringing = [Round("ring", 2, ring)] if archive.broker is not None else []
    return [*own, *ringing, *(Round(name, every_s, act) for name, every_s, act in api_rounds(archive))]


def indexes(archive: Archive) -> Callable[[], None]:
    """Give the round that has recordings of older versions indexed, a few at a time; all done, it rests an hour."""
    return _catching_up(archive, ask_for_indexes)


def fingerprints(archive: Archive) -> Callable[[], None]:
    """Give the round that has recordings of older versions fingerprinted, in the same way."""
    return _catching_up(archive, ask_for_fingerprints)


def fixity(archive: Archive) -> Callable[[], None]:
    """Give the round that reads originals again: once a day what that day asks for, not while the archive starts."""
    not_before, done = archive.clock() + SETTLED, ""

    def read_on() -> None:
        nonlocal done
        now = archive.clock()
        if now >= not_before and done != day_of(now):
            keep_fixity(archive)
            done = day_of(now)

    return read_on


def _catching_up(archive: Archive, ask_behind: Callable[[Archive, str], str | None]) -> Callable[[], None]:
    at, resting_until = BEFORE_ALL, archive.clock()

    def go_on() -> None:
        nonlocal at, resting_until
        if archive.clock() < resting_until:
            return
        behind = ask_behind(archive, at)
        at = behind or BEFORE_ALL
        if behind is None:
            resting_until = archive.clock() + REST

    return go_on


def note_probe(archive: Archive, report: WormReport) -> None:
    """Say in the log, and in the ledger when it changed, whether the store refuses to lose what it keeps."""
    if not report.enforced:
        log.warning("the store does not enforce write-once", extra={"findings": list(report.findings)})
    with archive.reading() as session:
        before = of_kind(session, SYSTEM, "sys.worm", most=1)
    if before and before[0].values.get("enforced") == json.dumps(report.enforced):
        return
    with archive.work() as work:
        work.append("sys.worm", SYSTEM, enforced=report.enforced, findings=list(report.findings))


def note_version(archive: Archive) -> None:
    """Enter that this version of the program begins to work on these data; once a version."""
    with archive.reading() as session:
        before = of_kind(session, SYSTEM, "sys.start", most=1)
    if before and before[0].values.get("version") == json.dumps(__version__):
        return
    with archive.work() as work:
        work.append("sys.start", SYSTEM, version=__version__, schema=newest())


def heartbeat(archive: Archive, kind: str, queues: Sequence[str] = ()) -> Round:
    """Give the round that says this process lives, for `/readyz` and `doctor`."""
    name = f"{kind}@{socket.gethostname()}:{os.getpid()}"
    started = archive.clock()

    def beat() -> None:
        now = archive.clock()
        with archive.plain() as session:
            row = session.get(Process, name)
            if row is None:
                session.add(Process(name=name, kind=kind, queues=" ".join(queues), started_at=started, last_seen=now))
            else:
                row.last_seen = now
            gone = select(Process).where(Process.last_seen < now - 60 * STALE)
            for old in session.execute(gone).scalars():
                session.delete(old)

    return Round("heartbeat", 10, beat)
