"""
Prove a smart cut before it leaves: read its own index back, compare every copied packet, decode across both seams.

Nothing here trusts what made the file: times and places come from its boxes as a player would read them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.errors import Unplayable
from services.media.codedrun import MOST_BYTES, MOST_PICTURES
from services.media.movie import ReadTrack, read_movie
from services.media.parameters import picture_set_ids, sequence_set
from services.media.pool import Pool
from services.media.samples import Ints
from services.media.smartplan import SmartPlan
from services.media.stretch import Stretch
from services.media.virtual import Extent, Flow, Open, Piece, VirtualFile

AFTER_JOINT: Final = 16
"""Copied pictures that are decoded behind the head: more than any decoder holds back."""

_HEAD_BYTES = 4096
_MOST_UNITS = 64
_SETS = {7: lambda unit: [sequence_set(unit).number], 8: lambda unit: list(picture_set_ids(unit))}
_SECONDS_A_PICTURE: Final = 1.0
_APART_S: Final = 0.001
"""Sound and picture keep the original's offset to a millisecond. Source: design 2.9."""


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """Hold a clip that is laid out but not proven: its bytes, and what of the original it says to hold."""

    file: VirtualFile
    configuration: bytes
    head: int
    middle: Stretch
    tail: int
    sounds: tuple[Stretch, ...]


def prove(plan: SmartPlan, made: Assembly, opened_by: Open, decoders: Pool) -> None:
    """
    Check that the file holds exactly the frames planned, the copied ones unchanged, and plays across its seams.

    Raises:
        Unplayable: it does not; the message says what is wrong.
        TooManyRequests, ToolFailed, DeadlinePassed: its seams could not be decoded to judge them.
        And what `opened_by` raises.
    """

    def read(offset: int, length: int) -> bytes:
        return _bytes(made.file.slice(offset, min(length, made.file.size_bytes - offset)), opened_by)

    pictures, *sounds = read_movie(read, made.file.size_bytes).tracks
    if len(sounds) != len(made.sounds):
        raise Unplayable(f"{len(sounds)} sound tracks were written, {len(made.sounds)} were planned")
    _require_times(plan, made, pictures)
    for sound, stretch in zip(sounds, made.sounds, strict=True):
        _require_offset(plan, sound, stretch)
    copied = np.arange(made.head, made.head + len(made.middle))
    offsets = [pictures.samples.offset[copied], *(sound.samples.offset for sound in sounds)]
    sizes = [pictures.samples.size[copied], *(sound.samples.size for sound in sounds)]
    _require_same_packets(plan, made, np.concatenate(offsets), np.concatenate(sizes).astype(np.int64), opened_by)
    if plan.seams:
        _require_joints(plan, made, pictures, opened_by, decoders)


def _require_times(plan: SmartPlan, made: Assembly, pictures: ReadTrack) -> None:
    """Compare number and times of the frames as a player presents them; all of them are presented."""
    wanted = plan.track.ticks[plan.exact.first_frame : plan.exact.end_frame]
    count = made.head + len(made.middle) + made.tail
    if not len(pictures.samples) == len(pictures.presented) == count == len(wanted):
        raise Unplayable(f"{len(pictures.presented)} frames are presented, {len(wanted)} were planned")
    if not np.array_equal(pictures.presented.pts, wanted - wanted[0]):
        raise Unplayable("frames would be presented at other times")


def _require_offset(plan: SmartPlan, sound: ReadTrack, stretch: Stretch) -> None:
    """Compare when the sound begins with when it did in the original; all of it is presented."""
    if not len(sound.samples) == len(sound.presented) == len(stretch):
        raise Unplayable(f"{len(sound.presented)} frames of sound are presented, {len(stretch)} were planned")
    heard = float(sound.presented.pts[0]) / sound.track.timescale
    wanted = float(stretch.track.seconds(stretch.first_shown) - plan.exact.start)
    if abs(heard - wanted) > _APART_S:
        raise Unplayable(f"sound would begin at {heard:.6f} s, not at {wanted:.6f} s")


def _require_same_packets(plan: SmartPlan, made: Assembly, offset: Ints, size: Ints, opened_by: Open) -> None:
    """Compare each copied packet as it would leave with the one that the index names; both are read as streams."""
    stretches = [made.middle, *made.sounds]
    source_offset = np.concatenate([stretch.offset for stretch in stretches])
    source_size = np.concatenate([stretch.size.astype(np.int64) for stretch in stretches])
    if not np.array_equal(size, source_size):
        raise Unplayable("copied packets have other lengths than the original's")
    order = np.argsort(source_offset, kind="stable")
    is_key = np.zeros(len(order), np.bool_)
    is_key[: len(made.middle)] = made.middle.sync
    leaving = [piece for at in order for piece in made.file.slice(int(offset[at]), int(size[at]))]
    original = [Extent(int(source_offset[at]), int(source_size[at])) for at in order]
    lengths = size[order].tolist()
    pairs = zip(_packets(leaving, lengths, opened_by), _packets(original, lengths, opened_by), strict=True)
    for at, ((ours, head), (theirs, _)) in zip(order, pairs, strict=True):
        if ours != theirs:
            raise Unplayable(f"copied packet {at} is not the original's")
        if is_key[at] and plan.free_id in _ids_in(head):
            raise Unplayable(f"the original sets parameters under the seams' id {plan.free_id} by the way")


def _packets(pieces: Sequence[Piece], sizes: Sequence[int], opened_by: Open) -> Iterator[tuple[bytes, bytes]]:
    """Give the SHA-256 and the first bytes of each packet of a stream, never holding more than one block of it."""
    flow = Flow(pieces, opened_by)
    rest = memoryview(b"")
    try:
        for size in sizes:
            digest, head, left = hashlib.sha256(), b"", size
            while left:
                rest = rest or memoryview(next(flow).content)
                digest.update(rest[:left])
                head += bytes(rest[: min(left, max(_HEAD_BYTES - len(head), 0))])
                left, rest = left - min(left, len(rest)), rest[min(left, len(rest)) :]
            yield digest.digest(), head
    finally:
        flow.close()


def _ids_in(head: bytes) -> set[int]:
    """Collect the ids of the parameter sets that stand in a packet before its slices."""
    found: set[int] = set()
    at = 0
    for _ in range(_MOST_UNITS):
        length = int.from_bytes(head[at : at + 4], "big")
        unit = head[at + 4 : at + 4 + length]
        if len(unit) < max(length, 1):
            break
        if (reader := _SETS.get(unit[0] & 31)) is not None:
            found |= set(reader(unit))
        at += 4 + length
    return found


def _require_joints(plan: SmartPlan, made: Assembly, pictures: ReadTrack, opened_by: Open, decoders: Pool) -> None:
    count = len(pictures.samples)
    spans = []
    if made.head:
        spans.append((0, min(made.head + AFTER_JOINT, made.head + len(made.middle))))
    if made.tail:
        keys = np.flatnonzero(plan.track.closed[plan.middle[0] : plan.middle[1]])
        spans.append((made.head + int(keys[-1]), count))
    runs, contents = [], []
    for first, end in spans:
        sizes = pictures.samples.size[first:end].astype(np.int64)
        if end - first > MOST_PICTURES or int(sizes.sum()) > MOST_BYTES:
            raise Unplayable(f"a joint of {end - first} pictures is too long to be judged")
        pieces = [
            piece
            for at, size in zip(pictures.samples.offset[first:end], sizes, strict=True)
            for piece in made.file.slice(int(at), int(size))
        ]
        contents.append(_bytes(pieces, opened_by))
        runs.append(_asked(sizes, pictures.samples.pts[first:end]))
    decoders.ask(
        "services.media.seams:judge_request",
        {"codec": plan.track.codec, "runs": runs},
        [made.configuration, *contents],
        wall_s=30 + _SECONDS_A_PICTURE * sum(end - first for first, end in spans),
    )


def _asked(sizes: Ints, times: Ints) -> dict[str, Any]:
    return {"positions": (np.cumsum(sizes) - sizes).tolist(), "sizes": sizes.tolist(), "times": times.tolist()}


def _bytes(pieces: Sequence[Piece], opened_by: Open) -> bytes:
    flow = Flow(pieces, opened_by)
    try:
        return b"".join(block.content for block in flow)
    finally:
        flow.close()
