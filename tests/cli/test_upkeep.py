"""Fixity and repair from the command line, by two people with their passwords."""

import re
import sqlite3
from pathlib import Path

import pytest

from services.bootstrap import open_archive
from services.index.models import Object, Recording
from services.settings import load_settings
from services.up.supervisor import prepare
from tests.archive_fixture import add_recording
from tests.cli.test_cli import huisu
from tests.ingest.test_fixity import rot

PASSWORD = "correct horse battery staple"
CONTENT = bytes(range(256)) * 8000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    assert prepare(load_settings({}, home=home)) is not None
    for name in ("li", "wang"):
        added = huisu(
            "user", "add", name, "--role", "custodian", "--unit", "root", "--password-stdin", "--home", str(home),
            stdin=f"{PASSWORD}\n",
        )  # fmt: skip
        assert added.returncode == 0
    return home


@pytest.fixture
def damaged(home: Path) -> str:
    """A recording with one flipped bit in its stored original; gives its id."""
    archive = open_archive(load_settings({}, home=home))
    try:
        recording = add_recording(archive, content=CONTENT, verified=False)
        with archive.reading() as session:
            key = session.get_one(Object, session.get_one(Recording, recording).object_id).key
        rot(archive.settings.paths.store / key, 1_234_567)
        return recording
    finally:
        archive.close()


def test_fixity_finds_it_and_two_people_repair_it(home: Path, damaged: str, tmp_path: Path) -> None:
    good, at = tmp_path / "copy.mp4", ("--home", str(home))
    good.write_bytes(CONTENT)

    found = huisu("fixity", "--now", *at)
    proposed = huisu("repair", "propose", damaged, str(good), "--by", "li", "--passwords-stdin", *at, stdin=PASSWORD)
    proposal = proposed.stdout.strip()
    alone = huisu("repair", "approve", proposal, "--by", "li", "--passwords-stdin", *at, stdin=PASSWORD)
    wrong = huisu("repair", "approve", proposal, "--by", "wang", "--passwords-stdin", *at, stdin="guessed")
    done = huisu("repair", "approve", proposal, "--by", "wang", "--passwords-stdin", *at, stdin=PASSWORD)
    after = huisu("fixity", *at)

    assert found.returncode == 1
    assert f"differs: recording {damaged}" in found.stdout
    assert re.fullmatch(r"[0-9a-f-]{36}", proposal)
    assert (alone.returncode, "another person" in alone.stderr) == (1, True)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert (done.returncode, "version 2" in done.stdout) == (0, True)
    assert after.returncode == 0
    checked = huisu("fsck", "--deep", *at)
    assert (checked.returncode, checked.stdout) == (0, "nothing is wrong\n")


def test_another_file_is_refused_in_one_line(home: Path, damaged: str, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(CONTENT[:-1] + b"x")

    told = huisu(
        "repair", "propose", damaged, str(other), "--by", "li", "--passwords-stdin", "--home", str(home),
        stdin=PASSWORD,
    )  # fmt: skip

    assert (told.returncode, told.stdout, told.stderr.count("\n")) == (1, "", 1)
    assert "the ledger" in told.stderr


def test_recover_takes_two_people_and_says_where_nothing_is_missing(home: Path) -> None:
    at = ("--passwords-stdin", "--home", str(home))

    one = huisu("recover", "--by", "li", "--and", "li", *at, stdin=f"{PASSWORD}\n{PASSWORD}\n")
    unsigned = huisu("recover", "--by", "li", "--and", "wang", *at, stdin=f"{PASSWORD}\n{PASSWORD}\n")

    assert (one.returncode, "two persons" in one.stderr) == (1, True)
    assert unsigned.returncode == 1
    assert "start the signer" in unsigned.stderr
    with sqlite3.connect(home / "archive.db") as database:
        assert database.execute("SELECT count(*) FROM recoveries").fetchone() == (0,)


@pytest.mark.parametrize("command", [("fixity",), ("recover",), ("repair", "propose"), ("repair", "approve")])
def test_each_has_help_with_an_example(command: tuple[str, ...]) -> None:
    told = huisu(*command, "--help")

    assert told.returncode == 0
    assert f"Example: huisu {' '.join(command)}" in " ".join(told.stdout.split())
