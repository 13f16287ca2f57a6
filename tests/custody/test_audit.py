"""The audit of log and chains: nothing is found where nothing was done, and whatever was done is found."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.custody.audit import Flaw, audit, said_by
from services.custody.entry import Entry, entry_bytes, leaf_hash, read_entry
from services.custody.heads import sign_head
from services.custody.note import VerifierKey
from tests.archive_fixture import NOON
from tests.custody.growing import append, grow
from tests.custody.held_signer import HeldSigner
from tests.tampering import flipped, tamper

TIMES = 1500 if os.environ.get("HUISU_SOAK") else 120
SIZE = 600


def flaws(archive, keys=()) -> list[Flaw]:
    with archive.reading() as session:
        return list(audit(session, keys))


@pytest.fixture
def signer() -> HeldSigner:
    return HeldSigner()


@pytest.fixture
def key(signer: HeldSigner) -> VerifierKey:
    return signer.verifier


@pytest.fixture
def log(archive, signer):
    """A log of 600 entries with three signed heads, and a few entries that wait."""
    return _log(archive, signer)


@pytest.fixture
def sqlite_log(sqlite_archive, signer):
    return _log(sqlite_archive, signer)


def _log(archive, signer):
    for count in (100, 156, SIZE - 256):
        grow(archive, count)
        sign_head(archive.engine, signer, count if count == 100 else 256 if count == 156 else SIZE, NOON)
    append(archive, 5)
    return archive


def test_an_empty_ledger_has_no_flaw(archive) -> None:
    assert flaws(archive) == []


def test_a_whole_log_has_no_flaw(log, key) -> None:
    told: dict[str, int] = {}
    with log.reading() as session:
        found = list(audit(session, [key], told.__setitem__))

    assert found == []
    assert told == {"log": SIZE, "chains": SIZE + 5}


TAMPERINGS = [
    ("DELETE FROM entry WHERE idx = 300", "place 300 of the log"),
    ("DELETE FROM entry WHERE idx = 0", "place 0 of the log"),
    ("DELETE FROM entry WHERE idx = 599", "signed head of 600"),
    ("DELETE FROM tile WHERE n = 0", "tile/0/000"),
    ("DELETE FROM tile WHERE n = 1", "tile/0/001"),
    ("UPDATE tile SET n = 7 WHERE n = 1", "tile/0/001"),
    ("UPDATE tile SET level = 1 WHERE n = 1", "tile/0/001"),
    ("INSERT INTO tile SELECT 0, 2, root, hashes FROM tile WHERE n = 1", "tile/0/002"),
    ("UPDATE tile SET root = (SELECT t.root FROM tile t WHERE t.n = 1) WHERE n = 0", "tile/0/000"),
    ("UPDATE tile SET hashes = (SELECT t.hashes FROM tile t WHERE t.n = 1) WHERE n = 0", "tile/0/000"),
    ("UPDATE checkpoint SET size = 255 WHERE size = 256", "signed head of 255"),
    ("UPDATE checkpoint SET size = 601 WHERE size = 600", "signed head of 601"),
    ("UPDATE checkpoint SET root = (SELECT c.root FROM checkpoint c WHERE c.size = 100) WHERE size = 256",
     "signed head of 256"),
    ("UPDATE checkpoint SET note = (SELECT c.note FROM checkpoint c WHERE c.size = 100) WHERE size = 256",
     "signed head of 256"),
    ("UPDATE checkpoint SET note = 'x' WHERE size = 100", "signed head of 100"),
    ("UPDATE entry SET n = n + 50 WHERE idx = 599", "entry"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "thing"), TAMPERINGS, ids=[one[0][:50] for one in TAMPERINGS])
def test_what_was_done_to_the_log_is_named(log, key, statement: str, thing: str) -> None:
    tamper(log, statement)

    found = flaws(log, [key])

    assert any(one.thing.startswith(thing) for one in found), found


def test_two_entries_that_changed_places_are_found(log, key) -> None:
    for statement in (
        "UPDATE entry SET idx = -1 WHERE idx = 10",
        "UPDATE entry SET idx = 10 WHERE idx = 11",
        "UPDATE entry SET idx = 11 WHERE idx = -1",
    ):
        tamper(log, statement)

    assert {one.thing for one in flaws(log, [key])} >= {"tile/0/000", "signed head of 100", "signed head of 600"}


def test_history_written_anew_is_found_by_what_was_signed_alone(sqlite_log, key) -> None:
    """Somebody with all rights rewrites the last entry and its hash: only the signed head is left against it."""
    with sqlite_log.engine.connect() as connection:
        place, was = connection.exec_driver_sql("SELECT idx, entry FROM entry WHERE idx = 599").one()
    read = read_entry(was)
    anew = entry_bytes(Entry("sys.stop", read.id, read.at, read.obj, read.n, read.prev, read.commitment))
    tamper(sqlite_log, "UPDATE entry SET entry = ?, leaf_hash = ? WHERE idx = ?", anew, leaf_hash(anew), place)

    assert [one.thing for one in flaws(sqlite_log, [key])] == ["signed head of 600"]


def test_a_head_of_another_key_is_found_where_the_key_is_known(log) -> None:
    other = VerifierKey("custody.test.example/log1", 1, bytes(31) + b"\1")

    assert flaws(log) == []
    assert {one.expected for one in flaws(log, [other])} == {"a signature of the log's key"}


COLUMNS = [
    ("entry", "entry"), ("entry", "leaf_hash"), ("entry", "obj"), ("entry", "event_id"), ("entry", "n"),
    ("tile", "hashes"), ("tile", "root"), ("tile", "n"), ("checkpoint", "root"), ("checkpoint", "note"),
    ("checkpoint", "size"), ("pending", "entry"), ("pending", "leaf_hash"),
]  # fmt: skip


def test_any_flipped_bit_of_the_log_is_found(sqlite_log, key) -> None:
    def read(statement: str) -> list[Any]:
        with sqlite_log.engine.connect() as connection:
            return list(connection.exec_driver_sql(statement).all())

    @settings(max_examples=TIMES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(COLUMNS), st.integers(0, 10_000), st.integers(0, 100_000))
    def holds(place: tuple[str, str], which: int, bit: int) -> None:
        table, column = place
        rows = read(f"SELECT rowid, {column} FROM {table} ORDER BY rowid")
        rowid, was = rows[which % len(rows)]
        statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
        tamper(sqlite_log, statement, flipped(was, bit), rowid)
        try:
            assert flaws(sqlite_log, [key]) != []
        finally:
            tamper(sqlite_log, statement, was, rowid)

    holds()
    assert flaws(sqlite_log, [key]) == []


WHOLE = entry_bytes(
    Entry("rec.view.start", "01a20294-09d9-70b2-9a5a-081476ff8262", NOON, "01a20294-0a0c-745c-9286-f3489d4a56db", 17,
          bytes(range(32)), bytes(range(32, 64)))
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.sampled_from(["put", "insert", "cut"]))
def test_what_the_audit_takes_for_an_entry_every_reader_does(at: int, value: int, how: str) -> None:
    after = WHOLE[at:] if how == "insert" else WHOLE[at + 1 :]
    text = WHOLE[:at] + (b"" if how == "cut" else bytes([value])) + after
    try:
        said = said_by(text)
    except (ValueError, KeyError, TypeError):
        return

    read = read_entry(text)
    assert (said.type, said.id, said.obj, said.n) == (read.type, read.id, read.obj, read.n)


def test_a_day_that_never_was_is_no_entry() -> None:
    with pytest.raises(ValueError, match="day is out of range"):
        said_by(WHOLE.replace(b"2026-03-02", b"2026-02-30"))
