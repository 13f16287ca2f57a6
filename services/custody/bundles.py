"""
Write and read bundles of entries: each entry behind its length, two bytes, most significant first. Pure.

Source: C2SP tlog-tiles, "Log entries".
"""

from collections.abc import Iterable
from typing import Final

from services.errors import ProofRefused

LENGTH_BYTES: Final = 2


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries behind each other."""
    return b"".join(len(text).to_bytes(LENGTH_BYTES, "big") + text for text in entries)


def read_bundle(content: bytes) -> list[bytes]:
    """
    Read a bundle's entries back.

    Raises:
        ProofRefused: the bytes end inside an entry.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(content):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(content[at:start], "big")
        if start > len(content) or at > len(content):
            raise ProofRefused(f"a bundle of {len(content)} bytes ends inside its entry {len(entries)}")
        entries.append(content[start:at])
    return entries
