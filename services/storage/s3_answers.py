"""Read what S3 servers answer: which of our errors a code means, how many bytes come, when a lock ends. No SDK here."""

import re
from collections.abc import Mapping
from datetime import datetime

from services.errors import DiskFull, HuisuError, Misconfigured, NotFound, RangeOutside, StoreUnavailable
from services.storage.store import Lock, LockMode, check_range

ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed"})
"""`MethodNotAllowed` is the answer to reading a version that is a delete marker."""

MISTAKEN = frozenset(
    {"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}
)
FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})
CANNOT_LOCK = frozenset(
    {"InvalidRequest", "NotImplemented", "MethodNotAllowed", "ObjectLockConfigurationNotFoundError"}
)
"""Answers to a lock where the server or the bucket has none. Source: AWS, Ceph, JuiceFS as probed."""


def meaning(what: str, version: str | None, code: str | None, status: int | None, text: str) -> HuisuError:
    """Choose our error for a server's code or bare HTTP status; what is unknown may help when tried again."""
    if code in ABSENT or (version is not None and (status == 400 or code == "InvalidArgument")):
        return NotFound(f"no object {what}" + (f" of version {version}" if version else ""))
    if code == "InvalidRange" or status == 416:
        return RangeOutside(f"{what}: the range does not lie inside the object")
    if code in FULL or status == 507:
        return DiskFull(f"{what}: the object store has no room ({code or status})")
    if code in MISTAKEN:
        return Misconfigured(f"{what}: the object store refuses ({code}); check its keys, its buckets and our clock")
    return StoreUnavailable(f"{what}: {text[:300]}")


def promised_bytes(key: str, headers: Mapping[str, str], offset: int, length: int | None) -> int:
    """
    Read from the headers of a GET how many bytes will come, and see that they are those asked for.

    Raises:
        RangeOutside: the object ends before the range does.
        StoreUnavailable: the server ignored the range, or does not say how much it sends.
    """
    if not offset and not length:
        announced = headers.get("content-length")
        if announced is None:
            raise StoreUnavailable(f"{key}: the store does not say how many bytes it sends")
        return int(announced)
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range", ""))
    if found is None or int(found[1]) != offset:
        raise StoreUnavailable(f"{key}: bytes from {offset:,} were asked for, the store answered without a range")
    count = check_range(key, offset, length, int(found[3]))
    if int(found[2]) + 1 - offset != count:
        raise StoreUnavailable(f"{key}: {count:,} bytes were asked for, the store sends up to byte {found[2]}")
    return count


def lock_in(headers: Mapping[str, str]) -> Lock:
    """Read lock and hold from HEAD's headers: the SDK's own reader fails on the dates of Ceph."""
    mode = headers.get("x-amz-object-lock-mode")
    until = headers.get("x-amz-object-lock-retain-until-date")
    return Lock(
        mode=LockMode(mode.upper()) if mode else None,
        until=_instant(until) if until else None,
        hold=headers.get("x-amz-object-lock-legal-hold", "").upper() == "ON",
    )


def _instant(text: str) -> datetime:
    """Read the end of a lock, never as later than it is; Ceph writes nine decimals, more than Python reads."""
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text))
