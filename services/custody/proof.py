"""
Prove what a tree holds, that it only grew, and what lies in a range of it; and check such proofs. Pure.

A tree is given as a function from a half-open range of leaves to that range's hash, so that a proof reads no more than
it needs. Checks refuse hashes of another length than 32, size 0 as what something is consistent with, and proofs that
are longer than needed as well as shorter ones.

Sources: RFC 6962 section 2.1 (proofs), RFC 9162 sections 2.1.3.2 and 2.1.4.2 (their checks); the range proof is ours
(knowledge integrity 3.2): the hashes of the largest subtrees outside the range, from left to right.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from services.custody.tree import node_hash
from services.errors import ProofRefused

HASH_BYTES: Final = 32

Subtree = Callable[[int, int], bytes]
"""Gives the hash over leaves [start, end) of a tree; asked only for ranges that are subtrees of it."""


def split(size: int) -> int:
    """Give the largest power of two below `size`, where a tree of 2 leaves and more falls into two."""
    return 1 << (size - 1).bit_length() - 1


def prove_inclusion(tree: Subtree, index: int, size: int) -> list[bytes]:
    """
    Prove that leaf `index` is in the tree of `size` leaves: the siblings on its way, from the leaf up.

    Raises:
        ProofRefused: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofRefused(f"a tree of {size} leaves has no leaf {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(tree(middle, end))
            end = middle
        else:
            path.append(tree(start, middle))
            start = middle
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """
    Check that a leaf (its hash) stands at `index` in the tree with this root.

    Raises:
        ProofRefused: it does not, or the proof is not one.
    """
    _check_hashes(leaf, root, *path)
    if not 0 <= index < size:
        raise ProofRefused(f"a tree of {size} leaves has no leaf {index}")
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise ProofRefused(f"the proof of leaf {index} of {size} is too long")
        if at & 1 or at == last:
            found = node_hash(step, found)
            at, last = _rise(at, last)
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofRefused(f"the proof of leaf {index} of {size} is too short")
    if found != root:
        raise ProofRefused(f"leaf {index} leads to root {found.hex()}, not {root.hex()}")


def prove_consistency(tree: Subtree, old: int, new: int) -> list[bytes]:
    """
    Prove that the tree of `new` leaves begins with the tree of `old` leaves.

    Raises:
        ProofRefused: `old` is 0 (everything is consistent with nothing) or greater than `new`.
    """
    if not 0 < old <= new:
        raise ProofRefused(f"a tree of {new} leaves cannot be shown to extend one of {old}")
    start, end, is_whole, path = 0, new, True, []
    while old < end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(tree(middle, end))
            end = middle
        else:
            path.append(tree(start, middle))
            start, is_whole = middle, False
    return path[::-1] if is_whole else [tree(start, end), *path[::-1]]


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """
    Check that the tree with `new_root` begins with all leaves of the tree with `old_root`.

    Raises:
        ProofRefused: it does not, `old` is 0, or the proof is not one.
    """
    _check_hashes(old_root, new_root, *path)
    if not 0 < old <= new:
        raise ProofRefused(f"a tree of {new} leaves cannot be shown to extend one of {old}")
    if old == new:
        if path or old_root != new_root:
            raise ProofRefused(f"two trees of {old} leaves have roots {old_root.hex()} and {new_root.hex()}")
        return
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        raise ProofRefused(f"the proof from {old} to {new} is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofRefused(f"the proof from {old} to {new} is too long")
        if at & 1 or at == last:
            was, now = node_hash(step, was), node_hash(step, now)
            at, last = _rise(at, last)
        else:
            now = node_hash(now, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofRefused(f"the proof from {old} to {new} is too short")
    if was != old_root or now != new_root:
        raise ProofRefused(f"the tree of {new} leaves does not begin with the one of {old}")


def prove_range(tree: Subtree, start: int, end: int, size: int) -> list[bytes]:
    """
    Prove which leaves stand at [start, end): what is needed beside them to reach the root.

    Raises:
        ProofRefused: the range is empty or not within the tree.
    """
    if not 0 <= start < end <= size:
        raise ProofRefused(f"a tree of {size} leaves has no range [{start}, {end})")

    def outside(low: int, high: int) -> Iterator[bytes]:
        if high <= start or end <= low:
            yield tree(low, high)
        elif not (start <= low and high <= end):
            middle = low + split(high - low)
            yield from outside(low, middle)
            yield from outside(middle, high)

    return list(outside(0, size))


def root_of_range(leaves: Sequence[bytes], start: int, size: int, proof: Sequence[bytes]) -> bytes:
    """
    Give the root that these leaves, from `start` on, lead to; the caller compares it with one that it trusts.

    Raises:
        ProofRefused: the leaves do not fit into the tree, or the proof is too short or too long.
    """
    end = start + len(leaves)
    if not 0 <= start < end <= size:
        raise ProofRefused(f"a tree of {size} leaves has no range [{start}, {end})")
    _check_hashes(*leaves, *proof)
    rest = iter(proof)

    def over(low: int, high: int) -> bytes:
        if high <= start or end <= low:
            found = next(rest, None)
            if found is None:
                raise ProofRefused(f"the proof of range [{start}, {end}) of {size} is too short")
            return found
        if high - low == 1:
            return leaves[low - start]
        middle = low + split(high - low)
        left = over(low, middle)
        return node_hash(left, over(middle, high))

    root = over(0, size)
    if next(rest, None) is not None:
        raise ProofRefused(f"the proof of range [{start}, {end}) of {size} is too long")
    return root


def _rise(at: int, last: int) -> tuple[int, int]:
    """Pass the levels where a right edge has no sibling."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _check_hashes(*hashes: bytes) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise ProofRefused(f"a hash has {HASH_BYTES} bytes, not {len(one)}")
