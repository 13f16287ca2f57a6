"""verify.py says of an honest package that it holds, and of a dishonest archive's what it did."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.custody.policy import Log, Policy, read_policy
from services.custody.verifier.verify import TEXTS, WORDS, Report, main, verify
from tests.conftest import ROOT
from tests.custody.notes import key
from tests.custody.packages import RECORDINGS, Built, Item, build, canonical, write_folder, zipped
from tests.custody.verifier.conftest import Made
from tests.custody.verifier.rewriting import change, clip_with, entries_of, export_of, recommitted

PROGRAM = ROOT / "services" / "custody" / "verifier" / "verify.py"


def codes(report: Report, *verdicts: str) -> set[tuple[str, str]]:
    return {(one[1], one[2]) for one in report.findings if one[0] in verdicts}


def failures(built: Built, folder: Path) -> set[tuple[str, str]]:
    return codes(verify(str(write_folder(built.sealed(), folder / "package"))), "FAIL")


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    with redirect_stdout(out):
        status = main(list(arguments))
    return status, out.getvalue()


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_an_honest_package_passes_every_check_but_time(built: Built, tmp_path: Path, form: str) -> None:
    files = built.sealed()
    path = write_folder(files, tmp_path / "p") if form == "folder" else zipped(files, tmp_path / "p.zip")

    report = verify(str(path))

    assert codes(report, "FAIL") == set()
    assert {check for check, _ in codes(report, "PASS")} == set(WORDS) & {
        "CONTENTS", "FILE", "ORIGIN", "LOGGED", "WITNESSED", "HISTORY", "CONSISTENT", "STRUCTURE",
    }  # fmt: skip
    assert codes(report, "NOT CHECKED") == {("TIME", "time-none"), ("STRUCTURE", "structure-as-is")}
    told = {one[3]["file"]: one[3] for one in report.findings if one[2] == "origin-frames"}
    assert told["items/002.mp4"]["rest"] == "-"
    assert told["items/003.mp4"]["rest"].startswith("0: 0-23, 0: ")
    assert told["items/004.mp4"]["pictures"] == 0
    assert told["items/004.mp4"]["sounds"] > 100


def test_it_runs_by_itself_with_nothing_but_python(built: Built, tmp_path: Path) -> None:
    folder = write_folder(built.sealed(), tmp_path / "移交包")

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", str(folder / "verify.py"), "--lang", "en"],
        capture_output=True, cwd=tmp_path, env={}, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "Result: nothing is wrong." in done.stdout
    assert "The keys are from the package itself, which proves nothing" in done.stdout
    assert "that the camera saw what happened" in done.stdout


def test_it_is_one_short_file_of_the_standard_library() -> None:
    text = PROGRAM.read_text("utf-8")

    told = [line.split(" import ")[0] for line in text.splitlines() if line.startswith(("import ", "from "))]
    imported = {name.strip() for line in told for name in line.split(" ", 1)[1].split(",")}
    assert len(text.splitlines()) < 900
    assert imported <= set(sys.stdlib_module_names) | {"__future__"}


def test_every_text_is_there_in_both_languages_with_the_same_fields() -> None:
    for chinese, english in [*TEXTS.values(), *WORDS.values()]:
        assert sorted(re.findall(r"{\w+}", chinese)) == sorted(re.findall(r"{\w+}", english))
        assert not re.search("[\u4e00-\u9fff]", english)


def test_keys_from_elsewhere_are_named_and_used(built: Built, tmp_path: Path) -> None:
    folder, policy = write_folder(built.sealed(), tmp_path / "p"), tmp_path / "policy.txt"
    policy.write_bytes(built.files["log/policy.txt"])
    prints = verify(str(folder)).keys[0][2]

    assert run(str(folder), "--policy", str(policy), "--lang", "en")[0] == 0
    assert f"The keys are from {policy}." in run(str(folder), "--policy", str(policy), "--lang", "en")[1]
    assert "台账密钥与给出的指纹一致" in run(str(folder), "--fingerprint", prints.upper(), "--lang", "zh")[1]
    assert run(str(folder), "--fingerprint", prints[:-1] + "0")[0] == 1
    policy.write_bytes(Policy((Log(key(7).verifier),)).content)
    assert run(str(folder), "--policy", str(policy))[0] == 1


@pytest.mark.parametrize(("lang", "place"), [("zh", 0), ("en", 1)])
def test_programs_read_the_result_as_one_object(built: Built, tmp_path: Path, lang: str, place: int) -> None:
    honest, policy = write_folder(built.sealed(), tmp_path / "p"), tmp_path / "policy.txt"
    policy.write_bytes(built.files["log/policy.txt"])
    changed = write_folder({**built.sealed(), "README.txt": b"\x1b[2J"}, tmp_path / "other")
    print_of = verify(str(honest)).keys[0][2]

    done = [
        run(str(path), "--json", "--lang", lang, *more)
        for path, *more in ((honest, "--policy", str(policy), "--fingerprint", print_of), (changed,), (tmp_path,))
    ]
    good, bad, none = (json.loads(said) for _, said in done)

    assert [status for status, _ in done] == [one["exit"] for one in (good, bad, none)] == [0, 1, 2]
    assert all(said.count("\n") == 1 and said.isascii() for _, said in done)
    assert good.keys() == bad.keys() == none.keys()
    assert good["result"] == WORDS["good"][place]
    assert [(one["verdict"], one["check"], one["code"]) for one in good["checks"]] == [
        one[:3] for one in verify(str(honest), policy.read_bytes(), print_of).findings
    ]
    assert (good["keys_from"], good["fingerprint_matches"]) == (str(policy), True)
    assert (bad["keys_from"], bad["fingerprint_matches"]) == (None, False)
    assert {"role": "log", "name": built.signer.name, "sha256": print_of} in good["keys"]
    assert good["not_proven"] == WORDS["open"][place].split("|")[1:]
    failed = [one for one in bad["checks"] if one["verdict"] == "FAIL"]
    assert [one["words"] for one in failed] == [TEXTS["other-size"][place].format(file="README.txt", found=4, wanted=7)]
    assert (none["checks"], none["keys"]) == ([], [])


def test_a_fingerprint_chooses_the_key_that_must_have_signed(built: Built, tmp_path: Path) -> None:
    mine, other = read_policy(built.files["log/policy.txt"]), key(7)
    both = replace(mine, logs=(*mine.logs, Log(other.verifier))).content
    forged = replace(built, files={**built.files, "log/policy.txt": both}, signer=other)
    folder = write_folder(forged.sealed(), tmp_path / "p")

    trusted = verify(str(folder)).keys

    assert codes(verify(str(folder)), "FAIL") == set()
    assert codes(verify(str(folder), None, trusted[0][2]), "FAIL") == {("CONTENTS", "no-signature")}


def test_what_is_no_package_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_bytes(b"PK is no package")

    assert [run(str(path))[0] for path in (tmp_path, tmp_path / "absent", tmp_path / "text.zip")] == [2, 2, 2]


@pytest.mark.parametrize(
    ("quorum", "said"), [("none", ("NOT CHECKED", "quorum-none")), ("late", ("NOT CHECKED", "quorum-late"))]
)
def test_without_a_quorum_nothing_is_claimed(made: Made, quorum: str, said: tuple[str, str], tmp_path: Path) -> None:
    built = build(*made, quorum=quorum)
    folder = write_folder(built.sealed(), tmp_path / "p")

    report = verify(str(folder))

    assert codes(report, "FAIL") == set()
    assert said in {(one[0], one[2]) for one in report.findings if one[1] == "WITNESSED"}


def test_a_quorum_that_is_asked_for_elsewhere_must_be_there(made: Made, tmp_path: Path) -> None:
    built = build(*made, quorum="late")

    report = verify(str(write_folder(built.sealed(), tmp_path / "p")), built.files["log/policy.txt"])

    assert codes(report, "FAIL") == {("WITNESSED", "quorum-missing")}


def longer(told: Any) -> None:
    told["entries"][0]["path"].append("A" * 43 + "=")


DISHONEST: dict[str, tuple[Callable[[dict[str, bytes]], None], set[tuple[str, str]]]] = {
    "an entry left out": (
        lambda files: change(files, f"history/{RECORDINGS[0]}.json", lambda told: told["entries"].pop(2)),
        {("HISTORY", "chain-gap")},
    ),
    "the newest entry left out": (
        lambda files: change(files, f"history/{RECORDINGS[1]}.json", lambda told: told["entries"].pop()),
        {("HISTORY", "chain-end"), ("FILE", "no-export-entry")},
    ),
    "a history that begins later": (
        lambda files: change(files, f"history/{RECORDINGS[0]}.json", lambda told: told["entries"].pop(0)),
        {("HISTORY", "chain-gap"), ("ORIGIN", "origin-not")},
    ),
    "a value that the entry does not commit to": (
        lambda files: change(files, f"history/{RECORDINGS[0]}.json", lambda told: recommitted(told, "rec.view.start")),
        {("HISTORY", "payload-bad")},
    ),
    "another recipient": (
        lambda files: change(files, "package.json", lambda told: told.update(recipient="别人")),
        {("FILE", "file-differs")},
    ),
    "a clip sold as an original": (
        lambda files: change(files, "package.json", lambda told: told["items"][1].update(kind="original")),
        {("FILE", "bad-form")},
    ),
    "an entry at another place in the log": (
        lambda files: change(files, f"history/{RECORDINGS[0]}.json", lambda told: entries_of(told)[1].update(index=8)),
        {("LOGGED", "not-in-log")},
    ),
    "an inclusion proof with one hash more": (
        lambda files: change(files, f"history/{RECORDINGS[0]}.json", longer),
        {("LOGGED", "not-in-log")},
    ),
    "a head that is no beginning": (
        lambda files: change(files, "log/consistency.json", lambda told: told["heads"][0]["path"].reverse()),
        {("CONSISTENT", "consistent-bad")},
    ),
    "a proof left away": (
        lambda files: change(files, "package.json", lambda told: told["items"][1].update(proof=None)),
        {("ORIGIN", "origin-unproven"), ("CONTENTS", "unlisted")},
    ),
    "the proof of another clip": (
        lambda files: files.update({"proofs/002.json": files["proofs/003.json"]}),
        {("ORIGIN", "origin-wrong")},
    ),
    "a frame that is not the original's": (
        lambda files: files.update({"items/002.mp4": clip_with(files["items/002.mp4"], b"mdat", 2000)}),
        {("ORIGIN", "origin-wrong"), ("FILE", "file-differs")},
    ),
    "a still of a frame that never was": (
        lambda files: change(files, "proofs/005.json", lambda told: told["still"].update(dts=told["still"]["dts"] + 1)),
        {("ORIGIN", "origin-wrong")},
    ),
    "a file more": (lambda files: files.update({"items/099.mp4": b"?"}), {("CONTENTS", "unlisted")}),
}  # fmt: skip


@pytest.mark.parametrize("case", DISHONEST)
def test_what_a_dishonest_archive_signs_is_found(built: Built, case: str, tmp_path: Path) -> None:
    alter, wanted = DISHONEST[case]
    files = dict(built.files)
    alter(files)

    assert failures(replace(built, files=files), tmp_path) == wanted


def test_a_recut_of_an_export_is_found_even_with_its_entry_forged(built: Built, tmp_path: Path) -> None:
    """The archive signs a new list and a new entry over other frames; the log does not have that entry."""
    files = dict(built.files)
    files["items/002.mp4"] = clip_with(files["items/002.mp4"], b"mdat", 2000)
    export_of(files, 2)

    found = failures(replace(built, files=files), tmp_path)

    assert {("ORIGIN", "origin-wrong"), ("LOGGED", "not-in-log")} <= found
    assert not any(check == "FILE" for check, _ in found)


@pytest.mark.parametrize("made_as", [("exact", "encoded"), ("verbatim", "verbatim")])
def test_a_clip_of_a_recording_without_fingerprint_is_not_checked(
    made: Made, made_as: tuple[str, str], tmp_path: Path
) -> None:
    originals, items = made
    item = replace(items[3], kind=made_as[0], made=made_as[1], proof=None)
    built = build(originals, [item], enter=lambda *_: None)

    report = verify(str(write_folder(built.sealed(), tmp_path / "p")))

    assert codes(report, "FAIL") == set()
    assert ("NOT CHECKED", "essence-none") in {(one[0], one[2]) for one in report.findings if one[1] == "ORIGIN"}


def test_many_items_and_recordings_are_told_apart(made: Made, tmp_path: Path) -> None:
    originals, items = made
    order: Sequence[Item] = [items[5], items[0], items[2], items[5]]

    report = verify(str(write_folder(build(originals, order).sealed(), tmp_path / "p")))

    assert codes(report, "FAIL") == set()
    assert sum(one[2] == "file-ok" for one in report.findings) == 4


def test_the_json_of_a_package_has_one_form(built: Built, tmp_path: Path) -> None:
    files = dict(built.files)
    files["package.json"] = canonical({"a": 1}).replace(b":", b": ")

    assert failures(replace(built, files=files), tmp_path) == {("FILE", "bad-form")}
