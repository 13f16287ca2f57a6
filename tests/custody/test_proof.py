"""Proofs of inclusion, consistency and ranges: right for every small tree, refused when anything differs."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.proof import (
    check_consistency,
    check_inclusion,
    prove_consistency,
    prove_inclusion,
    prove_range,
    root_of_range,
    split,
)
from services.custody.tree import root
from services.errors import ProofRefused

LEAVES = [hashlib.sha256(b"\x00" + bytes([number])).digest() for number in range(130)]
SIZES = range(1, len(LEAVES) + 1)


def tree(start: int, end: int) -> bytes:
    return root(LEAVES[start:end])


@pytest.mark.parametrize(("size", "half"), [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8)])
def test_a_tree_falls_into_two_at_the_largest_power_of_two_below_it(size: int, half: int) -> None:
    assert split(size) == half


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_every_small_tree_is_proven(size: int) -> None:
    for index in range(size):
        path = prove_inclusion(tree, index, size)
        check_inclusion(LEAVES[index], index, size, path, tree(0, size))
        assert len(path) <= (size - 1).bit_length()


@pytest.mark.parametrize("new", SIZES)
def test_every_small_tree_is_shown_to_extend_every_smaller_one(new: int) -> None:
    for old in range(1, new + 1):
        check_consistency(old, tree(0, old), new, tree(0, new), prove_consistency(tree, old, new))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33, 64, 65])
def test_every_range_of_a_tree_leads_to_its_root(size: int) -> None:
    for start in range(size):
        for end in range(start + 1, size + 1):
            proof = prove_range(tree, start, end, size)
            assert root_of_range(LEAVES[start:end], start, size, proof) == tree(0, size)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_proof_with_one_bit_changed_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(LEAVES)))
    old = data.draw(st.integers(1, size - 1))
    bit = data.draw(st.integers(0, 255))

    def flipped(path: list[bytes]) -> list[bytes]:
        at = data.draw(st.integers(0, len(path) - 1))
        turned = bytearray(path[at])
        turned[bit // 8] ^= 1 << bit % 8
        return [*path[:at], bytes(turned), *path[at + 1 :]]

    with pytest.raises(ProofRefused):
        check_inclusion(LEAVES[old], old, size, flipped(prove_inclusion(tree, old, size)), tree(0, size))
    with pytest.raises(ProofRefused):
        changed = flipped(prove_consistency(tree, old, size))
        check_consistency(old, tree(0, old), size, tree(0, size), changed)
    proof = prove_range(tree, old, size, size)
    assert root_of_range(LEAVES[old:size], old, size, flipped(proof)) != tree(0, size)


@pytest.mark.parametrize("size", [2, 5, 8, 100])
def test_neither_longer_nor_shorter_proofs_are_taken(size: int) -> None:
    whole = tree(0, size)
    for index in range(size):
        path = prove_inclusion(tree, index, size)
        for wrong in (path[:-1], [*path, path[-1]]):
            with pytest.raises(ProofRefused, match=r"too (short|long)"):
                check_inclusion(LEAVES[index], index, size, wrong, whole)
    for old in range(1, size):
        path = prove_consistency(tree, old, size)
        for wrong in (path[:-1], [*path, bytes(32)]):
            with pytest.raises(ProofRefused):
                check_consistency(old, tree(0, old), size, whole, wrong)
    proof = prove_range(tree, 1, size, size)
    for wrong in (proof[:-1], [*proof, bytes(32)]):
        with pytest.raises(ProofRefused, match=r"too (short|long)"):
            root_of_range(LEAVES[1:size], 1, size, wrong)


def test_a_proof_for_another_place_or_size_is_refused() -> None:
    for size, larger in pairwise(range(2, 40)):
        path = prove_inclusion(tree, 0, size)
        with pytest.raises(ProofRefused):
            check_inclusion(LEAVES[0], 1, size, path, tree(0, size))
        with pytest.raises(ProofRefused):
            check_inclusion(LEAVES[0], 0, larger, path, tree(0, larger))


def test_nothing_is_consistent_with_an_empty_tree_and_hashes_have_their_length() -> None:
    with pytest.raises(ProofRefused, match="extend one of 0"):
        prove_consistency(tree, 0, 5)
    with pytest.raises(ProofRefused, match="extend one of 0"):
        check_consistency(0, bytes(32), 5, tree(0, 5), [])
    with pytest.raises(ProofRefused, match="cannot be shown"):
        check_consistency(6, tree(0, 6), 5, tree(0, 5), [])
    with pytest.raises(ProofRefused, match="32 bytes, not 31"):
        check_inclusion(LEAVES[0], 0, 2, [LEAVES[1][:-1]], tree(0, 2))
    with pytest.raises(ProofRefused, match="roots"):
        check_consistency(5, tree(0, 5), 5, tree(1, 6), [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_a_leaf_that_is_not_there_is_not_proven(index: int, size: int) -> None:
    with pytest.raises(ProofRefused, match="has no leaf"):
        prove_inclusion(tree, index, size)
    with pytest.raises(ProofRefused, match="has no leaf"):
        check_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (0, 6), (-1, 2)])
def test_a_range_that_is_not_there_is_not_proven(start: int, end: int) -> None:
    with pytest.raises(ProofRefused, match="has no range"):
        prove_range(tree, start, end, 5)
