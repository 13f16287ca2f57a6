"""Fail before and after every step of sequencing, publishing and signing: the log goes on as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.bench.logs import OwnSigner
from services.bootstrap import Archive, open_archive
from services.custody.heads import newest_head
from services.custody.logtree import log_size, log_tree
from services.custody.sequencer import Leadership
from services.custody.tree import root
from services.index.fsck import check
from services.settings import load_settings
from tests.custody.growing import append, leaves, wrong_chains
from tests.custody.log_victim import POINTS
from tests.custody.test_publish import recovered

ROOT = Path(__file__).resolve().parents[2]
HOWS = ("exit", "raise", "hang")
STATUS = {"exit": -signal.SIGKILL, "hang": -signal.SIGKILL, "raise": 2}
FULL = bool(os.environ.get("HUISU_SOAK"))
CASES = [(point, how) for number, point in enumerate(POINTS) for how in HOWS if FULL or how == HOWS[number % 3]]
"""Each point in each way of failing; at the seeded size each point in one, turn about."""


@dataclass(slots=True)
class Victim:
    """A process that has everything loaded and forks one child for each order."""

    process: subprocess.Popen[str]

    def fail(self, home: Path, point: str, how: str) -> int:
        """Bring the log forward until it fails there; gives the exit status. A child that hangs is killed."""
        orders, answers = self.process.stdin, self.process.stdout
        assert orders is not None
        assert answers is not None
        orders.write(json.dumps({"home": str(home), "point": point, "how": how}) + "\n")
        orders.flush()
        child = int(answers.readline())
        if how == "hang":
            deadline = time.monotonic() + 60
            while not (home / "hangs").exists():
                assert time.monotonic() < deadline, "it never came to the point"
                time.sleep(0.01)
            self.while_it_hangs(home)
            os.kill(child, signal.SIGKILL)
        return int(answers.readline())

    def while_it_hangs(self, home: Path) -> None:
        """See that nobody else can lead while a process that hangs is alive."""
        archive = open_archive(load_settings({}, home=home))
        other = Leadership(archive.engine)
        assert not other.is_mine()
        archive.close()


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.custody.log_victim"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Victim(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def archive(tmp_path, empty_sqlite) -> Iterator[Archive]:
    """A log of 230 entries, signed and published, and 130 entries that wait: a tile becomes whole on the way."""
    home = tmp_path / "home"
    home.mkdir()
    opened = open_archive(load_settings({}, home=home, database_url=empty_sqlite.sqlite(home)))
    opened.store.prepare()
    yield opened
    opened.close()


def brought_to(archive: Archive, victim: Victim, first: int = 230, waiting: int = 130) -> Path:
    home = archive.settings.paths.home
    append(archive, first)
    assert victim.fail(home, "none", "exit") == 0
    append(archive, waiting)
    return home


@pytest.mark.parametrize(("point", "how"), CASES)
def test_a_failure_at_this_point_changes_nothing_that_was_signed(archive, victim, point: str, how: str) -> None:
    home = brought_to(archive, victim)
    before = leaves(archive)

    died = victim.fail(home, point, how)

    assert died == STATUS[how]
    then = leaves(archive)
    assert then[:230] == before, "what was in the log stays where it was"
    assert wrong_chains(archive) == []
    signer = OwnSigner(archive.settings.paths.signer)
    size, signed_root = signer.head()
    signer.close()
    assert size in (230, 360)
    assert root(then[:size]) == signed_root
    assert recovered(archive.store)[:size] == then[:size], "the store has all that was signed"
    with archive.reading() as session:
        head = newest_head(session)
        assert head is not None
        assert head.size <= size

    assert victim.fail(home, "none", "exit") == 0

    known = leaves(archive)
    assert len(known) == 360
    assert known[: len(then)] == then
    with archive.reading() as session:
        head = newest_head(session)
        assert head is not None
        assert (head.size, head.root) == (log_size(session), log_tree(session).root) == (360, root(known))
        assert [str(one) for one in check(session, archive.store, deep=True)] == []
    assert recovered(archive.store) == known
    assert [kept.key for kept in archive.store.keys("derived/custody/tile/")] == [
        "derived/custody/tile/entries/001.p/104"
    ]


def test_every_point_is_come_to(archive, victim) -> None:
    """Guard the test above: without a failure the log comes to its end, so that a failure is what it is about."""
    home = brought_to(archive, victim)

    assert victim.fail(home, "none", "exit") == 0
    assert len(leaves(archive)) == 360


def test_a_hung_leader_is_waited_for_and_the_lead_is_free_when_it_is_dead(archive, victim) -> None:
    home = brought_to(archive, victim)

    assert victim.fail(home, "sign:before", "hang") == -signal.SIGKILL

    other = Leadership(archive.engine)
    assert other.is_mine()
    other.release()
