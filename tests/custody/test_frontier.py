"""A growing tree gives the same tiles and roots as the whole one."""

import hashlib

import pytest
from pymerkle import InmemoryTree  # type: ignore[import-untyped]

from services.custody.frontier import Frontier
from services.custody.tiles import Tile, tiles_of
from services.custody.tree import EMPTY_ROOT, root

LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(70_000)]


def test_every_root_on_the_way_is_that_of_the_leaves_so_far() -> None:
    frontier = Frontier()
    assert frontier.root == EMPTY_ROOT
    for size in range(1, 1300):
        frontier.push(LEAVES[size - 1])

        assert frontier.size == size
        if size % 7 == 0 or size % 256 < 2:
            assert frontier.root == root(LEAVES[:size])


def test_tiles_are_given_as_they_become_whole() -> None:
    frontier = Frontier()
    given = [one for leaf in LEAVES for one in frontier.push(leaf)]

    assert sorted(Tile(one.level, one.index) for one in given) == sorted(
        tile for tile in tiles_of(len(LEAVES)) if tile.width == 256
    )
    for one in given:
        step = 256**one.level
        first = one.index * 256 * step
        parts = [root(LEAVES[first + at * step : first + (at + 1) * step]) for at in range(256)]
        assert (one.root, one.hashes) == (root(parts), b"".join(parts))
    assert frontier.root == root(LEAVES)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 130, 300])
def test_pymerkle_finds_the_same_root(size: int) -> None:
    other, frontier = InmemoryTree(algorithm="sha256"), Frontier()
    for number in range(size):
        text = f"entry {number}".encode()
        other.append_entry(text)
        frontier.push(hashlib.sha256(b"\0" + text).digest())

    assert frontier.root == other.get_root()
