"""The command line: one line an error, no traceback, codes that scripts can rely on."""

import json
import subprocess
import sys

import pytest

from services.bootstrap import open_archive
from services.custody.ledger import history
from services.settings import load_settings
from services.up.supervisor import prepare


def huisu(*arguments, stdin="", **environment):
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("cli") / "home"
    assert prepare(load_settings({}, home=home)) is not None
    return str(home)


def test_the_version_and_help_are_told():
    assert huisu("--version").stdout.startswith("huisu ")
    assert "Example: huisu up" in huisu("up", "--help").stdout


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "serve",
        "dock-gate",
        "worker",
        "beat",
        "migrate",
        "fsck",
        "doctor",
        "login-link",
        "signer",
        "sequencer",
        "witness",
        "checkpoint",
    ],
)
def test_each_command_has_help_with_an_example(command):
    told = huisu(command, "--help")

    assert told.returncode == 0
    assert f"Example: huisu {command}" in " ".join(told.stdout.split())


def test_an_account_and_its_link(home):
    added = huisu("user", "add", "li", "--role", "reviewer", "--unit", "root", "--home", home)
    link = huisu("login-link", "li", "--home", home)
    listed = huisu("user", "list", "--home", home)
    disabled = huisu("user", "disable", "li", "--home", home)

    assert (added.returncode, added.stderr) == (0, "")
    assert "/login#link=" in link.stdout
    assert "li\treviewer\troot\t-\tactive" in listed.stdout
    assert disabled.returncode == 0
    assert "li\treviewer\troot\t-\tdisabled" in huisu("user", "list", "--home", home).stdout


def test_a_password_comes_by_standard_input(home):
    told = huisu("user", "add", "wang", "--role", "officer", "--unit", "root", "--number", "900009", "--password-stdin",
                 "--home", home, stdin="correct horse battery staple\n")  # fmt: skip

    assert (told.returncode, told.stderr) == (0, "")


def test_a_token_stands_alone_on_standard_output_and_is_entered(home):
    issued = huisu("token", "issue", "--name", "dock-9", "--role", "dock", "--unit", "root", "--home", home)
    listed = huisu("token", "list", "--home", home)
    revoked = huisu("token", "revoke", "dock-9", "--home", home)

    assert (issued.returncode, len(issued.stdout.split())) == (0, 1)
    assert issued.stdout.strip() not in listed.stdout
    assert "dock-9\tdock\troot" in listed.stdout
    assert revoked.returncode == 0
    archive = open_archive(load_settings({}, home=home))
    with archive.reading() as session:
        from services.accounts.models import Token

        token = session.query(Token).filter_by(name="dock-9").one()
        assert [line.entry.type for line in history(session, token.id)] == ["token.issue", "token.revoke"]
    archive.close()


@pytest.mark.parametrize(
    ("arguments", "named", "status"),
    [
        (["user", "add", "x", "--role", "king", "--unit", "root"], "king", 2),
        (["user", "add", "x", "--role", "officer", "--unit", "nowhere"], "nowhere", 2),
        (["user", "add", "admin", "--role", "officer", "--unit", "root"], "admin", 1),
        (["user", "disable", "nobody"], "nobody", 1),
        (["login-link", "nobody"], "nobody", 1),
        (["token", "issue", "--name", "x", "--role", "king"], "king", 2),
        (["token", "revoke", "nothing"], "nothing", 1),
    ],
)
def test_a_mistake_is_one_line_that_names_it(home, arguments, named, status):
    told = huisu(*arguments, "--home", home)

    assert told.returncode == status
    assert named in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_other_mistakes_are_named_too(tmp_path):
    assert "HUISU_PROT" in huisu("fsck", "--home", str(tmp_path), HUISU_PROT="1").stderr
    assert "huisu migrate" in huisu("fsck", "--home", str(tmp_path / "new")).stderr
    assert "bogus" in huisu("worker", "--queues", "bogus", "--home", str(tmp_path)).stderr
    refused = huisu("up", "--home", str(tmp_path), "--host", "0.0.0.0", "--port", "1")
    assert "TLS" in refused.stderr
    assert refused.returncode == 2


def test_fsck_says_whether_all_holds(home):
    told = huisu("fsck", "--deep", "--home", home)

    assert (told.returncode, told.stdout.strip()) == (0, "nothing is wrong")


def test_doctor_says_one_line_a_thing(tmp_path):
    home = str(tmp_path / "home")  # a new one: what waits for its sequencer over a minute is told as bad
    prepare(load_settings({}, home=home))

    told = huisu("doctor", "--home", home)

    what = {line.split(":")[0][5:] for line in told.stdout.splitlines()}
    assert told.returncode == 0, told.stdout
    assert {"ffmpeg", "decoders", "sandbox", "clock", "SQLite", "schema", "write-once", "broker", "pages"} <= what


def test_migrate_is_harmless_when_repeated(home):
    assert huisu("migrate", "--home", home).stdout == huisu("migrate", "--home", home).stdout
    archive = open_archive(load_settings({}, home=home))
    with archive.reading() as session:
        from services.custody.events import SYSTEM

        assert [json.loads(line.values["version"]) for line in history(session, SYSTEM)] == ["0.1.0"]
    archive.close()
