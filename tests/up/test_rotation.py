"""A new key for the log: two persons, one entry, one head of both keys, and from then on the new key alone."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.accounts.models import User
from services.accounts.people import add_user, find_user
from services.accounts.units import put_unit
from services.bootstrap import Archive
from services.custody.events import SYSTEM
from services.custody.heads import newest_head, sign_head
from services.custody.ledger import history
from services.custody.logtree import log_size
from services.custody.note import read_note
from services.custody.sequencer import integrate
from services.custody.signer_client import Signer
from services.errors import NotReady
from services.up.rotation import rotate
from tests.custody.signing import open_signer, served


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    with open_signer(tmp_path / "s") as one, served(one, tmp_path / "s" / "socket") as client:
        yield client


@pytest.fixture
def persons(sqlite_archive: Archive) -> tuple[User, User]:
    with sqlite_archive.work() as work:
        put_unit(work, "D", name="分局", actor="test")
        for name in ("li", "wang"):
            add_user(work, name, role="admin", unit="D", actor="test")
    with sqlite_archive.reading() as session:
        return find_user(session, "li"), find_user(session, "wang")


def sign_all(archive: Archive, signer: Signer) -> None:
    integrate(archive.engine)
    with archive.reading() as session:
        size = log_size(session)
    sign_head(archive.engine, signer, size, archive.clock())


def rotations(archive: Archive) -> list[dict[str, str]]:
    with archive.reading() as session:
        lines = [line for line in history(session, SYSTEM) if line.entry.type == "key.rotate"]
    return [{name: json.loads(value) for name, value in line.values.items()} for line in lines]


def test_the_new_key_signs_alone_after_its_entry_is_under_a_head_of_both(
    sqlite_archive: Archive, signer: Signer, persons: tuple[User, User]
) -> None:
    sign_all(sqlite_archive, signer)
    ended = threading.Event()

    def sequence() -> None:
        while not ended.wait(0.05):
            sign_all(sqlite_archive, signer)

    thread = threading.Thread(target=sequence)
    thread.start()
    try:
        old, new = rotate(sqlite_archive, signer, persons, patience_s=60, stop=threading.Event())
    finally:
        ended.set()
        thread.join(20)

    assert rotations(sqlite_archive) == [{"old": old.vkey, "new": new.vkey, "actor": "li", "approver": "wang"}]
    assert signer.public().keys == (old, new)
    with sqlite_archive.reading() as session:
        head = newest_head(session)
    assert head is not None
    assert len(read_note(head.note.encode()).verified([old, new])) == 2
    with sqlite_archive.work() as work:
        work.append("sys.start", SYSTEM, version="1", schema="1")
    sign_all(sqlite_archive, signer)
    with sqlite_archive.reading() as session:
        head = newest_head(session)
    assert head is not None
    assert [key for key, _ in read_note(head.note.encode()).verified([old, new])] == [new]


def test_a_rotation_that_was_interrupted_goes_on_with_its_one_entry(
    sqlite_archive: Archive, signer: Signer, persons: tuple[User, User]
) -> None:
    sign_all(sqlite_archive, signer)
    for _ in range(2):
        with pytest.raises(NotReady, match="no signed head"):
            rotate(sqlite_archive, signer, persons, patience_s=0.1, stop=threading.Event())
    assert len(signer.public().keys) == 1
    sign_all(sqlite_archive, signer)

    old, new = rotate(sqlite_archive, signer, persons, patience_s=20, stop=threading.Event())

    assert len(rotations(sqlite_archive)) == 1
    assert signer.public().keys == (old, new)
