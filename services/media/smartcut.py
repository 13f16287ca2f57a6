"""
Cut an exact clip by copying all whole groups of pictures and encoding only the seams; prove it before it leaves.

Two encodings share one entry: the seams' parameter sets have an id that the original does not use, and stand beside
its own in one `avcC`. Rules and what fails otherwise: knowledge/media 8.1.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from services.errors import ClipTooLong, MediaError, ToolFailed, Unplayable, VerbatimNotPossible
from services.media.avcc import Configuration, annexb_units, of_encoder, with_configuration, with_lengths
from services.media.clip import CRF, PRESET
from services.media.clipsound import frames_inside
from services.media.codedrun import ReadExtents
from services.media.frames import FrameIndex, IndexedTrack
from services.media.muxing import OutTrack, progressive
from services.media.parameters import picture_set_ids
from services.media.pool import Pool
from services.media.samples import Ints
from services.media.smartcheck import Assembly, prove
from services.media.smartplan import Seam, SmartPlan, Unfit
from services.media.stretch import Stretch, frames_between, gathered, out_track
from services.media.virtual import Open, VirtualFile

_THREADS: Final = 2
_SECONDS_A_PICTURE: Final = 1.5
"""What one picture may take to decode and encode, at the very most."""

_SLICES: Final = frozenset({1, 5})
_PROFILE_NAMES: Final = {66: "baseline", 77: "main", 100: "high"}


@dataclass(frozen=True, slots=True, eq=False)
class SmartCut:
    """
    Hold a proven exact clip: its bytes, the frames [first, end) it copies, a name for these very bytes.

    `made_bytes` is how much of it is kept in memory.
    """

    file: VirtualFile
    copied: tuple[int, int]
    etag: str
    made_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Hold the seams as samples, empty where there is none, and the configuration that describes all of the clip."""

    head: tuple[bytes, ...]
    tail: tuple[bytes, ...]
    configuration: Configuration


def cut_smart(
    index: FrameIndex, plan: SmartPlan, sha256: str, *, read: ReadExtents, opened_by: Open, decoders: Pool
) -> SmartCut | Unfit:
    """
    Make the clip of a plan from the original with this digest, and prove it: or say why it may not leave.

    Raises:
        TooManyRequests: too many wait for a decoder.
        And what `read` and `opened_by` raise.
    """
    try:
        made = _assembled(index, plan, _encode(plan, read, decoders))
        prove(plan, made, opened_by, decoders)
    except (MediaError, ToolFailed, VerbatimNotPossible, ClipTooLong) as error:
        return Unfit("check-failed", f"{error.code}: {error}")
    ours = [piece for piece in made.file.pieces if isinstance(piece, bytes)]
    name = hashlib.sha256(b"".join([sha256.encode(), *ours])).hexdigest()
    return SmartCut(made.file, plan.copied, f'"{name}"', sum(map(len, ours)))


def _encode(plan: SmartPlan, read: ReadExtents, decoders: Pool) -> Encoded:
    if not plan.seams:
        return Encoded((), (), plan.configuration)
    request = {"codec": plan.track.codec, "encoder": _encoder(plan), "seams": [_asked(seam) for seam in plan.seams]}
    contents = [read(seam.run.extents) for seam in plan.seams]
    pictures = sum(len(seam.run) for seam in plan.seams)
    told, (extradata, *made) = decoders.ask(
        "services.media.seams:encode_request",
        request,
        [plan.configuration.to_bytes(), *contents],
        wall_s=30 + _SECONDS_A_PICTURE * pictures,
    )
    configuration = of_encoder(bytes(extradata))
    _require_own_id(plan, configuration)
    seams = iter([_samples(bytes(blob), sizes) for blob, sizes in zip(made, told["sizes"], strict=True)])
    head, tail = (next(seams) if side is not None else () for side in plan.sides)
    return Encoded(head, tail, plan.configuration.merged(configuration))


def _asked(seam: Seam) -> dict[str, Any]:
    run = seam.run
    return {
        "positions": run.positions.tolist(),
        "sizes": run.sizes.tolist(),
        "times": run.pts.tolist(),
        "wanted": seam.ticks.tolist(),
    }


def _encoder(plan: SmartPlan) -> dict[str, Any]:
    """Choose what makes the seams look like the original to a decoder; quality as of a clip that is encoded whole."""
    source = plan.configuration.sets[0]
    own = [f"sps-id={plan.free_id}", "bframes=0", "keyint=infinite", "scenecut=0", "repeat-headers=0"]
    if source.usability.chroma_place is not None:
        own.append(f"chromaloc={min(source.usability.chroma_place, 5)}")
    if source.level >= 10:
        own.append(f"level={source.level}")
    return {
        "timescale": plan.track.timescale,
        "step": plan.step,
        "shape": str(source.usability.shape) if source.usability.shape else None,
        "threads": _THREADS,
        "options": {
            "preset": PRESET,
            "crf": str(CRF),
            "profile": _PROFILE_NAMES[source.profile],
            "x264-params": ":".join(own),
            "a53cc": "0",  # no captions carried over unseen
        },
    }


def _require_own_id(plan: SmartPlan, made: Configuration) -> None:
    (sequence,) = made.sets
    ids = (sequence.number, *picture_set_ids(made.pictures[0]))
    if set(ids) != {plan.free_id}:
        raise Unplayable(f"the encoder used the parameter sets {ids}, not {plan.free_id}")
    source = plan.configuration.sets[0]
    if sequence.picture != source.picture or not sequence.is_progressive:
        raise Unplayable(f"the encoder made {sequence.picture}, the original has {source.picture}")


def _samples(stream: bytes, sizes: Sequence[int]) -> tuple[bytes, ...]:
    """Cut the encoder's stream into samples of slices alone: no parameter sets, no messages."""
    samples, at = [], 0
    for size in sizes:
        units = [unit for unit in annexb_units(stream[at : at + size]) if unit[0] & 31 in _SLICES]
        samples.append(with_lengths(units))
        at += size
    if not samples or any(not sample for sample in samples) or samples[0][4] & 31 != 5:
        raise Unplayable("a seam does not begin with a key frame")
    return tuple(samples)


def _assembled(index: FrameIndex, plan: SmartPlan, encoded: Encoded) -> Assembly:
    """Lay out head, copied part with its sound, tail, and describe them as one film."""
    middle = frames_between(plan.track, *plan.middle)
    sounds = [sound for track in index.sounds if (sound := _sound(track, plan)) is not None]
    extents, places = gathered([middle, *sounds])
    head, tail = b"".join(encoded.head), b"".join(encoded.tail)
    body = len(head) + sum(extent.length for extent in extents)
    own, others = places[0] + len(head), [place + len(head) for place in places[1:]]
    pictures = _pictures(plan, encoded, middle, own, body)
    heard = [out_track(sound, place, zero=plan.exact.start) for sound, place in zip(sounds, others, strict=True)]
    file = VirtualFile.of(progressive([pictures, *heard], body + len(tail)) + head, *extents, tail)
    configuration = encoded.configuration.to_bytes()
    return Assembly(file, configuration, len(encoded.head), middle, len(encoded.tail), tuple(sounds))


def _pictures(plan: SmartPlan, encoded: Encoded, middle: Stretch, place: Ints, tail_at: int) -> OutTrack:
    """Describe head, copied samples and tail as one track; each seam reorders as the key frame beside it."""
    track, nothing = plan.track, np.zeros(0, np.int64)
    head, tail = ((seam.ticks, seam.ticks - seam.reorder) if seam else (nothing, nothing) for seam in plan.sides)
    sizes = [np.array([len(sample) for sample in side], np.int64) for side in (encoded.head, encoded.tail)]
    keys = [np.arange(len(side)) == 0 for side in sizes]
    shown = np.concatenate((head[0], middle.pts, tail[0]))
    decode = np.concatenate((head[1], track.samples.dts[slice(*plan.middle)], tail[1]))
    last = plan.finish - int(tail[0][-1]) if len(tail[0]) else int(middle.duration[-1])
    steps = np.append(np.diff(decode), last)
    if int(steps.min()) < 0 or int(steps[:-1].min(initial=1)) == 0:
        raise VerbatimNotPossible("the seams would not be decoded beside the copied part")
    return OutTrack(
        kind="video",
        timescale=track.timescale,
        description=with_configuration(plan.description, encoded.configuration),
        duration=steps.astype(np.uint32),
        cts=(shown - decode).astype(np.int32),
        size=np.concatenate((sizes[0], middle.size, sizes[1])).astype(np.uint32),
        sync=np.concatenate((keys[0], middle.sync, keys[1])),
        position=np.concatenate((_places(sizes[0], 0), place, _places(sizes[1], tail_at))),
        media_time=int(shown.min()) - int(decode[0]),
        edit_duration=Fraction(plan.finish - int(shown.min()), track.timescale),
        matrix=track.matrix,
        width=track.width,
        height=track.height,
        language=track.language,
    )


def _places(sizes: Ints, start: int) -> Ints:
    places: Ints = np.cumsum(sizes) - sizes + start
    return places


def _sound(track: IndexedTrack, plan: SmartPlan) -> Stretch | None:
    """Choose the frames of sound that lie wholly inside what was asked for."""
    samples, chosen = track.samples, frames_inside(track, plan.exact.start, plan.exact.sound_end)
    if len(chosen) == 0:
        return None
    if int(chosen[-1]) - int(chosen[0]) + 1 != len(chosen):
        raise VerbatimNotPossible(f"an edit list hides sound inside the clip in stream {track.index}")
    found = frames_between(track, int(chosen[0]), int(chosen[-1]) + 1)
    found.duration[-1] = min(int(found.duration[-1]), int(samples.duration[chosen[-1]]))
    return found
