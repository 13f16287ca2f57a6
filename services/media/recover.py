"""
Bring back the pictures of an MP4 that has no index (any more), with the help of a sound file of the same camera.

The reference lends what the lost index said: parameter sets, ticks, the usual length of a picture. The pictures
themselves stay what the camera wrote, byte for byte, behind headers written here; the damaged original stays as it is.
Source: knowledge/media 5.4.
"""

import base64
import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.errors import HuisuError, MediaError, Unplayable
from services.media.boxes import walk
from services.media.codedrun import description_of
from services.media.descriptions import plain_description
from services.media.facts import MediaFacts
from services.media.frames import FrameIndex, IndexedTrack
from services.media.muxing import OutTrack, fragment, initialisation
from services.media.probe import reading
from services.media.recovered_sound import add_sound, raw_format
from services.media.samples import Ints
from services.media.sandbox import Limits, run_child

METHOD: Final = "pictures-without-index/1"
FRAGMENT_S: Final = Fraction(2)
LEARNED: Final = 600
"""Pictures of the reference that are looked at."""
LEAST_REACH, MOST_REACH = 1 << 11, 1 << 24
"""Bytes between two pictures: twice what the reference has at most, within these bounds. Frame numbers begin again
after 16 pictures in many cameras: with more room a damaged stretch of 16 would be taken for sound."""
LEAST_DECODED: Final = Fraction(9, 10)
"""Part of the tried pictures that must decode with the reference's parameter sets: else it is another camera."""
SCAN_BYTES_PER_S: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Reference:
    """Lend a sound recording of the same camera: its file, its facts, its index, and its name for the lineage."""

    path: Path
    facts: MediaFacts
    index: FrameIndex
    name: str
    sha256: str

    @property
    def track(self) -> IndexedTrack:
        """
        Give the pictures.

        Raises:
            Unplayable: they cannot serve: another codec, or nothing is known of how they are described.
        """
        track = self.index.video
        if track is None or track.codec != "h264" or len(track.samples) < 2 or description_of(track) is None:
            raise Unplayable(f"recording {self.name} has no H.264 pictures whose description is known")
        return track


@dataclass(frozen=True, slots=True)
class Recovered:
    """Hold what came back: a fragmented MP4 of `frames` pictures, `duration` seconds, and how it was made."""

    path: Path
    frames: int
    duration: Fraction
    has_sound: bool
    recipe: dict[str, Any]
    told: dict[str, Any]


def recover(original: Path, reference: Reference, folder: Path) -> Recovered:
    """
    Find the pictures of `original` and write them into `folder` as a file that plays.

    Pictures are shown at the reference's usual pace: when each really was is lost with the index. Sound comes back only
    where the camera writes it uncompressed, in pieces that need no sizes.

    Raises:
        Unplayable: no picture was found, or they do not decode as the reference's do.
        ToolFailed, DeadlinePassed: the child that looks for them failed.
    """
    track = reference.track
    begin, end = body_of(original)
    found = _Pictures.of(_ask(original, begin, end, reference, track), end)
    if found.tried == 0 or found.decoded < LEAST_DECODED * found.tried:
        why = f"{found.decoded} of {found.tried} pictures decode as those of recording {reference.name} do"
        raise Unplayable(why if len(found.start) else "no picture of such a camera was found in the file")
    step = _usual_step(track)
    target = folder / "recovered.mp4"
    _write(original, found, track, step, target)
    told, has_sound = _sound(original, begin, found, reference, target)
    duration = len(found.start) * Fraction(step, track.timescale)
    told |= {
        "method": METHOD,
        "reference": reference.name,
        "frames": len(found.start),
        "duration": str(duration),
        "rate": str(Fraction(track.timescale, step)),
        "times": "assumed: the usual pace of the reference",
        "bytes": int(found.size.sum()),
        "searched": [begin, end],
        "holes": [[int(low), int(high)] for low, high in found.holes[:100]],
        "tried": found.tried,
        "decoded": found.decoded,
    }
    recipe = {
        "tool": "huisu",
        "kind": "recovered",
        "method": METHOD,
        "reference": {"recording": reference.name, "sha256": reference.sha256},
        "pictures": "the original's own bytes",
        "rate": told["rate"],
        "sound": told["sound"],
    }
    return Recovered(target, len(found.start), duration, has_sound, recipe, told)


def body_of(original: Path) -> tuple[int, int]:
    """Say where the media bytes of a damaged file lie: its largest `mdat`, to the end where that was never closed."""
    with reading(original) as (read, size):
        bodies: list[tuple[int, int]] = []
        try:
            for box in walk(read, size):
                if box.kind == b"mdat":
                    open_ended = box.end <= box.body or box.end > size
                    bodies.append((box.body, size if open_ended else box.end))
        except MediaError:
            pass  # what follows a damage is not trusted; what came before it is known
        if not bodies:
            head = read(0, 1 << 16)
            at = head.find(b"mdat")
            return (at + 4 if at >= 4 else 0), size
        return max(bodies, key=lambda one: one[1] - one[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """Hold the pictures in coded order; `place` is that among those shown."""

    start: Ints
    size: Ints
    sync: npt.NDArray[np.bool_]
    place: Ints
    holes: tuple[tuple[int, int], ...]
    tried: int
    decoded: int

    @classmethod
    def of(cls, answer: Mapping[str, Any], end: int) -> "_Pictures":
        """Read the child's answer, believing none of its numbers."""
        start, size, sync, place = (
            np.frombuffer(base64.b64decode(answer[name]), "<i8").copy() for name in ("start", "size", "sync", "place")
        )
        count = len(start)
        if not len(size) == len(sync) == len(place) == count:
            raise Unplayable("the search for pictures gave lists of different lengths")
        if count and (
            (size <= 0).any()
            or (start[1:] < start[:-1] + size[:-1]).any()
            or int(start[0]) < 0
            or int(start[-1] + size[-1]) > end
            or not sync[0]
            or not np.array_equal(np.sort(place), np.arange(count))
        ):
            raise Unplayable("the search for pictures gave places that are none")
        holes = tuple((int(low), int(high)) for low, high in answer["holes"])
        return cls(start, size, sync.astype(np.bool_), place, holes, int(answer["tried"]), int(answer["decoded"]))


def _ask(original: Path, begin: int, end: int, reference: Reference, track: IndexedTrack) -> dict[str, Any]:
    samples, described = track.samples, description_of(track)
    assert described is not None  # noqa: S101  (`Reference.track` saw to it)
    order = np.argsort(samples.offset, kind="stable")
    between = samples.offset[order][1:] - samples.end[order][:-1]
    reach = min(max(2 * int(between.max(initial=0)), LEAST_REACH), MOST_REACH)
    seconds = (end - begin) // SCAN_BYTES_PER_S
    return run_child(
        "services.media.recovery:recover_request",
        {
            "path": str(original.absolute()),
            "begin": begin,
            "end": end,
            "reference": str(reference.path.absolute()),
            "reference_bytes": reference.index.size_bytes,
            "samples": np.stack((samples.offset[:LEARNED], samples.size[:LEARNED]), axis=1).tolist(),
            "config": base64.b64encode(described.config).decode(),
            "reach": reach,
        },
        limits=Limits(wall_s=600 + 4 * seconds, cpu_s=300 + seconds, memory_bytes=3 << 30, file_bytes=0),
        readable=[original.absolute(), reference.path.absolute()],
    )


def _usual_step(track: IndexedTrack) -> int:
    return max(int(np.median(np.diff(track.ticks))), 1)


def _write(original: Path, found: _Pictures, track: IndexedTrack, step: int, target: Path) -> None:
    """Write init segment and fragments of two seconds, each from a key frame on, around the original's own bytes."""
    count = len(found.start)
    late = found.place - np.arange(count)
    lift = max(-int(late.min(initial=0)), 0)
    whole = OutTrack(
        kind="video",
        timescale=track.timescale,
        description=plain_description(track.description, "video", track.codec),
        duration=np.full(count, step, np.uint32),
        cts=((late + lift) * step).astype(np.int32),
        size=found.size.astype(np.uint32),
        sync=found.sync,
        position=np.zeros(count, np.int64),
        media_time=lift * step,
        matrix=track.matrix,
        width=track.width,
        height=track.height,
    )
    nothing = slice(0, 0)
    with target.open("wb") as out, original.open("rb") as source:
        out.write(initialisation([_part(whole, nothing)]))
        for number, (low, high) in enumerate(_groups(found.sync, step, track.timescale), start=1):
            part = _part(whole, slice(low, high))
            part = replace(part, position=np.cumsum(found.size[low:high]) - found.size[low:high])
            out.write(fragment(number, [(low * step, part)], int(found.size[low:high].sum())))
            for place in range(low, high):
                block = os.pread(source.fileno(), int(found.size[place]), int(found.start[place]))
                out.write(block)


def _part(whole: OutTrack, rows: slice) -> OutTrack:
    return replace(
        whole,
        duration=whole.duration[rows],
        cts=whole.cts[rows],
        size=whole.size[rows],
        sync=whole.sync[rows],
        position=whole.position[rows],
    )


def _groups(sync: npt.NDArray[np.bool_], step: int, timescale: int) -> Iterator[tuple[int, int]]:
    """Give stretches of pictures of at least two seconds that begin with a key frame."""
    least, cuts = int(FRAGMENT_S * timescale / step), [0]
    for key in np.flatnonzero(sync).tolist():
        if key - cuts[-1] >= max(least, 1):
            cuts.append(key)
    yield from itertools.pairwise([*cuts, len(sync)])


def _sound(
    original: Path, begin: int, found: _Pictures, reference: Reference, target: Path
) -> tuple[dict[str, Any], bool]:
    """Add the sound that lies between the pictures, or say why it is left out."""
    why = _why_not(reference, found)
    if why:
        return {"sound": f"left out: {why}"}, False
    (track,), stream = reference.index.sounds, reference.facts.audio
    assert stream is not None  # noqa: S101  (`_why_not` saw to it)
    gaps = [(begin, int(found.start[0])), *_between(found)]
    total = sum(high - low for low, high in gaps)
    if total == 0 or total % (track.frame_bytes or 1):
        return {"sound": f"left out: {total} bytes between the pictures are no whole samples"}, False
    try:
        add_sound(original, gaps, stream, target)
    except HuisuError as error:
        return {"sound": f"left out: {error}"[:300]}, False
    return {"sound": f"what lies between the pictures, as {stream.codec}, from the beginning on"}, True


def _between(found: _Pictures) -> list[tuple[int, int]]:
    ends = (found.start + found.size)[:-1]
    return [(int(low), int(high)) for low, high in zip(ends, found.start[1:], strict=True) if high > low]


def _why_not(reference: Reference, found: _Pictures) -> str:
    """Say why the sound cannot be told apart, or nothing."""
    tracks, stream = reference.index.tracks, reference.facts.audio
    sounds = reference.index.sounds
    if not sounds or stream is None:
        return "the reference has none"
    if len(tracks) != 2:
        return "other tracks lie between the pictures, too"
    if not sounds[0].frame_bytes or raw_format(stream) is None:
        return f"{stream.codec} is written in pieces of unknown sizes"
    if found.holes:
        return "pictures are missing between the others"
    return ""
