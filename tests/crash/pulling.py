"""
Run a flow of the archive in a process of its own, to fail at a point; and see what must hold whatever happened.

A fork server has everything loaded, so that a process costs little.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from services.bootstrap import Archive, open_archive
from services.index.fsck import check
from services.settings import load_settings
from tests.crash.points import Case, Pulled, lay_trap, marker
from tests.custody.growing import wrong_chains

Flow = Callable[..., None]
PATIENCE_S = 120.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.crash.flows"])


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archive is and what its clock shows: enough to open it in another process."""

    home: Path
    database: str
    now: datetime

    @classmethod
    def of(cls, archive: Archive) -> "Place":
        return cls(archive.settings.home, archive.engine.url.render_as_string(hide_password=False), archive.clock())

    def open(self) -> Archive:
        settings = load_settings({}, home=self.home, database_url=self.database, staging_reserve_bytes=0)
        return open_archive(settings, clock=lambda: self.now)


def pull(case: Case, flow: Flow, home: Path, *arguments: Any) -> None:
    """
    Run `flow(*arguments)` in a new process and have it fail at the point; one that hangs is killed.

    Fails the test when the point is not reached, or the process ends otherwise than it should.
    """
    marker(home).unlink(missing_ok=True)
    child = _FORKS.Process(target=_obey, args=(home, case, flow, arguments))
    child.start()
    assert child.pid is not None
    if case.how == "hang":
        ends = time.monotonic() + PATIENCE_S
        while not marker(home).exists() and child.is_alive():
            assert time.monotonic() < ends, f"{case} was never reached"
            time.sleep(0.01)
        if marker(home).exists():
            os.kill(child.pid, signal.SIGKILL)
    child.join(PATIENCE_S)
    status = child.exitcode
    assert marker(home).exists(), f"{case} was never reached; status {status}"
    # what a job raises is caught by its worker, which goes on
    assert status in ({0, 2} if case.how == "raise" else {-signal.SIGKILL}), status


def _obey(home: Path, case: Case, flow: Flow, arguments: tuple[Any, ...]) -> None:
    lay_trap(home, case)
    try:
        flow(*arguments)
    except Pulled:
        sys.exit(2)


def findings(archive: Archive, **more: Any) -> list[str]:
    """Say all that catalogue, ledger, log and store disagree about, every byte read again."""
    with archive.reading() as session:
        return [str(one) for one in check(session, archive.store, deep=True, **more)]


def lost(archive: Archive) -> list[str]:
    """Say what is lost or altered, right after a failure: work may be undone then, and never evidence gone."""
    with archive.reading() as session:
        dire = [
            str(one)
            for one in check(session, archive.store, deep=True)
            if one.severity == "error" and one.kind in {"chain", "missing", "changed"}
        ]
    return dire + wrong_chains(archive)
