"""
Sign notes, and keep the key that does it as text for a file that only its owner reads. Pure.

Source: golang.org/x/mod/sumdb/note (the text form); C2SP signed-note and tlog-cosignature (what is signed).
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.custody.canonical import decode
from services.custody.note import (
    COSIGNATURE,
    KEY_BYTES,
    TIME_BYTES,
    KeyType,
    Signature,
    VerifierKey,
    check_text,
    cosigned,
    key_type,
)
from services.errors import NoteRefused

_SECRET_PREFIX: Final = "PRIVATE+KEY+"  # noqa: S105  (a form, no secret)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name that it signs under; its text never goes to a log."""

    name: str
    type: KeyType
    seed: bytes

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read the text form. Raises `NoteRefused` without repeating what it read."""
        prefix, _, rest = text.strip().partition("KEY+")
        parts = rest.split("+", 2)
        if f"{prefix}KEY+" != _SECRET_PREFIX or len(parts) != 3:
            raise NoteRefused("this text is no signing key")
        name, key_id, encoded = parts
        material = decode(encoded, "a signing key")
        if len(material) != 1 + KEY_BYTES:
            raise NoteRefused(f"the signing key of {name} has another length than an Ed25519 key")
        key = cls(name, key_type(material[0], name), material[1:])
        if key.verifier.id.hex() != key_id:
            raise NoteRefused(f"the signing key of {name} has the id {key.verifier.id.hex()}, not {key_id}")
        return key

    def __repr__(self) -> str:
        """Show whose it is, never what it is."""
        return f"SigningKey({self.verifier.vkey})"

    @property
    def secret_text(self) -> str:
        """Write the key for a file that only its owner reads."""
        encoded = b64encode(bytes([self.type]) + self.seed).decode()
        return f"{_SECRET_PREFIX}{self.name}+{self.verifier.id.hex()}+{encoded}"

    @property
    def verifier(self) -> VerifierKey:
        """Give the public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(self.name, self.type, public)

    def of_type(self, kind: KeyType) -> "SigningKey":
        """Give the same key for the other type of signature; what each signs begins differently."""
        return SigningKey(self.name, kind, self.seed)

    def sign(self, text: bytes, at: int | None = None) -> Signature:
        """Sign a text; a cosignature says `at`, in whole seconds since 1970."""
        check_text(text)
        if (at is not None) != (self.type == COSIGNATURE):
            raise ValueError("a cosignature has a time, no other signature has one")
        stamp = b"" if at is None else at.to_bytes(TIME_BYTES, "big")
        message = text if at is None else cosigned(text, at)
        return Signature(self.name, self.verifier.id, stamp + self.sign_bytes(message))

    def sign_bytes(self, message: bytes) -> bytes:
        """Sign bytes that are no note; the caller's prefix must keep them apart from every note."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
