"""
Read bytes from text in the one form that they have, so that no two texts mean the same bytes. Pure.

Python's own readers take spaces, upper case and stray bits; a hash that can be written in two ways is two for whoever
compares text.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence

from services.custody.proof import HASH_BYTES
from services.errors import NoteRefused, ProofRefused


def decode(encoded: str, what: str) -> bytes:
    """Read base64 in its one form: no line ends, no other letters, no stray bits. Raises `NoteRefused`."""
    try:
        value = b64decode(encoded, validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteRefused(f"{what} is not base64: {encoded[:80]!r}") from error
    if b64encode(value).decode() != encoded:
        raise NoteRefused(f"{what} is not base64 in its one form: {encoded[:80]!r}")
    return value


def decode_hashes(lines: Sequence[str], what: str, most: int = 63) -> tuple[bytes, ...]:
    """Read hashes of 32 bytes, one a line; by default as many as a proof of any tree may have. Raises `NoteRefused`."""
    if len(lines) > most:
        raise NoteRefused(f"{what} has {len(lines)} lines, at most {most} are taken")
    hashes = tuple(decode(line, what) for line in lines)
    if wrong := next((one for one in hashes if len(one) != HASH_BYTES), None):
        raise NoteRefused(f"{what} has a hash of {len(wrong)} bytes")
    return hashes


def read_hex(text: str, what: str) -> bytes:
    """Read hexadecimal in its one form: lower case, no spaces. Raises `ProofRefused`."""
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise ProofRefused(f"{what} is not hexadecimal: {text[:80]!r}") from error
    if raw.hex() != text:
        raise ProofRefused(f"{what} is not hexadecimal in its one form: {text[:80]!r}")
    return raw
