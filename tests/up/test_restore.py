"""An older database under a newer signer: said loudly, gone on with by nobody, recovered by two people."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.bootstrap import Archive, new_id, open_archive
from services.custody.heads import newest_head
from services.custody.logtree import log_size
from services.custody.tables import pending
from services.errors import SignerUnavailable
from services.index.models import Recording, Upload
from services.index.upkeep import FixityObject, Recovery
from services.ingest.recovery.signed import last_signed
from services.settings import Settings, load_settings
from services.up.doctor import Line, examine
from tests.archive_fixture import add_recording
from tests.custody.signing import open_signer, served
from tests.servers import free_port
from tests.up.program import HUISU, PATIENCE_S, environment, huisu, up

PASSWORD = "correct horse battery staple"


def lines(settings: Settings) -> dict[str, Line]:
    return {line.what: line for line in examine(settings)}


def test_doctor_says_that_an_older_database_was_restored(sqlite_archive: Archive) -> None:
    settings = sqlite_archive.settings
    before = lines(settings)["restore"]
    with open_signer(settings.paths.signer) as one, served(one, settings.paths.signer_socket) as signer:
        signer.sign(5, bytes(range(32)))
        after = lines(settings)["restore"]

    assert before.level == "ok"
    assert (after.level, "huisu recover" in after.mend) == ("bad", True)
    assert "0 entries, 5 were signed" in after.found


def test_doctor_says_that_a_recovery_was_cut_short(sqlite_archive: Archive) -> None:
    with sqlite_archive.plain() as session:
        session.add(
            Recovery(
                id=new_id(), first=0, end=0, unsigned=0,
                displaced=0, begun_at=sqlite_archive.clock(),
            )
        )  # fmt: skip

    assert "cut short" in lines(sqlite_archive.settings)["restore"].found


def test_doctor_shows_originals_that_are_not_what_was_taken_in(sqlite_archive: Archive) -> None:
    recording = add_recording(sqlite_archive)
    with sqlite_archive.plain() as session:
        row = session.get_one(Recording, recording)
        now = sqlite_archive.clock()
        session.add(FixityObject(object_id=row.object_id, checked_at=now, cycle=1, outcome="differs", failed_at=now))

    told = lines(sqlite_archive.settings)["fixity"]

    assert (told.level, recording in told.found) == ("bad", True)
    assert "repair" in told.mend


def wait_until(what: str, so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.1)


def is_signed(home: Path) -> bool:
    """Everything that was written is in the newest signed head."""
    archive = open_archive(load_settings({}, home=home))
    try:
        with archive.reading() as session:
            head, waiting = newest_head(session), session.scalar(select(func.count()).select_from(pending))
            return head is not None and waiting == 0 and head.size == log_size(session)
    finally:
        archive.close()


def recordings(home: Path) -> dict[str, str]:
    archive = open_archive(load_settings({}, home=home))
    try:
        with archive.reading() as session:
            return {row.id: row.sha256 for row in session.execute(select(Recording.id, Recording.sha256))}
    finally:
        archive.close()


def is_read_back(home: Path) -> bool:
    archive = open_archive(load_settings({}, home=home))
    try:
        with archive.reading() as session:
            return set(session.scalars(select(Upload.state))) == {"verified"}
    finally:
        archive.close()


def send(address: str, token: str, content: bytes, folder: Path) -> None:
    folder.mkdir()
    (folder / "录像.mp4").write_bytes(content)
    huisu("dock", "send", str(folder), "--url", address, settings={"HUISU_DOCK_TOKEN": token})


def test_yesterdays_database_under_todays_signer(tmp_path: Path) -> None:
    home, copy, port = tmp_path / "home", tmp_path / "yesterday.db", free_port()
    with up(home, port) as running:
        for name in ("li", "wang"):
            arguments = ("--role", "custodian", "--unit", "root", "--password-stdin", "--home", str(home))
            huisu("user", "add", name, *arguments, stdin=f"{PASSWORD}\n")
        token = huisu("token", "issue", "--name", "d", "--role", "dock", "--unit", "root", "--home", str(home)).strip()
        send(running.address, token, os.urandom(50_000), tmp_path / "first")
        wait_until("the first head", lambda: is_signed(home))
        with sqlite3.connect(home / "archive.db") as source, sqlite3.connect(copy) as target:
            source.backup(target)
        send(running.address, token, os.urandom(60_000), tmp_path / "second")
        huisu("user", "add", "zhao", "--role", "officer", "--unit", "root", "--number", "7", "--home", str(home))
        wait_until("all is signed", lambda: is_signed(home))
        running.stop()
    today = recordings(home)
    for leftover in home.glob("archive.db*"):
        leftover.unlink()
    shutil.copyfile(copy, home / "archive.db")

    with up(home, port) as running:
        wait_until("it is refused", lambda: "log contradicted what was signed" in running.complaints())
        told = subprocess.run(
            [*HUISU, "doctor", "--home", str(home)],
            capture_output=True, text=True, timeout=PATIENCE_S, env=environment(), check=False,
        )  # fmt: skip
        assert told.returncode == 1
        assert "run `huisu recover`" in told.stdout
        assert len(recordings(home)) == 1
        passwords = f"{PASSWORD}\n{PASSWORD}\n"
        arguments = ("--by", "li", "--and", "wang", "--passwords-stdin", "--home", str(home))
        table = huisu("recover", *arguments, stdin=passwords)
        wait_until("the log goes on", lambda: is_signed(home))
        wait_until("bytes are read back", lambda: is_read_back(home))
        running.stop()
    assert recordings(home) == today
    assert "lost\taccount\t" in table
    assert "back\tarrival\t" in table
    assert huisu("fsck", "--deep", "--home", str(home)).splitlines()[-1] == "nothing is wrong"


def test_the_last_signed_head_is_asked_of_the_signer_or_read_where_it_rests(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path)
    with pytest.raises(SignerUnavailable, match="start the signer"):
        last_signed(settings)
    assert not settings.paths.signer.exists()
    with open_signer(settings.paths.signer) as one, served(one, settings.paths.signer_socket) as signer:
        signer.sign(5, bytes(range(32)))
        asked = last_signed(settings)

    assert (asked.size, asked.root) == (5, bytes(range(32)))
    assert last_signed(settings) == asked
