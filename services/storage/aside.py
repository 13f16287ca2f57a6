"""
Name the versions of an object in a folder: what repairs moved aside lies beside it as `.<name>.v<number>`.

An object that was never repaired is version "1" and has nothing beside it.
"""

import re
from pathlib import Path
from typing import Final

VERSION: Final = re.compile(r"[1-9][0-9]{0,5}\Z", re.ASCII)


def place(path: Path, number: int) -> Path:
    """Name the file of a version that was moved aside."""
    return path.parent / f".{path.name}.v{number}"


def count(path: Path) -> int:
    """Count the versions that were moved aside; one look where there is none."""
    found = 0
    while place(path, found + 1).is_file():
        found += 1
    return found


def is_moved(path: Path) -> bool:
    """Say whether a repair was killed between moving this very file aside and putting the good copy in its place."""
    last = count(path)
    return last > 0 and path.samefile(place(path, last))


def number(path: Path) -> int:
    """Tell which version a file is, from its name or from what lies beside it."""
    if path.name.startswith("."):
        return int(path.name.rpartition(".v")[2])
    last = count(path)
    return last if last and path.samefile(place(path, last)) else last + 1
