"""The shelf of frame indexes: bounded, read once, never stale."""

import threading
import time
from fractions import Fraction

import numpy as np
import pytest

from services.errors import StoreUnavailable
from services.media.frames import FrameIndex, IndexedTrack
from services.media.indexshelf import Shelf
from services.media.samples import Samples


def _index(count: int) -> FrameIndex:
    ticks, marks = np.arange(count), np.ones(count, np.bool_)
    samples = Samples(
        ticks, np.ones(count, np.uint32), np.zeros(count, np.int32), ticks, np.ones(count, np.uint32), marks
    )
    track = IndexedTrack(0, "video", "h264", 25, b"", samples, marks, marks, Fraction(0))
    return FrameIndex("mp4", count, Fraction(count, 25), 0, (track,))


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    size = _index(100).held_bytes
    shelf, loaded = Shelf(2 * size), []

    def get(key: str) -> None:
        def load() -> FrameIndex:
            loaded.append(key)
            return _index(100)

        shelf.get(key, load)

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)

    assert loaded == ["a", "b", "c", "b"]
    assert shelf.held_bytes == 2 * size


def test_an_index_larger_than_the_shelf_is_given_all_the_same() -> None:
    shelf = Shelf(10)

    first = shelf.get("a", lambda: _index(100))
    again = shelf.get("a", lambda: _index(1))
    shelf.get("b", lambda: _index(5))

    assert again is first
    assert shelf.held_bytes == _index(5).held_bytes


def test_threads_that_ask_at_once_read_it_once() -> None:
    shelf, loaded, given = Shelf(), [], []

    def load() -> FrameIndex:
        loaded.append(1)
        time.sleep(0.05)
        return _index(10)

    threads = [threading.Thread(target=lambda: given.append(shelf.get("a", load))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(loaded) == 1
    assert len(set(map(id, given))) == 1


def test_a_failure_is_not_kept() -> None:
    shelf = Shelf()

    def fail() -> FrameIndex:
        raise StoreUnavailable("the store is down")

    with pytest.raises(StoreUnavailable):
        shelf.get("a", fail)

    assert len(shelf.get("a", lambda: _index(7)).tracks[0].samples) == 7
