"""Hash a list of leaves to one root. Pure. Source: RFC 6962 section 2.1."""

import hashlib
from collections.abc import Sequence
from typing import Final

NODE_PREFIX: Final = b"\x01"
"""Domain separation of inner nodes. Source: RFC 6962 section 2.1."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees to their parent."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """
    Give the root over leaf hashes, in order; the root of no leaves is the hash of nothing.

    Works upwards level by level: an odd last node rises unchanged, which is the same tree as the
    recursive definition (left part the largest power of two).
    """
    if not leaves:
        return EMPTY_ROOT
    level, sha256 = list(leaves), hashlib.sha256
    while len(level) > 1:
        # spelled out: a call of `node_hash` for each pair costs half as much again, and populations have 10^6 leaves
        pairs = [sha256(NODE_PREFIX + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]
