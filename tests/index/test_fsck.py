"""Catalogue, ledger and store agree, or the check names what does not, whatever was tampered with."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.bootstrap import Archive, new_id
from services.custody.entry import leaf_hash
from services.custody.sequencer import integrate
from services.custody.tables import pending
from services.digest import Digest
from services.index.fsck import Finding, check
from services.index.models import Arrival, Object, Recording, Rendition, Upload
from services.jobs.lease import ask, claim, finish
from services.storage import keys
from tests.archive_fixture import (
    HeldClock,
    add_case,
    add_device,
    add_incident,
    add_recording,
    add_rendition,
    add_roster,
    add_unit,
    add_user,
    link,
)
from tests.tampering import flipped, tamper

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def recording(archive: Archive) -> str:
    """One recording among other things that have chains."""
    unit = add_unit(archive)
    add_user(archive, "reviewer", unit)
    one = add_recording(archive, content=CONTENT, unit=unit, filename="执法.mp4", officer="7")
    link(archive, one, "case", add_case(archive, "A1", incidents=[add_incident(archive, "J1", officers=["7"])]))
    add_rendition(archive, one, "proxy", b"proxy bytes")
    return one


def findings(archive: Archive, *, deep: bool = False) -> list[Finding]:
    with archive.reading() as session:
        return list(check(session, archive.store, deep=deep))


def kinds(found: list[Finding]) -> set[tuple[str, str]]:
    return {(one.severity, one.kind) for one in found}


def stored(archive: Archive, table: Any, recording: str) -> Path:
    """The file of the first object of a kind of row."""
    with archive.reading() as session:
        key = session.scalars(select(table.key).where(table.recording_id == recording)).first()
    return archive.settings.paths.store / str(key)


def write(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def hexed(ident: str) -> str:
    return ident.replace("-", "")


def test_a_whole_archive_has_no_findings(archive: Archive, recording: str, clock: HeldClock) -> None:
    add_recording(archive, content=CONTENT)
    add_recording(archive, content=b"", verified=False)
    device = add_device(archive, "D1")
    add_roster(archive, device, "7", clock.now)
    link(archive, recording, "case", add_case(archive, "A2"), ended=True)
    with archive.plain() as session:
        ask(session, "render", recording, clock.now)
    job = claim(archive.engine, ["render"], clock.now)
    assert job is not None
    finish(archive.engine, job, clock.now)
    told: dict[str, int] = {}

    with archive.reading() as session:
        found = list(check(session, archive.store, deep=True, progress=told.__setitem__))
    assert found == []
    assert told["originals"] == told["renditions"] + 1 == 2
    assert told["arrivals"] == told["uploads"] == 3
    assert told["jobs"] == 1
    assert told["untracked"] == 5
    assert told["chains"] > 8


def test_more_things_than_one_portion_are_all_looked_at(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("finding", "chains", "objects"):
        monkeypatch.setattr(f"services.index.fsck.{module}.PORTION", 2)
    made = [add_recording(sqlite_archive) for _ in range(5)]
    stored(sqlite_archive, Object, made[-1]).unlink()
    told: dict[str, int] = {}

    with sqlite_archive.reading() as session:
        found = list(check(session, sqlite_archive.store, progress=told.__setitem__))
    assert [one.kind for one in found] == ["missing"]
    assert (told["originals"], told["untracked"]) == (5, 9)


# --- the store ----------------------------------------------------------------------------------------------------


def test_any_flipped_bit_of_an_original_is_found_by_reading_it(sqlite_archive: Archive) -> None:
    recording = add_recording(sqlite_archive, content=CONTENT)
    path = stored(sqlite_archive, Object, recording)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(CONTENT) * 8 - 1))
    def holds(bit: int) -> None:
        flipped = bytearray(CONTENT)
        flipped[bit // 8] ^= 1 << bit % 8
        write(path, bytes(flipped))

        found = findings(sqlite_archive, deep=True)
        assert [(one.severity, one.kind) for one in found] == [("error", "changed")]
        assert path.name in found[0].thing

    holds()
    assert findings(sqlite_archive) == []


def test_a_shorter_original_is_found_by_its_size(archive: Archive, recording: str) -> None:
    write(stored(archive, Object, recording), CONTENT[:-1])

    found = findings(archive)
    assert kinds(found) == {("error", "changed")}
    assert (found[0].expected, found[0].found) == ("5,120 bytes", "5,119")


def test_an_original_that_is_gone_is_missing(archive: Archive, recording: str) -> None:
    path = stored(archive, Object, recording)
    path.unlink()

    found = findings(archive)
    assert kinds(found) == {("error", "missing")}
    assert str(found[0]).startswith(f"error: missing: original originals/sha256/{path.name[:2]}/")


def test_an_original_of_another_version_is_missing(archive: Archive, recording: str) -> None:
    tamper(archive, "UPDATE objects SET version_id = '2' WHERE recording_id = ?", hexed(recording))

    found = findings(archive)
    assert kinds(found) == {("error", "missing"), ("error", "untracked")}
    assert found[0].found == "versions 1"


@pytest.mark.parametrize("content", [None, b"not JSON", b'{"sha256": "00"}', b"[]", b"x" * ((1 << 20) + 1)])
def test_an_arrival_that_is_gone_or_tells_otherwise_is_found(sqlite_archive: Archive, content: bytes | None) -> None:
    path = stored(sqlite_archive, Arrival, add_recording(sqlite_archive))
    if content is None:
        path.unlink()
    else:
        write(path, content)

    found = findings(sqlite_archive, deep=True)
    assert kinds(found) == {("error", "missing" if content is None else "changed")}


def test_a_rendition_that_is_gone_or_changed_is_a_warning(archive: Archive, recording: str) -> None:
    add_rendition(archive, recording, "poster", b"poster bytes")
    with archive.reading() as session:
        files = {row.kind: archive.settings.paths.store / row.key for row in session.scalars(select(Rendition))}
    files["proxy"].unlink()
    write(files["poster"], b"POSTER bytes")

    assert [str(one).split(" of ")[0] for one in findings(archive)] == ["warning: missing: proxy"]
    assert kinds(findings(archive, deep=True)) == {("warning", "missing"), ("warning", "changed")}


def test_what_nobody_knows_is_untracked_and_stays(archive: Archive, recording: str) -> None:
    digest = Digest("sha256", bytes(32))
    with archive.reading() as session:
        known = Digest.from_hex(session.get_one(Recording, recording).sha256)
    strays = [keys.original(digest), keys.arrival(known, new_id()), keys.arrival(known, "x"), "originals/sha256/stray"]
    for key in strays:
        archive.store.put_bytes(key, b"who put this here?")

    found = findings(archive)
    assert kinds(found) == {("error", "untracked")}
    assert {one.thing for one in found} == {f"object {key}" for key in strays}
    assert all(archive.store.stat(key) for key in strays)


def test_what_an_upload_is_just_bringing_in_is_no_finding(archive: Archive, clock: HeldClock) -> None:
    upload, digest = new_id(), Digest("sha256", bytes(32))
    archive.store.put_bytes(keys.original(digest), b"on its way")
    archive.store.put_bytes(keys.arrival(digest, upload), b"{}")
    with archive.plain() as session:
        session.add(
            Upload(
                id=upload,
                gate="g1",
                state="received",
                size_bytes=10,
                sender_id=new_id(),
                sender="dock-1",
                sha256=digest.hex,
                created_at=clock.now,
                changed_at=clock.now,
                expires_at=clock.now,
            )
        )

    assert findings(archive) == []


# --- the ledger ---------------------------------------------------------------------------------------------------


def entries(archive: Archive, recording: str) -> list[Any]:
    with archive.reading() as session:
        return list(session.execute(select(pending).where(pending.c.obj == recording).order_by(pending.c.n)).all())


Tampering = Callable[[Archive, str], None]


def alter_value(archive: Archive, recording: str) -> None:
    event = entries(archive, recording)[0].event_id
    tamper(archive, "UPDATE payload SET value = '\"8\"' WHERE event_id = ? AND name = 'officer'", hexed(event))


def remove_field(archive: Archive, recording: str) -> None:
    event = entries(archive, recording)[0].event_id
    tamper(archive, "DELETE FROM payload WHERE event_id = ? AND name = 'officer'", hexed(event))


def remove_salt(archive: Archive, recording: str) -> None:
    event = entries(archive, recording)[0].event_id
    tamper(archive, "UPDATE payload SET salt = NULL WHERE event_id = ? AND name = 'officer'", hexed(event))


def alter_time(archive: Archive, recording: str) -> None:
    line = entries(archive, recording)[1]
    text = line.entry.replace(b'"ts":"2026', b'"ts":"2025')
    tamper(archive, "UPDATE pending SET entry = ? WHERE event_id = ?", text, hexed(line.event_id))


def alter_time_and_hash(archive: Archive, recording: str) -> None:
    line = entries(archive, recording)[1]
    text = line.entry.replace(b'"ts":"2026', b'"ts":"2025')
    statement = "UPDATE pending SET entry = ?, leaf_hash = ? WHERE event_id = ?"
    tamper(archive, statement, text, leaf_hash(text), hexed(line.event_id))


def make_unreadable(archive: Archive, recording: str) -> None:
    line = entries(archive, recording)[1]
    tamper(archive, "UPDATE pending SET entry = ? WHERE event_id = ?", b"{}", hexed(line.event_id))


def remove_middle(archive: Archive, recording: str) -> None:
    event = entries(archive, recording)[1].event_id
    tamper(archive, "DELETE FROM payload WHERE event_id = ?", hexed(event))
    tamper(archive, "DELETE FROM pending WHERE event_id = ?", hexed(event))


def remove_last(archive: Archive, recording: str) -> None:
    event = entries(archive, recording)[-1].event_id
    tamper(archive, "DELETE FROM payload WHERE event_id = ?", hexed(event))
    tamper(archive, "DELETE FROM pending WHERE event_id = ?", hexed(event))


def remove_head(archive: Archive, recording: str) -> None:
    tamper(archive, "DELETE FROM object_head WHERE obj = ?", hexed(recording))


def remove_chain(archive: Archive, recording: str) -> None:
    for line in entries(archive, recording):
        tamper(archive, "DELETE FROM payload WHERE event_id = ?", hexed(line.event_id))
    tamper(archive, "DELETE FROM pending WHERE obj = ?", hexed(recording))
    tamper(archive, "DELETE FROM object_head WHERE obj = ?", hexed(recording))


def move_entry(archive: Archive, recording: str) -> None:
    tamper(archive, "UPDATE pending SET obj = ? WHERE obj = ? AND n = 0", hexed(new_id()), hexed(recording))


def add_payload(archive: Archive, _recording: str) -> None:
    statement = "INSERT INTO payload (event_id, name, commitment) VALUES (?, 'note', ?)"
    tamper(archive, statement, hexed(new_id()), bytes(32))


def change_digest(archive: Archive, recording: str) -> None:
    tamper(archive, "UPDATE recordings SET sha256 = ? WHERE id = ?", "0" * 64, hexed(recording))


def change_chunk_root(archive: Archive, recording: str) -> None:
    tamper(archive, "UPDATE objects SET chunk_root = ? WHERE recording_id = ?", bytes(32), hexed(recording))


def slip_in_a_case(archive: Archive, _recording: str) -> None:
    columns = ", ".join(c.name for c in Object.metadata.tables["cases"].columns if c.name not in ("id", "number"))
    statement = f"INSERT INTO cases (id, number, {columns}) SELECT ?, 'A9', {columns} FROM cases LIMIT 1"
    tamper(archive, statement, hexed(new_id()))


TAMPERINGS: list[tuple[Tampering, str, str]] = [
    (alter_value, "changed", "field officer of entry 0"),
    (remove_field, "changed", "payload of entry 0"),
    (remove_salt, "changed", "field officer of entry 0"),
    (alter_time, "chain", "entry 1"),
    (alter_time_and_hash, "chain", "entry 2"),
    (make_unreadable, "chain", "entry 1"),
    (remove_middle, "chain", "entry 1"),
    (remove_last, "chain", "last entry"),
    (remove_head, "chain", "head"),
    (remove_chain, "missing", "recording"),
    (move_entry, "chain", "entry 0"),
    (add_payload, "chain", "payload of"),
    (change_digest, "changed", "sha256 of recording"),
    (change_chunk_root, "changed", "chunk_root of recording"),
    (slip_in_a_case, "chain", "row of cases"),
]


@pytest.mark.parametrize(("change", "kind", "thing"), TAMPERINGS, ids=[one[0].__name__ for one in TAMPERINGS])
def test_the_ledger_betrays(archive: Archive, recording: str, change: Tampering, kind: str, thing: str) -> None:
    assert findings(archive) == []
    change(archive, recording)

    found = findings(archive)
    assert any(one.kind == kind and one.thing.startswith(thing) for one in found), found
    assert all(one.severity == "error" for one in found)


def test_any_flipped_bit_of_the_ledger_is_found(sqlite_archive: Archive) -> None:
    add_recording(sqlite_archive, officer="7")
    add_unit(sqlite_archive)
    columns = {
        "pending": ("entry", "leaf_hash", "obj", "event_id"),
        "payload": ("salt", "value", "commitment", "name"),
        "object_head": ("leaf_hash",),
    }
    places = [(table, column) for table, names in columns.items() for column in names]
    assert findings(sqlite_archive) == []

    def read(statement: str) -> list[Any]:
        with sqlite_archive.engine.connect() as connection:
            return list(connection.exec_driver_sql(statement).all())

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(places), st.integers(0, 10_000), st.integers(0, 10_000))
    def holds(place: tuple[str, str], which: int, bit: int) -> None:
        table, column = place
        rows = read(f"SELECT rowid, {column} FROM {table} ORDER BY rowid")
        rowid, was = rows[which % len(rows)]
        statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
        tamper(sqlite_archive, statement, flipped(was, bit), rowid)
        try:
            assert findings(sqlite_archive) != []
        finally:
            tamper(sqlite_archive, statement, was, rowid)

    holds()
    assert findings(sqlite_archive) == []


def test_a_field_that_was_expunged_is_no_finding(archive: Archive, recording: str) -> None:
    event = entries(archive, recording)[0].event_id
    statement = "UPDATE payload SET salt = NULL, value = NULL WHERE event_id = ? AND name = 'officer'"
    tamper(archive, statement, hexed(event))

    assert findings(archive) == []


# --- what is said to be done --------------------------------------------------------------------------------------


def test_a_verified_upload_needs_an_original_that_was_read_back(archive: Archive, recording: str) -> None:
    tamper(archive, "UPDATE objects SET verified_at = NULL WHERE recording_id = ?", hexed(recording))

    found = findings(archive)
    assert kinds(found) == {("error", "unverified")}
    assert "that is verified" in found[0].thing


def test_an_upload_that_is_safe_needs_its_recording(archive: Archive, recording: str, clock: HeldClock) -> None:
    with archive.plain() as session:
        upload = session.scalars(select(Upload).where(Upload.recording_id == recording)).one()
        upload.recording_id = new_id()
        upload.changed_at = clock.now + timedelta(seconds=1)

    assert kinds(findings(archive)) == {("error", "missing")}


@pytest.mark.parametrize("kind", ["accession", "read-back", "examine", "render"])
def test_a_job_that_says_done_must_have_done_it(sqlite_archive: Archive, clock: HeldClock, kind: str) -> None:
    recording = add_recording(sqlite_archive, verified=False)
    key = recording
    with sqlite_archive.plain() as session:
        if kind in ("accession", "read-back"):
            upload = session.scalars(select(Upload)).one()
            key = upload.id
            upload.recording_id = None if kind == "accession" else upload.recording_id
            upload.state = "received" if kind == "accession" else upload.state
        ask(session, kind, key, clock.now, gate="g1")
    job = claim(sqlite_archive.engine, ["gate.g1", "examine", "render"], clock.now)
    assert job is not None
    assert findings(sqlite_archive) == []
    finish(sqlite_archive.engine, job, clock.now)

    found = findings(sqlite_archive)
    assert [(one.kind, one.thing) for one in found] == [("undone", f"job {kind} of {key}")]


@pytest.mark.parametrize("kind", ["examine", "render"])
def test_a_job_of_a_recording_that_is_not_there_is_found(sqlite_archive: Archive, clock: HeldClock, kind: str) -> None:
    with sqlite_archive.plain() as session:
        ask(session, kind, new_id(), clock.now)
    job = claim(sqlite_archive.engine, [kind], clock.now)
    assert job is not None
    finish(sqlite_archive.engine, job, clock.now)

    assert [one.found for one in findings(sqlite_archive)] == ["none"]


def test_a_version_that_nobody_pinned_above_the_original_is_named(archive: Archive, tmp_path: Path) -> None:
    recording = add_recording(archive, content=CONTENT)
    forged = tmp_path / "forged.mp4"
    forged.write_bytes(b"forged" * 900)
    key = str(stored(archive, Object, recording).relative_to(archive.settings.paths.store))

    archive.store.mend(key, forged)

    (found,) = findings(archive, deep=True)
    assert (found.severity, found.kind) == ("error", "untracked")
    assert str(found).endswith("expected 1, found 2")


def test_a_delete_marker_is_named(sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    add_recording(sqlite_archive, content=CONTENT)
    listed = type(sqlite_archive.store).keys

    def hidden(self: Any, prefix: str) -> Any:
        return (replace(kept, is_hidden=keys.digest_of_original(kept.key) is not None) for kept in listed(self, prefix))

    monkeypatch.setattr(type(sqlite_archive.store), "keys", hidden)  # a folder has none; S3's own are in its tests

    (found,) = findings(sqlite_archive)
    assert "a delete marker on top" in str(found)


def test_what_was_disposed_of_and_is_still_there_is_named(archive: Archive) -> None:
    recording = add_recording(archive, content=CONTENT)
    with archive.work() as work:
        work.session.get_one(Recording, recording).state = "disposed"
        work.append("rec.meta", recording, actor="test")

    (found,) = findings(archive)

    assert found.kind == "undone"
    assert "disposed original" in str(found)


def test_a_recording_that_the_ledger_took_in_has_a_row(archive: Archive) -> None:
    lost = new_id()
    with archive.work() as work:
        work.append("rec.ingest", lost, sha256="00" * 32, size=1)

    (waiting,) = findings(archive)
    assert integrate(archive.engine) == 1
    (found,) = findings(archive)
    assert waiting == found
    assert (found.kind, found.thing) == ("missing", f"recording {lost}")
