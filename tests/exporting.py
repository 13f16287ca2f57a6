"""A desk that makes exports in tests: a served archive with real footage, its log, its signer, its export worker."""

import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.accounts import people
from services.api.tasks import tasks
from services.bootstrap import Archive, new_id
from services.custody.ledger import Recorded, history
from services.custody.signer_client import Signer
from services.index.models import Upload
from services.jobs.worker import drain
from services.up.sequencing import Sequencing
from tests.api.site import Site, serve
from tests.archive_fixture import Empty, HeldClock, open_for_test
from tests.custody.signing import open_signer, served
from tests.flows.pipeline import Dock
from tests.footage import make_footage, make_sound

CASE = "A-2026-0007"
FRAMES, RATE = 240, 24
EXPORTS = "/api/v1/exports"


@dataclass(slots=True)
class Desk:
    """`film` has numbered frames and sound, `sound` no pictures, `wreck` is no media."""

    archive: Archive
    clock: HeldClock
    site: Site
    dock: Dock
    signer: Signer
    film: str
    sound: str
    wreck: str
    reviewer: httpx.Client

    def order(self, *items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Give the body of a request for these items."""
        return {"recipient": "某区人民检察院", "purpose": "移送审查起诉", "items": list(items), **more}

    def ask(self, *items: Mapping[str, Any], client: httpx.Client | None = None, **more: Any) -> str:
        """Ask for an export; gives its id."""
        told = (client or self.reviewer).post(EXPORTS, json=self.order(*items, **more))
        assert told.status_code == 202, told.text
        made: str = told.json()["id"]
        return made

    def work(self) -> int:
        """Do every export that can be made now."""
        return drain(self.archive.engine, ["export"], tasks(self.archive), self.archive.clock)

    def see(self, export: str) -> dict[str, Any]:
        """Show an export."""
        told = self.reviewer.get(f"{EXPORTS}/{export}")
        assert told.status_code == 200, told.text
        seen: dict[str, Any] = told.json()
        return seen

    def take(self, export: str, folder: Path, copy: int = 1) -> Path:
        """Download a copy."""
        target = folder / f"{copy}.zip"
        with (
            self.reviewer.stream("GET", f"{EXPORTS}/{export}/package", params={"copy": copy}) as told,
            target.open("wb") as out,
        ):
            assert told.status_code == 200
            out.writelines(told.iter_raw())
        return target

    def make(self, folder: Path, *items: Mapping[str, Any], **more: Any) -> Path:
        """Ask for an export, have it made, download its first copy."""
        export = self.ask(*items, **more)
        self.work()
        assert self.see(export)["state"] == "made", self.see(export)["problems"]
        return self.take(export, folder)

    def entries(self, obj: str, *events: str) -> list[Recorded]:
        """Give the entries about something, all or those of these events."""
        with self.archive.reading() as session:
            found = list(history(session, obj))
        return [one for one in found if not events or one.entry.type in events]

    def newcomer(self, role: str, unit: str = "st1", **more: Any) -> httpx.Client:
        """Give somebody new."""
        name = f"{role}-{new_id()}"
        with self.archive.work() as work:
            people.add_user(work, name, role=role, unit=unit, actor="test", **more)
        return self.site.as_user(name)


@contextmanager
def open_desk(archive: Archive, clock: HeldClock, folder: Path) -> Iterator[Desk]:
    """Send footage, do all jobs, run the log and its signer, serve."""
    dock = Dock(archive)
    with archive.work() as work:
        people.add_user(work, "li", role="reviewer", unit="st1", actor="test")
    film = make_footage(folder / "现场 录像.mp4", frames=FRAMES, rate=str(RATE))
    facts = {"officer": "900001", "device": "cam-1", "kind": "body", "case": CASE}
    sent = [
        dock.send(film, started_at="2026-03-02T10:00:00+08:00", **facts),
        dock.send(make_sound(folder / "谈话.wav", seconds=5), started_at="2026-03-02T11:00:00+08:00", **facts),
        dock.send(b"no film at all\n" * 400, filename="坏.mp4", started_at="2026-03-02T12:00:00+08:00", **facts),
    ]
    paths = archive.settings.paths
    try:
        with (
            open_signer(paths.signer) as one,
            served(one, paths.signer_socket) as signer,
            running_log(archive, signer),
            serve(archive) as site,
        ):
            film_id, sound, wreck = (_made(upload) for upload in sent)
            yield Desk(archive, clock, site, dock, signer, film_id, sound, wreck, site.as_user("li"))
    finally:
        dock.close()


@contextmanager
def fresh_desk(empty: Empty, folders: pytest.TempPathFactory) -> Iterator[Desk]:
    """Open a desk in an archive of its own, on SQLite: for the fixture of a module, since it takes a while."""
    home, clock = folders.mktemp("desk"), HeldClock()
    with (
        open_for_test(home, empty.sqlite(home), clock) as archive,
        open_desk(archive, clock, folders.mktemp("films")) as opened,
    ):
        yield opened


@contextmanager
def running_log(archive: Archive, signer: Signer) -> Iterator[None]:
    """Run the sequencer in a thread, as its process does."""
    stop = threading.Event()
    thread = threading.Thread(target=Sequencing(archive, signer, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def _made(upload: Upload) -> str:
    assert upload.state == "verified", (upload.state, upload.reason)
    assert upload.recording_id is not None
    return upload.recording_id


def verify(package: Path, empty: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Check a package as a stranger does: with nothing but the program inside it, from an empty folder."""
    program = empty / "verify.py"
    with zipfile.ZipFile(package) as opened:
        program.write_bytes(opened.read("verify.py"))
    return subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(package), "--lang", "en", *arguments],
        cwd=empty, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
