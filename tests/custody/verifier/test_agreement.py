"""The two programs are independent, yet say the same of every package, however it was changed."""

import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.custody.verifier.verify import NoPackage, verify
from tests.custody.packages import Built, build, write_folder, zipped
from tests.custody.verifier.conftest import Made
from tests.custody.verifier.mutating import mutate
from tests.custody.verifier.page import Browser, Findings

COUNT = 2000 if os.environ.get("HUISU_SOAK") else 80
PARTS = 10


class Folder:
    """A folder on disk that becomes one package after the other; only what differs is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, bytes] = {}

    def become(self, files: Mapping[str, bytes]) -> Path:
        for name in set(self._files) - set(files):
            (self.path / name).unlink()
        write_folder({name: one for name, one in files.items() if self._files.get(name) != one}, self.path)
        self._files = dict(files)
        return self.path


def said_by_python(path: Path) -> Findings:
    try:
        report = verify(str(path))
    except NoPackage:
        return []
    return sorted((one[0], one[1], one[2]) for one in report.findings)


@pytest.fixture(scope="module")
def other(made: Made) -> Built:
    """Another package of the same recordings, with no quorum."""
    originals, items = made
    return build(originals, [items[2], items[1], items[5], items[0]], quorum="none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("mutants") / "package")


@pytest.mark.browser
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"half{part % 2}-{part}")
@pytest.mark.timeout(1200)
def test_both_programs_say_the_same_of_changed_packages(
    built: Built, other: Built, page: Browser, folder: Folder, part: int
) -> None:
    honest = built.sealed()
    page.load(honest)
    found = set()

    for seed in range(part, COUNT, PARTS):
        mutant = mutate(built, other, seed)
        path = folder.become(mutant.files)
        changes = {name: one for name, one in mutant.files.items() if honest.get(name) != one}
        lost = dict.fromkeys(set(honest) - set(mutant.files))
        ours, theirs = said_by_python(path), page.judge({**changes, **lost})

        assert ours == theirs, (seed, mutant.told)
        assert not any(code == "broken" for _, _, code in ours), (seed, mutant.told, ours)
        if not mutant.is_resigned and mutant.files != honest:
            assert not ours or any(verdict == "FAIL" for verdict, _, _ in ours), (seed, mutant.told)
        found |= {code for verdict, _, code in ours if verdict == "FAIL"}

    assert page.wrong == []
    assert len(found) > 3


@pytest.mark.browser
@pytest.mark.parametrize("quorum", ["both", "none", "late"])
def test_both_programs_say_the_same_of_honest_packages(made: Made, page: Browser, tmp_path: Path, quorum: str) -> None:
    built = build(*made, quorum=quorum)
    files, policy = built.sealed(), built.files["log/policy.txt"]
    path = zipped(files, tmp_path / "p.zip")
    page.load(files)

    ours = said_by_python(path)

    assert page.judge({}) == ours
    assert page.judge_zip(path.read_bytes()) == ours
    assert not any(verdict == "FAIL" for verdict, _, _ in ours)
    trusted = verify(str(path), policy)
    told = sorted((one[0], one[1], one[2]) for one in trusted.findings)
    assert page.judge({}, policy) == told
    print_of = trusted.keys[0][2]
    for fingerprint in (print_of, print_of.upper(), "00" * 32):
        ours = sorted(one[:3] for one in verify(str(path), None, fingerprint.lower()).findings)
        assert page.judge({}, fingerprint=fingerprint) == ours


@pytest.mark.browser
def test_both_programs_say_the_same_of_changed_zip_files(built: Built, page: Browser, tmp_path: Path) -> None:
    dice, path = random.Random(4), tmp_path / "p.zip"
    honest = zipped(built.sealed(), path).read_bytes()

    for _ in range(200 if os.environ.get("HUISU_SOAK") else 25):
        content = bytearray(honest)
        at = dice.choice((dice.randrange(len(content)), dice.randrange(120), len(content) - 1 - dice.randrange(3000)))
        way = dice.randrange(4)
        if way == 0:
            content[at] ^= 1 << dice.randrange(8)
        elif way == 1:
            del content[at : at + dice.randint(1, 40)]
        elif way == 2:
            content[at:at] = dice.randbytes(3)
        else:
            del content[at:]
        path.write_bytes(content)

        ours = said_by_python(path)

        assert page.judge_zip(bytes(content)) == ours, (at, way)
        assert not ours or any(verdict == "FAIL" for verdict, _, _ in ours), (at, way)


def test_python_and_the_folder_on_disk_agree_with_themselves(built: Built, folder: Folder) -> None:
    """Becoming another package and back leaves nothing behind."""
    honest = built.sealed()
    folder.become(honest)
    folder.become({"contents.txt": b"x"})

    path = folder.become(honest)

    assert not any(verdict == "FAIL" for verdict, _, _ in said_by_python(path))
    shutil.rmtree(path)
