"""`store`: keep a file with its SHA-256 and chunk tree, against `cp` and then `openssl dgst -sha256`."""

import hashlib
import shutil
from pathlib import Path
from typing import Final

from services.bench.measure import MIB, Result, random_file, rounds_of, spent_by, spent_here, take_turns
from services.custody.tree import root
from services.digest import fingerprint_file
from services.storage import keys
from services.storage.filesystem import FolderStore

SIZE_MIB: Final = 600
ROUNDS: Final = 5


def measure(folder: Path, scale: float) -> Result:
    """Take turns; both find the file in the page cache."""
    source = random_file(folder / "source", max(1, int(SIZE_MIB * scale)) * MIB)
    openssl = shutil.which("openssl")
    cp = shutil.which("cp") or "/bin/cp"

    def subject(number: int) -> float:
        kept = FolderStore(folder / f"store-{number}")
        kept.prepare()

        def keep() -> None:
            found = fingerprint_file(source)
            root(found.leaves)
            kept.put(keys.original(found.digest), source)

        spent = spent_here(keep)
        shutil.rmtree(folder / f"store-{number}")
        return spent.cpu_s

    def floor(_: int) -> float:
        copy = folder / "copy"
        cpu_s = spent_by([cp, str(source), str(copy)]).cpu_s
        if openssl:
            cpu_s += spent_by([openssl, "dgst", "-sha256", str(copy)]).cpu_s
        else:
            cpu_s += spent_here(lambda: _hash(copy)).cpu_s
        copy.unlink()
        return cpu_s

    ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    return Result(
        what="seal (SHA-256 and chunk tree in one read) and FolderStore.put",
        against="cp, then openssl dgst -sha256" if openssl else "cp, then hashlib sha256 (no openssl on this machine)",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=1.6,
        aim=1.3,
        more={"size_bytes": source.stat().st_size},
    )


def _hash(path: Path) -> None:
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
