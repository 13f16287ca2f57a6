import errno
import hashlib
import os
import shutil
import stat
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uuid_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import (
    ChecksumMismatch,
    Conflict,
    DiskFull,
    Misconfigured,
    NotFound,
    OffsetMismatch,
    TooLarge,
    Unavailable,
)
from services.ingest.append import Checksum
from services.ingest.shelf import Manifest, Shelf
from services.ingest.staging import Staging

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def declared(size: int, **changes: Any) -> Manifest:
    told: dict[str, Any] = {
        "upload": str(uuid_utils.uuid7()),
        "size_bytes": size,
        "metadata": {"filename": "现场.mp4"},
        "metadata_header": "filename 546w5Zy6Lm1wNA==",
        "opened_at": NOON,
        "expires_at": NOON + timedelta(days=7),
    }
    return Manifest(**told | changes)


def sha256(body: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(body).digest())


@pytest.fixture
def staging(tmp_path):
    with Staging(tmp_path / "staging") as staging:
        yield staging


def begun(staging: Staging, size: int) -> str:
    manifest = declared(size)
    staging.begin(manifest)
    return manifest.upload


def added(staging: Staging, upload: str, offset: int, body: bytes, checksum: Checksum | None = None) -> int:
    part = staging.append(upload, offset, checksum)
    part.write([body[:1], body[1:]])
    return part.keep()


def reopened(staging: Staging) -> Staging:
    staging.close()
    return Staging(staging.folder)


def test_a_second_gate_is_refused(staging):
    with pytest.raises(Misconfigured):
        Staging(staging.folder)


def test_a_folder_is_free_again_when_its_gate_closed(tmp_path):
    Staging(tmp_path).close()

    Staging(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured):
        Staging(tmp_path / "file" / "staging")


def test_a_manifest_comes_back_as_it_was_declared(staging):
    manifest = declared(10)

    staging.begin(manifest)

    assert Shelf(staging.folder).manifest(manifest.upload) == manifest


def test_an_upload_cannot_begin_twice(staging):
    manifest = declared(10)
    staging.begin(manifest)

    with pytest.raises(Unavailable):
        staging.begin(manifest)
    assert staging.manifest(manifest.upload) == manifest


def test_all_bytes_make_a_read_only_file(staging):
    upload = begun(staging, 10)

    added(staging, upload, 0, b"01234")
    with pytest.raises(NotFound):
        staging.complete_path(upload)
    added(staging, upload, 5, b"56789")

    path = staging.complete_path(upload)
    assert path.read_bytes() == b"0123456789"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert (staging.complete(), staging.unfinished()) == ([upload], [])


def test_an_empty_upload_is_complete_at_once(staging):
    upload = begun(staging, 0)

    assert staging.look(upload).is_complete
    assert staging.complete_path(upload).read_bytes() == b""


def test_many_small_blocks_are_written_in_order(staging):
    blocks = [bytes([number % 251]) * (number % 7) for number in range(3000)]
    upload = begun(staging, sum(map(len, blocks)))
    part = staging.append(upload, 0)

    part.write(blocks)
    part.keep()

    assert staging.complete_path(upload).read_bytes() == b"".join(blocks)


def test_a_wrong_offset_is_refused(staging):
    upload = begun(staging, 10)
    added(staging, upload, 0, b"01234")

    for offset in (0, 4, 6):
        with pytest.raises(OffsetMismatch):
            staging.append(upload, offset)


def test_two_appends_exclude_each_other(staging):
    upload = begun(staging, 10)
    part = staging.append(upload, 0)

    for second in (lambda: staging.append(upload, 0), lambda: staging.look(upload), lambda: staging.discard(upload)):
        with pytest.raises(Conflict):
            second()
    part.leave()
    assert staging.look(upload).offset == 0


def test_bytes_after_an_end_are_refused(staging):
    upload = begun(staging, 10)
    part = staging.append(upload, 0)
    part.leave()

    with pytest.raises(Conflict):
        part.write([b"late"])
    assert part.leave() == 0


def test_more_than_declared_spoils_the_whole_append(staging):
    upload = begun(staging, 4)
    part = staging.append(upload, 0)
    part.write([b"012"])

    with pytest.raises(TooLarge):
        part.write([b"34"])

    assert part.leave() == 0
    assert staging.look(upload).offset == 0


def test_a_broken_body_is_kept_without_a_checksum_and_not_with_one(staging):
    upload = begun(staging, 10)
    part = staging.append(upload, 0)
    part.write([b"01234"])
    assert part.leave() == 5

    part = staging.append(upload, 5, sha256(b"56789"))
    part.write([b"567"])
    assert part.leave() == 5
    assert staging.look(upload).offset == 5


def test_a_wrong_checksum_keeps_nothing(staging):
    upload = begun(staging, 10)
    added(staging, upload, 0, b"01234")

    with pytest.raises(ChecksumMismatch):
        added(staging, upload, 5, b"56789", sha256(b"other"))

    assert staging.look(upload).offset == 5
    assert added(staging, upload, 5, b"56789", sha256(b"56789")) == 10


def test_unconfirmed_bytes_do_not_survive_a_crash(staging):
    upload = begun(staging, 10)
    added(staging, upload, 0, b"01234")
    part = staging.append(upload, 5, sha256(b"56789"))
    part.write([b"56789"])  # all of them, and killed before they were confirmed

    with reopened(staging) as again:
        assert again.look(upload).offset == 5
        assert added(again, upload, 5, b"abcde") == 10
        assert again.complete_path(upload).read_bytes() == b"01234abcde"


def test_plain_bytes_survive_a_crash(staging):
    upload = begun(staging, 10)
    part = staging.append(upload, 0)
    part.write([b"012"])

    with reopened(staging) as again:
        assert again.look(upload).offset == 3


def test_a_crash_before_the_final_name_is_mended_at_the_next_look(staging):
    upload = begun(staging, 3)
    part = staging.append(upload, 0)
    part.write([b"012"])

    with reopened(staging) as again:
        assert again.look(upload).is_complete
        assert again.complete_path(upload).read_bytes() == b"012"


def test_a_note_left_beside_a_complete_file_means_nothing(staging):
    upload = begun(staging, 3)
    added(staging, upload, 0, b"012", sha256(b"012"))
    (staging.folder / upload / "base-0").touch()

    with reopened(staging) as again:
        assert again.look(upload).is_complete


def test_what_a_crash_leaves_half_made_is_swept_at_the_start(staging):
    (staging.folder / ".new-x").mkdir()
    (staging.folder / ".gone-x").mkdir()

    with reopened(staging) as again:
        assert sorted(entry.name for entry in again.folder.iterdir()) == ["gate.lock"]


def test_discarding_is_harmless_when_repeated(staging):
    upload = begun(staging, 0)

    for _ in range(2):
        Shelf(staging.folder).discard(upload)

    with pytest.raises(NotFound):
        staging.look(upload)


@pytest.mark.parametrize("name", ["..", "../x", "", "gate.lock", "01A2005C-8EC6-71D4-A2F4-DBED9ACC9C78", "x" * 300])
def test_only_ids_become_paths(staging, name):
    for act in (staging.manifest, staging.look, staging.complete_path, staging.append):
        with pytest.raises(NotFound):
            act(name) if act != staging.append else staging.append(name, 0)
    staging.discard(name)
    assert (staging.folder / "gate.lock").exists()


def test_an_upload_that_does_not_fit_is_refused(tmp_path):
    with Staging(tmp_path, reserve_bytes=0) as staging:
        free = shutil.disk_usage(tmp_path).free
        with pytest.raises(DiskFull):
            staging.begin(declared(free + (1 << 40)))
    with Staging(tmp_path, reserve_bytes=free + (1 << 40)) as staging, pytest.raises(DiskFull):
        staging.begin(declared(1))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["gate.lock"]


def test_unfinished_uploads_expire_and_others_do_not(staging):
    old, young = declared(4), declared(4, expires_at=NOON + timedelta(days=8))
    whole, busy = declared(0), declared(4)
    for manifest in (old, young, whole, busy):
        staging.begin(manifest)
    part = staging.append(busy.upload, 0)
    told: list[str] = []

    gone = staging.expire(NOON + timedelta(days=7), told.append)
    part.leave()

    assert gone == told == [old.upload]
    assert staging.unfinished() == sorted([young.upload, busy.upload])
    assert staging.complete() == [whole.upload]


def test_an_upload_outlives_a_register_that_cannot_be_told_of_its_end(staging):
    upload = begun(staging, 4)

    def refuse(_upload: str) -> None:
        raise Unavailable("the database is locked")

    with pytest.raises(Unavailable):
        staging.expire(NOON + timedelta(days=7), refuse)
    assert staging.unfinished() == [upload]


class Disk:
    """The real fsync, which fails when told to."""

    def __init__(self) -> None:
        self.failing: set[int] = set()
        self.calls = 0
        self.synced: list[str] = []

    def sync(self, opened: int) -> None:
        self.calls += 1
        if self.calls in self.failing:
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(opened)
        self.synced.append(Path(f"/proc/self/fd/{opened}").readlink().name)


@pytest.mark.parametrize(("held", "name"), [(b"012", "part"), (b"0123", "whole")])
def test_after_a_start_nothing_is_told_before_it_is_durable(staging, held, name):
    upload = begun(staging, 4)
    added(staging, upload, 0, held)
    staging.close()
    disk = Disk()

    with Staging(staging.folder, sync=disk.sync) as again:
        assert again.look(upload).offset == len(held)

    assert upload in disk.synced
    assert name == "whole" or "part" in disk.synced


def test_bytes_that_were_not_made_durable_are_lost_and_not_told(tmp_path):
    disk = Disk()
    with Staging(tmp_path, sync=disk.sync) as staging:
        upload = begun(staging, 10)
        added(staging, upload, 0, b"01234")
        part = staging.append(upload, 5)
        part.write([b"567"])
        disk.failing = {disk.calls + 1}

        with pytest.raises(Unavailable):
            part.keep()

        assert part.offset == 5
        assert staging.look(upload).offset == 5
        assert added(staging, upload, 5, b"56789") == 10
        assert staging.complete_path(upload).read_bytes() == b"0123456789"


@pytest.mark.parametrize("sums", [None, sha256(b"56789")])
def test_whatever_sync_fails_nothing_told_is_lost(tmp_path, sums):
    """Fail each sync of one append in turn, crash, and see that the offset never lies below what was told."""
    for failing in range(1, 20):
        disk = Disk()
        folder = tmp_path / str(failing)
        staging = Staging(folder, sync=disk.sync)
        upload = begun(staging, 10)
        told = added(staging, upload, 0, b"01234")
        disk.calls, disk.failing = 0, {failing}
        try:
            told = added(staging, upload, 5, b"56789", sums)
        except Unavailable:
            told = staging.look(upload).offset
        was_reached = disk.calls >= failing

        with reopened(staging) as again:
            found = again.look(upload)
            assert found.offset >= told
            if not found.is_complete:
                added(again, upload, found.offset, b"0123456789"[found.offset :])
            assert again.complete_path(upload).read_bytes() == b"0123456789"
        if not was_reached:
            return
    raise AssertionError("an append makes fewer than 20 syncs")


steps = st.lists(
    st.tuples(
        st.sampled_from(["plain", "plain broken", "good sum", "bad sum", "broken sum", "too much"]),
        st.integers(0, 400),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1500), steps, st.randoms(use_true_random=False))
def test_the_disk_holds_what_the_model_holds(size, steps, random):
    """Random appends, crashes in the middle of them and new starts: bytes and offsets equal a simple model."""
    source = random.randbytes(size)
    folder = Path(tempfile.mkdtemp())
    staging = Staging(folder)
    try:
        upload, held = begun(staging, size), 0
        for kind, length, is_killed, is_restarted in steps:
            if held == size:
                break
            body = source[held : held + length] if kind != "too much" else source[held:] + b"x"
            sums = None if "sum" not in kind else sha256(body + (b"x" if kind == "bad sum" else b""))
            part = staging.append(upload, held, sums)
            spoiled = False
            try:
                for start in range(0, len(body), 97):
                    part.write([body[start : start + 50], body[start + 50 : start + 97]])
            except TooLarge:
                spoiled = True
            if is_killed:
                # a kill keeps what the system took, but for bytes that wait for their sum
                held += (
                    0
                    if sums
                    else sum(
                        len(body[s : s + 97]) for s in range(0, len(body), 97) if held + s + 97 <= size or not spoiled
                    )
                )
                staging = reopened(staging)
            elif spoiled or "broken" in kind:
                held += 0 if spoiled or sums else len(body)
                assert part.leave() == held
            elif kind == "bad sum":
                with pytest.raises(ChecksumMismatch):
                    part.keep()
            else:
                held += len(body)
                assert part.keep() == held
            if is_restarted and not is_killed:
                staging = reopened(staging)
            assert staging.look(upload).offset == held
            name = "whole" if held == size else "part"
            assert (folder / upload / name).read_bytes() == source[:held]
    finally:
        staging.close()
        shutil.rmtree(folder)
