"""Time-stamps of heads: found out if they are over another head, else left to openssl or `huisu verify --tsa-roots`."""

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from typer.testing import CliRunner

from services.cli.app import app
from services.custody.verifier.verify import told_of, verify
from tests.custody.packages import Built, write_folder, zipped
from tests.custody.test_timestamping import CONFIG, OPENSSL, Authority
from tests.custody.verifier.page import Browser, Findings

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl here to play the time-stamp authority")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    one = Authority(tmp_path_factory.mktemp("tsa"))
    one.make("Test")
    (one.folder / "config").write_text(CONFIG.replace("[tsa_config]", "[tsa_config]\nserial = serial"))
    return one


def heads_of(built: Built) -> dict[int, bytes]:
    """Give the texts of the heads that a package encloses, by their sizes."""
    notes = [row["note"] for row in json.loads(built.files["log/consistency.json"])["heads"]]
    texts = [one.rpartition("\n\n")[0] + "\n" for one in (*notes, built.files["log/checkpoint.txt"].decode())]
    return {int(text.split("\n")[1]): text.encode() for text in texts}


def stamp(authority: Authority, text: bytes) -> bytes:
    return authority.reply(TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes())


@pytest.fixture(scope="module")
def stamped(built: Built, authority: Authority) -> Built:
    """Have every enclosed head stamped."""
    stamps = {f"timestamps/{size}.tsr": stamp(authority, text) for size, text in heads_of(built).items()}
    assert len(stamps) == 2
    return replace(built, files={**built.files, **stamps})


def time_of(findings: Findings) -> list[tuple[str, str]]:
    return [(verdict, code) for verdict, check, code in findings if check == "TIME"]


def said(path: Path) -> Findings:
    return sorted((one[0], one[1], one[2]) for one in verify(str(path)).findings)


def huisu(path: Path, authority: Authority, *more: str) -> tuple[int, str]:
    roots = authority.folder / "ca.pem"
    done = CliRunner().invoke(app, ["verify", str(path), "--tsa-roots", str(roots), "--lang", "en", *more])
    return done.exit_code, done.output


@pytest.mark.browser
def test_the_programs_leave_stamps_to_the_command_that_they_print(
    stamped: Built, authority: Authority, page: Browser, tmp_path: Path
) -> None:
    files = stamped.sealed()
    folder = write_folder(files, tmp_path / "p")
    page.load(files)

    ours = said(folder)
    words = [one["words"] for one in told_of(verify(str(folder)), 1, None, "")["checks"] if one["check"] == "TIME"]

    assert page.judge({}) == ours
    assert time_of(ours) == [("NOT CHECKED", "time-open")] * 2
    for line in words:
        _, command, rest = line.partition("openssl ")
        asked = [one.replace("ROOTS.pem", str(authority.folder / "ca.pem")) for one in shlex.split(rest)]
        asked[asked.index("-in") + 1] = str(folder / asked[asked.index("-in") + 1])
        assert command
        assert b"Verification: OK" in authority.openssl(*asked)


def test_with_certificates_they_are_checked_in_full(stamped: Built, authority: Authority, tmp_path: Path) -> None:
    path = zipped(stamped.sealed(), tmp_path / "p.zip")

    status, out = huisu(path, authority)
    told = json.loads(huisu(path, authority, "--json")[1])

    assert status == told["exit"] == 0
    times = [one for one in told["checks"] if one["check"] == "TIME"]
    assert [(one["verdict"], one["code"]) for one in times] == [("PASS", "time-ok")] * 2
    for one, size in zip(times, heads_of(stamped), strict=True):
        assert re.search(rf"saw the head of size {size} at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["words"])
        assert one["words"] in out


def test_a_package_without_stamps_passes_nothing(built: Built, authority: Authority, tmp_path: Path) -> None:
    told = json.loads(huisu(zipped(built.sealed(), tmp_path / "p.zip"), authority, "--json")[1])

    assert [(one["verdict"], one["code"]) for one in told["checks"] if one["check"] == "TIME"] == [
        ("NOT CHECKED", "time-none")
    ]


def test_a_stamp_of_an_unknown_authority_or_with_a_changed_byte_fails(
    stamped: Built, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    other.folder.mkdir()
    other.make("Other")
    name = f"timestamps/{max(heads_of(stamped))}.tsr"
    content = bytearray(stamped.files[name])
    content[-1] ^= 1
    spoiled = replace(stamped, files={**stamped.files, name: bytes(content)})
    garbage = replace(stamped, files={**stamped.files, name: b"seen: " + digest_of(stamped, max(heads_of(stamped)))})

    by_other = huisu(zipped(stamped.sealed(), tmp_path / "p.zip"), other)
    told = [
        json.loads(huisu(zipped(one.sealed(), tmp_path / "p.zip"), authority, "--json")[1])
        for one in (spoiled, garbage)
    ]

    assert by_other[0] == 1
    assert by_other[1].count("FAIL        TIME") == 2
    for one in told:
        assert one["exit"] == 1
        times = sorted(row["code"] for row in one["checks"] if row["check"] == "TIME")
        assert times == ["time-bad", "time-ok"]


def digest_of(built: Built, size: int) -> bytes:
    return hashlib.sha256(heads_of(built)[size]).digest()


@pytest.mark.browser
@pytest.mark.parametrize("case", ["swapped", "of no head", "no stamp", "another number", "nothing but the digest"])
def test_a_stamp_that_is_over_another_head_is_found_without_certificates(
    stamped: Built, authority: Authority, page: Browser, case: str, tmp_path: Path
) -> None:
    early, late = sorted(heads_of(stamped))
    names: Sequence[str] = (f"timestamps/{early}.tsr", f"timestamps/{late}.tsr")
    one, other = (stamped.files[name] for name in names)
    files = {name: content for name, content in stamped.files.items() if name not in names}
    files |= {
        "swapped": {names[0]: other, names[1]: one},
        "of no head": {"timestamps/1.tsr": one},
        "no stamp": {names[0]: b"?"},
        "another number": {f"timestamps/0{early}.tsr": one},
        "nothing but the digest": {names[0]: digest_of(stamped, early)},
    }[case]
    sealed = replace(stamped, files=files).sealed()
    path = zipped(sealed, tmp_path / "p.zip")

    ours = said(path)

    assert page.judge_zip(path.read_bytes()) == ours
    bad = ("NOT CHECKED", "time-open") if case == "nothing but the digest" else ("FAIL", "time-other")
    assert set(time_of(ours)) == {bad}
    assert huisu(path, authority)[0] == 1


def test_certificates_that_cannot_be_read_are_named(built: Built, tmp_path: Path) -> None:
    path = zipped(built.sealed(), tmp_path / "p.zip")
    (tmp_path / "none.pem").write_text("nothing")

    for name in ("none.pem", "absent.pem"):
        done = CliRunner().invoke(app, ["verify", str(path), "--tsa-roots", str(tmp_path / name)])
        assert done.exit_code not in (0, 2)
        assert name in str(done.exception) + done.output
