"""The runner of `make soak`: what is due runs, what passed is not run again, nothing is left out."""

from pathlib import Path

import pytest

from tests import soak
from tests.soak import PARTS, Part, Result, recall, run_part, table

ROOT = Path(__file__).resolve().parents[1]


def write(folder, name, body):
    (folder / name).write_text(body, "utf-8")
    return Part(name.removesuffix(".py"), "something", (str(folder / name), "-c", "/dev/null", f"--rootdir={folder}"))


def test_each_test_file_with_full_counts_belongs_to_a_part():
    counted = [path for path in ROOT.glob("tests/**/test_*.py") if "HUISU_SOAK" in path.read_text("utf-8")]
    chosen = [word for part in PARTS for word in part.selection if word.startswith("tests/")]

    left_out = [
        str(path.relative_to(ROOT))
        for path in counted
        if path != Path(__file__) and not any(str(path.relative_to(ROOT)).startswith(word) for word in chosen)
    ]

    assert left_out == []
    assert all((ROOT / word).exists() for word in chosen)


def test_what_passed_is_run_again_only_for_another_checkout_or_when_asked(tmp_path):
    runs = tmp_path / "runs"
    part = write(tmp_path, "test_a.py", f"def test_it():\n    open({str(runs)!r}, 'a').write('.')\n")
    for checkout, again in (("one", False), ("one", False), ("two", False), ("two", True)):
        soak.soak([part], tmp_path / ".soak", checkout, again=again)

    assert runs.read_text() == "..."
    assert recall(tmp_path / ".soak")["test_a"].has_passed


@pytest.mark.parametrize(
    ("body", "verdict", "failed"),
    [
        ("def test_it():\n    assert False\n", "failed", 1),
        ("import nothing_of_this_name\n", "failed", 1),
        ("import pytest\ndef test_it():\n    pytest.skip('no part')\n", "skipped", 0),
        ("import os, signal\ndef test_it():\n    os.kill(os.getpid(), signal.SIGKILL)\n", "failed", 0),
    ],
)
def test_a_part_that_did_not_pass_is_never_called_passed(tmp_path, body, verdict, failed):
    result = run_part(write(tmp_path, "test_b.py", body), tmp_path, "one")

    assert (result.verdict, result.failed, result.has_passed) == (verdict, failed, False)


def test_a_part_that_never_ends_is_stuck(tmp_path):
    part = write(tmp_path, "test_c.py", "import time\ndef test_it():\n    time.sleep(60)\n")

    assert run_part(part, tmp_path, "one", deadline_s=2).verdict == "stuck"


def test_the_table_names_every_part_even_those_that_never_ran():
    shown = table(PARTS, {"steps": Result("passed", 12.3, 56, 0, 0, "one")})

    assert [line.split()[0] for line in shown.splitlines()] == ["part", *(part.name for part in PARTS)]
    assert "12" in shown
