"""
Read what an upload says about itself. A bad value never blocks: it is kept as text and flagged.

Pure: metadata and the known world in, facts and flags out.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.digest import Digest
from services.media.facts import Flag

KINDS: Final = ("body", "vehicle", "facility", "interview")
OLDEST_CLOCK: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A camera clock before this is a reset clock (1970, 1980), never a time of recording."""

AHEAD: Final = timedelta(days=1)
LONGEST: Final[dict[str, int]] = {
    "device": 128,
    "officer": 64,
    "incident": 128,
    "case": 128,
    "session": 128,
    "channel": 64,
}
"""Characters that the catalogue keeps of each name; longer ones are kept as given text only, and flagged."""


@dataclass(frozen=True, slots=True)
class Given:
    """What an upload's metadata says, read; `None` where it says nothing usable."""

    filename: str
    kind: str | None
    device: str | None
    officer: str | None
    incident: str | None
    case: str | None
    session: str | None
    channel: str | None
    started_at: datetime | None
    ended_at: datetime | None
    file_mtime: datetime | None
    claimed: Digest | None
    flags: tuple[Flag, ...]


def read_given(metadata: Mapping[str, str], zone: ZoneInfo, now: datetime) -> Given:
    """Read all metadata of an upload; `zone` is the one of clock text that names none."""
    flags: list[Flag] = []

    def name(key: str) -> str | None:
        text = metadata.get(key, "").strip()
        if not text:
            return None
        if len(text) > LONGEST[key] or any(ord(c) < 32 or ord(c) == 127 for c in text):
            flags.append(Flag("bad-metadata", detail=f"{key}: {text[:80]!r} is not a usable name"))
            return None
        return text

    def moment(key: str) -> datetime | None:
        text = metadata.get(key, "").strip()
        if not text:
            return None
        read = read_moment(text, zone)
        if read is None:
            flags.append(Flag("bad-metadata", detail=f"{key}: {text[:80]!r} is not a time"))
        return read

    kind = metadata.get("kind", "").strip() or None
    if kind is not None and kind not in KINDS:
        flags.append(Flag("bad-metadata", detail=f"kind: {kind[:80]!r} is none of {', '.join(KINDS)}"))
        kind = None
    claim = metadata.get("sha256", "").strip()
    claimed = read_sha256(claim)
    if claim and claimed is None:
        flags.append(Flag("bad-metadata", detail=f"sha256: {claim[:80]!r} is not a SHA-256"))
    started = moment("started_at")
    if started is not None and not OLDEST_CLOCK <= started <= now + AHEAD:
        flags.append(Flag("clock-implausible", detail=f"started_at {started.isoformat()} at arrival {now.isoformat()}"))
    return Given(
        filename=metadata.get("filename", "").strip(),
        kind=kind,
        device=name("device"),
        officer=name("officer"),
        incident=name("incident"),
        case=name("case"),
        session=name("session"),
        channel=name("channel"),
        started_at=started,
        ended_at=moment("ended_at"),
        file_mtime=moment("file_mtime"),
        claimed=claimed,
        flags=tuple(flags),
    )


def read_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """Read RFC 3339, also without an offset (then in `zone`), or seconds since 1970; None when it is neither."""
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_sha256(text: str) -> Digest | None:
    """Read a SHA-256 written as 64 hexadecimal digits or as base64; None when it is neither."""
    try:
        if len(text) == 64:
            return Digest.from_hex(text)
        raw = b64decode(text, validate=True)
        return Digest("sha256", raw) if len(raw) == 32 else None
    except (ValueError, Base64Error):
        return None


def flags_as_json(flags: tuple[Flag, ...]) -> list[dict[str, Any]]:
    """Give flags as the catalogue keeps them."""
    return [flag.to_json() for flag in flags]
