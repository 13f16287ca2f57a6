"""Cut exact clips out of bytes in memory, as the archive does out of its store."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from services.media import framefile
from services.media.clip import ExactPlan, plan_exact
from services.media.facts import MediaFacts
from services.media.frames import FrameIndex
from services.media.frametimes import FrameTimes
from services.media.pool import Pool
from services.media.probe import examine
from services.media.smartcut import SmartCut, cut_smart
from services.media.smartplan import Unfit, plan_smart
from services.media.timecode import TimeRange
from services.media.virtual import Extent
from tests.media.written import content_of


class Held:
    """Bytes in memory, given as a store gives a range."""

    def __init__(self, content: bytes) -> None:
        self._content: list[bytes] = [content]

    def __next__(self) -> bytes:
        if not self._content:
            raise StopIteration
        return self._content.pop()

    def close(self) -> None:
        self._content.clear()


@dataclass(frozen=True, slots=True)
class Film:
    """An original in memory with all that is known of it."""

    content: bytes
    facts: MediaFacts
    index: FrameIndex
    frame_times: FrameTimes

    @classmethod
    def of(cls, path: Path) -> "Film":
        known = examine(path)
        assert known.packed is not None
        index = framefile.unpack(known.packed)
        assert index.frame_times is not None
        return cls(path.read_bytes(), known.facts, index, index.frame_times)

    def plan(self, first: int, end: int) -> ExactPlan:
        """Ask for the frames [first, end)."""
        until = self.frame_times.time_of(end) if end < len(self.frame_times) else self.facts.duration
        return plan_exact(self.facts, self.frame_times, TimeRange(self.frame_times.time_of(first), until))

    def cut(self, first: int, end: int, decoders: Pool) -> "Made | Unfit":
        return self.cut_as(self.plan(first, end), decoders)

    def cut_as(self, exact: ExactPlan, decoders: Pool, read_as: bytes | None = None) -> "Made | Unfit":
        """Cut; with `read_as` the store gives other bytes to whoever reads the copied part a second time."""
        plan = plan_smart(self.index, exact)
        if isinstance(plan, Unfit):
            return plan
        given = iter([self.content, read_as or self.content])

        def opened_by(_: int, offset: int, length: int) -> Held:
            content = next(given, read_as or self.content) if length > 1 << 16 else self.content
            return Held(content[offset : offset + length])

        def read(extents: Sequence[Extent]) -> bytes:
            return b"".join(self.content[extent.offset : extent.end] for extent in extents)

        made = cut_smart(self.index, plan, "0" * 64, read=read, opened_by=opened_by, decoders=decoders)
        return made if isinstance(made, Unfit) else Made(made, content_of(made.file, self.content), exact)


@dataclass(frozen=True, slots=True)
class Made:
    """A clip that was cut, and its bytes."""

    cut: SmartCut
    content: bytes
    exact: ExactPlan

    @property
    def seconds(self) -> Fraction:
        return self.exact.end - self.exact.start


def stretches(frames: int, count: int, seed: int = 3) -> Iterator[tuple[int, int]]:
    """Choose stretches of frames at random, each longer than two groups of 30, and the edges."""
    chosen = random.Random(seed)
    yield from ((0, frames), (0, frames - 1), (1, frames), (29, 91), (30, 90), (31, 121), (89, frames))
    for _ in range(count - 7):
        first = chosen.randrange(frames - 70)
        yield first, chosen.randrange(first + 60, frames + 1)


@contextmanager
def decoders(size: int = 2) -> Iterator[Pool]:
    pool = Pool(size)
    try:
        yield pool
    finally:
        pool.close()
