"""Make an exact clip by copying where that can be proven; keep what was made, so that its ranges cost nothing anew."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.api.stored import Stored
from services.bootstrap import Archive
from services.media.clip import ExactPlan
from services.media.facts import MediaFacts
from services.media.frames import FrameIndex
from services.media.smartcut import SmartCut, cut_smart
from services.media.smartplan import SmartPlan, Unfit, plan_smart
from services.media.virtual import Extent, Flow
from services.storage.store import Blocks

log = logging.getLogger(__name__)

MOST_BYTES: Final = 64 << 20
"""Seams and indexes of clips that one process keeps: some fifty clips of 1080p."""


@dataclass(slots=True)
class _Place:
    """Hold one clip, or wait for who makes it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    made: SmartCut | None = None


class Kept:
    """Keep the clips that were asked for last, up to a bound; who asks while one is made waits for it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[tuple[str, ExactPlan], _Place] = OrderedDict()

    def get(self, key: tuple[str, ExactPlan], make: Callable[[], SmartCut | Unfit]) -> SmartCut | Unfit:
        """Give what is kept under `key`, or make it; what cannot be made is tried again by the next who asks."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if place.made is not None:
                return place.made
            try:
                made = make()
                place.made = made if isinstance(made, SmartCut) else None
            finally:
                self._tidy(key, place)
        return made

    def _tidy(self, key: tuple[str, ExactPlan], place: _Place) -> None:
        with self._lock:
            if place.made is None and self._places.get(key) is place:
                del self._places[key]
            held = {name: one.made.made_bytes for name, one in self._places.items() if one.made is not None}
            for name in list(held)[:-1]:
                if sum(held.values()) <= self._most_bytes:
                    return
                del self._places[name], held[name]


KEPT: Final = Kept()


def plan_copy(facts: MediaFacts, index: FrameIndex | None, plan: ExactPlan) -> SmartPlan | Unfit:
    """Say what of a clip would be copied, by the index alone; or why nothing can be."""
    if index is None or index.video is None or facts.video is None or index.video.index != facts.video.index:
        return Unfit("no-index", "the recording has no index of its pictures")
    return plan_smart(index, plan)


def cut(
    archive: Archive, stored: Stored, facts: MediaFacts, index: FrameIndex | None, plan: ExactPlan
) -> SmartCut | Unfit:
    """
    Cut the frames of a plan out of a stored original, copying all that can be copied; or say why it cannot.

    Raises:
        TooManyRequests: too many wait for a decoder.
        IntegrityError, StoreUnavailable: the original cannot be read as the catalogue has it.
    """

    def make() -> SmartCut | Unfit:
        return _cut(archive, stored, facts, index, plan)

    made = KEPT.get((stored.sha256, plan), make)
    if isinstance(made, Unfit):
        told = log.warning if made.reason == "check-failed" else log.info
        told("clip was not copied", extra={"object": stored.sha256, "reason": made.reason, "detail": made.detail})
    return made


def _cut(
    archive: Archive, stored: Stored, facts: MediaFacts, index: FrameIndex | None, plan: ExactPlan
) -> SmartCut | Unfit:
    smart = plan_copy(facts, index, plan)
    if isinstance(smart, Unfit):
        return smart
    assert index is not None  # noqa: S101  (it was planned with)

    def opened_by(_: int, offset: int, length: int) -> Blocks:
        return stored.open(archive.store, offset, length)

    def read(extents: Sequence[Extent]) -> bytes:
        return b"".join(block.content for block in Flow(extents, opened_by))

    return cut_smart(index, smart, stored.sha256, read=read, opened_by=opened_by, decoders=archive.decoders)
