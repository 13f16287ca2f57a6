"""
Make archives for tests, and fill them: real databases, a real folder store, real ledger entries.

The makers below go through `custody.work` like the product does; what they leave behind passes `fsck`.
Each takes only what the test is about and fills in the rest; each gives the id of what it made.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import select

from services.accounts.models import Unit, User
from services.accounts.rights import Principal
from services.bootstrap import Archive, new_id
from services.custody import tree
from services.custody.work import Work
from services.db import open_engine
from services.digest import CHUNK_LOG2, Digest, Fingerprinter
from services.index.migrate import migrate
from services.index.models import (
    Arrival,
    Case,
    CaseIncident,
    CaseOfficer,
    Device,
    Incident,
    IncidentOfficer,
    Link,
    Object,
    Person,
    Recording,
    Rendition,
    Roster,
    Upload,
)
from services.index.search import case_text
from services.settings import load_settings
from services.storage import keys
from services.storage.filesystem import FolderStore
from tests.servers import PostgresServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""What the clock of a test's archive shows until the test moves it."""


@dataclass(slots=True)
class HeldClock:
    """A clock that stands still until a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        """Move on and give the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now


@dataclass(frozen=True, slots=True)
class Empty:
    """Make fresh databases at this version's schema: migrate one, copy it for each test."""

    folder: Path
    server: PostgresServer | None = None
    made: list[str] = field(default_factory=list)

    def fresh(self, home: Path) -> str:
        """Give the address of a fresh database of this kind; one in a file lies in `home`."""
        return self.sqlite(home) if self.server is None else self.postgres()

    def sqlite(self, home: Path) -> str:
        """Give the address of a fresh SQLite database in `home`."""
        template = self.folder / "empty.db"
        if not template.exists():
            engine = open_engine(f"sqlite:///{template}")
            migrate(engine)
            engine.dispose()
        shutil.copyfile(template, home / "archive.db")
        return f"sqlite:///{home / 'archive.db'}"

    def postgres(self) -> str:
        """Give the address of a fresh PostgreSQL database; `drop` removes it."""
        assert self.server is not None
        template = f"huisu_empty_{self.folder.name.replace('-', '_')}"
        if template not in self.made:
            engine = open_engine(self.server.make(template))
            migrate(engine)
            engine.dispose()
            self.made.append(template)
        name = f"huisu_{new_id().replace('-', '')}"
        self.made.append(name)
        return self.server.make(name, template)

    def drop(self, name: str) -> None:
        """Remove a database that `postgres` made."""
        assert self.server is not None
        self.server.drop(name)
        self.made.remove(name)


@contextmanager
def open_for_test(home: Path, database: str, clock: Callable[[], datetime]) -> Iterator[Archive]:
    """Open an archive in a test's folder, on a folder store and a migrated database."""
    settings = load_settings({}, home=home, database_url=database, staging_reserve_bytes=0)
    for folder in (settings.paths.home, settings.paths.scratch):
        folder.mkdir(parents=True, exist_ok=True)
    store = FolderStore(settings.paths.store)
    store.prepare()
    archive = Archive(settings, open_engine(database), store, clock)
    try:
        yield archive
    finally:
        archive.close()


# --- people and units ---------------------------------------------------------------------------------------------


def add_unit(archive: Archive, number: str = "U1", *, parent: str | None = None, name: str | None = None) -> str:
    """Add a unit below `parent`; gives its id."""
    unit = new_id()
    with archive.work() as work:
        above = work.session.get_one(Unit, parent).path if parent else ""
        work.session.add(
            Unit(
                id=unit,
                number=number,
                name=name or f"单位 {number}",
                parent_id=parent,
                path=f"{above}{unit}/",
                created_at=archive.clock(),
            )
        )
        work.append("unit.put", unit, actor="test", after={"number": number})
    return unit


def subtree(archive: Archive, unit: str) -> frozenset[str]:
    """Give the ids of a unit and everything below it."""
    with archive.reading() as session:
        path = session.get_one(Unit, unit).path
        return frozenset(session.scalars(select(Unit.id).where(Unit.path.startswith(path, autoescape=True))))


def add_user(
    archive: Archive, role: str, unit: str, *, name: str | None = None, number: str | None = None, **more: Any
) -> Principal:
    """Add an account and give it as one who asks."""
    user, name = new_id(), name or f"{role}-{new_id()[-6:]}"
    with archive.work() as work:
        work.session.add(
            User(id=user, name=name, number=number, role=role, unit_id=unit, created_at=archive.clock(), **more)
        )
        work.append("user.add", user, actor="test", name=name, role=role, unit=unit)
    return Principal("user", user, name, role, number, unit, subtree(archive, unit))


def everywhere(role: str) -> Principal:
    """Give a program whose token has no unit: it reaches all."""
    return Principal("token", new_id(), f"{role}-token", role, None, None, frozenset(), reaches_all=True)


# --- footage ------------------------------------------------------------------------------------------------------


def add_recording(
    archive: Archive,
    *,
    content: bytes | None = None,
    started_at: datetime = NOON - timedelta(hours=2),
    duration: Fraction | None = Fraction(60),
    unit: str | None = None,
    officer: str | None = None,
    named: Iterable[str] = (),
    verified: bool = True,
    uploaded: bool = True,
    **facts: Any,
) -> str:
    """
    Add a recording whose original is in the store and whose entries are in the ledger; gives its id.

    `content` defaults to bytes of its own; the same content again is a second recording on one object.
    `facts` are further columns of `Recording`; `named` are the user ids of a G4 recording.
    """
    recording = new_id()
    content = f"footage {recording}\n".encode() * 40 if content is None else content
    duration_text = None if duration is None else f"{duration.numerator}/{duration.denominator}"
    ended_at = None if duration is None else started_at + timedelta(seconds=float(duration))
    row = Recording(
        id=recording,
        unit_id=unit,
        officer=officer,
        started_at=started_at,
        ended_at=ended_at,
        duration=duration_text,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        received_at=archive.clock(),
        **_recording_defaults(recording, started_at) | facts,
    )
    with archive.work() as work:
        kept = _keep(archive, work, recording, content, verified=verified)
        row.object_id = kept.id
        work.session.add(row)
        work.session.flush()
        work.session.add_all(Person(recording_id=recording, user_id=user) for user in named)
        _arrive(archive, work, row, uploaded=uploaded, verified=verified)
        work.append("rec.ingest", recording, **_ingested(row, kept))
        if verified:
            work.append("rec.verify", recording, sha256=row.sha256, size=row.size_bytes, result="equal")
    return recording


def _recording_defaults(recording: str, started_at: datetime) -> dict[str, Any]:
    return {
        "state": "ready",
        "kind": "body",
        "filename": f"{recording}.mp4",
        "started_source": "given",
        "playable": True,
        "retain_rule": "six-months",
        "retain_until": started_at + timedelta(days=184),
    }


def _keep(archive: Archive, work: Work, recording: str, content: bytes, *, verified: bool) -> Object:
    taker = Fingerprinter()
    taker.update(content)
    printed = taker.finish()
    kept = archive.store.put_bytes(keys.original(printed.digest), content)
    found = work.session.scalars(select(Object).where(Object.sha256 == printed.digest.hex)).one_or_none()
    if found is not None:
        return found
    row = Object(
        id=new_id(),
        recording_id=recording,
        sha256=printed.digest.hex,
        size_bytes=printed.size_bytes,
        chunk_log2=CHUNK_LOG2,
        chunk_root=tree.root(printed.leaves),
        key=kept.key,
        version_id=kept.version,
        stored_at=archive.clock(),
        verified_at=archive.clock() if verified else None,
    )
    work.session.add(row)
    work.session.flush()
    return row


def _ingested(row: Recording, kept: Object) -> dict[str, Any]:
    return {
        "sha256": row.sha256,
        "size": row.size_bytes,
        "chunk_log2": kept.chunk_log2,
        "chunk_root": kept.chunk_root.hex(),
        "container": row.container,
        "object_key": kept.key,
        "version_id": kept.version_id,
        "officer": row.officer,
        "unit": row.unit_id,
        "kind": row.kind,
        "filename": row.filename,
    }


def _arrive(archive: Archive, work: Work, row: Recording, *, uploaded: bool, verified: bool) -> None:
    arrival, upload, now = new_id(), new_id(), archive.clock()
    told = {"recording": row.id, "filename": row.filename, "sha256": row.sha256}
    key = keys.arrival(Digest.from_hex(row.sha256), arrival)
    archive.store.put_bytes(key, json.dumps(told, ensure_ascii=False).encode())
    work.session.add(
        Arrival(
            id=arrival,
            recording_id=row.id,
            upload_id=upload,
            gate="g1",
            sender="dock-1",
            dock=row.dock,
            filename=row.filename,
            received_at=now,
            given=dict(row.given or {}),
            key=key,
        )
    )
    if uploaded:
        work.session.add(
            Upload(
                id=upload,
                gate="g1",
                state="verified" if verified else "stored",
                size_bytes=row.size_bytes,
                sender_id=new_id(),
                sender="dock-1",
                filename=row.filename,
                sha256=row.sha256,
                recording_id=row.id,
                created_at=now,
                changed_at=now,
                expires_at=now + timedelta(days=7),
            )
        )


def add_rendition(
    archive: Archive, recording: str, kind: str = "proxy", content: bytes = b"a proxy\n", **more: Any
) -> str:
    """Make a rendition of a recording's original; gives its id."""
    rendition = new_id()
    with archive.work() as work:
        parent = work.session.get_one(Recording, recording)
        recipe = hashlib.sha256(f"{kind} {rendition}".encode()).hexdigest()[:16]
        kept = archive.store.put_bytes(
            keys.rendition(Digest.from_hex(parent.sha256), kind, recipe, "file.mp4"), content
        )
        row = Rendition(
            id=rendition,
            recording_id=recording,
            kind=kind,
            parent_sha256=parent.sha256,
            recipe_id=recipe,
            key=kept.key,
            version_id=kept.version,
            size_bytes=kept.size_bytes,
            made_at=archive.clock(),
            **{
                "media_type": "video/mp4",
                "recipe": {"tool": "test"},
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            | more,
        )
        work.session.add(row)
        work.append("rec.rendition", recording, rendition=rendition, kind=kind, object_key=kept.key, sha256=row.sha256)
    return rendition


def add_device(archive: Archive, number: str, *, unit: str | None = None, kind: str = "camera") -> str:
    """Add a device; gives its id."""
    device = new_id()
    with archive.work() as work:
        work.session.add(Device(id=device, number=number, kind=kind, unit_id=unit, created_at=archive.clock()))
        work.append("device.put", device, actor="test", after={"number": number})
    return device


def add_roster(
    archive: Archive, device: str, officer: str, starts_at: datetime, ends_at: datetime | None = None
) -> str:
    """Say that an officer carried a device (by its id) from when to when; gives the roster's id."""
    roster = new_id()
    with archive.work() as work:
        number = work.session.get_one(Device, device).number
        work.session.add(
            Roster(
                id=roster,
                device_id=device,
                device_number=number,
                officer=officer,
                starts_at=starts_at,
                ends_at=ends_at,
            )
        )
        work.append("device.put", device, actor="test", after={"officer": officer})
    return roster


# --- what footage belongs to --------------------------------------------------------------------------------------


def add_incident(
    archive: Archive, number: str = "J1", *, unit: str | None = None, officers: Sequence[str] = (), **facts: Any
) -> str:
    """Add an incident; gives its id. `facts` are further columns of `Incident`."""
    incident = new_id()
    with archive.work() as work:
        work.session.add(Incident(id=incident, number=number, unit_id=unit, created_at=archive.clock(), **facts))
        work.session.flush()
        work.session.add_all(IncidentOfficer(incident_id=incident, officer=officer) for officer in officers)
        work.append("incident.put", incident, number=number, actor="test", after={"officers": list(officers)})
    return incident


def add_case(
    archive: Archive,
    number: str = "A1",
    *,
    unit: str | None = None,
    officers: Sequence[str] = (),
    incidents: Sequence[str] = (),
    **facts: Any,
) -> str:
    """Add a case with its team and its incidents (ids); gives its id. `facts` are further columns of `Case`."""
    case = new_id()
    with archive.work() as work:
        row = Case(id=case, number=number, unit_id=unit, created_at=archive.clock(), **facts)
        row.search_text = case_text(row, officers)
        work.session.add(row)
        work.session.flush()
        work.session.add_all(CaseOfficer(case_id=case, officer=officer) for officer in officers)
        work.session.add_all(CaseIncident(case_id=case, incident_id=incident) for incident in incidents)
        work.append("case.put", case, number=number, actor="test", after={"officers": list(officers)})
    return case


def link(archive: Archive, recording: str, target_type: str, target: str, *, ended: bool = False, **more: Any) -> str:
    """Link a recording to an incident or a case (by its id); gives the link's id. `ended`: it was removed again."""
    made = new_id()
    with archive.work() as work:
        table: type[Incident | Case] = Incident if target_type == "incident" else Case
        number = work.session.scalars(select(table.number).where(table.id == target)).one()
        facts: Mapping[str, Any] = {"origin": "manual", "rule": "by-hand", "score": 1.0, "reasons": []} | more
        row = Link(
            id=made,
            recording_id=recording,
            target_type=target_type,
            target_id=target,
            number=number,
            made_at=archive.clock(),
            ended_at=archive.clock() if ended else None,
            **facts,
        )
        work.session.add(row)
        told = {"link": made, "target_type": target_type, "target": target, "number": number}
        work.append("rec.link", recording, **told, origin=row.origin, actor="test")
        if ended:
            work.append("rec.unlink", recording, **told, reason="a mistake", actor="test")
    return made
