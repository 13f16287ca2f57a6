"""What only the S3 store does: versions and locks of a real server, and its bad days."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from minio.error import S3Error

from services.digest import Digest, fingerprint_file
from services.errors import (
    DigestMismatch,
    DiskFull,
    HuisuError,
    Misconfigured,
    NotAllowed,
    NotFound,
    RangeOutside,
    StoreUnavailable,
)
from services.storage import keys
from services.storage.open import open_place
from services.storage.places import S3Place
from services.storage.s3 import S3Store
from services.storage.spool import Spool
from services.storage.store import Kept, LockMode, ObjectStore
from tests.conftest import ROOT
from tests.servers import S3Server, free_port
from tests.storage.conftest import OWN_SERVER, own_s3_server

Footage = Callable[[int], Path]
MIB = 1 << 20
KEY = keys.original(Digest("sha256", b"k" * 32))
MOST_S = 6.0
"""Two tries of half a second each, and room for a busy machine."""


def key_of(path: Path) -> str:
    return keys.original(fingerprint_file(path).digest)


@pytest.fixture
def s3(s3_place: S3Place) -> S3Store:
    store = S3Store(s3_place, Spool(s3_place.spool_path))
    store.prepare()
    return store


pytestmark = pytest.mark.s3


def test_a_pinned_version_stays_readable_under_a_second_one(s3: S3Store) -> None:
    first = s3.put_bytes(KEY, b"first")

    second = s3._client.put_object(s3._place.originals_bucket, KEY, BytesIO(b"forged!"), 7)

    assert b"".join(s3.read(KEY, first.version)) == b"first"
    assert b"".join(s3.read(KEY)) == b"forged!"
    assert [each.version for each in s3.versions(KEY)] == [first.version, second.version_id]
    assert s3.put_bytes(KEY, b"first") == first
    assert list(s3.keys("originals/")) == [Kept(KEY, second.version_id, 7)]


def test_a_delete_marker_on_top_does_not_matter(s3: S3Store) -> None:
    kept = s3.put_bytes(KEY, b"evidence")

    s3._client.remove_object(s3._place.originals_bucket, KEY)

    with pytest.raises(NotFound):
        s3.stat(KEY)
    assert s3.stat(KEY, kept.version) == kept
    assert b"".join(s3.read(KEY, kept.version)) == b"evidence"
    assert s3.versions(KEY) == [kept]
    assert list(s3.keys("originals/")) == [replace(kept, is_hidden=True)]
    assert s3.put_bytes(KEY, b"evidence") == kept


@pytest.mark.parametrize("mode", list(LockMode))
def test_a_locked_version_cannot_be_deleted(s3: S3Store, footage: Footage, mode: LockMode) -> None:
    kept = s3.put(key_of(source := footage(12 * MIB)), source)  # several parts: locks in their headers get lost
    s3.lock(kept.key, kept.version, mode=mode, until=datetime.now(UTC) + timedelta(minutes=2))

    with pytest.raises(S3Error, match="AccessDenied"):
        s3._client.remove_object(s3._place.originals_bucket, kept.key, version_id=kept.version)

    assert s3.stat(kept.key, kept.version) == kept


def test_a_held_version_cannot_be_deleted(s3: S3Store) -> None:
    kept = s3.put_bytes(KEY, b"held")
    s3.hold(KEY, kept.version, on=True)

    with pytest.raises(S3Error, match="AccessDenied"):
        s3._client.remove_object(s3._place.originals_bucket, KEY, version_id=kept.version)

    s3.hold(KEY, kept.version, on=False)
    s3._client.remove_object(s3._place.originals_bucket, KEY, version_id=kept.version)
    assert s3.versions(KEY) == []


def test_the_probe_says_that_a_locking_server_locks(s3: S3Store) -> None:
    report = s3.probe(datetime.now(UTC))

    assert report.enforced, report.findings
    assert list(s3.keys("originals/")) == []


def test_the_probe_clears_canaries_whose_locks_have_ended(s3: S3Store) -> None:
    s3.probe(datetime.now(UTC) - timedelta(seconds=118))  # locked for two to three more seconds
    old = list(s3.keys("probe/"))
    time.sleep(3.3)

    s3.probe(datetime.now(UTC))

    assert len(old) == 3
    assert not set(old) & set(s3.keys("probe/"))


def test_the_probe_says_that_a_bucket_without_lock_does_not(s3_place: S3Place) -> None:
    store = S3Store(s3_place, Spool(s3_place.spool_path))
    store._client.make_bucket(s3_place.originals_bucket)  # not by `prepare`: neither lock nor versions
    kept = store.put_bytes(KEY, b"1")

    lock = store.lock(KEY, kept.version, mode=LockMode.GOVERNANCE, until=datetime.now(UTC) + timedelta(minutes=1))
    report = store.probe(datetime.now(UTC))

    assert lock.mode is None
    assert not report.enforced
    assert "a COMPLIANCE lock was not kept" in report.findings


def test_prepare_gives_versions_to_a_bucket_that_had_none(s3_place: S3Place) -> None:
    store = S3Store(s3_place, Spool(s3_place.spool_path))
    store._client.make_bucket(s3_place.originals_bucket)

    store.prepare()

    assert store.put_bytes(KEY, b"1").version is not None


def test_only_canaries_may_be_attacked(s3: S3Store) -> None:
    kept = s3.put_bytes(KEY, b"1")

    with pytest.raises(NotAllowed):
        s3.attempt_removal(kept, bypass=True)
    with pytest.raises(NotAllowed):
        s3.attempt_shortening(kept, datetime.now(UTC))


def test_the_spool_lends_only_what_the_digest_names(s3: S3Store, footage: Footage) -> None:
    kept = s3.put(KEY, footage(1000))

    with pytest.raises(DigestMismatch), s3.lend(KEY, kept.version, Digest("sha256", b"k" * 32)):
        pass


def test_wrong_credentials_and_absent_buckets_are_said_as_such(s3_place: S3Place, s3: S3Store) -> None:
    intruder = open_place(replace(s3_place, secret_key="wrong"))
    stranger = open_place(replace(s3_place, access_key="nobody"))
    lost = open_place(replace(s3_place, originals_bucket="not-there"))

    for store in (intruder, stranger, lost):
        with pytest.raises(Misconfigured):
            store.put_bytes(KEY, b"1")
    for store in (intruder, stranger):
        with pytest.raises(Misconfigured):
            store.prepare()
    with pytest.raises(Misconfigured, match="each"):
        open_place(replace(s3_place, derived_bucket=s3_place.originals_bucket)).prepare()


def test_a_server_restarted_in_the_middle_is_found_again(s3: S3Store) -> None:
    kept = s3.put_bytes(KEY, b"1")
    s3._client._http.clear()  # every pooled connection is gone, as after a restart

    assert s3.stat(KEY, kept.version) == kept


# Bad days: each server below misbehaves in one way; every call must end soon, with our error.


def every_call(store: ObjectStore, tmp_path: Path) -> list[Callable[[], object]]:
    source = tmp_path / "small"
    source.write_bytes(b"small")
    return [
        lambda: store.put(KEY, source),
        lambda: store.put_bytes("derived/a", b"1"),
        lambda: store.stat(KEY),
        lambda: store.read(KEY),
        lambda: store.versions(KEY),
        lambda: list(store.keys("originals/")),
        lambda: store.lock_state(KEY, "v"),
        lambda: store.remove_derived("derived/a"),
        lambda: store.sweep_temporary(datetime.now(UTC)),
        store.prepare,
        lambda: store.probe(datetime.now(UTC)),
    ]


def impatient(port: int, tmp_path: Path) -> ObjectStore:
    return open_place(
        S3Place(
            endpoint=f"127.0.0.1:{port}",
            access_key="k",
            secret_key="s",
            spool_path=tmp_path / "spool",
            secure=False,
            connect_s=0.4,
            read_s=0.4,
            retries=1,
        )
    )


def assert_all_end_with(error: type[HuisuError], store: ObjectStore, tmp_path: Path) -> None:
    for call in every_call(store, tmp_path):
        began = time.monotonic()
        with pytest.raises(error):
            call()
        assert time.monotonic() - began < MOST_S


def test_a_store_that_is_down_is_unavailable(tmp_path: Path) -> None:
    assert_all_end_with(StoreUnavailable, impatient(free_port(), tmp_path), tmp_path)


def test_a_store_that_never_answers_is_unavailable(tmp_path: Path) -> None:
    with answering(lambda connection: time.sleep(2)) as port:
        store = impatient(port, tmp_path)
        for call in (lambda: store.stat(KEY), lambda: store.read(KEY), lambda: store.put_bytes(KEY, b"1")):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                call()
            assert time.monotonic() - began < MOST_S


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Slow Down\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Type: application/xml\r\nContent-Length: 9\r\n\r\n<broken/x",
        b"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"not http at all\r\n\r\n",
        b"",
    ],
    ids=["500", "503 come in an hour", "broken xml", "a proxy's page", "redirect", "no http", "hangs up"],
)
def test_a_store_that_answers_nonsense_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    with answering(lambda connection: connection.sendall(answer)) as port:
        assert_all_end_with(StoreUnavailable, impatient(port, tmp_path), tmp_path)


def test_a_store_without_room_is_full(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 507 Full\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfull"
    with answering(lambda connection: connection.sendall(answer)) as port, pytest.raises(DiskFull):
        impatient(port, tmp_path).stat(KEY)


@pytest.mark.parametrize("stalls", [False, True], ids=["hangs up", "stalls"])
def test_a_body_cut_short_is_never_a_short_read(tmp_path: Path, stalls: bool) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 2_000_000)
        if stalls:
            time.sleep(2)

    with answering(serve) as port:
        began = time.monotonic()
        blocks = impatient(port, tmp_path).read(KEY, "v")
        got = [len(next(blocks))]
        with pytest.raises(StoreUnavailable):
            got += [len(block) for block in blocks]

        assert sum(got) <= 2_000_000
        assert time.monotonic() - began < MOST_S


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", StoreUnavailable),
        (
            b"HTTP/1.1 206 OK\r\nContent-Length: 4\r\nContent-Range: bytes 0-3/10\r\n\r\n0123",
            StoreUnavailable,
        ),
        (
            b"HTTP/1.1 206 OK\r\nContent-Length: 2\r\nContent-Range: bytes 4-5/10\r\n\r\n45",
            StoreUnavailable,
        ),
        (b"HTTP/1.1 206 OK\r\nContent-Length: 4\r\nContent-Range: bytes 4-7/8\r\n\r\n4567", RangeOutside),
    ],
    ids=["range ignored", "another range", "less than asked", "object ends before"],
)
def test_a_range_answered_wrongly_is_refused(tmp_path: Path, answer: bytes, error: type[HuisuError]) -> None:
    with answering(lambda connection: connection.sendall(answer)) as port, pytest.raises(error):
        impatient(port, tmp_path).read(KEY, "v", offset=4, length=5)


@contextmanager
def answering(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Accept connections on loopback, read one request's head from each and let `serve` misbehave."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def converse(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(5)
                if connection.recv(65536):
                    serve(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_the_folder_store_starts_without_the_s3_client() -> None:
    code = "import sys, services.storage.open; sys.exit('minio' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)

    assert done.returncode == 0


def test_a_server_of_ones_own_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_SERVER, "https://127.0.0.1:9000,key,secret")

    assert own_s3_server() == S3Server("127.0.0.1:9000", "key", "secret", secure=True)
