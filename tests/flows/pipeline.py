"""Send a file through the real staging, register, steps and store, in this process."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from services.accounts.people import add_user
from services.accounts.tokens import issue_token
from services.accounts.units import put_unit
from services.bootstrap import Archive, new_id
from services.db import reading
from services.index.models import Upload
from services.ingest.door import CatalogueRegister
from services.ingest.register import Sender
from services.ingest.shelf import Manifest
from services.ingest.staging import Staging
from services.ingest.tasks import tasks
from services.jobs.worker import drain

QUEUES = ["gate.g1", "examine", "render"]


class Dock:
    """A dock before an archive: its token, the gate's staging, and workers that run when told."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.register = CatalogueRegister(archive)
        self.staging = Staging(archive.settings.paths.staging, reserve_bytes=0)
        with archive.work() as work:
            put_unit(work, "root", name="总局", actor="test")
            put_unit(work, "st1", name="一所", parent="root", actor="test")
            add_user(work, name="zhang", role="officer", unit="st1", number="900001", actor="test")
            secret = issue_token(work, "dock-1", "dock", "st1", 30, actor="test")
        self.sender: Sender = self.register.authenticate({"authorization": f"Bearer {secret}"})

    def receive(self, content: bytes | Path, **metadata: str) -> str:
        """Receive a whole file as the door does; gives the upload's id."""
        data = content.read_bytes() if isinstance(content, Path) else content
        if isinstance(content, Path):
            metadata.setdefault("filename", content.name)
        upload = new_id()
        now = self.archive.clock()
        expires = now + timedelta(days=7)
        self.staging.begin(Manifest(upload, len(data), metadata, "", now, expires))
        self.register.open(self.sender, upload, len(data), metadata, expires)
        if data:
            append = self.staging.append(upload, 0)
            append.write([data])
            append.keep()
        self.staging.look(upload)
        self.register.received(upload)
        return upload

    def work(self, queues: list[str] | None = None) -> int:
        """Do every job that can be done now."""
        return drain(self.archive.engine, queues or QUEUES, tasks(self.archive), self.archive.clock)

    def send(self, content: bytes | Path, **metadata: str) -> Upload:
        """Receive a file and do all its jobs; gives the upload's row."""
        upload = self.receive(content, **metadata)
        self.work()
        return self.row(upload)

    def row(self, upload: str) -> Upload:
        """Give the upload's row as it is now."""
        with reading(self.archive.engine) as session:
            return session.get_one(Upload, upload)

    def close(self) -> None:
        """Let go of the staging folder."""
        self.staging.close()


def expected(manifest: Path) -> list[Mapping[str, str]]:
    """Read the corpus manifest: one mapping a file."""
    lines = manifest.read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    return [dict(zip(head, line.split("\t"), strict=True)) for line in lines[1:]]
