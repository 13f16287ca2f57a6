"""The sequencer's process: what is committed is in a signed, published head within a second, and never a wrong one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from services.bootstrap import utc_now
from services.custody.checkpoint import open_checkpoint
from services.custody.heads import newest_head
from services.custody.logtree import log_size
from services.custody.publish import published_head
from services.custody.sequencer import Leadership
from services.custody.tree import root
from services.errors import DatabaseBusy, SignerUnavailable, ToolFailed
from services.up.sequencing import Sequencing
from tests.custody.growing import append, grow, leaves, wrong_chains
from tests.custody.held_signer import HeldSigner
from tests.custody.test_publish import recovered

PATIENCE_S = 30.0


def wait_until(so: Callable[[], bool]) -> float:
    begun = time.monotonic()
    while not so():
        assert time.monotonic() - begun < PATIENCE_S
        time.sleep(0.02)
    return time.monotonic() - begun


@contextmanager
def running(archive, signer, **more) -> Iterator[Sequencing]:
    work = Sequencing(replace(archive, clock=utc_now), signer, threading.Event(), **more)
    thread = threading.Thread(target=work.run)
    thread.start()
    try:
        yield work
    finally:
        work.stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def sequenced(archive):
    with archive.reading() as session:
        return log_size(session)


def signed(archive):
    with archive.reading() as session:
        head = newest_head(session)
    return head.size if head else 0


def test_what_is_committed_is_soon_in_a_signed_and_published_head(archive):
    signer = HeldSigner()
    with running(archive, signer):
        for total in (3, 303, 304):
            append(archive, total - signed(archive))
            wait_until(lambda total=total: signed(archive) == total)
            wait_until(lambda: published_head(archive.store) is not None)

    known = leaves(archive)
    checkpoint, _ = open_checkpoint(published_head(archive.store).encode(), [signer.verifier])
    assert (checkpoint.size, checkpoint.root) == (304, root(known))
    assert recovered(archive.store) == known
    assert wrong_chains(archive) == []


def test_a_growing_log_is_not_signed_more_often_than_once_a_second(sqlite_archive):
    signer = HeldSigner()
    with running(sqlite_archive, signer):
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            append(sqlite_archive, 1)
            time.sleep(0.05)
    assert 1 <= len(signer.signed) <= 4


def test_witnesses_are_asked_after_each_published_head(sqlite_archive):
    seen = []
    append(sqlite_archive, 2)
    with running(sqlite_archive, HeldSigner(), after_signing=lambda: seen.append(signed(sqlite_archive))):
        wait_until(lambda: bool(seen))

    assert seen[0] == 2


def test_a_second_sequencer_waits_until_the_first_has_ended(archive):
    signer = HeldSigner()
    append(archive, 2)
    with running(archive, signer):
        wait_until(lambda: signed(archive) == 2)
        with running(archive, signer) as second:
            time.sleep(0.5)
            assert second.size == 0
            append(archive, 1)
            wait_until(lambda: signed(archive) == 3)
            assert second.size == 0
    with running(archive, signer) as third:
        wait_until(lambda: third.size == 3)


class Absent(HeldSigner):
    """A signer that does not answer until it is there."""

    is_there = False

    def head(self) -> tuple[int, bytes]:
        if not self.is_there:
            raise SignerUnavailable("no socket")
        return super().head()


def test_without_its_signer_nothing_is_sequenced_and_all_of_it_is_when_it_comes(sqlite_archive):
    append(sqlite_archive, 5)
    signer = Absent()
    with running(sqlite_archive, signer):
        time.sleep(0.5)
        assert sequenced(sqlite_archive) == 0
        signer.is_there = True
        wait_until(lambda: signed(sqlite_archive) == 5)


def test_a_signer_that_goes_away_later_holds_up_heads_only(sqlite_archive):
    signer = Absent()
    signer.is_there = True
    append(sqlite_archive, 1)
    with running(sqlite_archive, signer):
        wait_until(lambda: signed(sqlite_archive) == 1)
        signer.is_there = False
        append(sqlite_archive, 4)
        wait_until(lambda: sequenced(sqlite_archive) == 5)
        assert signed(sqlite_archive) == 1
        signer.is_there = True
        wait_until(lambda: signed(sqlite_archive) == 5)


@pytest.mark.parametrize("whose", ["signer", "store"])
def test_an_old_database_is_not_gone_on_with(sqlite_archive, expects_errors, caplog, whose):
    """Entries behind an old database's end would take the places of those that must be brought back."""
    expects_errors.append("log contradicted what was signed")
    signer = HeldSigner()
    if whose == "signer":
        signer.last = (9, bytes(32))
    else:
        body = HeldSigner().sign(9, bytes(32), [])
        sqlite_archive.store.put_bytes("derived/custody/checkpoint", body.encode())
    grow(sqlite_archive, 8)
    append(sqlite_archive, 5)

    with running(sqlite_archive, signer):
        wait_until(lambda: "log contradicted what was signed" in caplog.text)
        time.sleep(1.5)

    assert (sequenced(sqlite_archive), signer.signed) == (8, [])
    assert caplog.text.count("log contradicted what was signed") == 1, "one alarm, not one a second"


def test_after_a_lost_lead_the_log_is_looked_at_anew_before_anything_is_entered(
    sqlite_archive, expects_errors, caplog, monkeypatch
):
    """With the connection that held the lead another database may have come: a copy that is behind what was signed."""
    expects_errors.append("log contradicted what was signed")
    held, signer, is_gone = Leadership.is_mine, HeldSigner(), threading.Event()

    def is_mine(self):
        if is_gone.is_set():
            raise DatabaseBusy("the connection was lost")
        return held(self)

    monkeypatch.setattr(Leadership, "is_mine", is_mine)
    append(sqlite_archive, 3)
    with running(sqlite_archive, signer):
        wait_until(lambda: signed(sqlite_archive) == 3)
        is_gone.set()
        wait_until(lambda: "the connection was lost" in str([one.__dict__ for one in caplog.records]))
        signer.last = (9, bytes(32))  # what was signed is more than the database has that comes back
        append(sqlite_archive, 4)
        is_gone.clear()
        wait_until(lambda: "log contradicted what was signed" in caplog.text)
        time.sleep(0.5)

    assert (sequenced(sqlite_archive), signed(sqlite_archive)) == (3, 3)


def test_who_lost_the_lead_signs_no_heads(sqlite_archive, monkeypatch):
    held, signer, is_gone = Leadership.is_mine, HeldSigner(), threading.Event()
    monkeypatch.setattr(Leadership, "is_mine", lambda self: not is_gone.is_set() and held(self))
    append(sqlite_archive, 3)
    with running(sqlite_archive, signer) as work:
        wait_until(lambda: signed(sqlite_archive) == 3)
        is_gone.set()
        time.sleep(0.5)
        grow(sqlite_archive, 2)
        work.size = 5
        time.sleep(1.5)
        assert signer.signed == [(3, signer.signed[0][1])]
        is_gone.clear()
        wait_until(lambda: signed(sqlite_archive) == 5)


def test_a_sequencer_whose_heads_break_ends_and_says_so(sqlite_archive, expects_errors, monkeypatch):
    expects_errors.append("signing heads broke")
    monkeypatch.setattr(HeldSigner, "sign", lambda *_: 1 // 0)
    append(sqlite_archive, 2)
    work = Sequencing(replace(sqlite_archive, clock=utc_now), HeldSigner(), threading.Event())

    with pytest.raises(ToolFailed, match="anew"):
        work.run()
