"""The whole way of an export: asked for over HTTP, made, downloaded, checked by a stranger in an empty folder."""

import hashlib
import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.custody.cosignature import cosign
from services.custody.heads import keep_cosignature, newest_head
from services.custody.note import COSIGNATURE, read_note
from services.custody.policy import Policy, Witness
from services.custody.signingkey import SigningKey
from services.index.exports import ExportItem
from services.index.models import Object, Recording
from services.settings import Settings
from services.sqlite import sqlite_module
from services.storage import keys
from tests.archive_fixture import Empty
from tests.exporting import EXPORTS, FRAMES, Desk, fresh_desk, verify
from tests.footage import numbers


@pytest.fixture(scope="module")
def desk(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with fresh_desk(empty_sqlite, tmp_path_factory) as opened:
        yield opened


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Give a stranger's empty folder."""
    made = tmp_path / "empty"
    made.mkdir()
    return made


def everything(desk: Desk) -> list[dict[str, Any]]:
    """Name an item of each kind."""
    return [
        {"recording": desk.film, "kind": "original"},
        {"recording": desk.film, "kind": "verbatim", "start": "2", "end": "4"},
        {"recording": desk.film, "kind": "exact", "start": "2.2", "end": "00:00:05"},
        {"recording": desk.film, "kind": "still", "start": "3"},
        {"recording": desk.sound, "kind": "exact", "start": "1", "end": "3"},
        {"recording": desk.wreck, "kind": "original"},
    ]


def of(package: Path, name: str) -> bytes:
    with zipfile.ZipFile(package) as opened:
        return opened.read(name)


def verdicts(said: str) -> dict[str, set[str]]:
    """Give for each check the verdicts that were said."""
    found: dict[str, set[str]] = {}
    for line in said.splitlines():
        for verdict in ("PASS", "FAIL", "NOT CHECKED"):
            if line.startswith(f"{verdict} "):
                found.setdefault(line[12:].split()[0], set()).add(verdict)
    return found


def test_an_item_of_each_kind_holds_before_a_stranger(desk: Desk, tmp_path: Path, empty: Path) -> None:
    package = desk.make(tmp_path, *everything(desk), copies=2)
    key = desk.signer.public().keys[-1].public
    told = verify(package, empty, "--fingerprint", hashlib.sha256(key).hexdigest())

    assert told.returncode == 0, told.stdout + told.stderr
    found = verdicts(told.stdout)
    for check in ("CONTENTS", "FILE", "LOGGED", "HISTORY", "CONSISTENT"):
        assert found[check] == {"PASS"}, check
    assert found["ORIGIN"] == {"PASS", "NOT CHECKED"}  # the sound has no frames to prove
    assert found["WITNESSED"] == {"NOT CHECKED"}
    assert verify(package, empty, "--fingerprint", "00" * 32).returncode == 1


def test_the_files_are_what_was_asked_for(desk: Desk, tmp_path: Path) -> None:
    package = desk.make(tmp_path, *everything(desk))
    items = json.loads(of(package, "package.json"))["items"]

    assert [item["made"] for item in items] == ["original", "verbatim", "smart", "still", "encoded", "original"]
    with desk.archive.reading() as session:
        film = session.get_one(Recording, desk.film)
        assert hashlib.sha256(of(package, "items/001.mp4")).hexdigest() == film.sha256
        assert items[0]["filename"] == film.filename
    whole = numbers(of(package, "items/001.mp4"))
    assert len(whole) == FRAMES
    exact = numbers(of(package, "items/003.mp4"))
    assert exact == whole[53:120]  # the frames that begin in [2.2, 5) at 24 a second
    verbatim = numbers(of(package, "items/002.mp4"))
    low = whole.index(verbatim[0])
    assert verbatim == whole[low : low + len(verbatim)]
    assert {48, 95} <= set(range(low, low + len(verbatim)))
    assert of(package, "items/004.png")[:8] == b"\x89PNG\r\n\x1a\n"
    for name in ("items/002.mp4", "items/003.mp4", "items/005.mp4"):
        assert b"moof" not in of(package, name)


def test_copies_differ_in_nothing_but_their_number(desk: Desk, tmp_path: Path, empty: Path) -> None:
    export = desk.ask({"recording": desk.film, "kind": "original"}, copies=2)
    desk.work()
    one, two = desk.take(export, tmp_path, 1), desk.take(export, tmp_path, 2)

    with zipfile.ZipFile(one) as first, zipfile.ZipFile(two) as second:
        assert first.namelist() == second.namelist()
        other = {name for name in first.namelist() if first.read(name) != second.read(name)}
    assert other == {"contents.txt", "package.json", "report.html", "certificate.html", "README.txt"}
    assert (verify(one, empty).returncode, verify(two, empty).returncode) == (0, 0)


def test_every_recording_knows_of_its_export_and_of_nobody_who_asked(desk: Desk, tmp_path: Path) -> None:
    package = desk.make(tmp_path, *everything(desk))
    export = json.loads(of(package, "package.json"))["export"]
    lines = desk.entries(desk.film, "rec.export")
    mine = [one for one in lines if json.loads(one.values["export"]) == export]
    history = json.loads(of(package, f"history/{desk.film}.json"))
    last = history["entries"][-1]

    assert [json.loads(one.values["item"]) for one in mine] == [1, 2, 3, 4]
    assert json.loads(last["entry"])["t"] == "rec.export"
    shown = {field[0] for field in last["fields"] if len(field) == 3}
    assert shown == {
        "export", "item", "kind", "made", "file", "sha256", "size", "chunk_log2", "chunk_root", "start", "end",
        "copies", "recipient", "purpose", "case",
    }  # fmt: skip
    assert [len(field) for field in last["fields"]].count(1) == 1
    assert b'"li"' not in of(package, f"history/{desk.film}.json").replace(b'\\"', b'"')


def test_an_audit_sees_who_did_what(desk: Desk, tmp_path: Path, empty: Path) -> None:
    package = desk.make(tmp_path, {"recording": desk.film, "kind": "original"}, disclosure="audit")
    entries = json.loads(of(package, f"history/{desk.film}.json"))["entries"]

    assert all(len(field) == 3 for entry in entries for field in entry["fields"])
    assert ["actor", '"li"'] in [[field[0], field[2]] for field in entries[-1]["fields"]]
    assert verify(package, empty).returncode == 0


def test_what_was_expunged_stays_a_commitment_and_the_package_holds(desk: Desk, tmp_path: Path, empty: Path) -> None:
    database = sqlite_module().connect(desk.archive.settings.paths.home / "archive.db")
    expunged = database.execute("UPDATE payload SET value = NULL, salt = NULL WHERE name = 'filename'").rowcount
    database.commit()
    database.close()
    package = desk.make(tmp_path, {"recording": desk.wreck, "kind": "original"}, disclosure="audit")

    entries = json.loads(of(package, f"history/{desk.wreck}.json"))["entries"]
    hidden = [field for entry in entries for field in entry["fields"] if len(field) == 1]

    assert expunged > 0
    assert hidden
    assert "filename" not in [field[0] for entry in entries for field in entry["fields"] if len(field) == 3]
    assert verify(package, empty).returncode == 0


def test_one_changed_byte_anywhere_is_found(desk: Desk, tmp_path: Path, empty: Path) -> None:
    package = desk.make(tmp_path, {"recording": desk.film, "kind": "verbatim", "start": "2", "end": "4"})
    content = bytearray(package.read_bytes())
    step = len(content) // 40
    for at in range(11, len(content), step):
        content[at] ^= 0x10
        package.chmod(0o600)
        package.write_bytes(content)
        program = desk.archive.settings.paths.home / "verify.py"
        if not program.exists():
            clean = desk.make(tmp_path.parent, {"recording": desk.wreck, "kind": "original"})
            program.write_bytes(of(clean, "verify.py"))
        told = run(program, package, empty)
        assert told in (1, 2), at
        content[at] ^= 0x10


def run(program: Path, package: Path, empty: Path) -> int:
    command = [sys.executable, "-I", "-S", str(program), str(package)]
    return subprocess.run(command, cwd=empty, capture_output=True, check=False, timeout=120).returncode


def test_time_stamps_of_heads_are_enclosed(desk: Desk, tmp_path: Path, empty: Path) -> None:
    desk.make(tmp_path, {"recording": desk.wreck, "kind": "original"})
    with desk.archive.reading() as session:
        head = newest_head(session)
    assert head is not None
    answer = b"an authority's answer: " + hashlib.sha256(read_note(head.note.encode()).text).digest()
    desk.archive.store.put_bytes(keys.log_timestamp(head.size), answer)
    package = desk.make(tmp_path, {"recording": desk.film, "kind": "original"})
    told = verify(package, empty)

    assert of(package, f"timestamps/{head.size}.tsr") == answer
    sizes = [int(one["note"].splitlines()[1]) for one in json.loads(of(package, "log/consistency.json"))["heads"]]
    assert head.size in sizes
    assert sizes == sorted(set(sizes))
    assert (told.returncode, verdicts(told.stdout)["TIME"]) == (0, {"NOT CHECKED"})


def test_people_can_read_what_they_sign(desk: Desk, tmp_path: Path) -> None:
    package = desk.make(
        tmp_path, {"recording": desk.film, "kind": "original"}, recipient='<b>"检察院" & 他人</b>', copies=3
    )
    report, certificate = (of(package, name).decode() for name in ("report.html", "certificate.html"))
    readme = of(package, "README.txt").decode()
    digest = json.loads(of(package, f"history/{desk.film}.json"))["entries"][-1]
    sha256 = next(field[2] for field in digest["fields"] if field[0] == "sha256").strip('"')

    for page in (report, certificate):
        assert "&lt;b&gt;&quot;检察院&quot; &amp; 他人&lt;/b&gt;" in page
        assert "<b>" not in page
        assert sha256 in page
        assert "1 / 3" in page
        assert "<svg" in page
        assert "default-src 'none'" in page
        assert "NOT CHECKED" in page
        assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    fingerprint = hashlib.sha256(desk.signer.public().keys[-1].public).hexdigest()
    assert all(fingerprint[:8] in text for text in (report, certificate, readme))
    assert "移交人" in certificate
    assert "902(14)" in certificate


# --- witnesses -----------------------------------------------------------------------------------------------------


def with_policy(desk: Desk, folder: Path, key: SigningKey, patience_s: float) -> Settings:
    policy = Policy(witnesses=(Witness("court", key.verifier),), quorum="court")
    file = folder / "policy.txt"
    file.write_bytes(policy.content)
    return desk.archive.settings.model_copy(update={"policy_file": file, "witness_patience_s": patience_s})


@pytest.fixture
def witness() -> SigningKey:
    return SigningKey("court.example/w", COSIGNATURE, bytes(range(32)))


def test_a_quorum_that_does_not_answer_is_said_in_words(
    desk: Desk, tmp_path: Path, empty: Path, witness: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = with_policy(desk, tmp_path, witness, 0.3)
    monkeypatch.setitem(desk.archive.__dict__, "settings", settings)
    package = desk.make(tmp_path, {"recording": desk.film, "kind": "original"})
    told = verify(package, empty)
    outside = verify(package, empty, "--policy", str(outside_policy(desk, tmp_path, witness)))

    assert json.loads(of(package, "package.json"))["witnessed"] == "none-in-time"
    assert (told.returncode, verdicts(told.stdout)["WITNESSED"]) == (0, {"NOT CHECKED"})
    assert (outside.returncode, verdicts(outside.stdout)["WITNESSED"]) == (1, {"FAIL"})
    assert "Too few outside witnesses answered in time" in of(package, "certificate.html").decode()


def outside_policy(desk: Desk, folder: Path, key: SigningKey) -> Path:
    file = folder / "outside.txt"
    policy = Policy(witnesses=(Witness("court", key.verifier),), quorum="court")
    file.write_bytes(policy.with_logs(desk.signer.public().all_keys).content)
    return file


def test_a_quorum_that_answers_is_waited_for(
    desk: Desk, tmp_path: Path, empty: Path, witness: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = with_policy(desk, tmp_path, witness, 60)
    monkeypatch.setitem(desk.archive.__dict__, "settings", settings)
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            with desk.archive.reading() as session:
                head = newest_head(session)
            if head is not None:
                at = datetime.now(UTC)
                line = cosign(witness, read_note(head.note.encode()).text, at).line
                keep_cosignature(desk.archive.engine, head.size, witness.name, at, line)
            time.sleep(0.2)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        package = desk.make(tmp_path, {"recording": desk.film, "kind": "original"})
    finally:
        stop.set()
        thread.join()
    told = verify(package, empty, "--policy", str(outside_policy(desk, tmp_path, witness)))

    assert json.loads(of(package, "package.json"))["witnessed"] == "quorum"
    assert (told.returncode, verdicts(told.stdout)["WITNESSED"]) == (0, {"PASS"})
    assert "court" in of(package, "report.html").decode()


# --- what fails, fails closed --------------------------------------------------------------------------------------


def original_file(desk: Desk, recording: str) -> Path:
    with desk.archive.reading() as session:
        obj = session.get_one(Object, session.get_one(Recording, recording).object_id)
    found = [one for one in desk.archive.settings.paths.store.rglob(Path(obj.key).name) if one.is_file()]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("kind", ["original", "verbatim", "exact", "still"])
def test_a_tampered_original_gives_no_package_but_an_alarm(
    desk: Desk, kind: str, expects_errors: list[str], tmp_path: Path
) -> None:
    expects_errors.append("export failed")
    file, more = original_file(desk, desk.film), {} if kind == "original" else {"start": "2"}
    before = file.read_bytes()
    export = desk.ask({"recording": desk.film, "kind": kind, **more})
    file.chmod(0o600)
    file.write_bytes(before[:-1000] + bytes([before[-1000] ^ 1]) + before[-999:])
    try:
        desk.work()
    finally:
        file.write_bytes(before)
    seen = desk.see(export)

    assert (seen["state"], seen["packages"], seen["problems"][0]["code"]) == ("failed", [], "digest-mismatch")
    assert [json.loads(one.values["code"]) for one in desk.entries(export, "export.fail")] == ["digest-mismatch"]
    assert desk.reviewer.get(f"{EXPORTS}/{export}/package").status_code == 410
    assert not list(desk.archive.store.keys(f"derived/exports/{export}/"))
    assert [one for one in desk.entries(desk.film, "rec.export") if export in one.values["export"]] == []


def test_a_kept_item_that_was_changed_fails(
    desk: Desk, expects_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expects_errors.append("export failed")
    export = desk.ask({"recording": desk.film, "kind": "still", "start": "1"})
    stop_at(desk, monkeypatch, "services.api.actions.pack_export.await_head")
    desk.archive.store.put_bytes(f"derived/exports/{export}/items/001.png", b"another picture")
    monkeypatch.undo()
    desk.clock.advance(120)
    desk.work()

    assert desk.see(export)["problems"][0]["code"] == "digest-mismatch"


def stop_at(desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Let the worker die at a step, as a kill does: nothing behind it runs."""

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(where, die)
    with pytest.raises(Killed):
        desk.work()


def test_a_package_that_its_own_verifier_refuses_is_not_released(
    desk: Desk, expects_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expects_errors.append("export failed")
    monkeypatch.setattr("services.api.actions.pack_export.consistency_json", lambda *_: b'{"heads":[]}\n')
    export = desk.ask({"recording": desk.wreck, "kind": "original"})
    desk.work()
    seen = desk.see(export)

    assert (seen["state"], seen["problems"][0]["code"], seen["packages"]) == ("failed", "proof-refused", [])
    assert "FAIL" in seen["problems"][0]["detail"]
    assert not list(desk.archive.store.keys(f"derived/exports/{export}/"))


def test_without_a_signer_it_waits_and_says_for_what(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    away = desk.archive.settings.model_copy(update={"signer_socket": Path("/nonexistent/socket")})
    export = desk.ask({"recording": desk.wreck, "kind": "original"})
    with monkeypatch.context() as patched:
        patched.setitem(desk.archive.__dict__, "settings", away)
        desk.work()
    seen = desk.see(export)
    assert (seen["state"], seen["problems"][0]["code"]) == ("queued", "signer-unavailable")
    assert desk.reviewer.get(f"{EXPORTS}/{export}/package").status_code == 409

    desk.clock.advance(60)
    desk.work()

    assert desk.see(export)["state"] == "made"


STEPS = (
    "services.api.actions.enter_export.lent_original",
    "services.api.actions.enter_export.make_item",
    "services.api.actions.enter_export._enter",
    "services.api.actions.enter_export._file_of",
    "services.api.actions.pack_export._receipts",
    "services.api.actions.pack_export.await_head",
    "services.api.actions.pack_export.build_copy",
    "services.api.actions.pack_export.try_package",
    "services.api.actions.pack_export.print_file",
    "services.api.actions.pack_export._release",
    "services.api.actions.pack_export._tidy",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_dies_at_any_step_leaves_a_whole_export_to_the_next(
    desk: Desk, step: str, tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = desk.ask(
        {"recording": desk.film, "kind": "exact", "start": "2.2", "end": "4"},
        {"recording": desk.film, "kind": "original"},
    )
    stop_at(desk, monkeypatch, step)
    monkeypatch.undo()
    seen = desk.see(export)
    if step.rpartition(".")[2] != "_tidy":
        assert (seen["state"] in ("queued", "entered"), seen["packages"]) == (True, [])
        assert desk.reviewer.get(f"{EXPORTS}/{export}/package").status_code == 409
    desk.clock.advance(120)
    desk.work()

    assert desk.see(export)["state"] == "made"
    entered = [one for one in desk.entries(desk.film, "rec.export") if export in one.values["export"]]
    assert [json.loads(one.values["item"]) for one in entered] == [1, 2]
    with desk.archive.reading() as session:
        events = session.scalars(select(ExportItem.event_id).where(ExportItem.export_id == export)).all()
    assert set(events) == {one.entry.id for one in entered}
    assert verify(desk.take(export, tmp_path), empty).returncode == 0
    assert len(desk.entries(export, "export.release")) == 1
