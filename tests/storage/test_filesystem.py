"""What only the folder store does: links instead of copies, full disks, an unmounted disk, lock files."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from pathlib import Path

import pytest

from services.digest import Digest, fingerprint_file
from services.errors import DiskFull, IntegrityError, ObjectConflict, StoreUnavailable
from services.storage import keys
from services.storage.durable import refusal
from services.storage.filesystem import FolderStore
from services.storage.places import FolderPlace
from services.storage.store import LockMode
from tests.conftest import ROOT
from tests.storage.child import told

Footage = Callable[[int], Path]
MIB = 1 << 20


def key_of(path: Path) -> str:
    return keys.original(fingerprint_file(path).digest)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_given_up_is_linked_and_not_written_again(folder_store: FolderStore, footage: Footage) -> None:
    source = footage(MIB)

    kept = folder_store.put(key_of(source), source, give=True)

    with folder_store.lend(kept.key, kept.version, fingerprint_file(source).digest) as lent:
        assert lent.samefile(source)
        assert lent.stat().st_mode & 0o777 == 0o400


def test_a_file_kept_back_is_copied_and_stays_writable(folder_store: FolderStore, footage: Footage) -> None:
    source = footage(MIB)
    before = source.stat().st_mode

    kept = folder_store.put(key_of(source), source)
    source.write_bytes(b"changed by its owner")

    assert source.stat().st_mode == before
    assert folder_store.stat(kept.key).size_bytes == MIB
    with pytest.raises(ObjectConflict):
        folder_store.put(kept.key, source)


def test_a_file_on_another_disk_is_copied(folder_store: FolderStore, tmp_path: Path, footage: Footage) -> None:
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system to give a file up from")
    source = shared_memory / f"huisu-test-{os.getpid()}"
    source.write_bytes(footage(MIB).read_bytes())
    try:
        kept = folder_store.put(key_of(source), source, give=True)

        assert b"".join(folder_store.read(kept.key, kept.version)) == source.read_bytes()
    finally:
        source.unlink()


def test_nothing_else_remains_after_a_put(folder_store: FolderStore, tmp_path: Path, footage: Footage) -> None:
    first, other = footage(10), footage(20)
    key = key_of(first)

    folder_store.put(key, first)
    folder_store.put(key, first, give=True)
    folder_store.put_bytes("derived/a/b", b"1")
    folder_store.put_bytes("derived/a/b", b"2")
    with pytest.raises(ObjectConflict):
        folder_store.put(key, other, give=True)

    assert sorted(files_in(tmp_path / "store")) == [tmp_path / "store/derived/a/b", tmp_path / "store" / key]


def test_a_full_disk_keeps_nothing_and_says_so(folder_store: FolderStore, tmp_path: Path, footage: Footage) -> None:
    source = footage(2 * MIB)

    words = run_child("put", tmp_path / "store", source, limit=MIB)

    assert "DiskFull" in words
    assert files_in(tmp_path / "store") == []
    assert "kept" in run_child("give", tmp_path / "store", source, limit=MIB)  # a link needs no room


def test_a_really_full_disk_keeps_nothing_and_recovers(tmp_path: Path, footage: Footage) -> None:
    source, small = footage(4 * MIB), footage(1000)
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here to mount a small disk with")
    script = """
        mount -t tmpfs -o size=2m huisu "$1" || exit 77
        "$2" - "$3" "$4" "$1/store" <<'END'
import sys
from pathlib import Path
from services.errors import DiskFull
from services.storage.filesystem import FolderStore
source, small, root = map(Path, sys.argv[1:])
store = FolderStore(root)
store.prepare()
try:
    store.put("originals/large", source)
except DiskFull as error:
    print("full:", error)
left = [path for path in root.rglob("*") if path.is_file()]
print("left:", left)
print(store.put("originals/small", small))
END
    """
    (tmp_path / "disk").mkdir()

    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path / "disk"), sys.executable, str(source), str(small)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if "full:" not in done.stdout and "Traceback" not in done.stderr:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()[-200:]}")

    assert "left: []" in done.stdout, done.stderr
    assert "size_bytes=1000" in done.stdout


def test_only_room_is_called_disk_full() -> None:
    for code in (ENOSPC, EDQUOT, EFBIG):
        assert type(refusal(OSError(code, os.strerror(code)), "x")) is DiskFull
    assert type(refusal(OSError(EIO, os.strerror(EIO)), "originals/x")) is StoreUnavailable


def test_an_unmounted_disk_is_not_an_empty_archive(folder_store: FolderStore, tmp_path: Path, footage: Footage) -> None:
    source = footage(10)
    kept = folder_store.put(key_of(source), source)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").mkdir()

    for call in (
        lambda: folder_store.stat(kept.key),
        lambda: folder_store.read(kept.key),
        lambda: folder_store.put(kept.key, source),
        lambda: folder_store.put_bytes(kept.key, b""),
        lambda: list(folder_store.keys("originals/")),
        lambda: folder_store.versions(kept.key),
    ):
        with pytest.raises(StoreUnavailable, match="mounted"):
            call()
    assert files_in(tmp_path / "store") == []


def test_an_object_cut_short_on_disk_is_never_read_short(
    folder_store: FolderStore, tmp_path: Path, footage: Footage
) -> None:
    source = footage(3 * MIB)
    kept = folder_store.put(key_of(source), source)
    blocks = folder_store.read(kept.key)
    next(blocks)

    (tmp_path / "store" / kept.key).chmod(0o600)
    os.truncate(tmp_path / "store" / kept.key, MIB + 5)

    with pytest.raises(StoreUnavailable, match="gave 1,048,581"):
        list(blocks)


def test_locks_survive_in_other_processes_and_do_not_show_as_objects(
    folder_store: FolderStore, tmp_path: Path, footage: Footage
) -> None:
    kept = folder_store.put(key_of(source := footage(10)), source)
    until = datetime(2031, 1, 1, tzinfo=UTC)

    folder_store.lock(kept.key, kept.version, mode=LockMode.COMPLIANCE, until=until)
    folder_store.hold(kept.key, kept.version, on=True)

    state = FolderStore(tmp_path / "store").lock_state(kept.key, kept.version)
    assert (state.mode, state.until, state.hold) == (LockMode.COMPLIANCE, until, True)
    assert list(folder_store.keys("originals/")) == [kept]


def test_a_damaged_lock_is_an_alarm(folder_store: FolderStore, tmp_path: Path, footage: Footage) -> None:
    kept = folder_store.put(key_of(source := footage(10)), source)
    folder_store.hold(kept.key, kept.version, on=True)
    path = tmp_path / "store" / kept.key
    (path.parent / f".{path.name}.lock.json").write_text('{"mode": "NONE"}')

    with pytest.raises(IntegrityError, match=r"lock\.json"):
        folder_store.lock_state(kept.key, kept.version)


def test_a_folder_does_not_claim_to_enforce_anything(folder_store: FolderStore) -> None:
    now = datetime.now(UTC)

    report = folder_store.probe(now)

    assert not report.enforced
    assert "administrator" in report.findings[0]
    assert any("root" in finding for finding in report.findings) == (os.geteuid() == 0)
    assert folder_store.probe(now + timedelta(days=1)) == report


def test_lends_the_object_itself(folder_store: FolderStore, tmp_path: Path, footage: Footage) -> None:
    kept = folder_store.put(key_of(source := footage(10)), source)

    with folder_store.lend(kept.key, kept.version, Digest("sha256", b"x" * 32)) as lent:
        assert lent == tmp_path / "store" / kept.key


def run_child(verb: str, root: Path, source: Path, *, limit: int) -> str:
    child = Path(__file__).with_name("child.py")
    return subprocess.run(
        [sys.executable, str(child), verb, told(FolderPlace(root)), key_of(source), str(source), str(limit)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout


@pytest.mark.parametrize("renames", [False, True], ids=["before moving aside", "before the good copy"])
def test_a_repair_that_was_killed_is_repeated(
    folder_store: FolderStore, footage: Footage, monkeypatch: pytest.MonkeyPatch, renames: bool
) -> None:
    good, damaged = footage(1000), footage(1000)
    key = key_of(good)
    former = folder_store.put(key, damaged)
    with monkeypatch.context() as patched:

        def pull(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(*((Path, "replace", pull) if renames else (os, "link", pull)))
        with pytest.raises(KeyboardInterrupt):
            folder_store.mend(key, good)
    assert folder_store.versions(key) == [former]
    assert folder_store.stat(key) == former

    mended = folder_store.mend(key, good)

    assert [kept.version for kept in folder_store.versions(key)] == ["1", "2"]
    assert b"".join(folder_store.read(key, mended.version)) == good.read_bytes()
    assert b"".join(folder_store.read(key, former.version)) == damaged.read_bytes()
