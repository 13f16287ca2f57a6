"""What `huisu doctor` says of the log: how far entries are behind it, and its signed head behind them."""

from services.custody.heads import sign_head
from services.up import doctor
from tests.custody.growing import append, grow
from tests.custody.held_signer import HeldSigner


def lines(archive):
    return {line.what: (line.level, line.found) for line in doctor._log(archive) if line.what in ("sequencer", "log")}


def test_an_empty_log_is_fine(sqlite_archive):
    assert lines(sqlite_archive) == {"sequencer": ("ok", "nothing waits"), "log": ("ok", "0 entries, never signed")}


def test_a_log_that_nobody_signs_is_bad(sqlite_archive):
    grow(sqlite_archive, 3)

    assert lines(sqlite_archive)["log"] == ("bad", "3 entries, never signed")


def test_entries_that_wait_are_bad_once_they_wait_longer_than_receipts_promise(sqlite_archive, clock):
    append(sqlite_archive, 2)

    clock.advance(60)
    assert lines(sqlite_archive)["sequencer"] == ("ok", "2 entries wait, the oldest for 60 s")
    clock.advance(1)
    assert lines(sqlite_archive)["sequencer"] == ("bad", "2 entries wait, the oldest for 61 s")


def test_a_head_that_stays_behind_is_bad(sqlite_archive, clock):
    grow(sqlite_archive, 3)
    sign_head(sqlite_archive.engine, HeldSigner(), 3, clock())

    clock.advance(3600)
    assert lines(sqlite_archive)["log"] == ("ok", "3 entries, 3 of them signed 3600 s ago")
    grow(sqlite_archive, 1)
    assert lines(sqlite_archive)["log"] == ("bad", "4 entries, 3 of them signed 3600 s ago")
