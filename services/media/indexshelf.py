"""Keep the frame indexes that were read last in memory, up to a bound, for all threads of a process."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from services.media.frames import FrameIndex

MOST_BYTES = 96 << 20
"""Decoded, of one process: some five recordings of two hours, or hundreds of the usual quarter of an hour."""


@dataclass(slots=True)
class _Place:
    """Hold one index, or wait for who reads it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    index: FrameIndex | None = None
    held_bytes: int = 0


class Shelf:
    """
    Give frame indexes by the digest of their bytes; what was not asked for the longest goes first.

    Threads that ask for the same index at once read it once. The newest index stays even if it alone is too large.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Say how much memory the kept indexes take."""
        return self._held_bytes

    def get(self, key: str, load: Callable[[], FrameIndex]) -> FrameIndex:
        """Give the index under `key`; what `load` raises is raised here, and the next who asks loads again."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if place.index is None:
                try:
                    place.index = load()
                except BaseException:
                    self._forget(key, place)
                    raise
                self._keep(key, place, place.index.held_bytes)
            return place.index

    def _forget(self, key: str, place: _Place) -> None:
        with self._lock:
            if self._places.get(key) is place:
                del self._places[key]

    def _keep(self, key: str, place: _Place, held_bytes: int) -> None:
        """Count what was read, and let go of the oldest until all fits; a place given up meanwhile counts nothing."""
        with self._lock:
            if self._places.get(key) is not place:
                return
            place.held_bytes = held_bytes
            self._held_bytes += held_bytes
            for old in [name for name in self._places if name != key]:
                if self._held_bytes <= self._most_bytes:
                    return
                if self._places[old].held_bytes:
                    self._held_bytes -= self._places.pop(old).held_bytes
