"""Writers, sequencers, crashes and restarts in any order: one log without gap, fork or double, all in the store."""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from services.bootstrap import Archive, new_id, open_archive
from services.custody import heads, sequencer
from services.custody.audit import audit
from services.custody.heads import newest_head, sign_head
from services.custody.logtree import log_size, log_tree
from services.custody.proof import check_consistency, prove_consistency
from services.custody.publish import Publisher
from services.custody.sequencer import integrate
from services.custody.tables import entry, pending
from services.custody.tree import root
from services.settings import load_settings
from services.storage.filesystem import FolderStore
from tests.archive_fixture import Empty
from tests.custody.growing import leaves, wrong_chains
from tests.custody.held_signer import HeldSigner
from tests.custody.test_publish import recovered

FULL = bool(os.environ.get("HUISU_SOAK"))
SETTINGS = settings(
    max_examples=200 if FULL else 12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Crash(Exception):
    """A process that ends in the middle; nothing of it is caught."""


class Trap:
    """Crash at a step, once, before or after it."""

    def __init__(self, owner: Any, name: str, *, after: bool) -> None:
        self.owner, self.name, self.after = owner, name, after
        self.inner = getattr(owner, name)

    def __enter__(self) -> Self:
        inner, is_after = self.inner, self.after

        def outer(*args: Any, **kwargs: Any) -> Any:
            if is_after:
                inner(*args, **kwargs)
            raise Crash

        setattr(self.owner, self.name, outer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        setattr(self.owner, self.name, self.inner)
        return kind is Crash


STEPS = [(sequencer, "_take"), (sequencer, "_enter"), (sequencer, "fill_tiles"), (sequencer, "_clear")]
HEAD_STEPS = [(FolderStore, "put_bytes"), (FolderStore, "remove_derived"), (HeldSigner, "sign"), (heads, "keep_head")]


class LogMachine(RuleBasedStateMachine):
    """The archive, its signer, and what was ever seen of the log."""

    empty: Empty
    archive: Archive

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="huisu-machine-"))
        self.archive = self._open()
        self.archive.store.prepare()
        self.signer = HeldSigner()
        self.publisher = Publisher(self.archive.engine, self.archive.store)
        self.objects = [new_id() for _ in range(5)]
        self.appended = 0
        self.seen: list[bytes] = []
        self.signed: list[tuple[int, bytes]] = []

    def _open(self) -> Archive:
        return open_archive(load_settings({}, home=self.home, database_url=self._address()))

    def _address(self) -> str:
        if not hasattr(self, "address"):
            self.address = self.empty.fresh(self.home)
        return self.address

    @initialize(count=st.sampled_from([0, 3, 250]))
    def begin(self, count: int) -> None:
        self._append(count, 1)

    @rule(count=st.integers(1, 40), together=st.integers(1, 5))
    def write(self, count: int, together: int) -> None:
        """Several writers at once, each in transactions of its own, over the same objects."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: self._append(count, together), range(4)))

    def _append(self, count: int, together: int) -> None:
        for first in range(0, count, together):
            with self.archive.work() as work:
                for number in range(first, min(count, first + together)):
                    work.append("sys.start", self.objects[number % 5], version="机")

    @rule(batch=st.sampled_from([1, 7, 100, 1000]))
    def sequence(self, batch: int) -> None:
        integrate(self.archive.engine, batch)

    @rule(batches=st.lists(st.sampled_from([3, 50, 300]), min_size=2, max_size=3))
    def sequence_by_several(self, batches: list[int]) -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda batch: integrate(self.archive.engine, batch), batches))

    @rule(step=st.sampled_from(STEPS), after=st.booleans(), batch=st.sampled_from([5, 300]))
    def sequence_and_crash(self, step: tuple[Any, str], after: bool, batch: int) -> None:
        before = leaves(self.archive)
        with Trap(*step, after=after):
            integrate(self.archive.engine, batch)
        if self._waiting():
            assert leaves(self.archive) == before, "all of a batch or nothing"
        self.restart()

    @rule()
    def publish_and_sign(self) -> None:
        self._head()

    @rule(step=st.sampled_from(HEAD_STEPS), after=st.booleans())
    def publish_and_crash(self, step: tuple[Any, str], after: bool) -> None:
        with Trap(*step, after=after):
            self._head()
        self.restart()

    @rule()
    def restart(self) -> None:
        """Open everything anew, as a process that was started again does."""
        self.archive.close()
        self.archive = self._open()
        with self.archive.reading() as session:
            newest = newest_head(session)
        self.publisher = Publisher(self.archive.engine, self.archive.store, newest.size if newest else 0)

    def _head(self) -> None:
        size = self.publisher.publish()
        self.publisher.clear()
        if size:
            sign_head(self.archive.engine, self.signer, size, self.archive.clock())
            self.publisher.publish_head()

    def _waiting(self) -> int:
        with self.archive.reading() as session:
            return session.scalar(select(func.count()).select_from(pending)) or 0

    @invariant()
    def the_log_only_grows(self) -> None:
        now = leaves(self.archive)
        assert now[: len(self.seen)] == self.seen
        self.seen = now

    @invariant()
    def the_root_is_that_of_the_entries(self) -> None:
        with self.archive.reading() as session:
            assert log_size(session) == len(self.seen)
            assert log_tree(session).root == root(self.seen)

    @invariant()
    def no_chain_has_a_gap_a_fork_or_a_double(self) -> None:
        assert wrong_chains(self.archive) == []
        with self.archive.reading() as session:
            doubled = select(entry.c.event_id).where(entry.c.event_id.in_(select(pending.c.event_id)))
            assert session.scalars(doubled).all() == []

    @invariant()
    def what_was_signed_is_true_and_in_the_store(self) -> None:
        size, top = self.signer.last
        assert root(self.seen[:size]) == top
        assert recovered(self.archive.store)[:size] == self.seen[:size]
        if size and self.signed and self.signed[-1][0] < size:
            old, old_root = self.signed[-1]
            with self.archive.reading() as session:
                path = prove_consistency(log_tree(session, size), old, size)
            check_consistency(old, old_root, size, top, path)
        if size:
            self.signed.append((size, top))

    def teardown(self) -> None:
        while integrate(self.archive.engine):
            pass
        self._head()
        try:
            self.the_log_only_grows()
            assert recovered(self.archive.store) == self.seen
            with self.archive.reading() as session:
                assert list(audit(session, [self.signer.verifier])) == []
        finally:
            self.archive.close()
            shutil.rmtree(self.home, ignore_errors=True)


def machine_on(empty: Empty) -> type[LogMachine]:
    return type("MachineOnDatabase", (LogMachine,), {"empty": empty})


def test_a_log_stays_one_whatever_happens(empty_sqlite: Empty) -> None:
    run_state_machine_as_test(machine_on(empty_sqlite), settings=SETTINGS)


@pytest.mark.postgres
def test_a_log_on_postgresql_stays_one_whatever_happens(empty_postgres: Empty) -> None:
    run_state_machine_as_test(machine_on(empty_postgres), settings=SETTINGS)
