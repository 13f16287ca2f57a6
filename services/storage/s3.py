"""
Keep objects in two buckets of an S3 server, through the `minio` SDK: its only home.

What servers really do (SeaweedFS, Ceph RGW; measured) shaped this adapter: locks sent with a multipart upload are
dropped silently, so they are set on the version afterwards and read back from HEAD's headers; a delete marker hides
a version but does not remove it, so listings look at versions; checksums and ETags are not relied upon: the whole
read-back decides.
"""

import base64
import hashlib
import io
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.retention import Retention
from minio.versioningconfig import VersioningConfig
from minio.xml import marshal
from urllib3.exceptions import HTTPError

from services.digest import Digest
from services.errors import (
    HuisuError,
    Misconfigured,
    NotAllowed,
    NotFound,
    ObjectConflict,
    RangeOutside,
    StoreUnavailable,
)
from services.storage import keys, worm_probe
from services.storage.durable import source_size, translated
from services.storage.keys import Area
from services.storage.places import MIB, S3Place
from services.storage.s3_answers import CANNOT_LOCK, lock_in, meaning, promised_bytes
from services.storage.spool import Spool
from services.storage.store import Blocks, Kept, Lock, LockMode, WormReport, check_range

log = logging.getLogger(__name__)

Headers = dict[str, str | list[str] | tuple[str]]
"""What the SDK's inner calls take."""

MOST_PARTS = 10_000
"""Source: Amazon S3 multipart upload limits."""


class S3Store:
    """An `ObjectStore` (all promises are there) in two buckets; `prepare` creates them."""

    def __init__(self, place: S3Place, spool: Spool) -> None:
        self._place = place
        self._spool = spool
        self._client = Minio(
            place.endpoint,
            access_key=place.access_key,
            secret_key=place.secret_key,
            secure=place.secure,
            region=place.region,
            http_client=_pool(place),
        )

    def prepare(self) -> None:
        """Create the buckets, originals with lock and versions, and the spool; repeating it is harmless."""
        self._spool.prepare()
        originals, derived = self._place.originals_bucket, self._place.derived_bucket
        if originals == derived:
            raise Misconfigured(f"originals and derived need a bucket each, both are {originals!r}")
        with _answered(f"bucket {derived}"):
            if not self._client.bucket_exists(derived):
                self._make_bucket(derived, locked=False)
        with _answered(f"bucket {originals}"):
            if not self._client.bucket_exists(originals):
                self._make_bucket(originals, locked=True)
            if self._client.get_bucket_versioning(originals).status != ENABLED:
                self._client.set_bucket_versioning(originals, VersioningConfig(ENABLED))
                log.warning("bucket of originals had no versions, enabled them", extra={"bucket": originals})

    def put(self, key: str, source: Path, *, give: bool = False) -> Kept:  # noqa: ARG002 (S3 always copies)
        """Send a file, in parts when it is long; visible whole or not at all."""
        size = source_size(source)
        with translated(str(source)), source.open("rb") as file:
            return self._put(key, file, size)

    def put_bytes(self, key: str, content: bytes) -> Kept:
        """Send a small content."""
        return self._put(key, io.BytesIO(content), len(content))

    def mend(self, key: str, source: Path) -> Kept:
        """Send the good copy as a new version above what is kept, unless a kept version has its bytes."""
        if not keys.area(key).is_write_once:
            raise NotAllowed(f"{key}: derived objects are made again, not mended")
        size = source_size(source)
        with translated(str(source)), source.open("rb") as file:
            for kept in self.versions(key):
                if kept.size_bytes == size and self._equals(kept, file):
                    return kept
            return self._send(key, file, size)

    def stat(self, key: str, version: str | None = None) -> Kept:
        """Tell version and size."""
        found = self._head(key, version)
        return Kept(key, _version(key, found.version_id), found.size or 0)

    def read(self, key: str, version: str | None = None, *, offset: int = 0, length: int | None = None) -> Blocks:
        """Open one Range request; the body is read as it is asked for."""
        if length == 0 or offset < 0 or (length or 0) < 0:
            return Blocks(key, check_range(key, offset, length, self.stat(key, version).size_bytes), _end, _nothing)
        try:
            with _answered(key, version):
                response = self._client.get_object(
                    self._bucket(key), key, offset=offset, length=length or 0, version_id=version
                )
        except RangeOutside:  # the server's word also for an empty rest, which is legal
            return Blocks(key, check_range(key, offset, length, self.stat(key, version).size_bytes), _end, _nothing)
        try:
            count = promised_bytes(key, response.headers, offset, length)
        except BaseException:
            response.close()
            raise

        def take(most: int) -> bytes:
            with _answered(key, version):
                return response.read(most, decode_content=False)

        return Blocks(key, count, take, response.close)

    def versions(self, key: str) -> list[Kept]:
        """List the versions of one key, whatever delete markers lie on top."""
        bucket = self._bucket(key)
        if not keys.area(key).is_write_once:
            try:
                return [self.stat(key)]
            except NotFound:
                return []
        with _answered(key):
            listed = list(self._client.list_objects(bucket, prefix=key, include_version=True))
        kept = [_kept(each) for each in listed if each.object_name == key and not each.is_delete_marker]
        return kept[::-1]  # S3 lists the newest first

    def keys(self, prefix: str) -> Iterator[Kept]:
        """List each key once, page by page, with its newest version."""
        area = keys.area_of_prefix(prefix)
        last = None
        with _answered(prefix):
            for each in self._client.list_objects(
                self._bucket_of(area), prefix=prefix, recursive=True, include_version=area.is_write_once
            ):
                if not each.is_delete_marker and not each.is_dir and each.object_name != last:
                    last = each.object_name
                    # The newest version of a page is not the latest thing only where a marker is, which comes after it.
                    yield replace(_kept(each), is_hidden=each.is_latest == "false")

    def lock(self, key: str, version: str | None, *, mode: LockMode, until: datetime) -> Lock:
        """Set the stronger of the old and the new lock on one version and read it back."""
        _check_lockable(key)
        now = self.lock_state(key, version)
        goal = now.raised(mode, until)
        if goal == now or goal.mode is None or goal.until is None:
            return now
        raises_mode = now.mode is LockMode.GOVERNANCE and goal.mode is LockMode.COMPLIANCE
        with _answered(key, version), self._lock_support(key):
            self._set_retention(key, version, Retention(goal.mode, goal.until), bypass=raises_mode)
        return self.lock_state(key, version)

    def hold(self, key: str, version: str | None, *, on: bool) -> Lock:
        """Set or lift the legal hold of one version and read it back."""
        _check_lockable(key)
        now = self.lock_state(key, version)
        if now.hold == on:
            return now
        change = self._client.enable_object_legal_hold if on else self._client.disable_object_legal_hold
        with _answered(key, version), self._lock_support(key):
            change(self._bucket(key), key, version_id=version)
        return self.lock_state(key, version)

    def lock_state(self, key: str, version: str | None) -> Lock:
        """Read lock and hold."""
        return lock_in(self._head(key, version).metadata or {})

    def remove_derived(self, key: str) -> None:
        """Remove what can be made again; refuse anything else."""
        if keys.area(key).is_write_once:
            raise NotAllowed(f"{key}: only derived objects are removed here")
        with _answered(key):
            self._client.remove_object(self._bucket(key), key)

    def lend(self, key: str, version: str | None, digest: Digest) -> AbstractContextManager[Path]:
        """Lend a verified copy from the spool, fetched when it is not there."""
        size = self.stat(key, version).size_bytes
        return self._spool.lend(digest, size, lambda: self.read(key, version))

    def sweep_temporary(self, older_than: datetime) -> int:
        """Abort the multipart uploads that were never completed: they are invisible, but fill the store."""
        return sum(
            self._sweep(bucket, older_than) for bucket in (self._place.originals_bucket, self._place.derived_bucket)
        )

    def probe(self, now: datetime) -> WormReport:
        """Let canaries tell whether locks are enforced."""
        return worm_probe.probe(self, now)

    def attempt_removal(self, canary: Kept, *, bypass: bool) -> None:
        """Try to delete a canary's version: for the probe only, refused for every other key."""
        _check_canary(canary.key)
        target = [DeleteObject(canary.key, canary.version)]
        with _answered(canary.key), _refusal_is_fine(canary.key):
            for refused in self._client.remove_objects(self._bucket(canary.key), target, bypass_governance_mode=bypass):
                log.debug("removal of canary was refused", extra={"key": canary.key, "code": refused.code})
            if not bypass:
                self._client.remove_object(self._bucket(canary.key), canary.key, version_id=canary.version)

    def attempt_shortening(self, canary: Kept, until: datetime) -> None:
        """Try to weaken a canary's lock: for the probe only, refused for every other key."""
        _check_canary(canary.key)
        with _answered(canary.key), _refusal_is_fine(canary.key):
            weaker = Retention(LockMode.GOVERNANCE, until)
            self._set_retention(canary.key, canary.version, weaker, bypass=True)

    def _put(self, key: str, source: BinaryIO, size: int) -> Kept:
        if kept := self._already(key, source, size):
            return kept
        return self._send(key, source, size)

    def _send(self, key: str, source: BinaryIO, size: int) -> Kept:
        source.seek(0)
        part = max(self._place.part_bytes, -(-size // MOST_PARTS // MIB) * MIB)
        with _answered(key):
            sent = self._client.put_object(self._bucket(key), key, source, size, part_size=part, num_parallel_uploads=1)
        kept = self.stat(key, _version(key, sent.version_id))
        if kept.size_bytes != size:
            raise StoreUnavailable(f"{key}: {size:,} bytes were sent, the store keeps {kept.size_bytes:,}")
        return kept

    def _already(self, key: str, source: BinaryIO, size: int) -> Kept | None:
        """Find the version with these very bytes; refuse others under a write-once key."""
        versions = self.versions(key)
        for kept in versions:
            if kept.size_bytes == size and self._equals(kept, source):
                return kept
        if versions and keys.area(key).is_write_once:
            sizes = ", ".join(f"{kept.size_bytes:,}" for kept in versions)
            raise ObjectConflict(
                f"{key}: other bytes are already kept under this key ({sizes} bytes are kept, {size:,} came)"
            )
        return None

    def _equals(self, kept: Kept, source: BinaryIO) -> bool:
        source.seek(0)
        with self.read(kept.key, kept.version) as blocks:
            return all(source.read(len(block)) == block for block in blocks)

    def _head(self, key: str, version: str | None) -> Object:
        with _answered(key, version):
            return self._client.stat_object(self._bucket(key), key, version_id=version)

    def _bucket(self, key: str) -> str:
        return self._bucket_of(keys.area(key))

    def _bucket_of(self, area: Area) -> str:
        return self._place.originals_bucket if area.is_write_once else self._place.derived_bucket

    def _make_bucket(self, bucket: str, *, locked: bool) -> None:
        try:
            self._client.make_bucket(bucket, object_lock=locked)
        except S3Error as error:
            if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:  # another process was faster
                raise

    def _sweep(self, bucket: str, older_than: datetime) -> int:
        """Use the SDK's inner calls: it offers no others for unfinished uploads, and the lock file pins it."""
        swept, marker = 0, None
        with _answered(f"bucket {bucket}"):
            while True:
                page = self._client._list_multipart_uploads(bucket, key_marker=marker)  # noqa: SLF001
                for upload in page.uploads:
                    if upload.initiated_time is not None and upload.initiated_time < older_than:
                        self._client._abort_multipart_upload(bucket, upload.object_name, upload.upload_id or "")  # noqa: SLF001
                        swept += 1
                marker = page.next_key_marker
                if not page.is_truncated or not marker:
                    return swept

    def _set_retention(self, key: str, version: str | None, retention: Retention, *, bypass: bool) -> None:
        """
        Set a lock, with the bypass header that a change of mode needs, even a change to the stronger one.

        The SDK's own call has no such header (SeaweedFS and MinIO then answer AccessDenied).
        """
        body = marshal(retention)
        headers: Headers = {"Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}
        if bypass:
            headers["x-amz-bypass-governance-retention"] = "true"
        query: Headers = {"retention": ""}
        if version:
            query["versionId"] = version
        self._client._execute("PUT", self._bucket(key), key, body=body, headers=headers, query_params=query)  # noqa: SLF001

    @contextmanager
    def _lock_support(self, key: str) -> Iterator[None]:
        """Go on without a lock where the store has none; the read-back tells the caller, the probe everybody."""
        try:
            yield
        except S3Error as error:
            if error.code not in CANNOT_LOCK:
                raise
            log.warning("object store could not lock", extra={"key": key, "code": error.code})


def _pool(place: S3Place) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=place.connect_s, read=place.read_s),
        maxsize=16,
        cert_reqs="CERT_REQUIRED",
        ca_certs=str(place.ca_file) if place.ca_file else None,
        retries=urllib3.Retry(
            total=place.retries,
            redirect=0,  # signed requests go where they were meant to
            backoff_factor=0.2,
            status_forcelist=[500, 502, 503, 504],
            raise_on_status=False,  # the server's own words say more than "too many error responses"
            respect_retry_after_header=False,  # else the server decides how long we sleep
        ),
    )


@contextmanager
def _answered(what: str, version: str | None = None) -> Iterator[None]:
    """Raise our errors for the SDK's, inside which `what` was asked for."""
    try:
        yield
    except (MinioException, HTTPError, ParseError) as error:
        raise _ours(error, what, version) from error


def _ours(error: Exception, what: str, version: str | None) -> HuisuError:
    code = error.code if isinstance(error, S3Error) else None
    status = error.status_code if isinstance(error, ServerError) else None
    if isinstance(error, InvalidResponseError):
        status = error._code  # noqa: SLF001 (the SDK shows it in the text only)
    return meaning(what, version, code, status, f"{type(error).__name__}: {error}")


@contextmanager
def _refusal_is_fine(key: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        log.debug("attempt on canary was refused", extra={"key": key, "code": error.code})


def _check_canary(key: str) -> None:
    if keys.area(key) is not Area.PROBE:
        raise NotAllowed(f"{key}: only canaries of the probe may be attacked")


def _check_lockable(key: str) -> None:
    if not keys.area(key).is_write_once:
        raise NotAllowed(f"{key}: derived objects are never locked")


def _kept(found: Object) -> Kept:
    key = found.object_name or ""
    return Kept(key, _version(key, found.version_id), found.size or 0)


def _version(key: str, version: str | None) -> str | None:
    """Tell no version where the area has none: servers send nothing, an empty text or `null`."""
    return version if version and version != "null" and keys.area(key).is_write_once else None


def _end(_: int) -> bytes:
    """Give the body of an empty range."""
    return b""


def _nothing() -> None:
    """Close the body of an empty range."""
