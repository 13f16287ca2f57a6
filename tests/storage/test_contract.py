"""What every object store promises, tried on each: a folder, SeaweedFS, and a server of the tester's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from services.digest import Digest, digest_blocks, fingerprint_file
from services.errors import Invalid, NotAllowed, NotFound, ObjectConflict, RangeOutside
from services.storage import keys
from services.storage.places import Place
from services.storage.store import BLOCK_BYTES, LockMode, ObjectStore
from tests.conftest import ROOT
from tests.storage.child import told

Footage = Callable[[int], Path]
MIB = 1 << 20
DERIVED = f"derived/sha256/ab/cd/{'ab' * 32}/proxy/r1/proxy.mp4"


def digest_of(path: Path) -> Digest:
    return fingerprint_file(path).digest


def key_of(path: Path) -> str:
    return keys.original(digest_of(path))


def soon(**delta: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(**delta)


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 12 * MIB + 1], ids=["empty", "one", "a block", "several parts"])
def test_gives_back_what_was_put(store: ObjectStore, footage: Footage, size: int) -> None:
    source = footage(size)

    kept = store.put(key_of(source), source)

    assert kept.size_bytes == size
    assert store.stat(kept.key, kept.version) == kept
    assert b"".join(store.read(kept.key, kept.version)) == source.read_bytes()
    assert source.exists()


def test_a_file_given_up_is_kept_whole(store: ObjectStore, footage: Footage) -> None:
    source = footage(3 * MIB)
    content = source.read_bytes()

    kept = store.put(key_of(source), source, give=True)
    source.unlink()

    assert b"".join(store.read(kept.key, kept.version)) == content


def test_no_block_is_longer_than_a_mebibyte(store: ObjectStore, footage: Footage) -> None:
    source = footage(3 * MIB + 7)
    store.put(key_of(source), source)

    assert max(map(len, store.read(key_of(source)))) <= BLOCK_BYTES


def test_never_overwrites_an_original(store: ObjectStore, footage: Footage) -> None:
    first, longer, as_long = footage(1000), footage(1001), footage(1000)
    key = key_of(first)
    kept = store.put(key, first)

    for other in (longer, as_long):
        for give in (False, True):
            with pytest.raises(ObjectConflict, match=key):
                store.put(key, other, give=give)
    assert store.versions(key) == [kept]
    assert b"".join(store.read(key)) == first.read_bytes()


def test_putting_again_is_harmless(store: ObjectStore, footage: Footage) -> None:
    source = footage(6 * MIB)
    key = key_of(source)

    kept = store.put(key, source)

    assert [store.put(key, source), store.put(key, source, give=True), store.put_bytes(key, source.read_bytes())] == [
        kept
    ] * 3
    assert store.versions(key) == [kept]


def test_twelve_writers_of_one_original_all_succeed(store: ObjectStore, footage: Footage) -> None:
    source = footage(MIB)
    key = key_of(source)

    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(lambda _: store.put(key, source), range(12)))

    for each in kept:
        assert b"".join(store.read(key, each.version)) == source.read_bytes()
    assert {each.size_bytes for each in store.versions(key)} == {MIB}


def test_a_rendition_made_again_replaces_the_old_one(store: ObjectStore) -> None:
    store.put_bytes(DERIVED, b"first")

    kept = store.put_bytes(DERIVED, b"second")

    assert b"".join(store.read(DERIVED)) == b"second"
    assert kept.version is None
    assert store.versions(DERIVED) == [kept]


def test_a_rendition_can_be_removed_again_and_again(store: ObjectStore) -> None:
    store.put_bytes(DERIVED, b"proxy")

    store.remove_derived(DERIVED)
    store.remove_derived(DERIVED)

    with pytest.raises(NotFound):
        store.stat(DERIVED)
    assert store.versions(DERIVED) == []


def test_an_original_cannot_be_removed(store: ObjectStore, footage: Footage) -> None:
    source = footage(100)
    kept = store.put(key_of(source), source)

    with pytest.raises(NotAllowed):
        store.remove_derived(kept.key)
    assert store.stat(kept.key, kept.version) == kept


def test_says_not_found_at_once(store: ObjectStore, footage: Footage) -> None:
    absent = keys.original(Digest("sha256", b"n" * 32))
    source = footage(10)
    store.put(key_of(source), source)

    for call in (store.read, store.stat, store.lock_state):
        with pytest.raises(NotFound, match=absent):
            call(absent, None)
        with pytest.raises(NotFound, match="of version"):
            call(key_of(source), "no-such-version")
    with pytest.raises(NotFound), store.lend(absent, None, Digest("sha256", b"n" * 32)):
        pass
    assert store.versions(absent) == []


def test_refuses_a_key_that_is_none(store: ObjectStore) -> None:
    for key in ("", "originals", "other/x", "originals/../../etc/passwd", "derived//x", "derived/证据"):
        for call in (store.stat, store.read, store.versions, store.remove_derived):
            with pytest.raises(Invalid):
                call(key)
        with pytest.raises(Invalid):
            store.put_bytes(key, b"")


def test_refuses_to_keep_what_is_no_file(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")

    for source in (tmp_path, tmp_path / "absent", tmp_path / "link"):
        with pytest.raises(Invalid):
            store.put(DERIVED, source)


RANGES = [
    (0, 1),
    (0, None),
    (5, None),
    (0, 3 * MIB),
    (MIB - 1, 2),
    (3 * MIB - 1, 1),
    (7, 2 * MIB),
    (3 * MIB, None),
    (9, 0),
]
OUTSIDE = [(0, 101), (100, 1), (101, None), (101, 0), (-1, 2), (5, -1), (50, 51)]


def test_reads_exactly_the_range(store: ObjectStore, footage: Footage) -> None:
    kept = store.put(key_of(source := footage(3 * MIB)), source)
    whole = source.read_bytes()

    read = {each: b"".join(store.read(kept.key, kept.version, offset=each[0], length=each[1])) for each in RANGES}

    for (offset, length), got in read.items():
        assert got == whole[offset : None if length is None else offset + length], (offset, length)


def test_refuses_a_range_that_is_not_there(store: ObjectStore, footage: Footage) -> None:
    kept = store.put(key_of(source := footage(100)), source)

    for offset, length in OUTSIDE:
        with pytest.raises(RangeOutside):
            store.read(kept.key, kept.version, offset=offset, length=length)


def test_a_reader_may_stop_early(store: ObjectStore, footage: Footage) -> None:
    source = footage(4 * MIB)
    store.put(key_of(source), source)

    for _ in range(40):  # more than a pool has connections
        with store.read(key_of(source)) as blocks:
            next(blocks)
        store.read(key_of(source))  # dropped unread

    assert b"".join(store.read(key_of(source))) == source.read_bytes()


def test_lists_every_object_once(store: ObjectStore, footage: Footage) -> None:
    sources = [footage(size) for size in (1, 2, 3)]
    kept = {store.put(key_of(source), source) for source in sources}
    arrived = store.put_bytes(keys.arrival(digest_of(sources[0]), "a1"), b"{}")
    derived = store.put_bytes(DERIVED, b"proxy")
    for each in kept:
        store.hold(each.key, each.version, on=True)

    assert sorted(store.keys("originals/"), key=str) == sorted(kept | {arrived}, key=str)
    assert list(store.keys("derived/sha256/ab")) == [derived]
    assert list(store.keys(keys.arrivals_of(digest_of(sources[0])))) == [arrived]
    assert list(store.keys("derived/sha256/ff/")) == []
    assert store.versions(key_of(sources[0])) == [store.stat(key_of(sources[0]))]
    with pytest.raises(Invalid):
        list(store.keys(""))
    for each in kept:
        store.hold(each.key, each.version, on=False)


def test_a_lock_is_set_and_read_back(store: ObjectStore, footage: Footage) -> None:
    kept = store.put(key_of(source := footage(12 * MIB)), source)  # sent in parts
    until = datetime.now(timezone(timedelta(hours=8))) + timedelta(minutes=2)

    lock = store.lock(kept.key, kept.version, mode=LockMode.GOVERNANCE, until=until)

    assert lock.covers(LockMode.GOVERNANCE, until)
    assert not lock.covers(LockMode.COMPLIANCE, until)
    assert lock.until is not None
    assert lock.until - until < timedelta(seconds=1)
    assert lock.until.utcoffset() == timedelta(0)
    assert store.lock_state(kept.key, kept.version) == lock


def test_a_lock_is_never_shortened_or_weakened(store: ObjectStore, footage: Footage) -> None:
    kept = store.put(key_of(source := footage(10)), source)
    near, far = soon(minutes=2), soon(minutes=4)

    def lock(mode: LockMode, until: datetime) -> tuple[LockMode | None, datetime | None]:
        lock = store.lock(kept.key, kept.version, mode=mode, until=until)
        return lock.mode, lock.until

    assert lock(LockMode.GOVERNANCE, far) == (LockMode.GOVERNANCE, far)
    assert lock(LockMode.GOVERNANCE, near) == (LockMode.GOVERNANCE, far)
    assert lock(LockMode.COMPLIANCE, near) == (LockMode.COMPLIANCE, far)
    assert lock(LockMode.GOVERNANCE, far + timedelta(minutes=1)) == (LockMode.COMPLIANCE, far + timedelta(minutes=1))


def test_a_hold_is_apart_from_the_lock(store: ObjectStore, footage: Footage) -> None:
    kept = store.put(key_of(source := footage(10)), source)
    lock = store.lock(kept.key, kept.version, mode=LockMode.GOVERNANCE, until=soon(minutes=2))

    held = store.hold(kept.key, kept.version, on=True)
    again = store.hold(kept.key, kept.version, on=True)
    lifted = store.hold(kept.key, kept.version, on=False)

    assert (held.mode, held.until, held.hold) == (lock.mode, lock.until, True)
    assert again == held
    assert lifted == lock


def test_refuses_locks_that_mean_nothing(store: ObjectStore, footage: Footage) -> None:
    kept = store.put(key_of(source := footage(10)), source)
    store.put_bytes(DERIVED, b"proxy")

    with pytest.raises(Invalid, match="offset"):
        store.lock(kept.key, kept.version, mode=LockMode.GOVERNANCE, until=soon(minutes=1).replace(tzinfo=None))
    with pytest.raises(NotAllowed):
        store.lock(DERIVED, None, mode=LockMode.GOVERNANCE, until=soon(minutes=1))
    with pytest.raises(NotAllowed):
        store.hold(DERIVED, None, on=True)
    with pytest.raises(NotFound):
        store.hold(keys.original(Digest("sha256", b"n" * 32)), None, on=True)


def test_lends_a_local_read_only_file(store: ObjectStore, footage: Footage) -> None:
    source = footage(2 * MIB)
    kept = store.put(key_of(source), source)

    with store.lend(kept.key, kept.version, digest_of(source)) as lent:
        assert lent.read_bytes() == source.read_bytes()
        assert lent.stat().st_mode & 0o777 == 0o400


def test_a_put_killed_at_any_moment_leaves_all_or_nothing(
    store: ObjectStore, place: Place, tmp_path: Path, footage: Footage
) -> None:
    source = footage(64 * MIB)
    key, cut_short = key_of(source), 0
    for wait_s in (0.0, 0.03, 0.1, 0.2):
        child = start_child("put", place, key, source)
        assert child.stdout is not None
        assert child.stdout.readline() == b"began\n"
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        versions = store.versions(key)
        assert all(kept.size_bytes == 64 * MIB for kept in versions)
        cut_short += not versions

    assert cut_short, "no put was cut short: make the file larger"
    kept = store.put(key, source)
    assert digest_blocks(store.read(key, kept.version))[0] == digest_of(source)
    store.sweep_temporary(datetime.now(UTC) + timedelta(seconds=5))
    assert store.sweep_temporary(datetime.now(UTC) + timedelta(seconds=5)) == 0
    assert store.stat(key, kept.version) == kept


def test_leftovers_are_swept_by_age(store: ObjectStore, place: Place, footage: Footage) -> None:
    source = footage(64 * MIB)
    for _ in range(5):
        child = start_child("put", place, key_of(source), source)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.03)
        child.kill()
        child.wait()
        child.stdout.close()
        if store.versions(key_of(source)):
            pytest.skip("the put was faster than the kill on this machine")
        young = store.sweep_temporary(datetime.now(UTC) - timedelta(hours=1))
        swept = store.sweep_temporary(datetime.now(UTC) + timedelta(seconds=5))
        assert young == 0
        if swept:
            return
    pytest.fail("no kill left anything to sweep")


def test_300_megabytes_pass_in_bounded_memory(store: ObjectStore, place: Place, tmp_path: Path) -> None:
    source = tmp_path / "long"
    with source.open("wb") as file:
        file.truncate(300 * MIB)
    child = start_child("measure", place, key_of(source), source)

    words = child.communicate(timeout=200)[0].decode().split()

    assert words[1:3] == [digest_of(source).hex, str(300 * MIB)]
    assert int(words[3]) < 100 * 1024, "KiB above the start"


def start_child(verb: str, place: Place, key: str, source: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("child.py")), verb, told(place), key, str(source), *more],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_a_mended_object_has_its_good_copy_as_a_new_version_beside_the_damaged_one(
    store: ObjectStore, footage: Footage
) -> None:
    good, damaged = footage(2 * MIB + 7), footage(2 * MIB + 7)
    key, content = key_of(good), good.read_bytes()
    former = store.put(key, damaged)
    until = soon(minutes=2)
    store.lock(key, former.version, mode=LockMode.GOVERNANCE, until=until)

    mended = store.mend(key, good)

    assert mended.version != former.version
    assert store.versions(key) == [former, mended]
    assert b"".join(store.read(key, mended.version)) == b"".join(store.read(key)) == content
    assert b"".join(store.read(key, former.version)) == damaged.read_bytes()
    assert store.stat(key) == store.stat(key, mended.version) == mended
    assert list(store.keys("originals/")) == [mended]
    assert store.mend(key, good) == mended
    assert store.put(key, good) == mended
    assert store.lock(key, mended.version, mode=LockMode.GOVERNANCE, until=until).covers(LockMode.GOVERNANCE, until)
    assert store.lock_state(key, former.version).covers(LockMode.GOVERNANCE, until)


def test_what_is_gone_is_mended_and_what_was_mended_is_mended_again(store: ObjectStore, footage: Footage) -> None:
    good, worse = footage(1000), footage(999)
    key = key_of(good)

    first = store.mend(key, worse)
    second = store.mend(key, good)
    third = store.mend(key, footage(5))

    assert [len(b"".join(store.read(key, kept.version))) for kept in store.versions(key)] == [999, 1000, 5]
    assert store.versions(key) == [first, second, third]
    assert store.mend(key, good) == second


def test_what_is_derived_is_never_mended(store: ObjectStore, footage: Footage) -> None:
    with pytest.raises(NotAllowed):
        store.mend(DERIVED, footage(3))
