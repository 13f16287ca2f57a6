"""`exact`: an exact clip of 30 s of 1080p, copied but for its seams and proven, against encoding all of it."""

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from services.bench.measure import MIB, Result, rounds_of, spent_here, take_turns
from services.bench.samples import make_sample
from services.errors import Unplayable
from services.media import framefile
from services.media.clip import CRF, PRESET, ExactPlan, encode_exact, plan_exact
from services.media.pool import Pool
from services.media.probe import Examination, examine
from services.media.smartcut import SmartCut, cut_smart
from services.media.smartplan import Unfit, plan_smart
from services.media.timecode import TimeRange
from services.media.virtual import Extent, Flow

SECONDS: Final = 40
CLIP_SECONDS: Final = 30
RATE: Final = 30
ROUNDS: Final = 3
STARTS: Final = (Fraction(21, 5), Fraction(46, 10), Fraction(49, 10))
"""In three places of a group of pictures: a start on a key frame would need no seam at all."""


def measure(folder: Path, scale: float) -> Result:
    """Take turns on one file; CPU of this process and of the children that decode and encode for it."""
    seconds, size = (float(SECONDS), (1920, 1080)) if scale == 1 else (12.0, (640, 360))
    sample = make_sample(folder / "sample.mp4", seconds=seconds, size=size, rate=RATE, bits_per_s=8_000_000)
    known = examine(sample)
    wanted = [TimeRange(start, start + min(CLIP_SECONDS, int(seconds) - 7)) for start in STARTS]
    plans = [plan_exact(known.facts, known.frame_times, one) for one in wanted]
    taken: list[float] = []
    decoders = Pool(1)

    def subject(number: int) -> float:
        before, began = decoders.cpu_s, time.monotonic()
        here = spent_here(lambda: _cut(sample, known, plans[number % len(plans)], decoders))
        taken.append(time.monotonic() - began)
        return here.cpu_s + decoders.cpu_s - before

    def floor(number: int) -> float:
        return spent_here(lambda: _encode(sample, known, plans[number % len(plans)])).cpu_s

    try:
        decoders.ask("services.media.warmchild:echo_request", {}, wall_s=60)
        ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    finally:
        decoders.close()
    return Result(
        what="smart cut of 30 s: both seams encoded, every copied packet compared, joints decoded, all of it read",
        against="the same frames encoded anew with the same preset",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=1 / 10,
        aim=1 / 25,
        more={"picture": list(size), "preset": PRESET, "crf": CRF, "subject_wall_s": taken},
    )


class _Blocks(Iterator[bytes]):
    """Give a range of a local file as a store does."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self._file = path.open("rb")
        self._file.seek(offset)
        self._left = length

    def __next__(self) -> bytes:
        block = self._file.read(min(self._left, MIB))
        self._left -= len(block)
        if not block:
            self.close()
            raise StopIteration
        return block

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _cut(path: Path, known: Examination, exact: ExactPlan, decoders: Pool) -> None:
    """Cut as a request does, and read the clip to its end."""
    if known.packed is None:
        raise Unplayable("the sample has no frame index")
    index = framefile.unpack(known.packed)
    plan = plan_smart(index, exact)
    if isinstance(plan, Unfit):
        raise Unplayable(f"the sample cannot be copied: {plan.reason}: {plan.detail}")

    def opened_by(_: int, offset: int, length: int) -> _Blocks:
        return _Blocks(path, offset, length)

    def read(extents: Sequence[Extent]) -> bytes:
        return b"".join(block.content for block in Flow(extents, opened_by))

    made = cut_smart(index, plan, "0" * 64, read=read, opened_by=opened_by, decoders=decoders)
    if not isinstance(made, SmartCut):
        raise Unplayable(f"the clip may not leave: {made.reason}: {made.detail}")
    if sum(len(block.content) for block in Flow(made.file.pieces, opened_by)) != made.file.size_bytes:
        raise Unplayable("the clip came short")


def _encode(path: Path, known: Examination, plan: ExactPlan) -> None:
    with encode_exact(path, known.facts, known.frame_times, plan) as clip:
        for _ in clip.blocks():
            pass
