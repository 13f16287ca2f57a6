"""A virtual file is its pieces: any range of it, in few requests, with nothing between them and nothing missing."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import RangeOutside, StoreUnavailable, VerbatimNotPossible
from services.media import virtual
from services.media.virtual import HOLE_BYTES, Extent, Flow, Request, VirtualFile, gather, requests

ORIGINAL = bytes(np.random.default_rng(7).integers(0, 256, 5000, np.uint8))


class Shelf:
    """Open ranges of originals in blocks of `block` bytes, and note what was asked for and what is still open."""

    def __init__(self, *originals: bytes, block: int = 64, short: int = 0) -> None:
        self.originals, self.block, self.short = originals, block, short
        self.asked: list[tuple[int, int, int]] = []
        self.open = 0

    def __call__(self, source: int, offset: int, length: int) -> "Opened":
        self.asked.append((source, offset, length))
        content = self.originals[source][offset : offset + length - self.short]
        return Opened(self, iter([content[at : at + self.block] for at in range(0, len(content), self.block)]))


class Opened:
    def __init__(self, shelf: Shelf, blocks: Iterator[bytes]) -> None:
        self.shelf, self.blocks, self.is_open = shelf, blocks, True
        shelf.open += 1

    def __next__(self) -> bytes:
        return next(self.blocks)

    def close(self) -> None:
        self.shelf.open -= self.is_open
        self.is_open = False


def content_of(file: VirtualFile, *originals: bytes) -> bytes:
    parts = [p if isinstance(p, bytes) else originals[p.source][p.offset : p.end] for p in file.pieces]
    return b"".join(parts)


pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.builds(
            lambda at, length: Extent(at, min(length, len(ORIGINAL) - at)),
            st.integers(0, len(ORIGINAL) - 1),
            st.integers(0, 400),
        ),
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(pieces, st.data())
def test_any_range_is_those_bytes_of_the_whole(parts: list[virtual.Piece], chosen: st.DataObject) -> None:
    file = VirtualFile.of(*parts)
    whole = content_of(file, ORIGINAL)
    start = chosen.draw(st.integers(0, file.size_bytes))
    length = chosen.draw(st.integers(0, file.size_bytes - start))
    shelf = Shelf(ORIGINAL)

    blocks = list(Flow(file.slice(start, length), shelf))

    assert b"".join(block.content for block in blocks) == whole[start : start + length]
    assert all(
        b"".join(ORIGINAL[low:high] for low, high in block.ranges) == block.content
        for block in blocks
        if block.source is not None
    )
    assert file.size_bytes == len(whole)
    assert shelf.open == 0


@pytest.mark.parametrize(("start", "length"), [(-1, 2), (0, 11), (10, 1), (3, -1)])
def test_a_range_outside_is_refused(start: int, length: int) -> None:
    with pytest.raises(RangeOutside):
        VirtualFile.of(b"0123456789").slice(start, length)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 900)), max_size=30))
def test_gathered_samples_are_found_where_it_says(rows: list[tuple[int, int]]) -> None:
    offset, size = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))

    extents, position = gather(offset, size)
    body = b"".join(ORIGINAL[extent.offset : extent.end] for extent in extents)

    assert all(body[p : p + s] == ORIGINAL[o : o + s] for o, s, p in zip(offset, size, position, strict=True))
    assert {byte for o, s in rows for byte in range(o, o + s)} == {
        byte for extent in extents for byte in range(extent.offset, extent.end)
    }
    assert len(body) == len({byte for o, s in rows for byte in range(o, o + s)})


def test_samples_scattered_beyond_reason_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "MOST_EXTENTS", 10)

    with pytest.raises(VerbatimNotPossible, match="11 pieces"):
        gather(np.arange(11, dtype=np.int64) * 10, np.ones(11, np.int64))


def test_small_holes_are_read_over_and_large_ones_are_not() -> None:
    near, far = Extent(0, 100), Extent(100 + HOLE_BYTES - 1, 50)
    beyond = Extent(far.end + HOLE_BYTES, 10)

    asked = list(requests((b"head", near, far, beyond, Extent(5, 5), Extent(10, 5, 1))))

    assert asked == [
        b"head",
        Request(0, 0, far.end, (near, far)),
        Request(0, beyond.offset, 10, (beyond,)),
        Request(0, 5, 5, (Extent(5, 5),)),
        Request(1, 10, 5, (Extent(10, 5, 1),)),
    ]


def test_what_lies_in_a_hole_never_leaves() -> None:
    file = VirtualFile.of(b"H", Extent(10, 30), Extent(100, 200), b"-", Extent(7, 3, 1))
    shelf = Shelf(ORIGINAL, ORIGINAL[::-1], block=64)

    sent = b"".join(block.content for block in Flow(file.pieces, shelf))

    assert sent == b"H" + ORIGINAL[10:40] + ORIGINAL[100:300] + b"-" + ORIGINAL[::-1][7:10]
    assert shelf.asked == [(0, 10, 290), (1, 7, 3)]


@pytest.mark.parametrize("short", [1, 64, 4000])
def test_a_store_that_gives_too_little_breaks_the_flow(short: int) -> None:
    shelf = Shelf(ORIGINAL, short=short)
    flow = Flow((b"head", Extent(0, 4000)), shelf)

    with pytest.raises(StoreUnavailable, match=f"4,000 bytes.*gave {4000 - short:,}"):
        list(flow)
    assert shelf.open == 0


def test_a_store_that_gives_too_much_breaks_it_too() -> None:
    shelf = Shelf(ORIGINAL, short=-10)

    with pytest.raises(StoreUnavailable):
        list(Flow((Extent(0, 100),), shelf))


def test_a_reader_who_leaves_closes_what_is_open() -> None:
    shelf = Shelf(ORIGINAL)
    flow = Flow((Extent(0, 4000),), shelf)
    next(flow)

    flow.close()

    assert shelf.open == 0
    with pytest.raises(StopIteration):
        next(flow)


def test_the_first_request_is_opened_at_once_so_that_a_refusal_is_an_answer() -> None:
    def refuse(source: int, offset: int, length: int) -> Opened:
        raise StoreUnavailable("the disk is not there")

    with pytest.raises(StoreUnavailable, match="disk"):
        Flow((b"head", Extent(0, 10)), refuse)
