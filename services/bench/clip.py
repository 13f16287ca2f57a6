"""`clip`: a verbatim clip of 30 s out of two hours, against ffmpeg's copy, a plain read, and itself elsewhere."""

import os
import shutil
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from services.bench.measure import MIB, Result, rounds_of, spent_by, spent_here, take_turns
from services.bench.samples import make_looped
from services.digest import Digest
from services.errors import Unplayable
from services.ingest.memory import reuse_freed_memory
from services.media.framefile import unpack
from services.media.frames import FrameIndex
from services.media.probe import examine
from services.media.programs import ffmpeg_path, file_name
from services.media.stretch import BOXED
from services.media.timecode import TimeRange
from services.media.verbatim import cut_verbatim
from services.media.virtual import Extent, Flow
from services.storage import keys
from services.storage.filesystem import FolderStore
from services.storage.store import Blocks

SECONDS: Final = 7200
ONCE_SECONDS: Final = 120
"""Of real encoding; its packets are copied behind each other until two hours are full."""

RATE: Final = 30
BITS_PER_S: Final = 9_000_000
CLIP_SECONDS: Final = 30
ROUNDS: Final = 7
TIMES: Final = 10
"""Clips of one reading of the CPU clock: one takes a few milliseconds."""

_READ, _PLACE, _BYTES = (3.0, 1.8), (1.2, 1.05), (1.10, 1.02)
"""Must and aim of the other three figures. Source: design 4."""


@dataclass(slots=True)
class Stand:
    """A store with one original, its index in memory, and a count of what is read."""

    store: FolderStore
    key: str
    index: FrameIndex
    read_bytes: int = 0

    def open(self, _source: int, offset: int, length: int) -> Blocks:
        """Open a range as the archive does."""
        self.read_bytes += length
        return self.store.read(self.key, offset=offset, length=length)

    def clip(self, start: Fraction, seconds: int) -> int:
        """Cut a clip of so many seconds and take all of its bytes; gives how many."""
        return self.cut(TimeRange(start, start + seconds))

    def cut(self, wanted: TimeRange) -> int:
        """Cut a clip and take all of its bytes; gives how many."""
        made = cut_verbatim(self.index, wanted)
        return sum(len(block.content) for block in Flow(made.file.pieces, self.open))


def measure(folder: Path, scale: float) -> Result:
    """Take turns on one file in a folder store; all find it in the page cache, nothing goes over a line."""
    once, seconds = max(4.0, ONCE_SECONDS * scale), CLIP_SECONDS if scale == 1 else 2
    picture, bits = ((640, 360), BITS_PER_S) if scale == 1 else ((128, 72), 300_000)
    sample = make_looped(
        folder / "sample.mp4", seconds=once, times=SECONDS // ONCE_SECONDS, rate=RATE, size=picture, bits_per_s=bits
    )
    reuse_freed_memory()  # as the server does that clips are given by
    stand, whole = _stand(folder / "store", sample), once * (SECONDS // ONCE_SECONDS)
    late, early, last = (Fraction(round(whole * share)) for share in (0.75, 0.0007, 0.958))

    def subject(_: int) -> float:
        return _each(lambda: stand.clip(late, seconds))

    def copied(_: int) -> float:
        return _copied(sample, folder / "copied.mp4", late, Fraction(seconds))

    rounds = rounds_of(ROUNDS, scale)
    stand.clip(late, seconds)
    ours, theirs = take_turns(subject, copied, rounds)
    with _reader(sample) as read:
        piece = _bounds(stand, late, seconds)
        ours_read, plain = take_turns(subject, lambda _: _each(lambda: read(piece)), rounds)
    at_end, at_start = take_turns(
        lambda _: _each(lambda: stand.clip(last, seconds)), lambda _: _each(lambda: stand.clip(early, seconds)), rounds
    )
    before = stand.read_bytes
    delivered = stand.clip(late, seconds)
    per_byte = (stand.read_bytes - before) / delivered
    others = [
        _other("preadv of the same range into one reused buffer", *_READ, _ratio(ours_read, plain)),
        _other("the same clip near the end of the file against near its start", *_PLACE, _ratio(at_end, at_start)),
        _other("bytes read of each byte delivered", *_BYTES, per_byte),
    ]
    result = Result(
        what="index in memory to the last byte of a verbatim clip from a folder store",
        against="ffmpeg -ss -c copy of the same range into a file",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=1 / 10,
        aim=1 / 40,
    )
    more: dict[str, Any] = {"clip_s": seconds, "seconds": whole, "clip_bytes": delivered, "others": others}
    if cameras := os.environ.get(CAMERAS):
        more["cameras"] = _of_cameras(Path(cameras), folder, rounds)
    more["holds"] = result.holds and all(other["holds"] for other in others)
    return Result(**{name: getattr(result, name) for name in _FIELDS}, more=more)


CAMERAS: Final = "HUISU_TEST_CORPUS"
"""Names a folder of files of real cameras, where there is one: their figures stand beside."""


def _of_cameras(cameras: Path, folder: Path, rounds: int) -> dict[str, float]:
    """Give, of each real file that can be cut, the ratio of CPU for its middle half to that of ffmpeg's copy."""
    found: dict[str, float] = {}
    for number, path in enumerate(sorted(cameras.glob("*.m*"))):
        packed = examine(path).packed
        index = None if packed is None else unpack(packed)
        if index is None or index.container not in BOXED or index.duration == 0:
            continue
        copy = folder / f"camera-{number}"
        shutil.copyfile(path, copy)
        stand, middle = _stand(folder / f"store-{number}", copy), (index.duration / 4, index.duration * 3 / 4)

        def ours(_: int, stand: Stand = stand, middle: tuple[Fraction, Fraction] = middle) -> float:
            return _each(lambda: stand.cut(TimeRange(*middle)))

        def theirs(_: int, path: Path = path, middle: tuple[Fraction, Fraction] = middle) -> float:
            return _copied(path, folder / "copied.mp4", middle[0], middle[1] - middle[0])

        found[path.name] = float(f"{_ratio(*take_turns(ours, theirs, rounds)):.3g}")
    return found


def _copied(path: Path, out: Path, start: Fraction, length: Fraction) -> float:
    """Let ffmpeg copy a stretch; CPU seconds."""
    seek = ["-ss", str(float(start)), "-i", file_name(path), "-t", str(float(length))]
    kept = ["-c", "copy", "-map", "0:v?", "-map", "0:a?", "-f", "mp4", file_name(out)]
    return spent_by([str(ffmpeg_path()), "-v", "error", "-y", *seek, *kept]).cpu_s


_FIELDS: Final = ("what", "against", "unit", "subject", "floor", "must", "aim")


def _stand(root: Path, sample: Path) -> Stand:
    packed = examine(sample).packed
    if packed is None:
        raise Unplayable("the sample has no frame index")
    store = FolderStore(root)
    store.prepare()
    key = keys.original(Digest.from_hex("ab" * 32))
    store.put(key, sample, give=True)
    return Stand(store, key, unpack(packed))


def _bounds(stand: Stand, start: Fraction, seconds: int) -> tuple[int, int]:
    """Give where the bytes of a clip begin and end in the original."""
    pieces = cut_verbatim(stand.index, TimeRange(start, start + seconds)).file.pieces
    extents = [piece for piece in pieces if isinstance(piece, Extent)]
    return extents[0].offset, extents[-1].end


@contextmanager
def _reader(path: Path) -> Iterator[Callable[[tuple[int, int]], None]]:
    """Lend the least that any program must do for a clip's bytes: read them."""
    buffer = bytearray(MIB)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        number = file.fileno()

        def read(piece: tuple[int, int]) -> None:
            at, end = piece
            while at < end:
                at += os.preadv(number, [view[: min(MIB, end - at)]], at)

        yield read


def _each(work: Callable[[], object]) -> float:
    def several() -> None:
        for _ in range(TIMES):
            work()

    return spent_here(several).cpu_s / TIMES


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def _other(against: str, must: float, aim: float, value: float) -> dict[str, Any]:
    return {"against": against, "value": float(f"{value:.4g}"), "must": must, "aim": aim, "holds": value <= must}
