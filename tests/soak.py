"""
Run the tests at the full counts of the issues: in parts, each under ten minutes, to be taken up where it ended.

usage: python -m tests.soak [--only PART]… [--again] [--list]

What passed for this very checkout is not run again unless `--again` says so. Each part's words are in `.soak/PART.log`.
The exit code is 0 only if every part of this call passed, now or before.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".soak"
DEADLINE_S = 1200.0
"""When a part counts as stuck: twice what it may take on two idle cores."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some tests that run for themselves: what they prove, and how pytest is told to choose them."""

    name: str
    proves: str
    selection: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


PARTS = (
    Part("steps", "every step killed at every moment", ("tests/crash/test_every_step.py",)),
    Part("plugs", "100 random deaths of real processes", ("tests/crash/test_random_plug.py",)),
    Part("points", "every flow failing at its named points", ("tests/crash/test_points_custody.py",)),
    Part("footage", "what is done to footage failing at its points", ("tests/crash/test_points_footage.py",)),
    Part("exports", "exports whose worker is killed at any step and moment", ("tests/crash/test_exports.py",)),
    Part("door", "100 deaths in the middle of PATCHes", ("tests/ingest/test_tus_crash.py",)),
    Part("redis", "the pipeline on Redis", ("tests/cluster/test_broker.py", "-k", "redis")),
    Part("rabbitmq", "the pipeline on RabbitMQ", ("tests/cluster/test_broker.py", "-k", "rabbitmq")),
    Part("s3", "the pipeline on S3, which goes away at every moment", ("tests/cluster/test_s3_archive.py",)),
    Part("stores", "one contract on a folder, SeaweedFS and Ceph", ("tests/storage",)),
    Part("gates", "one gate per folder, each node tells, a full disk", ("tests/cluster/test_gates.py",)),
    Part("database", "a database that is held or full", ("tests/cluster/test_busy_database.py",)),
    Part("served", "the API on PostgreSQL", ("tests/api",), (("HUISU_TEST_SERVED_ON", "postgres"),)),
    Part("draws", "draws repeat from their proofs, everybody is drawn alike", ("tests/oversight",)),
    Part("flows", "the corpus, linking, bad days", ("tests/flows",)),
    Part("log", "the log failing before and after every step", ("tests/custody/test_log_crash.py",)),
    Part("orders", "writers, sequencers and crashes in any order",
         ("tests/custody/test_log_machine.py", "-k", "not postgresql")),
    Part("orders-pg", "the same on PostgreSQL", ("tests/custody/test_log_machine.py", "-k", "postgresql")),
    Part("custody", "signer, witnesses, proofs: machines, tampering, foreign verifiers",
         ("tests/custody", "--ignore", "tests/custody/verifier", "--ignore", "tests/custody/test_log_crash.py",
          "--ignore", "tests/custody/test_log_machine.py")),
    Part("agree0", "both verifiers on 1,000 changed packages", ("tests/custody/verifier", "-k", "half0")),
    Part("agree1", "both verifiers on 1,000 other ones", ("tests/custody/verifier", "-k", "half1")),
    Part("flips", "bytes changed anywhere in packages", ("tests/custody/verifier", "-k", "not half")),
    Part("media", "readers, clips and proxies of mutated and made footage", ("tests/media",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """How a part ended, for which state of the checkout."""

    verdict: str
    seconds: float
    tests: int
    failed: int
    skipped: int
    checkout: str

    @property
    def has_passed(self) -> bool:
        """Every test of it that could run passed, and there was one."""
        return self.verdict == "passed"


def checkout_now(root: Path = ROOT) -> str:
    """Name the state of the code and the tests by their content: a change makes every part due again."""
    whole = hashlib.sha256()
    for path in sorted([*root.glob("services/**/*.py"), *root.glob("tests/**/*.py"), root / "requirements-dev.lock"]):
        whole.update(f"{path.relative_to(root)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def run_part(part: Part, folder: Path, checkout: str, deadline_s: float = DEADLINE_S) -> Result:
    """Run one part to its end or its deadline, its words going to its log."""
    told = folder / f"{part.name}.xml"
    told.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={told}", *part.selection]
    begun = time.monotonic()
    with (folder / f"{part.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"HUISU_SOAK": "1"} | dict(part.environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            status = process.wait(deadline_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return Result("stuck", time.monotonic() - begun, 0, 0, 0, checkout)
    tests, failed, skipped = _counts(told)
    verdict = "passed" if status == 0 and tests > skipped else "skipped" if status in {0, 5} else "failed"
    return Result(verdict, time.monotonic() - begun, tests, failed, skipped, checkout)


def _counts(told: Path) -> tuple[int, int, int]:
    try:
        suite = ET.parse(told).getroot()
    except (OSError, ET.ParseError):
        return 0, 0, 0
    found = suite if suite.tag == "testsuite" else suite[0]
    number = {name: int(found.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    return number["tests"], number["failures"] + number["errors"], number["skipped"]


def recall(folder: Path) -> dict[str, Result]:
    """Read how parts ended before; nothing, when nobody noted it or the note is broken."""
    try:
        noted = json.loads((folder / "results.json").read_text("utf-8"))
        return {name: Result(**facts) for name, facts in noted.items()}
    except (OSError, ValueError, TypeError):
        return {}


def note(folder: Path, results: dict[str, Result]) -> None:
    """Write how parts ended, whole or not at all."""
    fresh = folder / "results.json.new"
    fresh.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1), "utf-8")
    fresh.replace(folder / "results.json")


def table(parts: Sequence[Part], results: dict[str, Result]) -> str:
    """Show a line for each part."""
    lines = [f"{'part':<10} {'verdict':<8} {'seconds':>7} {'tests':>5} {'failed':>6} {'skipped':>7}  proves"]
    for part in parts:
        if (result := results.get(part.name)) is None:
            lines.append(f"{part.name:<10} {'-':<8} {'-':>7} {'-':>5} {'-':>6} {'-':>7}  {part.proves}")
        else:
            facts = f"{result.seconds:>7.0f} {result.tests:>5} {result.failed:>6} {result.skipped:>7}"
            lines.append(f"{part.name:<10} {result.verdict:<8} {facts}  {part.proves}")
    return "\n".join(lines)


def soak(parts: Sequence[Part], folder: Path, checkout: str, *, again: bool = False) -> dict[str, Result]:
    """Run what is due and give every part's result."""
    folder.mkdir(exist_ok=True)
    results = recall(folder)
    for part in parts:
        before = results.get(part.name)
        if not again and before is not None and before.has_passed and before.checkout == checkout:
            print(f"{part.name}: passed before, for this checkout", flush=True)
            continue
        print(f"{part.name}: {part.proves} …", flush=True)
        results[part.name] = run_part(part, folder, checkout)
        note(folder, results)
        print(f"{part.name}: {results[part.name].verdict} in {results[part.name].seconds:.0f} s", flush=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose parts, run them, show the table; gives the exit code."""
    names = [part.name for part in PARTS]
    reader = argparse.ArgumentParser(prog="python -m tests.soak", description="Run the tests at full counts.")
    reader.add_argument("--only", action="append", choices=names, metavar="PART", help=f"one of {', '.join(names)}")
    reader.add_argument("--again", action="store_true", help="run also what passed before")
    reader.add_argument("--list", action="store_true", help="show the parts and how they ended, run nothing")
    asked = reader.parse_args(arguments)
    parts = [part for part in PARTS if not asked.only or part.name in asked.only]
    results = recall(FOLDER) if asked.list else soak(parts, FOLDER, checkout_now(), again=asked.again)
    print(table(parts, results))
    good = {"passed", "skipped"}
    return 0 if asked.list or all(results[part.name].verdict in good for part in parts) else 1


if __name__ == "__main__":
    sys.exit(main())
