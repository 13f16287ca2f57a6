"""Verifiers that others wrote accept what our log says, and refuse it changed: npm's, and Go's where Go is."""

import json
import os
import random
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from services.custody.note import PLAIN
from services.custody.proof import prove_inclusion
from tests.conftest import ROOT
from tests.custody.notes import key
from tests.custody.packages import OTHER, Ledger

FOLDER = Path(__file__).parent / "foreign"
COUNT = 400 if os.environ.get("HUISU_SOAK") else 200
SIZES = (1, 2, 3, 7, 64, 255, 256, 257, 300)
LOG = key(1)
PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Claim:
    """That an entry stands at a place of the log with this signed head."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    note: str

    @property
    def told(self) -> dict[str, Any]:
        """Say it as the foreign programs read it."""
        return {
            "key": b64(LOG.verifier.public), "id": b64(LOG.verifier.id), "vkey": LOG.verifier.vkey,
            "origin": LOG.name, "note": self.note, "entry": b64(self.entry), "index": self.index,
            "hashes": [b64(one) for one in self.path],
        }  # fmt: skip


def b64(content: bytes) -> str:
    return b64encode(content).decode()


@cache
def ledger() -> Ledger:
    made = Ledger()
    for number in range(SIZES[-1]):
        made.add(OTHER, "rec.verify", {"result": "same", "size": number})
    return made


def claims(dice: random.Random) -> list[Claim]:
    heads = {size: ledger().head(size, LOG, []).decode() for size in SIZES}
    made = []
    for turn in range(COUNT):
        size = SIZES[turn % len(SIZES)]
        index = dice.randrange(size)
        text = str(ledger().chains[OTHER][index]["entry"]).encode()
        made.append(Claim(text, index, tuple(prove_inclusion(ledger().tree, index, size)), heads[size]))
    return made


def altered(claim: Claim, dice: random.Random) -> Claim:
    """Change a claim so that it is untrue."""
    way = dice.randrange(5)
    if way == 0:
        return replace(claim, entry=flipped(claim.entry, dice))
    if way == 1 and claim.path:
        at = dice.randrange(len(claim.path))
        return replace(claim, path=(*claim.path[:at], flipped(claim.path[at], dice), *claim.path[at + 1 :]))
    if way == 2:
        return replace(claim, path=claim.path[:-1] if claim.path and dice.random() < 0.5 else (*claim.path, bytes(32)))
    if way == 3:
        origin, size, *rest = claim.note.split("\n")
        return replace(claim, note="\n".join([origin, str(int(size) + 1), *rest]))
    return replace(claim, index=claim.index + 1)


def flipped(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]


def judged(command: list[str], told: list[Claim], folder: Path) -> list[bool]:
    lines = "".join(f"{json.dumps(one.told)}\n" for one in told)
    done = subprocess.run(
        command, cwd=folder, input=lines, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [{"true": True, "false": False}[line] for line in done.stdout.split()]


def agrees(command: list[str], folder: Path) -> None:
    dice = random.Random(20)
    honest = claims(dice)

    assert judged(command, honest, folder) == [True] * COUNT
    assert judged(command, [altered(one, dice) for one in honest], folder) == [False] * COUNT
    wrong = key(2, LOG.name)
    forged = ledger().head(SIZES[-1], wrong, []).decode()
    assert LOG.type == wrong.type == PLAIN
    assert judged(command, [replace(one, note=forged) for one in honest[:5]], folder) == [False] * 5


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Install npm's verifier once, with the Node that builds the pages, or skip and say why."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(ROOT / ".venv" / "bin")])
    node, npm = (shutil.which(name, path=path) for name in ("node", "npm"))
    if node is None or npm is None:
        pytest.skip("no Node here")
    mark, lock = FOLDER / "node_modules" / ".installed", FOLDER / "package-lock.json"
    if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=FOLDER, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False, env=os.environ | {"PATH": path},
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm's verifier cannot be installed here: {done.stderr.strip()[-300:]}")
        mark.touch()
    return [node, str(FOLDER / "sigstore.mjs")]


def test_npms_verifier_says_the_same(sigstore: list[str]) -> None:
    agrees(sigstore, FOLDER)


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Build a program around Go's own log code, or skip and say why."""
    compiler = shutil.which("go")
    if compiler is None:
        pytest.skip("no Go compiler here")
    target = tmp_path_factory.mktemp("go") / "judge"
    sources = [os.environ.get("GOPATH", ""), "/usr/share/gocode"]  # the latter is where Debian puts Go's libraries
    kept = next((path for path in sources if Path(path, "src", "golang.org", "x", "mod", "sumdb").is_dir()), None)
    more = {"GOFLAGS": "-mod=readonly"} if kept is None else {"GO111MODULE": "off", "GOPATH": kept}
    done = subprocess.run(
        [compiler, "build", "-o", str(target), "."], cwd=FOLDER / "go", capture_output=True, text=True,
        timeout=PATIENCE_S, check=False, env=os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"} | more,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"Go's log code cannot be built here: {done.stderr.strip()[-300:]}")
    return [str(target)]


def test_gos_sumdb_says_the_same(go: list[str]) -> None:
    agrees(go, FOLDER)
