"""
Run the shipped verifier on a finished package in a clean place, as a stranger would, before anybody gets it.

The program is taken out of the package itself: its own bytes are what is tried. It sees the system's Python, itself and
the zip file, nothing of the archive, no network, and can write nothing.
"""

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.media.sandbox import Limits, run_program

_MEMORY_BYTES: Final = 2 << 30
_BYTES_A_SECOND: Final = 4 << 20
"""The slowest machine that packages are checked on hashes this much."""

_MOST_LINES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Tried:
    """How the verifier ended: 0 holds, 1 does not, 2 is no package; and every line that it said."""

    status: int
    lines: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """Give the lines that say what is wrong, or else its last words."""
        wrong = tuple(line for line in self.lines if line.startswith("FAIL"))
        return wrong or self.lines[-3:]


def try_package(package: Path, folder: Path) -> Tried:
    """
    Check a finished zip file with the program inside it; `folder` is empty and lends it a place.

    Raises:
        ToolFailed, DeadlinePassed: the program could not be run to its end.
    """
    program = folder / "verify.py"
    with zipfile.ZipFile(package) as opened:
        program.write_bytes(opened.read("verify.py"))
    lines: list[str] = []

    def heard(line: str) -> bool:
        if len(lines) < _MOST_LINES:
            lines.append(line)
        return True

    seconds = 60 + 4 * package.stat().st_size / _BYTES_A_SECOND
    outcome = run_program(
        [sys.executable, "-I", "-S", str(program), str(package), "--lang", "en"],
        limits=Limits(wall_s=2 * seconds, cpu_s=int(seconds), memory_bytes=_MEMORY_BYTES, file_bytes=0),
        readable=[program, package],
        on_line=heard,
    )
    if outcome.last_words:
        lines += outcome.last_words.splitlines()[-3:]
    return Tried(outcome.status, tuple(lines))
