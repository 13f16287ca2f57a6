"""A served archive with real footage that went through the whole pipeline, and people of two units to look at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.accounts import people, units
from services.bootstrap import Archive, new_id
from services.custody.ledger import Recorded, history
from services.index.models import Recording, Upload
from tests.api.site import Site, serve
from tests.archive_fixture import HeldClock
from tests.flows.pipeline import Dock
from tests.footage import make_footage, make_sound

FRAMES, RATE = 300, 30
CASE = "A-2026-0001"
STARTED = "2026-03-02T10:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Theatre:
    """Recordings by what they are: `film` (300 numbered frames, beeps), `sound` (no pictures), `wreck` (no media)."""

    site: Site
    clock: HeldClock
    dock: Dock
    film: str
    film_bytes: bytes
    sound: str
    wreck: str
    reviewer: httpx.Client
    officer: httpx.Client
    auditor: httpx.Client
    stranger: httpx.Client

    @property
    def archive(self) -> Archive:
        return self.site.archive

    def entries(self, recording: str | None = None, *events: str) -> list[Recorded]:
        """Give the entries of a recording (the film), all or those of these events."""
        with self.archive.reading() as session:
            found = list(history(session, recording or self.film))
        return [one for one in found if not events or one.entry.type in events]

    def row(self, recording: str | None = None) -> Recording:
        with self.archive.reading() as session:
            return session.get_one(Recording, recording or self.film)

    def open(self, recording: str | None = None, **body: str) -> str:
        """Open a viewing as the reviewer."""
        told = self.reviewer.post(f"/api/v1/recordings/{recording or self.film}/viewings", json=body)
        assert told.status_code == 201, told.text
        made: str = told.json()["id"]
        return made

    def newcomer(self, role: str = "reviewer", unit: str = "st1", number: str | None = None) -> httpx.Client:
        """Give somebody who has looked at nothing yet."""
        name = f"{role}-{new_id()}"
        with self.archive.work() as work:
            people.add_user(work, name, role=role, unit=unit, number=number, actor="test")
        return self.site.as_user(name)

    def path(self, rest: str, recording: str | None = None) -> str:
        return f"/api/v1/recordings/{recording or self.film}/{rest}"


@contextmanager
def open_theatre(archive: Archive, clock: HeldClock, folder: Path) -> Iterator[Theatre]:
    """Send the footage, do all jobs, serve."""
    dock = Dock(archive)
    with archive.work() as work:
        units.put_unit(work, "st2", name="二所", parent="root", actor="test")
        people.add_user(work, "li", role="reviewer", unit="st1", actor="test")
        people.add_user(work, "audit", role="auditor", unit="root", actor="test")
        people.add_user(work, "stranger", role="reviewer", unit="st2", actor="test")
    film = make_footage(folder / "现场 录像.mp4", frames=FRAMES, rate=str(RATE))
    facts = {"officer": "900001", "device": "cam-1", "kind": "body", "case": CASE}
    sent = [
        dock.send(film, started_at=STARTED, **facts),
        dock.send(make_sound(folder / "谈话.wav", seconds=5), started_at="2026-03-02T11:00:00+08:00", **facts),
        dock.send(b"no film at all\n" * 400, filename="坏.mp4", started_at="2026-03-02T12:00:00+08:00", **facts),
    ]
    try:
        with serve(archive) as site:
            yield Theatre(
                site, clock, dock, _made(sent[0]), film.read_bytes(), _made(sent[1]), _made(sent[2]),
                site.as_user("li"), site.as_user("zhang"), site.as_user("audit"), site.as_user("stranger"),
            )  # fmt: skip
    finally:
        dock.close()


def _made(upload: Upload) -> str:
    assert upload.state == "verified", (upload.state, upload.reason)
    assert upload.recording_id is not None
    return upload.recording_id
