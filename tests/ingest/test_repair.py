"""A damaged original is repaired from a copy that the ledger knows, by two people, and what was there stays."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.accounts.models import User
from services.bootstrap import Archive
from services.errors import Conflict, DigestMismatch, Gone, IntegrityError, NotAllowed, NotFound
from services.index.fixity import progress
from services.index.models import Object, Recording
from services.index.upkeep import Repair
from services.ingest.upkeep.fixity import keep_fixity
from services.ingest.upkeep.repair import approve_repair, propose_repair
from tests.archive_fixture import HeldClock, add_recording, add_unit, add_user
from tests.ingest.test_fixity import ALARM, FAST, entries, file_of, rot, value

CONTENT = os.urandom((2 << 20) + 3)


class Scene:
    """An archive with one damaged original, its good copy outside, and two people."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        self.archive = archive
        self.unit = unit = add_unit(archive)
        self.recording = add_recording(archive, content=CONTENT, unit=unit)
        self.twin = add_recording(archive, content=CONTENT, unit=unit)
        self.file = file_of(archive, self.recording)
        rot(self.file, 12_345)
        self.damaged = self.file.read_bytes()
        self.copy = folder / "好的副本.mp4"
        self.copy.write_bytes(CONTENT)
        self.li, self.wang = (self.person(name) for name in ("li", "wang"))

    def person(self, name: str) -> User:
        ident = add_user(self.archive, "custodian", self.unit, name=name).id
        with self.archive.reading() as session:
            return session.get_one(User, ident)

    def propose(self) -> str:
        return propose_repair(self.archive, self.recording, self.copy, self.li)

    def pinned(self) -> tuple[str, str | None]:
        with self.archive.reading() as session:
            row = session.scalars(select(Object).join(Recording).where(Recording.id == self.recording)).one()
            return row.key, row.version_id

    def pinned_bytes(self) -> bytes:
        return b"".join(self.archive.store.read(*self.pinned()))


@pytest.fixture
def scene(archive: Archive, tmp_path: Path) -> Scene:
    return Scene(archive, tmp_path)


@pytest.fixture
def sqlite_scene(sqlite_archive: Archive, tmp_path: Path) -> Scene:
    return Scene(sqlite_archive, tmp_path)


def test_two_people_repair_from_a_copy_that_the_ledger_knows(
    scene: Scene, clock: HeldClock, expects_errors: list[str]
) -> None:
    expects_errors.append(ALARM)
    clock.advance(86_400)
    keep_fixity(scene.archive, FAST)
    key, former = scene.pinned()

    kept = approve_repair(scene.archive, scene.propose(), scene.wang)

    assert scene.pinned() == (key, kept.version)
    assert kept.version != former
    assert scene.pinned_bytes() == CONTENT
    assert b"".join(scene.archive.store.read(key, former)) == scene.damaged
    with scene.archive.reading() as session:
        assert progress(session, clock.now, 90).failing == 0
    for recording in (scene.recording, scene.twin):
        (line,) = entries(scene.archive, recording, "rec.repair")
        assert (value(line, "actor"), value(line, "approver")) == ("li", "wang")
        assert (value(line, "former_version"), value(line, "version_id")) == (former, kept.version)
    (proposed,) = entries(scene.archive, scene.recording, "rec.repair.propose")
    assert value(proposed, "proposal") == value(line, "proposal")


def test_what_is_gone_is_repaired_too(sqlite_scene: Scene) -> None:
    sqlite_scene.file.unlink()

    approve_repair(sqlite_scene.archive, sqlite_scene.propose(), sqlite_scene.wang)

    assert sqlite_scene.pinned_bytes() == CONTENT


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b"\0" + data[1:], lambda _: b""]
)
def test_another_copy_is_refused(sqlite_scene: Scene, spoil: Callable[[bytes], bytes]) -> None:
    sqlite_scene.copy.write_bytes(spoil(CONTENT))

    with pytest.raises(DigestMismatch, match="the ledger"):
        sqlite_scene.propose()
    with sqlite_scene.archive.reading() as session:
        assert session.scalars(select(Repair)).all() == []


def test_what_is_whole_is_not_repaired(sqlite_scene: Scene) -> None:
    other = add_recording(sqlite_scene.archive, content=b"whole")
    sqlite_scene.copy.write_bytes(b"whole")

    with pytest.raises(Conflict, match="nothing to repair"):
        propose_repair(sqlite_scene.archive, other, sqlite_scene.copy, sqlite_scene.li)
    with pytest.raises(NotFound):
        propose_repair(sqlite_scene.archive, sqlite_scene.li.id, sqlite_scene.copy, sqlite_scene.li)


def test_who_proposes_does_not_approve(sqlite_scene: Scene) -> None:
    proposal = sqlite_scene.propose()

    with pytest.raises(NotAllowed, match="another person"):
        approve_repair(sqlite_scene.archive, proposal, sqlite_scene.li)
    with pytest.raises(NotFound):
        approve_repair(sqlite_scene.archive, sqlite_scene.recording, sqlite_scene.wang)

    assert sqlite_scene.pinned_bytes() == sqlite_scene.damaged


def test_a_proposal_lives_72_hours(sqlite_scene: Scene, clock: HeldClock) -> None:
    proposal = sqlite_scene.propose()
    clock.advance(72 * 3600 + 1)

    with pytest.raises(Gone):
        approve_repair(sqlite_scene.archive, proposal, sqlite_scene.wang)

    clock.advance(-2)
    approve_repair(sqlite_scene.archive, proposal, sqlite_scene.wang)
    assert sqlite_scene.pinned_bytes() == CONTENT


def test_a_file_that_changed_since_it_was_proposed_is_refused(sqlite_scene: Scene) -> None:
    proposal = sqlite_scene.propose()
    rot(sqlite_scene.copy, 7)

    with pytest.raises(DigestMismatch):
        approve_repair(sqlite_scene.archive, proposal, sqlite_scene.wang)

    assert sqlite_scene.pinned_bytes() == sqlite_scene.damaged
    assert len(sqlite_scene.archive.store.versions(sqlite_scene.pinned()[0])) == 1


@pytest.mark.parametrize("column", ["sha256", "path", "former_version", "proposer_id"])
def test_a_proposal_that_was_altered_is_refused(sqlite_scene: Scene, column: str) -> None:
    proposal, other = sqlite_scene.propose(), sqlite_scene.wang.id
    with sqlite_scene.archive.work() as work:
        setattr(work.session.get_one(Repair, proposal), column, other)
        work.append("rec.meta", sqlite_scene.recording, actor="nobody")
    third = sqlite_scene.person("zhao") if column == "proposer_id" else sqlite_scene.wang

    with pytest.raises(IntegrityError, match="not what was entered"):
        approve_repair(sqlite_scene.archive, proposal, third)


def test_a_repair_is_done_once(sqlite_scene: Scene) -> None:
    proposal, second = sqlite_scene.propose(), sqlite_scene.propose()
    approve_repair(sqlite_scene.archive, proposal, sqlite_scene.wang)

    for one in (proposal, second):
        with pytest.raises(Conflict):
            approve_repair(sqlite_scene.archive, one, sqlite_scene.wang)


class Plug(Exception):
    """The plug is pulled."""


def test_a_kill_before_the_good_version_is_pinned_is_mended_by_repeating(
    sqlite_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = sqlite_scene.propose()
    with monkeypatch.context() as patched:

        def pulled(*_: Any, **__: Any) -> None:
            raise Plug

        patched.setattr("services.ingest.upkeep.repair._pin", pulled)
        with pytest.raises(Plug):
            approve_repair(sqlite_scene.archive, proposal, sqlite_scene.wang)
    assert sqlite_scene.pinned_bytes() == sqlite_scene.damaged

    approve_repair(sqlite_scene.archive, proposal, sqlite_scene.wang)

    assert sqlite_scene.pinned_bytes() == CONTENT
    assert len(sqlite_scene.archive.store.versions(sqlite_scene.pinned()[0])) == 2
