"""Run the parts of a cluster as processes, and look at what they leave in the database."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from kombu import pools
from sqlalchemy import select

from services.bootstrap import Archive, open_archive
from services.custody.ledger import history
from services.db import Base
from services.index.fsck import check
from services.index.models import Recording, Upload
from services.jobs.table import JobRow, JobState
from services.settings import load_settings
from tests.crash.station import start
from tests.flows.pipeline import Dock

QUEUES = "gate,examine,render"
STARTED_S = 60.0


class Cluster:
    """An archive whose workers are rung by a broker; `dock` brings files to its gate, which is this process."""

    def __init__(self, home: Path, broker: str, database: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
        home.mkdir(exist_ok=True)
        self.log = home / "log"
        self.environment = {
            "HUISU_HOME": str(home),
            "HUISU_BROKER_URL": broker,
            "HUISU_DATABASE_URL": database,
            "HUISU_STAGING_RESERVE_BYTES": "0",
            **more,
        }
        self.archive: Archive = open_archive(load_settings(self.environment))
        self.archive.store.prepare()
        if self.archive.broker is not None:
            self.archive.broker.control.purge()  # rings of tests before this one
        self.dock = Dock(self.archive)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.dock.close()
        pools.reset()  # connections to the broker, which outlive their app
        self.archive.close()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `huisu …` on this cluster's settings."""
        process = start(list(arguments), self.log, self.environment)
        self._processes.append(process)
        return process

    def worker(self, queues: str = QUEUES) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it has told the database that it lives."""
        before = self.rows_of("processes", "name")
        process = self.start("worker", "--queues", queues)
        self.until(lambda: self.rows_of("processes", "name") - before, STARTED_S)
        return process

    def beat(self) -> subprocess.Popen[bytes]:
        """Start what rings for waiting jobs again."""
        return self.start("beat")

    def rows_of(self, table: str, column: str) -> set[Any]:
        """Give one column of a table."""
        with self.archive.reading() as session:
            return set(session.scalars(select(Base.metadata.tables[table].c[column])))

    def jobs(self, *kinds: str) -> list[JobRow]:
        """Give the jobs as they are now, all or those of some kinds."""
        with self.archive.reading() as session:
            rows = session.scalars(select(JobRow).order_by(JobRow.id)).all()
            return [row for row in rows if not kinds or row.kind in kinds]

    def until(self, holds: Callable[[], object], seconds: float = 60.0) -> float:
        """Wait until something holds; gives how long that took. Fails with the processes' words."""
        begun = time.monotonic()
        while not holds():
            passed = time.monotonic() - begun
            words = self.log.read_text("utf-8", "replace")[-4000:] if self.log.exists() else ""
            assert passed < seconds, f"not so after {passed:.0f} s: {self.told()}\n{words}"
            time.sleep(0.1)
        return time.monotonic() - begun

    def told(self) -> list[tuple[str, str, int, str | None]]:
        """Say how each job stands."""
        return [(job.kind, job.state, job.attempts, job.error) for job in self.jobs()]

    def is_settled(self, uploads: Sequence[str]) -> bool:
        """Tell whether these uploads are verified and nothing waits."""
        with self.archive.reading() as session:
            states = session.scalars(select(Upload.state).where(Upload.id.in_(uploads))).all()
        return set(states) == {"verified"} and all(job.state == JobState.DONE for job in self.jobs())

    def settle(self, uploads: Sequence[str], seconds: float = 60.0) -> float:
        """Wait until all of it is done; gives how long that took."""
        return self.until(lambda: self.is_settled(uploads), seconds)

    def recording(self, upload: str) -> Recording:
        """Give the recording that an upload became."""
        with self.archive.reading() as session:
            return session.get_one(Recording, session.get_one(Upload, upload).recording_id)

    def entries(self, upload: str) -> list[str]:
        """Give the types of the ledger's entries about an upload's recording, in order."""
        with self.archive.reading() as session:
            recording = session.get_one(Upload, upload).recording_id
            return [line.entry.type for line in history(session, recording or "")]

    def findings(self) -> list[str]:
        """Compare catalogue, ledger and store, byte by byte."""
        with self.archive.reading() as session:
            return [str(finding) for finding in check(session, self.archive.store, deep=True)]
