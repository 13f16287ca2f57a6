"""`clip-proof`: the proof of a clip of 30 s out of two hours built and checked, against hashing the clip's bytes."""

import hashlib
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from services.bench.clip import BITS_PER_S, CLIP_SECONDS, ONCE_SECONDS, RATE, SECONDS
from services.bench.measure import Result, rounds_of, spent_here, take_turns
from services.bench.samples import make_looped
from services.custody.clipcheck import check_clip
from services.custody.clipmake import copies_of_virtual, prove_clip
from services.custody.clipproof import read_proof
from services.custody.essence import READ_BYTES, ReadBlock
from services.custody.fingerprint import fingerprint
from services.custody.sidecar import Sidecar
from services.errors import Unplayable
from services.media.framefile import unpack
from services.media.frames import FrameIndex
from services.media.probe import examine, reading
from services.media.strict import Shown
from services.media.timecode import TimeRange
from services.media.verbatim import cut_verbatim
from services.media.virtual import VirtualFile

ROUNDS: Final = 7
FINGERPRINTS: Final = 3
_MOST_S: Final = (0.5, 0.1)
_MOST_BYTES: Final = (10_000, 5_000)
_FINGERPRINT: Final = (2.0, 1.3)
"""Must and aim: seconds to build and to check, bytes of the proof (issue 4, Speed), CPU against a read with SHA-256."""


@dataclass(slots=True)
class Stand:
    """A clip in memory, what its proof is built from, and how long building and checking took."""

    content: bytes
    file: VirtualFile
    index: FrameIndex
    leaves: Path
    root: bytes
    shown: tuple[Shown | None, ...]
    built_s: list[float]
    checked_s: list[float]
    proof_bytes: int = 0

    def prove(self) -> None:
        """Build the proof as an export does, no leaf read before, and check it as its receiver does."""
        began = time.monotonic()
        with reading(self.leaves) as (read, _):
            sidecar = Sidecar.open(read)
            copies = copies_of_virtual(self.read, self.file, self.index)
            made = prove_clip(self.read, len(self.content), copies, self.index, sidecar)
        if made.proof is None:
            raise Unplayable(f"nothing of the sample's clip is proven: {made.unproven}")
        text = made.proof.to_bytes()
        built = time.monotonic()
        if not check_clip(self.read, len(self.content), read_proof(text), self.root, self.shown).is_proven:
            raise Unplayable("the sample's clip is not proven whole")
        self.built_s.append(built - began)
        self.checked_s.append(time.monotonic() - built)
        self.proof_bytes = len(text)

    def read(self, offset: int, length: int) -> bytes:
        """Give bytes of the clip."""
        return self.content[offset : offset + length]


def measure(folder: Path, scale: float) -> Result:
    """Take turns on one clip in memory; then fingerprint the whole original, against reading and hashing it."""
    once = max(4.0, ONCE_SECONDS * scale)
    picture, bits = ((640, 360), BITS_PER_S) if scale == 1 else ((128, 72), 300_000)
    sample = make_looped(
        folder / "sample.mp4", seconds=once, times=SECONDS // ONCE_SECONDS, rate=RATE, size=picture, bits_per_s=bits
    )
    rounds = rounds_of(FINGERPRINTS, scale)
    fingerprints, hashes = take_turns(
        lambda _: spent_here(lambda: _fingerprinted(sample, folder / "essence.bin")).cpu_s,
        lambda _: spent_here(lambda: _hashed(sample)).cpu_s,
        rounds,
    )
    stand = _stand(sample, folder / "essence.bin", once * (SECONDS // ONCE_SECONDS), 2 if scale < 1 else CLIP_SECONDS)
    stand.prove()
    ours, theirs = take_turns(
        lambda _: spent_here(stand.prove).cpu_s,
        lambda _: spent_here(lambda: hashlib.sha256(stand.content).digest()).cpu_s,
        rounds_of(ROUNDS, scale),
    )
    others = _others(stand, fingerprints, hashes)
    more: dict[str, Any] = {
        "clip_s": CLIP_SECONDS, "clip_bytes": len(stand.content), "fingerprint_cpu_s": statistics.median(fingerprints),
        "essence_bytes": (folder / "essence.bin").stat().st_size, "others": others,
    }  # fmt: skip
    result = Result(
        what="building the proof of a verbatim clip from the leaves kept, and checking it from the clip alone",
        against="SHA-256 of the clip's bytes",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=4,
        aim=2,
        more=more,
    )
    more["holds"] = result.holds and all(other["holds"] for other in others)
    return result


def _stand(sample: Path, leaves: Path, seconds: float, length: int) -> Stand:
    packed = examine(sample).packed
    if packed is None:
        raise Unplayable("the sample has no frame index")
    index, late = unpack(packed), Fraction(round(seconds * 0.75))
    file = cut_verbatim(index, TimeRange(late, late + length)).file
    with reading(sample) as (read, _):
        content = b"".join(p if isinstance(p, bytes) else read(p.offset, p.length) for p in file.pieces)
    with reading(leaves) as (read, _):
        sidecar = Sidecar.open(read)
        root, shown = sidecar.root, tuple(header.shown for header in sidecar.headers)
    return Stand(content, file, index, leaves, root, shown, [], [])


def _fingerprinted(path: Path, target: Path) -> None:
    with reading(path) as (read, size), _blocks(path) as block, target.open("wb") as file:
        for content in fingerprint(read, block, size).sidecar({}):
            file.write(content)


def _hashed(path: Path) -> None:
    digest = hashlib.sha256()
    with _blocks(path) as block:
        at, size = 0, path.stat().st_size
        while at < size:
            content = block(at, READ_BYTES)
            digest.update(content)
            at += len(content)


@contextmanager
def _blocks(path: Path) -> Iterator[ReadBlock]:
    """Read into one buffer again and again, as the archive does."""
    view = memoryview(bytearray(READ_BYTES))
    with path.open("rb", buffering=0) as file:
        number = file.fileno()
        yield lambda offset, length: view[: os.preadv(number, [view[:length]], offset)]


def _others(stand: Stand, fingerprints: Sequence[float], hashes: Sequence[float]) -> list[dict[str, Any]]:
    """Judge what has bounds of its own."""
    return [
        _other("seconds to build the proof", *_MOST_S, statistics.median(stand.built_s)),
        _other("seconds to check it from the clip alone", *_MOST_S, statistics.median(stand.checked_s)),
        _other("bytes of the proof", *_MOST_BYTES, stand.proof_bytes),
        _other(
            "CPU of fingerprinting the original against one plain read with SHA-256",
            *_FINGERPRINT,
            statistics.median(one / other for one, other in zip(fingerprints, hashes, strict=True)),
        ),
    ]


def _other(against: str, must: float, aim: float, value: float) -> dict[str, Any]:
    return {"against": against, "value": float(f"{value:.4g}"), "must": must, "aim": aim, "holds": value <= must}
