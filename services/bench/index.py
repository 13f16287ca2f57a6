"""`index`: boxes to a packed frame index of two hours, against PyAV's own index of the same file."""

from pathlib import Path
from typing import Final

import av

from services.bench.measure import Result, rounds_of, spent_by, spent_here, take_turns
from services.bench.samples import make_looped
from services.media.boxes import walk
from services.media.framefile import pack
from services.media.framing import index_of_movie
from services.media.movie import read_movie
from services.media.probe import reading
from services.media.programs import ffmpeg_path, file_name
from services.media.survey_movie import leading_of

SECONDS: Final = 7200
CLIP_SECONDS: Final = 600
"""Of real encoding; its packets are copied behind each other until two hours are full."""

RATE: Final = 30
ROUNDS: Final = 7


def measure(folder: Path, scale: float) -> Result:
    """Take turns on one file with its index at the end; both find it in the page cache."""
    clip_s = max(4.0, CLIP_SECONDS * scale)
    sample = make_looped(folder / "sample.mp4", seconds=clip_s, times=round(SECONDS / CLIP_SECONDS), rate=RATE)
    packed: list[bytes] = []

    def subject(_: int) -> float:
        return spent_here(lambda: packed.append(_packed(sample))).cpu_s

    def floor(_: int) -> float:
        return spent_here(lambda: _entries(sample)).cpu_s

    for warm_up in (subject, floor):
        warm_up(0)
    ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    whole = spent_by(
        [str(ffmpeg_path()), "-v", "error", "-i", file_name(sample), *("-map", "0", "-c", "copy", "-f", "null", "-")]
    )
    return Result(
        what="reading the boxes, the first bytes of each key frame, and packing the frame index",
        against="PyAV stream.index_entries of all streams into lists",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=1 / 5,
        aim=1 / 20,
        more={
            "seconds": clip_s * round(SECONDS / CLIP_SECONDS),
            "size_bytes": sample.stat().st_size,
            "index_bytes": len(packed[-1]),
            "read_cpu_s": min(spent_here(lambda: _moov(sample)).cpu_s for _ in range(5)),
            "ffmpeg_copy_cpu_s": whole.cpu_s,
        },
    )


def _packed(path: Path) -> bytes:
    with reading(path) as (read, size):
        movie = read_movie(read, size)
        return pack(index_of_movie(movie, leading_of(movie), "mp4", size, read))


def _entries(path: Path) -> int:
    """Do what a caller of PyAV does who wants to know the same: place, time, size and key of each sample."""
    with av.open(str(path)) as media:
        known = [[(e.pos, e.timestamp, e.size, e.is_keyframe) for e in one.index_entries] for one in media.streams]
    return sum(map(len, known))


def _moov(path: Path) -> int:
    """Read the bytes that the index is made from, and do nothing with them."""
    with reading(path) as (read, size):
        return sum(len(read(box.offset, box.size)) for box in walk(read, size) if box.kind == b"moov")
