"""
Write and read receipts: the log's word that an accepted entry will be in it soon. Pure.

A receipt that is never honoured proves misbehaviour: it closes the time between an entry's acceptance and its place in
the log. Source: knowledge integrity 2.3; both numbers are 64 bits wide, big end first.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from services.custody.canonical import decode
from services.custody.note import PLAIN, SIGNATURE_BYTES, VerifierKey, check_ed25519
from services.custody.proof import HASH_BYTES
from services.custody.signingkey import SigningKey
from services.errors import NoteRefused

PREFIX: Final = b"huisu/receipt/v1\n"
MERGE_DELAY_MS: Final = 60_000
"""Longest time from acceptance to a signed head that holds the entry. Source: knowledge integrity 2.3."""
_BODY_BYTES: Final = len(PREFIX) + HASH_BYTES + 8 + 8


@dataclass(frozen=True, slots=True)
class Receipt:
    """The entry's leaf hash, when it was accepted, how late it may be in the log, and the log's signature."""

    leaf_hash: bytes
    accepted_ms: int
    merge_delay_ms: int
    signature: bytes

    @property
    def body(self) -> bytes:
        """Write what is signed."""
        return PREFIX + self.leaf_hash + self.accepted_ms.to_bytes(8, "big") + self.merge_delay_ms.to_bytes(8, "big")

    @property
    def text(self) -> str:
        """Write the receipt as people are given it: base64."""
        return b64encode(self.body + self.signature).decode()

    @property
    def due(self) -> datetime:
        """By when a signed head must hold the entry."""
        since = datetime(1970, 1, 1, tzinfo=UTC)
        return since + timedelta(milliseconds=self.accepted_ms + self.merge_delay_ms)

    def check(self, keys: Iterable[VerifierKey]) -> VerifierKey:
        """
        Give the log key that signed this receipt.

        Raises:
            NoteRefused: none of these did.
        """
        for key in keys:
            if key.type != PLAIN:
                continue
            try:
                check_ed25519(key.public, self.signature, self.body, key.name)
            except NoteRefused:
                continue
            return key
        raise NoteRefused("none of the log's keys signed this receipt")


def make_receipt(key: SigningKey, leaf_hash: bytes, accepted_ms: int, merge_delay_ms: int = MERGE_DELAY_MS) -> Receipt:
    """Sign a receipt over an entry's leaf hash."""
    if len(leaf_hash) != HASH_BYTES or not 0 <= accepted_ms < 1 << 63:
        raise NoteRefused(f"no receipt over {len(leaf_hash)} bytes at {accepted_ms} ms")
    unsigned = Receipt(leaf_hash, accepted_ms, merge_delay_ms, b"")
    return Receipt(leaf_hash, accepted_ms, merge_delay_ms, key.sign_bytes(unsigned.body))


def read_receipt(text: str) -> Receipt:
    """
    Read a receipt from its base64.

    Raises:
        NoteRefused: it is none; its signature is not checked here.
    """
    content = decode(text, "a receipt")
    if len(content) != _BODY_BYTES + SIGNATURE_BYTES or not content.startswith(PREFIX):
        raise NoteRefused(f"a receipt has {_BODY_BYTES + SIGNATURE_BYTES} bytes, this has {len(content)}")
    numbers = content[len(PREFIX) + HASH_BYTES : _BODY_BYTES]
    return Receipt(
        content[len(PREFIX) : len(PREFIX) + HASH_BYTES],
        int.from_bytes(numbers[:8], "big"),
        int.from_bytes(numbers[8:], "big"),
        content[_BODY_BYTES:],
    )
