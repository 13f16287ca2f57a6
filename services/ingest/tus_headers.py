"""
Read what a tus client says in its headers; pure.

Source: tus resumable upload protocol 1.0.0 (https://tus.io/protocols/resumable-upload).
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from services.errors import Invalid, PreconditionFailed, TooLarge, WrongContentType
from services.ingest.append import Checksum

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CHECKSUMS: Mapping[str, int] = {"sha256": 32, "sha1": 20}
"""Checksum algorithms and the bytes of their values, the preferred first; `sha1` is required by the protocol."""

CONTENT_TYPE = "application/offset+octet-stream"
METADATA_LIMIT_BYTES = 16 * 1024
"""Longest `Upload-Metadata`: a file name of 300 Chinese characters takes 1.2 KiB of it."""

Headers = Mapping[str, str]
_NUMBER = re.compile(r"[0-9]{1,18}\Z")


@dataclass(frozen=True, slots=True)
class Body:
    """What the headers tell of a body: its length in bytes (`None`: only its end will tell), and its checksum."""

    length: int | None
    checksum: Checksum | None

    @property
    def is_empty(self) -> bool:
        """Whether no byte will come."""
        return self.length == 0


def require_version(headers: Headers) -> None:
    """Raise `PreconditionFailed` (412) unless the client speaks tus 1.0.0."""
    said = headers.get("tus-resumable")
    if said != VERSION:
        raise PreconditionFailed(f"Tus-Resumable must be {VERSION}, not {said or 'absent'}")


def read_number(headers: Headers, name: str) -> int:
    """Read a count of bytes that must be there; raises `Invalid`."""
    text = headers.get(name.lower(), "").strip()
    if not _NUMBER.match(text):
        raise Invalid(f"{name} must be a number of bytes, not {text[:40]!r}")
    return int(text)


def read_length(headers: Headers, max_size_bytes: int) -> int:
    """
    Read the declared size of a new upload.

    Raises:
        Invalid: absent, malformed, deferred or a concatenation: this server wants to know the size.
        TooLarge: more than one upload may have.
    """
    for name in ("Upload-Defer-Length", "Upload-Concat"):
        if name.lower() in headers:
            raise Invalid(f"{name} is not supported: declare the size with Upload-Length")
    size_bytes = read_number(headers, "Upload-Length")
    if size_bytes > max_size_bytes:
        raise TooLarge(f"Upload-Length is {size_bytes}, an upload may have {max_size_bytes} bytes")
    return size_bytes


def has_body(headers: Headers) -> bool:
    """Say whether any body comes with these headers."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def read_body(headers: Headers, *, is_optional: bool) -> Body:
    """
    Read what is told of the body. With `is_optional` (a creation) one of another kind and unknown length is no body.

    Raises:
        WrongContentType: the body is not `application/offset+octet-stream`.
        Invalid: its length or checksum is malformed.
    """
    is_chunked = "transfer-encoding" in headers
    length = None if is_chunked else read_number(headers, "Content-Length") if "content-length" in headers else 0
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        if is_optional and not length:
            return Body(0, None)
        raise WrongContentType(f"Content-Type must be {CONTENT_TYPE}, not {kind[:80] or 'absent'}")
    return Body(length, read_checksum(headers.get("upload-checksum")))


def read_checksum(text: str | None) -> Checksum | None:
    """Read `Upload-Checksum: sha256 <base64>`; raises `Invalid` for an unknown algorithm or a value it cannot have."""
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise Invalid(f"Upload-Checksum: {algorithm[:20]!r} is none of {', '.join(CHECKSUMS)}")
    try:
        value = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"Upload-Checksum: {encoded[:100]!r} is not Base64") from error
    if len(value) != CHECKSUMS[algorithm]:
        raise Invalid(f"Upload-Checksum: {algorithm} has {CHECKSUMS[algorithm]} bytes, not {len(value)}")
    named: Literal["sha256", "sha1"] = "sha256" if algorithm == "sha256" else "sha1"
    return Checksum(named, value)


def read_metadata(text: str) -> dict[str, str]:
    r"""
    Read `Upload-Metadata`: comma-separated `key base64` pairs, or a key alone for an empty value.

    Values are UTF-8; what is not stays readable as `\xNN`, as does NUL, which databases refuse:
    a bad value never keeps footage out. Empty text is no metadata.

    Raises:
        Invalid: a key is empty or comes twice, or a value is not Base64.
        TooLarge: longer than 16 KiB.
    """
    if len(text) > METADATA_LIMIT_BYTES:
        raise TooLarge(f"Upload-Metadata has {len(text)} bytes, {METADATA_LIMIT_BYTES} are taken")
    metadata: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not key or key in metadata:
            raise Invalid(f"Upload-Metadata: key {key[:80]!r} is empty or comes twice")
        metadata[key] = _decode_value(key, encoded.strip())
    return metadata


def _decode_value(key: str, encoded: str) -> str:
    try:
        value = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)  # some clients leave the padding off
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"Upload-Metadata: the value of {key[:80]!r} is not Base64") from error
    return value.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def http_date(moment: datetime) -> str:
    """Write a time as HTTP headers do. Source: RFC 9110 section 5.6.7."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
