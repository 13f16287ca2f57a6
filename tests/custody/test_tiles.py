"""Tiles: their names, which ones a growing tree needs, and every part of the tree read from them."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.proof import check_consistency, check_inclusion, prove_consistency, prove_inclusion
from services.custody.tiles import ENTRIES, HEIGHT, Tile, TiledTree, parse_tile, tile_path, tiles_of
from services.custody.tree import EMPTY_ROOT, root
from services.errors import ProofRefused

MOST = 70_000
LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(MOST)]


def made(size: int) -> TiledTree:
    """Keep a tree whose tiles are worked out from the leaves."""

    def read(tile: Tile) -> bytes:
        step = 1 << tile.level * HEIGHT
        first = tile.index * 256
        return b"".join(root(LEAVES[at * step : (at + 1) * step]) for at in range(first, first + tile.width))

    return TiledTree(size, read)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 999, 3), "tile/1/999.p/3"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(2, 1000), "tile/2/x001/000"),
    ],
)
def test_a_tile_has_the_path_that_others_look_for(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_bundles_of_entries_have_paths_of_their_own() -> None:
    assert tile_path(ENTRIES, 5, 7) == "tile/entries/005.p/7"


@given(st.sampled_from([ENTRIES, "0", "1", "9", "63"]), st.integers(0, 10**10), st.integers(1, 256))
def test_a_path_is_read_as_what_it_was_written_for(level: str, index: int, width: int) -> None:
    assert parse_tile(tile_path(level, index, width)) == (level, index, width)


@pytest.mark.parametrize(
    "path",
    ["tile/0/0", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x01/002",
     "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/07", "tile/0/000.p/", "tile/0/000/", "tile/0/000\n", "0/000",
     "tile/entry/000", "tile/0/x001/x002", "tile/0/٠٠٠"],
)  # fmt: skip
def test_a_path_that_nobody_would_write_is_none(path: str) -> None:
    assert parse_tile(path) is None


def test_a_growing_tree_needs_only_what_is_new() -> None:
    assert list(tiles_of(0)) == []
    assert list(tiles_of(5)) == [Tile(0, 0, 5)]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(600, since=256)) == [Tile(0, 1), Tile(0, 2, 88), Tile(1, 0, 2)]
    assert list(tiles_of(600, since=600)) == []
    assert list(tiles_of(601, since=600)) == [Tile(0, 2, 89)]
    assert list(tiles_of(65536, since=65535)) == [Tile(0, 255), Tile(1, 0), Tile(2, 0, 1)]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 1000, 65536, MOST])
def test_the_root_is_that_of_the_leaves(size: int) -> None:
    assert made(size).root == root(LEAVES[:size])


def test_a_tree_of_nothing_has_the_root_of_nothing() -> None:
    assert made(0).root == EMPTY_ROOT


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_proofs_read_from_tiles_hold(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 3000))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    tree = made(size)

    check_inclusion(LEAVES[index], index, size, prove_inclusion(tree, index, size), tree.root)
    check_consistency(old, made(old).root, size, tree.root, prove_consistency(tree, old, size))


def test_what_is_no_subtree_is_not_given() -> None:
    for start, end in ((0, 0), (1, 3), (0, 11), (4, 4), (-1, 1), (2, 6)):
        with pytest.raises(ProofRefused, match="no subtree"):
            made(10)(start, end)


def test_a_tile_that_is_cut_short_is_refused() -> None:
    tree = TiledTree(300, lambda tile: bytes(32 * tile.width - 1))

    with pytest.raises(ProofRefused, match=r"tile/0/001\.p/44 holds 1407 bytes, not 1408"):
        tree(299, 300)
