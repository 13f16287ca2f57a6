"""Change one byte anywhere in a package, and it is found."""

import os
import random
from pathlib import Path

import pytest

from services.custody.verifier.verify import NoPackage, verify
from tests.custody.packages import Built, write_folder, zipped

EACH = 60 if os.environ.get("HUISU_SOAK") else 4
IN_ZIP = 1500 if os.environ.get("HUISU_SOAK") else 60
HARMLESS: frozenset[tuple[str, int]] = frozenset()
"""Places (file, byte) where a change means nothing. There are none; whoever adds one says here why."""


def is_found(path: Path) -> bool:
    try:
        return bool(verify(str(path)).failed())
    except NoPackage:
        return True


def test_a_flip_in_any_file_of_the_folder_is_found(built: Built, tmp_path: Path) -> None:
    dice, files = random.Random(1), built.sealed()
    folder = write_folder(files, tmp_path / "p")
    assert not is_found(folder)

    missed = set()
    for name, content in files.items():
        places = {0, len(content) - 1, *(dice.randrange(len(content)) for _ in range(EACH))}
        for at in sorted(places):
            bit = 1 << dice.randrange(8)
            (folder / name).write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
            if not is_found(folder):
                missed.add((name, at))
        (folder / name).write_bytes(content)

    assert missed == HARMLESS
    assert not is_found(folder)


def test_a_flip_anywhere_in_the_zip_file_is_found(built: Built, tmp_path: Path) -> None:
    dice, path = random.Random(2), tmp_path / "p.zip"
    content = zipped(built.sealed(), path).read_bytes()
    end = len(content)
    headers = [
        at for at in range(end) if content[at : at + 4] in {b"PK\3\4", b"PK\1\2", b"PK\6\6", b"PK\6\7", b"PK\5\6"}
    ]

    places = {*range(60), *range(end - 98, end), *(dice.choice(headers) + dice.randrange(60) for _ in range(IN_ZIP))}
    places |= {dice.randrange(end) for _ in range(IN_ZIP)}
    missed = set()
    for at in sorted(place for place in places if place < end):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :])
        if not is_found(path):
            missed.add(at)

    assert missed == set()


@pytest.mark.parametrize("more", [b"\0", b"PK\5\6" + bytes(18)])
def test_nothing_may_follow_or_precede_the_zip_file(built: Built, tmp_path: Path, more: bytes) -> None:
    path = zipped(built.sealed(), tmp_path / "p.zip")
    content = path.read_bytes()

    path.write_bytes(content + more)
    assert is_found(path)
    path.write_bytes(more + content)
    assert is_found(path)
