"""Write what programs read in a package: canonical JSON and the list of its files. Pure."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from services.custody.signer import PACKAGE_PREFIX

FORMAT: Final = "huisu/package/v1"
CHUNK_LOG2: Final = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a package: its path in it, its digest, its size, and the CRC-32 that zip files want."""

    path: str
    sha256: str
    size_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Item:
    """
    One item as `package.json` and its `rec.export` have it; `start` and `end` are printed seconds.

    `proof` is the path of its proof, None where there is none. `proven` says in words what is copied, for people.
    """

    n: int
    file: str
    kind: str
    recording: str
    filename: str
    start: str | None
    end: str | None
    made: str
    proof: str | None
    sha256: str
    size_bytes: int
    chunk_root: bytes
    proven: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a package says of itself in all its copies; `witnessed` is as docs/formats/package.md has it."""

    export: str
    made_at: datetime
    copies: int
    recipient: str
    purpose: str
    case: str | None
    origin: str
    version: str
    witnessed: str
    items: tuple[Item, ...]


def canonical(value: Any) -> bytes:
    """Write JSON in its one form: keys sorted, no spaces, ASCII, one line end behind it."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def b64(content: bytes) -> str:
    """Write bytes as text."""
    return b64encode(content).decode("ascii")


def moment(at: datetime) -> str:
    """Write an instant in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def package_json(about: About, copy: int) -> bytes:
    """Write `package.json` of one copy."""
    recordings = sorted({item.recording for item in about.items})
    return canonical(
        {
            "format": FORMAT,
            "export": about.export,
            "made_at": moment(about.made_at),
            "copy": copy,
            "copies": about.copies,
            "recipient": about.recipient,
            "purpose": about.purpose,
            "case": about.case,
            "origin": about.origin,
            "version": about.version,
            "witnessed": about.witnessed,
            "items": [_item(item) for item in about.items],
            "recordings": [{"id": one, "history": history_path(one)} for one in recordings],
        }
    )


def _item(item: Item) -> dict[str, Any]:
    return {
        "n": item.n,
        "file": item.file,
        "kind": item.kind,
        "recording": item.recording,
        "filename": item.filename,
        "start": item.start,
        "end": item.end,
        "made": item.made,
        "proof": item.proof,
    }


def history_path(recording: str, part: int = 1) -> str:
    """Name a file of a recording's history; a long one lies in several, numbered from 1."""
    return f"history/{recording}.json" if part == 1 else f"history/{recording}.{part}.json"


def contents_text(export: str, copy: int, copies: int, files: Iterable[Listed]) -> bytes:
    """Write what is signed: the list of all files of one copy but the list itself."""
    lines = [f"{one.sha256} {one.size_bytes} {one.path}\n" for one in sorted(files, key=lambda one: one.path.encode())]
    return PACKAGE_PREFIX + f"{export}\n{copy} of {copies}\n{''.join(lines)}".encode("ascii")
