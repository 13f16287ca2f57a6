"""`huisu verify` is the shipped program itself, with its exit codes; a draw's proof is told by its own word."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.custody.policy import Log, Policy
from tests.custody.packages import Item, build, write_folder, zipped
from tests.footage import make_footage
from tests.oversight.proofs import LOG, make_draw


def huisu(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", *arguments])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    content = make_footage(tmp_path_factory.mktemp("original") / "a.mp4", frames=30, size=(160, 90)).read_bytes()
    return build([content], [Item("original", "original", 0, ".mp4", content)]).sealed()


def test_a_package_that_holds_ends_with_zero_in_either_language(files: dict[str, bytes], tmp_path: Path) -> None:
    path = zipped(files, tmp_path / "移交包.zip")

    english, chinese = huisu(str(path), "--lang", "en"), huisu(str(path), "--lang", "zh")

    assert (english[0], chinese[0]) == (0, 0)
    assert "Result: nothing is wrong." in english[1]
    assert "结论：没有发现错误。" in chinese[1]


def test_a_changed_package_ends_with_one(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = write_folder({**files, "README.txt": b"?"}, tmp_path / "p")

    status, said = huisu(str(folder), "--lang", "en")

    assert status == 1
    assert "FAIL        CONTENTS   the file README.txt" in said


def test_a_wrong_fingerprint_ends_with_one(files: dict[str, bytes], tmp_path: Path) -> None:
    status, said = huisu(str(write_folder(files, tmp_path / "p")), "--fingerprint", "00" * 32, "--lang", "en")

    assert status == 1
    assert "another fingerprint" in said


def test_programs_read_one_line_of_json(files: dict[str, bytes], tmp_path: Path) -> None:
    proof, other = tmp_path / "proof.json", tmp_path / "other.json"
    proof.write_text(json.dumps(make_draw(1).proof, ensure_ascii=False), "utf-8")
    changed = make_draw(1).changed("inputs", 0, "value", to="00" * 32)
    other.write_text(json.dumps(changed, ensure_ascii=False), "utf-8")

    paths = [
        zipped(files, tmp_path / "p.zip"),
        write_folder({**files, "x": b""}, tmp_path / "x"),
        proof,
        other,
        tmp_path,
    ]
    done = [huisu(str(path), "--json", "--lang", "en") for path in paths]
    told = [json.loads(said) for _, said in done]

    assert [status for status, _ in done] == [one["exit"] for one in told] == [0, 1, 0, 1, 2]
    assert len({tuple(sorted(one)) for one in told}) == 1
    assert all(one["result"] for one in told)
    package, unlisted, draw, forged, _ = told
    assert {one["verdict"] for one in package["checks"]} == {"PASS", "NOT CHECKED"}
    assert [one["code"] for one in unlisted["checks"] if one["verdict"] == "FAIL"] == ["unlisted"]
    assert ("PASS", "draw") in {(one["verdict"], one["check"]) for one in draw["checks"]}
    assert draw["not_proven"]
    assert ("FAIL", "inputs") in {(one["verdict"], one["check"]) for one in forged["checks"]}


def test_what_is_neither_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")

    assert huisu(str(tmp_path / "x.json"))[0] == 2
    assert huisu(str(tmp_path))[0] == 2


def test_the_proof_of_a_draw_is_repeated(tmp_path: Path) -> None:
    path, policy = tmp_path / "proof.json", tmp_path / "policy.txt"
    path.write_text(json.dumps(make_draw(1).proof, ensure_ascii=False), "utf-8")
    policy.write_bytes(Policy((Log(LOG.verifier),)).content)

    status, said = huisu(str(path), "--policy", str(policy))

    assert status == 0
    assert said.startswith(f"trusted: {LOG.verifier.vkey}")
