"""
Make and read the exact bytes of a ledger entry and of its payload commitment. Pure.

Source: knowledge integrity 2.1, with `huisu/` as prefix. Entries are hashed and stored verbatim and
never serialised again, so nothing depends on how JSON is written later.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

LEAF_PREFIX: Final = b"\x00"
"""Domain separation of tree leaves. Source: RFC 6962 section 2.1."""

FIELD_PREFIX: Final = b"huisu/field/v1\n"
PAYLOAD_PREFIX: Final = b"huisu/payload/v1\n"
SALT_BYTES: Final = 16
ENTRY_MAX_BYTES: Final = 4096
FIRST_PREV: Final = bytes(32)
"""`prev` of an object's entry number 0."""

_VALUE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_ENTRY: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, as it stands in its bytes."""

    type: str
    id: str
    at: datetime
    obj: str
    n: int
    prev: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One committed value: its JSON text as written, its salt, and the commitment that outlives both."""

    name: str
    salt: bytes
    value: str
    commitment: bytes


def commit_field(name: str, value: str, salt: bytes) -> bytes:
    """Commit to one field; without the salt a low-entropy value (a plate, a name) cannot be guessed."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    name_bytes, value_bytes = name.encode(), value.encode()
    return hashlib.sha256(
        FIELD_PREFIX
        + salt
        + len(name_bytes).to_bytes(2, "big")
        + name_bytes
        + len(value_bytes).to_bytes(4, "big")
        + value_bytes
    ).digest()


def commit_payload(commitments: Mapping[str, bytes]) -> bytes:
    """Commit to all fields of an entry, sorted by their names' bytes."""
    ordered = [commitments[name] for name in sorted(commitments, key=str.encode)]
    return hashlib.sha256(PAYLOAD_PREFIX + len(ordered).to_bytes(2, "big") + b"".join(ordered)).digest()


def make_fields(values: Mapping[str, Any], salts: Mapping[str, bytes]) -> tuple[Field, ...]:
    """Turn values into committed fields; each value's JSON text is stored as it is hashed."""
    fields = []
    for name in sorted(values, key=str.encode):
        text = _VALUE.encode(values[name])
        fields.append(Field(name, salts[name], text, commit_field(name, text, salts[name])))
    return tuple(fields)


def entry_bytes(entry: Entry) -> bytes:
    """
    Write an entry: ASCII JSON, no spaces, keys in this order.

    Raises:
        ValueError: it would be longer than an entry may be.
    """
    moment = entry.at.astimezone(UTC)
    text = _ENTRY.encode(
        {
            "v": 1,
            "t": entry.type,
            "id": entry.id,
            "ts": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "obj": entry.obj,
            "n": entry.n,
            "prev": b64encode(entry.prev).decode(),
            "pc": b64encode(entry.commitment).decode(),
        }
    ).encode("ascii")
    if len(text) > ENTRY_MAX_BYTES:
        raise ValueError(f"an entry has at most {ENTRY_MAX_BYTES} bytes, this one {len(text)}")
    return text


def read_entry(text: bytes) -> Entry:
    """
    Read an entry's bytes back; the test of every writer.

    Raises:
        ValueError: the bytes are not an entry as `entry_bytes` writes it.
    """
    raw = json.loads(text)
    entry = Entry(
        type=raw["t"],
        id=raw["id"],
        at=datetime.strptime(raw["ts"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
        obj=raw["obj"],
        n=raw["n"],
        prev=b64decode(raw["prev"], validate=True),
        commitment=b64decode(raw["pc"], validate=True),
    )
    if entry_bytes(entry) != text:
        raise ValueError("these bytes are not in the one form that an entry has")
    return entry


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry as a leaf of the log."""
    return hashlib.sha256(LEAF_PREFIX + entry).digest()
