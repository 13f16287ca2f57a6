"""
Read and check notes: a text under which stand the signatures of named keys. Pure.

Source: C2SP signed-note (form, key ids, type 0x01) and tlog-cosignature (type 0x04). What this module does not
know it ignores only where the specification says so: signatures of other keys.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.custody.canonical import decode
from services.errors import NoteRefused

KeyType = Literal[1, 4]
PLAIN: Final = 1
"""An Ed25519 signature over the text itself. Source: C2SP signed-note."""
COSIGNATURE: Final = 4
"""A witness's Ed25519 signature over the text and a time. Source: C2SP tlog-cosignature."""

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
TIME_BYTES: Final = 8
ID_BYTES: Final = 4
NOTE_MAX_BYTES: Final = 1 << 20
SIGNATURES_MAX: Final = 100
"""Most signatures of one note. Source: golang.org/x/mod/sumdb/note; the specification asks for at least 16."""

DASH: Final = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and what follows the key id (a time too, in a cosignature)."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """Write the line with its line end."""
        return f"{DASH}{self.name} {b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True)
class VerifierKey:
    """A public key with the name and the type of signature that it is known under."""

    name: str
    type: KeyType
    public: bytes

    def __post_init__(self) -> None:
        """Refuse what no signature line could name."""
        check_name(self.name)
        if len(self.public) != KEY_BYTES:
            raise NoteRefused(f"the key of {self.name} has {len(self.public)} bytes, not {KEY_BYTES}")

    @cached_property
    def id(self) -> bytes:
        """Name the key in signature lines: four bytes."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.type]) + self.public).digest()[:ID_BYTES]

    @property
    def vkey(self) -> str:
        """Write the key as others read it: NAME+ID+BASE64."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.type]) + self.public).decode()}"

    def signed(self, signature: Signature) -> bool:
        """Say whether a line names this key; it may still not be a good signature."""
        return signature.name == self.name and signature.key_id == self.id

    def check(self, text: bytes, signature: Signature) -> None:
        """
        Check a signature of this key.

        Raises:
            NoteRefused: it is none over this text.
        """
        value = signature.value
        if self.type == COSIGNATURE:
            if len(value) != TIME_BYTES + SIGNATURE_BYTES:
                raise NoteRefused(f"the cosignature of {self.name} has {len(value)} bytes")
            at, value = int.from_bytes(value[:TIME_BYTES], "big"), value[TIME_BYTES:]
            text = cosigned(text, at)
        check_ed25519(self.public, value, text, f"{self.name}+{self.id.hex()}")


@dataclass(frozen=True, slots=True)
class Note:
    """A text, ending in a line end, and the signatures under it, none of them checked yet."""

    text: bytes
    signatures: tuple[Signature, ...]

    @property
    def content(self) -> bytes:
        """Write the note; what was read gives the same bytes."""
        return self.text + b"\n" + "".join(one.line for one in self.signatures).encode()

    def with_signatures(self, more: Iterable[Signature]) -> "Note":
        """Add signatures that are not there yet."""
        return Note(self.text, (*self.signatures, *(one for one in more if one not in self.signatures)))

    def verified(self, keys: Iterable[VerifierKey]) -> tuple[tuple[VerifierKey, Signature], ...]:
        """
        Give the signatures of these keys, all of them checked; those of other keys are ignored.

        Raises:
            NoteRefused: a signature in the name of one of these keys is not its own.
        """
        known, found = tuple(keys), []
        for signature in self.signatures:
            for key in known:
                if key.signed(signature):
                    key.check(self.text, signature)
                    found.append((key, signature))
        return tuple(found)


def read_note(content: bytes) -> Note:
    """
    Read a note; the text ends before the last empty line.

    Raises:
        NoteRefused: these bytes are no note.
    """
    if len(content) > NOTE_MAX_BYTES:
        raise NoteRefused(f"a note has at most {NOTE_MAX_BYTES} bytes, this one {len(content)}")
    place = content.rfind(b"\n\n")
    if place < 0:
        raise NoteRefused("a note has an empty line before its signatures, this one has none")
    text, under = content[: place + 1], content[place + 2 :]
    check_text(text)
    return Note(text, read_signatures(under))


def open_note(content: bytes, keys: Iterable[VerifierKey]) -> Note:
    """
    Read a note that at least one of these keys signed.

    Raises:
        NoteRefused: it is no note, none of the keys signed it, or a signature in the name of one is not its own.
    """
    note = read_note(content)
    if not note.verified(keys):
        raise NoteRefused("none of the keys that are trusted here signed this note")
    return note


def read_signatures(lines: bytes) -> tuple[Signature, ...]:
    """
    Read signature lines, at least one, each with its line end.

    Raises:
        NoteRefused: one of them is none.
    """
    text = _decoded(lines)
    if not text.endswith("\n"):
        raise NoteRefused("the last signature line has no line end: is the note cut short?")
    split = text[:-1].split("\n")
    if len(split) > SIGNATURES_MAX:
        raise NoteRefused(f"a note has at most {SIGNATURES_MAX} signatures, this one {len(split)}")
    return tuple(_read_signature(line) for line in split)


def _read_signature(line: str) -> Signature:
    name, gap, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not gap:
        raise NoteRefused(f"this is no signature line: {line[:80]!r}")
    check_name(name)
    value = decode(encoded, f"the signature of {name}")
    if len(value) <= ID_BYTES:
        raise NoteRefused(f"the signature of {name} has {len(value)} bytes")
    return Signature(name, value[:ID_BYTES], value[ID_BYTES:])


def parse_vkey(text: str) -> VerifierKey:
    """
    Read a key from its text form.

    Raises:
        NoteRefused: it is none, is of another type, or its id is not that of its key.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteRefused(f"this is no key as NAME+ID+BASE64: {text[:80]!r}")
    name, key_id, encoded = parts
    check_name(name)
    material = decode(encoded, f"the key of {name}")
    if not material:
        raise NoteRefused(f"the key of {name} is empty")
    key = VerifierKey(name, key_type(material[0], name), material[1:])
    if key.id.hex() != key_id:
        raise NoteRefused(f"the key of {name} has the id {key.id.hex()}, not {key_id[:16]}")
    return key


def key_type(number: int, name: str) -> KeyType:
    """Read the byte that says how a key signs. Raises `NoteRefused`."""
    if number == PLAIN:
        return 1
    if number == COSIGNATURE:
        return 4
    raise NoteRefused(f"the key of {name} has the type {number:#04x}; only 0x01 and 0x04 are known here")


def cosigned(text: bytes, at: int) -> bytes:
    """Give what a cosignature of the time `at` (seconds since 1970) signs. Source: C2SP tlog-cosignature."""
    if not 0 <= at < 1 << 63:
        raise NoteRefused(f"{at} is no time of a cosignature")
    return f"cosignature/v1\ntime {at}\n".encode() + text


def check_ed25519(public: bytes, signature: bytes, message: bytes, whose: str) -> None:
    """Raise `NoteRefused` where this is no Ed25519 signature of the key over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise NoteRefused(f"the signature in the name of {whose} is not its own over this text") from error


def check_name(name: str) -> None:
    """Raise `NoteRefused` where a name could not stand in a signature line."""
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise NoteRefused(f"{name[:80]!r} is no name of a key: it has no spaces, no plus sign, and is not empty")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise NoteRefused(f"{name[:80]!r} is no name of a key: it is not UTF-8") from error


def check_text(text: bytes) -> None:
    """Raise `NoteRefused` where a text cannot be that of a note."""
    if not text.endswith(b"\n"):
        raise NoteRefused("the text of a note ends in a line end")
    _decoded(text)


def _decoded(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise NoteRefused("a note is UTF-8, this one is not") from error
    if found := _CONTROL.search(text):
        raise NoteRefused(f"a note has no control characters, this one has {found[0]!r}")
    return text
