"""A database that was set back is refused, and brought forward from the store: its log, its footage, its losses."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, select

from services.accounts.models import User
from services.bootstrap import Archive
from services.custody.events import SYSTEM
from services.custody.heads import sign_head
from services.custody.ledger import history
from services.custody.logtree import log_size
from services.custody.publish import Publisher
from services.custody.sequencer import BATCH, integrate
from services.custody.tables import checkpoint
from services.errors import HeadRefused
from services.index.fsck import check
from services.index.models import Arrival, Object, Recording, Upload
from services.ingest.recovery.run import Recovered, recover
from services.ingest.recovery.signed import Signed
from services.up.sequencing import Sequencing
from tests.archive_fixture import Empty, HeldClock, add_case, add_unit, add_user, open_for_test
from tests.custody.growing import append, wrong_chains
from tests.custody.held_signer import HeldSigner
from tests.flows.pipeline import Dock
from tests.footage import make_footage

Snapshot = Callable[[], str]


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("footage")
    return [make_footage(folder / f"{number}.mp4", frames=20 + number, size=(160, 90)) for number in range(3)]


@pytest.fixture
def snapshot(archive: Archive, engine_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Snapshot]:
    """Copy the archive's database as it is now; gives the copy's address."""
    made: list[str] = []

    def copy() -> str:
        archive.engine.dispose()
        if engine_kind == "sqlite":
            target = tmp_path / f"copy-{len(made)}.db"
            shutil.copyfile(str(archive.engine.url.database), target)
            made.append(str(target))
            return f"sqlite:///{target}"
        empty: Empty = request.getfixturevalue("empty_postgres")
        name = f"{archive.engine.url.database}_{len(made)}"
        made.append(name)
        assert empty.server is not None
        return empty.server.make(name, str(archive.engine.url.database))

    yield copy
    if engine_kind == "postgres":
        for name in made:
            request.getfixturevalue("empty_postgres").server.drop(name)


class Site:
    """An archive with its dock, its sequencer's work and a signer that remembers."""

    def __init__(self, archive: Archive, signer: HeldSigner | None = None) -> None:
        self.archive = archive
        self.signer = signer or HeldSigner()

    def sequence(self) -> None:
        while integrate(self.archive.engine) == BATCH:
            pass

    def publish(self, *, sign: bool = True) -> None:
        """Sequence, publish, and have the head signed and published."""
        self.sequence()
        publisher = Publisher(self.archive.engine, self.archive.store)
        with self.archive.reading() as session:
            publisher.published = session.scalar(select(func.max(checkpoint.c.size))) or 0
        size = publisher.publish()
        if sign:
            sign_head(self.archive.engine, self.signer, size, self.archive.clock())
            publisher.publish_head()

    @property
    def signed(self) -> Signed:
        return Signed(*self.signer.last, (self.signer.verifier,))

    def persons(self) -> tuple[User, User]:
        with self.archive.reading() as session:
            one, other = session.scalars(select(User).where(User.role == "custodian").order_by(User.name)).all()
            return one, other

    def recover(self) -> Recovered:
        return recover(self.archive, self.signed, self.persons())

    def agrees(self) -> bool:
        return Sequencing(self.archive, self.signer, Event()).agree()

    def findings(self) -> list[str]:
        with self.archive.reading() as session:
            return [str(one) for one in check(session, self.archive.store, deep=True, trusted=[self.signer.verifier])]

    def facts(self) -> dict[str, tuple[Any, ...]]:
        """What people know of each recording, and its arrivals."""
        columns = (
            Recording.sha256, Recording.state, Recording.officer, Recording.device, Recording.filename,
            Recording.started_at, Recording.received_at, Recording.unit_id, Recording.duration, Recording.retain_until,
        )  # fmt: skip
        with self.archive.reading() as session:
            arrivals: dict[str, set[str]] = {}
            for recording, arrival in session.execute(select(Arrival.recording_id, Arrival.id)):
                arrivals.setdefault(recording, set()).add(arrival)
            return {row[0]: (*row[1:], arrivals[row[0]]) for row in session.execute(select(Recording.id, *columns))}

    def original(self, recording: str) -> bytes:
        with self.archive.reading() as session:
            query = select(Object.key, Object.version_id).join(Recording, Recording.object_id == Object.id)
            key, version = session.execute(query.where(Recording.id == recording)).one()
        return b"".join(self.archive.store.read(key, version))


@contextmanager
def restored(site: Site, database: str) -> Iterator[Site]:
    """Open the same home and store on an older copy of the database, under the same signer."""
    with open_for_test(site.archive.settings.home, database, site.archive.clock) as old:
        yield Site(old, site.signer)


@pytest.fixture
def site(archive: Archive) -> Site:
    made = Site(archive)
    unit = add_unit(archive, "U9")
    for name in ("li", "wang"):
        add_user(archive, "custodian", unit, name=name)
    return made


def test_yesterdays_database_is_refused_and_recovered(
    site: Site, snapshot: Snapshot, footage: list[Path], clock: HeldClock
) -> None:
    dock = Dock(site.archive)
    kept = dock.send(footage[0], officer="900001")
    site.publish()
    append(site.archive, 5)  # waits when the copy is made
    copy = snapshot()
    clock.advance(3600)
    video = dock.send(footage[1], officer="900001", device="D7", started_at="2026-03-02T09:00:00+08:00")
    again = dock.send(footage[1], filename="同一段.mp4")
    wreck = dock.send(os.urandom(70_000), filename="坏.mp4")
    lying = dock.send(footage[2], sha256="ab" * 32)
    waiting = dock.receive(b"x" * 5000, filename="half.mp4")  # received, and no more, when the machine is lost
    case = add_case(site.archive, "A-1")
    person = add_user(site.archive, "officer", site.persons()[0].unit_id, name="zhao").id
    append(site.archive, 600)
    site.publish()
    before, chains = site.facts(), {}
    with site.archive.reading() as session:
        for recording in before:
            chains[recording] = [line.leaf_hash for line in history(session, recording)]
        size = log_size(session)
    dock.close()

    with restored(site, copy) as old:
        clock.advance(600)
        with old.archive.work() as work:  # people went on before anybody looked
            work.append("sys.start", SYSTEM, version="after")
            work.append("auth.login", old.persons()[0].id, method="password")
        with pytest.raises(HeadRefused, match="old database"):
            old.agrees()

        done = old.recover()

        assert old.agrees()
        assert (done.end, done.unsigned) == (size, 0)
        dock = Dock.__new__(Dock)
        dock.archive = old.archive
        dock.work()
        after = old.facts()
        assert after.keys() == before.keys()
        for recording, facts in before.items():
            # a damaged file shows at once, so nothing but what is made later may differ
            assert after[recording] == facts
            assert old.original(recording) == site.original(recording)
            with old.archive.reading() as session:
                assert [line.leaf_hash for line in history(session, recording)][: len(chains[recording])] == chains[
                    recording
                ]
        for upload in (kept, video, again, wreck):
            with old.archive.reading() as session:
                row = session.get_one(Upload, upload.id)
                assert (row.state, row.recording_id, row.sha256) == ("verified", upload.recording_id, upload.sha256)
        with old.archive.reading() as session:
            assert session.get_one(Upload, lying.id).state == "quarantined"
            assert session.get(Upload, waiting) is None
            entered = [line for line in history(session, SYSTEM) if line.entry.type == "sys.recover"]
        assert len(entered) == 1
        told = {name: json.loads(value) for name, value in entered[0].values.items()}
        assert (told["actor"], told["approver"]) == ("li", "wang")
        assert (told["end"], told["head_size"], told["rebuilt"]) == (size, size, 3)
        assert told["lost"] == {"account": 1, "case": 1}
        assert {(one.about, one.obj) for one in done.losses.things} == {("case", case), ("account", person)}
        assert wrong_chains(old.archive) == []

        clock.advance(60)
        old.publish()  # the signer itself refuses what does not continue its head
        assert old.findings() == []
        assert old.signer.last[0] > size
