"""A database that was set back is refused, and brought forward from the store: its log, its footage, its losses."""

import importlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError

from services.accounts.models import User
from services.api.actions.read_history import history_page
from services.bootstrap import Archive
from services.custody.cosignature import cosign
from services.custody.events import EVENTS, SYSTEM
from services.custody.forward import recovering
from services.custody.heads import keep_cosignature, newest_head, sign_head
from services.custody.ledger import history
from services.custody.logtree import log_size, log_tree
from services.custody.note import COSIGNATURE, PLAIN, Signature, read_note
from services.custody.policy import Policy, Witness
from services.custody.publish import Publisher
from services.custody.published import PublishedLog
from services.custody.sequencer import BATCH, integrate
from services.custody.signingkey import SigningKey
from services.custody.tables import checkpoint, cosig, displaced, entry, pending
from services.digest import Digest
from services.errors import HeadRefused, NoteRefused, ProofRefused
from services.index.fsck import check
from services.index.models import Arrival, Object, Recording, Upload
from services.index.upkeep import Recovery
from services.ingest.recovery.losses import _TABLES
from services.ingest.recovery.run import Recovered, recover
from services.ingest.recovery.signed import Signed
from services.ingest.tasks import tasks
from services.jobs.worker import drain
from services.storage import keys
from services.up.sequencing import Sequencing
from tests.archive_fixture import NOON, Empty, HeldClock, add_case, add_unit, add_user, open_for_test
from tests.custody.growing import append, wrong_chains
from tests.custody.held_signer import HeldSigner
from tests.flows.pipeline import Dock
from tests.footage import make_footage
from tests.tampering import tamper

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
        with old.archive.reading() as session:
            told_of = [
                (line.event, line.values_lost)
                for line in history_page(session, str(video.recording_id), 200, None).items
            ]
        assert told_of[0] == ("rec.ingest", True)
        assert ("rec.rebuild", False) in told_of
        assert wrong_chains(old.archive) == []

        clock.advance(60)
        old.publish()  # the signer itself refuses what does not continue its head
        assert old.findings() == []
        assert old.signer.last[0] > size


# --- what is refused, and changes nothing -------------------------------------------------------------------------


def published_file(site: Site, path: str) -> Path:
    return site.archive.settings.paths.store / path


def spoiled(site: Site, path: str, change: Callable[[bytes], bytes | None]) -> None:
    """Change a published object behind the store's back; None: remove it."""
    place = published_file(site, path)
    changed = change(place.read_bytes())
    place.chmod(0o600)
    if changed is None:
        place.unlink()
    else:
        place.write_bytes(changed)


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def state(site: Site) -> tuple[int, int, int]:
    with site.archive.reading() as session:
        waiting = session.scalar(select(func.count()).select_from(pending)) or 0
        return log_size(session), waiting, session.scalar(select(func.count()).select_from(Recovery)) or 0


@pytest.fixture
def grown(site: Site, snapshot: Snapshot) -> tuple[Site, str]:
    """A log of some 700 signed entries, and a copy of its database when it had some 300."""
    append(site.archive, 300)
    site.publish()
    copy = snapshot()
    append(site.archive, 400)
    site.publish()
    return site, copy


REMAINDER = "derived/custody/tile/entries/002.p"


@pytest.mark.parametrize("engine_kind", ["sqlite"])
@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("custody/tile/entries/000", flip(40)),
        ("custody/tile/entries/001", flip(9000)),
        ("custody/tile/entries/001", lambda content: content[:-1]),
        ("custody/tile/entries/000", lambda _: None),
        ("custody/tile/entries/001", lambda _: None),
        (REMAINDER, flip(700)),
        (REMAINDER, lambda _: None),
        (REMAINDER, lambda content: content[: len(content) // 2]),
    ],
    ids=["old bit", "new bit", "cut", "old gone", "new gone", "rest bit", "rest gone", "rest cut"],
)
def test_a_published_log_that_was_altered_is_refused(
    grown: tuple[Site, str], path: str, change: Callable[[bytes], bytes | None]
) -> None:
    site, copy = grown
    if path == REMAINDER:
        (path,) = (kept.key for kept in site.archive.store.keys(f"{REMAINDER}/"))
    spoiled(site, path, change)

    with restored(site, copy) as old:
        before = state(old)
        with pytest.raises((HeadRefused, ProofRefused)):
            old.recover()
        assert state(old) == before


def test_a_database_with_another_history_is_refused(grown: tuple[Site, str]) -> None:
    site, copy = grown
    with restored(site, copy) as old:
        append(old.archive, 3)
        old.sequence()  # by hand: the sequencer itself refuses
        before = state(old)

        with pytest.raises(HeadRefused, match="two histories"):
            old.recover()
        assert state(old) == before


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_signer_that_remembers_nothing_is_no_measure(grown: tuple[Site, str]) -> None:
    site, copy = grown
    with restored(site, copy) as old, pytest.raises(HeadRefused, match="remembers none"):
        Site(old.archive).recover()


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_published_head_of_another_log_is_refused(grown: tuple[Site, str]) -> None:
    site, copy = grown
    other = HeldSigner()
    other.key = SigningKey(other.key.name, PLAIN, bytes(32))
    with site.archive.reading() as session:
        root = log_tree(session).root
    note = other.sign(site.signer.last[0], root, ())
    site.archive.store.put_bytes(keys.NEWEST_CHECKPOINT, note.encode())

    with restored(site, copy) as old, pytest.raises(NoteRefused):
        old.recover()


# --- what comes back ----------------------------------------------------------------------------------------------


def test_the_whole_log_comes_back_into_an_empty_database(
    grown: tuple[Site, str], empty_served: Empty, tmp_path: Path, clock: HeldClock
) -> None:
    site, _ = grown
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    with open_for_test(site.archive.settings.home, empty_served.fresh(fresh), clock) as archive:
        new = Site(archive, site.signer)
        unit = add_unit(archive, "U1")
        for name in ("li", "wang"):
            add_user(archive, "custodian", unit, name=name)
        size = site.signer.last[0]

        done = new.recover()

        assert (done.first, done.end, done.displaced) == (0, size, 0)
        assert new.agrees()
        with archive.reading() as session:
            assert log_tree(session, size).root == site.signer.last[1]
        new.publish()
        assert new.findings() == []
        assert wrong_chains(archive) == []


def test_what_was_published_and_not_signed_comes_back_and_is_counted(site: Site, snapshot: Snapshot) -> None:
    append(site.archive, 10)
    site.publish()
    copy = snapshot()
    append(site.archive, 290)
    site.publish(sign=False)
    with site.archive.reading() as session:
        size, root = log_size(session), log_tree(session).root

    with restored(site, copy) as old:
        done = old.recover()

        assert (done.end, done.unsigned) == (size, size - site.signer.last[0])
        with old.archive.reading() as session:
            assert log_tree(session, size).root == root
        old.publish()
        assert old.findings() == []


def test_what_was_written_after_the_restore_takes_later_places_with_its_values(grown: tuple[Site, str]) -> None:
    site, copy = grown
    with site.archive.work() as work:
        work.append("sys.start", SYSTEM, version="lost")
    site.publish()
    with restored(site, copy) as old:
        with old.archive.work() as work:
            events = [work.append("sys.start", SYSTEM, version=f"after {number}") for number in range(3)]
        with old.archive.reading() as session:
            was = {row.event_id: bytes(row.entry) for row in session.execute(select(pending))}

        done = old.recover()

        assert done.displaced == 3
        with old.archive.reading() as session:
            lines = [line for line in history(session, SYSTEM) if line.entry.type == "sys.start"]
            kept = {row.event_id: bytes(row.entry) for row in session.execute(select(displaced))}
        assert [line.entry.id for line in lines[1:]] == events
        assert [line.values["version"] for line in lines[1:]] == [f'"after {number}"' for number in range(3)]
        assert kept == {event: was[event] for event in events}
        old.publish()
        assert old.findings() == []


def test_nothing_leaves_the_queue_before_the_log_but_into_it(site: Site) -> None:
    append(site.archive, 1)

    with pytest.raises(DBAPIError, match="leaves only into the log"), recovering(site.archive.engine) as session:
        session.execute(delete(pending))


def name_witness(archive: Archive, witness: SigningKey) -> None:
    """Have the archive's policy name a witness."""
    path = archive.settings.paths.home / "policy"
    path.write_bytes(Policy((), (Witness("court", witness.verifier),), (), "court").content)
    object.__setattr__(archive.settings, "policy_file", path)


@pytest.mark.parametrize("planted", ["nothing", "another key's", "of a time to come"])
def test_witnesses_lines_come_back_and_no_others(site: Site, snapshot: Snapshot, planted: str) -> None:
    """Whoever writes into the store may put any line under a published head."""
    witness = SigningKey("court.example/w", COSIGNATURE, bytes(31) + b"\1")
    copy = snapshot()
    append(site.archive, 3)
    site.publish()
    size = site.signer.last[0]
    with site.archive.reading() as session:
        head = newest_head(session)
    assert head is not None
    line = cosign(witness, read_note(head.note.encode()).text, NOON).line
    false = {
        "another key's": Signature(witness.name, witness.verifier.id, bytes(72)),
        "of a time to come": cosign(witness, read_note(head.note.encode()).text, NOON + timedelta(days=900)),
    }.get(planted)
    if false is None:
        keep_cosignature(site.archive.engine, size, witness.name, NOON, line)
    else:
        keep_cosignature(site.archive.engine, size, witness.name, NOON, false.line)
    stranger = SigningKey("nobody.example/w", COSIGNATURE, bytes(31) + b"\2")
    other = cosign(stranger, read_note(head.note.encode()).text, NOON).line
    keep_cosignature(site.archive.engine, size, stranger.name, NOON, other)
    Publisher(site.archive.engine, site.archive.store).publish_head()

    with restored(site, copy) as old:
        name_witness(old.archive, witness)
        old.recover()

        with old.archive.reading() as session:
            back = session.execute(select(cosig.c.size, cosig.c.witness, cosig.c.ts, cosig.c.line)).all()
    assert back == ([(size, witness.name, NOON, line)] if false is None else [])


@pytest.mark.parametrize("count", [3, 300])
@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_database_set_back_behind_what_is_published_but_not_signed_is_refused_too(
    site: Site, snapshot: Snapshot, count: int
) -> None:
    """Others in the places of published entries: their tiles could never be published, and no head signed again."""
    site.publish()
    append(site.archive, 2)
    site.sequence()
    copy = snapshot()
    append(site.archive, count)
    site.publish(sign=False)

    with restored(site, copy) as old:
        with pytest.raises(HeadRefused, match="are published"):
            old.agrees()
        done = old.recover()
        assert done.unsigned == count
        assert old.agrees()
        old.publish()
        assert old.findings() == []


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_what_changes_in_the_store_after_it_was_compared_is_not_entered(
    site: Site, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is once entered could never be taken out again."""
    site.publish()
    copy = snapshot()
    append(site.archive, 3)
    site.publish()
    honest, asked = PublishedLog.entries, 0

    def entries(self: PublishedLog, first: int = 0) -> Iterator[bytes]:
        nonlocal asked
        asked += 1
        *others, last = honest(self, first)
        yield from others
        yield last if asked == 1 else last.replace(b'"ts":"2026', b'"ts":"2025')

    with restored(site, copy) as old:
        has = state(old)
        monkeypatch.setattr(PublishedLog, "entries", entries)
        with pytest.raises(HeadRefused, match="changed meanwhile"):
            old.recover()
        assert (state(old), asked) == (has, 2)
        monkeypatch.undo()
        assert old.recover().end == site.signer.last[0]


def test_there_is_nothing_to_recover_where_nothing_is_missing(site: Site) -> None:
    site.publish()

    done = site.recover()

    assert (done.event, done.first == done.end, state(site)[2]) == (None, True, 0)


def test_lost_values_excuse_nothing_elsewhere(grown: tuple[Site, str]) -> None:
    site, copy = grown
    with restored(site, copy) as old:
        old.recover()
        old.publish()
        assert old.findings() == []
        with old.archive.reading() as session:
            event = session.scalar(select(entry.c.event_id).where(entry.c.idx == 5))

        tamper(old.archive, "DELETE FROM payload WHERE event_id = ?", str(event).replace("-", ""))
        assert len(old.findings()) == 1
        tamper(old.archive, "UPDATE recoveries SET first = 0")
        assert any("sys.recover" in line for line in old.findings())


# --- footage ------------------------------------------------------------------------------------------------------


class Gate(Dock):
    """A dock whose workers do only what keeps bytes safe: quick, and enough for what is tested here."""

    def send(self, content: bytes | Path, **metadata: str) -> Upload:
        upload = self.receive(content, **metadata)
        self.work(["gate.g1"])
        return self.row(upload)


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_an_original_that_is_gone_is_listed_as_lost_and_found_by_fsck(site: Site, snapshot: Snapshot) -> None:
    gate, copy = Gate(site.archive), snapshot()
    gone = gate.send(os.urandom(9000))
    cut = gate.send(os.urandom(9000))
    fine = gate.send(os.urandom(9000))
    garbled = gate.send(os.urandom(9000))
    site.publish()
    gate.close()
    spoiled(site, keys.original(Digest.from_hex(str(gone.sha256))), lambda _: None)
    spoiled(site, keys.original(Digest.from_hex(str(cut.sha256))), lambda content: content[:-1])
    spoiled(site, keys.arrival(Digest.from_hex(str(garbled.sha256)), garbled.id), lambda _: b"{}")

    with restored(site, copy) as old:
        done = old.recover()

        assert old.facts().keys() == {fine.recording_id}
        lost = {one.obj for one in done.losses.things if one.about == "recording"}
        assert lost == {gone.recording_id, cut.recording_id, garbled.recording_id}
        assert len([one for one in done.rebuilt if one.trouble]) == 3
        told = "\n".join("\t".join(line) for line in done.table)
        assert all(str(recording) in told for recording in lost)
        assert sum("a row of what was taken in" in line for line in old.findings()) == 3


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_an_arrival_is_what_was_told_first_whatever_was_laid_above_it(
    site: Site, snapshot: Snapshot, tmp_path: Path
) -> None:
    gate, copy = Gate(site.archive), snapshot()
    upload = gate.send(os.urandom(9000), officer="900001")
    site.publish()
    gate.close()
    before, key = site.facts(), keys.arrival(Digest.from_hex(str(upload.sha256)), upload.id)
    told, other = b"".join(site.archive.store.read(key)), tmp_path / "other"
    other.write_bytes(told.replace(b"900001", b"900002"))
    site.archive.store.mend(key, other)
    assert b"".join(site.archive.store.read(key)) == other.read_bytes() != told

    with restored(site, copy) as old:
        old.recover()

        assert old.facts() == before


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_bytes_that_rotted_meanwhile_come_back_and_are_quarantined_by_their_read_back(
    site: Site, snapshot: Snapshot, expects_errors: list[str]
) -> None:
    expects_errors.append("stored original differs from its seal")
    gate, copy = Gate(site.archive), snapshot()
    upload = gate.send(os.urandom(9000))
    site.publish()
    gate.close()
    spoiled(site, keys.original(Digest.from_hex(str(upload.sha256))), flip(77))

    with restored(site, copy) as old:
        old.recover()
        drain(old.archive.engine, ["gate.g1"], tasks(old.archive), old.archive.clock)

        with old.archive.reading() as session:
            assert session.get_one(Recording, upload.recording_id).state == "quarantined"
            assert session.get_one(Upload, upload.id).state == "quarantined"


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_equal_bytes_come_back_as_they_were_told_apart(site: Site, snapshot: Snapshot) -> None:
    content = os.urandom(9000)
    gate, copy = Gate(site.archive), snapshot()
    uploads = [
        gate.send(content, device="D1"), gate.send(content, device="D2"), gate.send(content, device="D1"),
        gate.send(content, sha256="ab" * 32), gate.send(content, filename="还是这段.mp4"),
    ]  # fmt: skip
    site.publish()
    gate.close()
    before = site.facts()

    with restored(site, copy) as old:
        old.recover()

        assert old.facts() == before
        with old.archive.reading() as session:
            assert [session.get_one(Upload, one.id).recording_id for one in uploads] == [
                one.recording_id for one in uploads
            ]


# --- kills --------------------------------------------------------------------------------------------------------


class Plug(Exception):
    """The plug is pulled."""


POINTS = (
    "services.ingest.recovery.run.bring_forward",
    "services.ingest.recovery.run.keep_published_heads",
    "services.ingest.recovery.run.rebuild",
    "services.ingest.recovery.footage._note_upload",
    "services.ingest.recovery.footage.record",
    "services.ingest.recovery.run.list_losses",
    "services.ingest.recovery.run._enter",
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_recovery_that_was_killed_goes_on(
    site: Site, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, point: str, after: bool
) -> None:
    gate, copy = Gate(site.archive), snapshot()
    for number in range(3):
        gate.send(os.urandom(9000), device=f"D{number}")
    append(site.archive, 300)
    site.publish()
    gate.close()
    before = site.facts()
    module, _, name = point.rpartition(".")
    whole = getattr(importlib.import_module(module), name)
    calls = 0

    def pulled(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2 or name not in {"record", "_note_upload"}:
            if after:
                whole(*arguments, **more)
            raise Plug
        return whole(*arguments, **more)

    with restored(site, copy) as old:
        with monkeypatch.context() as patched:
            patched.setattr(point, pulled)
            with pytest.raises(Plug):
                old.recover()

        done = old.recover()

        assert old.facts() == before
        old.publish()
        assert old.findings() == []
        with old.archive.reading() as session:
            (line,) = [line for line in history(session, SYSTEM) if line.entry.type == "sys.recover"]
            (row,) = session.scalars(select(Recovery)).all()
        assert row.event_id == line.entry.id
        if not (after and name == "_enter"):
            assert done.event == line.entry.id
            assert json.loads(line.values["rebuilt"]) == 3
            assert json.loads(line.values["end"]) - json.loads(line.values["first"]) > 300


def test_whatever_an_entry_is_about_is_listed_when_it_is_lost() -> None:
    abouts = {event.about for event in EVENTS.values()}

    assert abouts - _TABLES.keys() <= {"system", "upload"}
