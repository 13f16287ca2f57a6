"""
Give one frame of a recording as a picture, decoded from the original: by its index, or by seeking in the file.

The index names the bytes of one group of pictures, which a warm child decodes. Recordings that have none, or whose
container is no MP4, are opened as files by a child of their own.
"""

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.errors import NoDecoder, RangeOutside, Unplayable
from services.media.anchor import Anchor, find_anchor
from services.media.codedrun import ReadExtents, description_of, run_to
from services.media.containers import BY_NAME
from services.media.facts import FrameTimes, MediaFacts
from services.media.frames import FrameIndex
from services.media.picturefile import Form, check_width, picture_file
from services.media.pool import Pool
from services.media.sandbox import Limits, run_child
from services.media.timecode import print_seconds

_WALL_S = 60.0
_LIMITS = Limits(wall_s=120, cpu_s=60, memory_bytes=4 << 30, file_bytes=0)


@dataclass(frozen=True, slots=True)
class IndexedStill:
    """
    Hold a picture with what it is of: the tick at which the file presents it, and the digest of its coded bytes.

    `is_patched`: the decoder missed something and made up for it.
    """

    picture: bytes
    tick: int
    timescale: int
    coded_sha256: str
    is_patched: bool


def still_by_index(
    index: FrameIndex,
    facts: MediaFacts,
    frame: int,
    read: ReadExtents,
    decoders: Pool,
    *,
    form: Form = "jpeg",
    width: int | None = None,
) -> IndexedStill | None:
    """
    Give the frame with a number by reading and decoding one group of pictures; None where the file must be opened.

    Raises:
        RangeOutside: there is no such frame.
        Invalid: `width` is not between 1 and 8192.
        Unplayable: that very frame could not be decoded.
        TooManyRequests: too many wait for a decoder.
        ToolFailed, DeadlinePassed: the child that decodes failed.
        And what `read` raises.
    """
    check_width(width)
    track = index.video
    if track is None or facts.video is None or track.index != facts.video.index or track.shift is None:
        return None
    sample = index.sample_of(frame)
    known, run = description_of(track), run_to(track, sample)
    if known is None or run is None:
        return None
    content, wanted = read(run.extents), len(run) - 1
    request = {
        "codec": known.codec,
        "positions": run.positions.tolist(),
        "sizes": run.sizes.tolist(),
        "times": run.pts.tolist(),
        "wanted": int(run.pts[wanted]),
        "shape": None if known.shape is None else str(known.shape),
        "rotation": facts.video.rotation,
        "width": width,
        "form": form,
    }
    target = "services.media.gopdecode:picture_request"
    told, (picture,) = decoders.ask(target, request, [known.config, content], wall_s=_WALL_S)
    tick, digest = int(run.pts[wanted]), run.digest(content, wanted)
    return IndexedStill(bytes(picture), tick, track.timescale, digest, bool(told["is_patched"]))


def still(
    original: Path,
    facts: MediaFacts,
    frame_times: FrameTimes | None,
    at: Fraction,
    *,
    width: int | None = None,
    form: Form = "jpeg",
) -> bytes:
    """
    Give the frame that a viewer sees at `at` seconds, upright, by opening the file; `width` pixels wide if given.

    Raises:
        RangeOutside: the recording has no pictures, or `at` lies outside it.
        Invalid: `width` is not between 1 and 8192.
        NoDecoder: its pictures may not be decoded here.
        Unplayable: that very frame could not be decoded.
        ToolFailed, DeadlinePassed: the child that decodes failed.
    """
    check_width(width)
    if facts.video is None or frame_times is None or len(frame_times) == 0:
        raise RangeOutside("the recording has no pictures")
    if not facts.video.decodable:
        raise NoDecoder(f"no decoder for {facts.video.codec} may run here")
    if not 0 <= at < facts.duration:
        raise RangeOutside(
            f"the recording has {print_seconds(facts.duration)} seconds; there is no frame at {print_seconds(at)}"
        )
    frame = frame_times.shown_at(at)
    moment = frame_times.time_of(frame)
    anchor = find_anchor(original, facts, frame_times, before=moment)
    answer = run_child(
        "services.media.stills:still_request",
        {
            "path": str(original.absolute()),
            "container": facts.container,
            "stream": facts.video.index,
            "rotation": facts.video.rotation,
            "number": frame if anchor.by_number else None,
            "time": str(anchor.origin + moment),
            "keyframe": None if anchor.keyframe is None else str(anchor.keyframe),
            "repeats": facts.video.codec == "theora",
            "width": width,
            "form": form,
        },
        limits=_limits(anchor, moment),
        readable=[original],
    )
    return base64.b64decode(answer["picture"])


def _limits(anchor: Anchor, moment: Fraction) -> Limits:
    """Without a key frame to begin at, all before `moment` must be decoded."""
    if anchor.keyframe is not None:
        return _LIMITS
    return Limits(
        wall_s=_LIMITS.wall_s + float(10 * moment),
        cpu_s=_LIMITS.cpu_s + int(5 * moment),
        memory_bytes=_LIMITS.memory_bytes,
        file_bytes=0,
    )


def still_request(request: dict[str, Any]) -> dict[str, Any]:
    """Answer `still` inside the child."""
    from services.media.demux import opened  # noqa: PLC0415  decoders are loaded in the child only

    with opened(Path(request["path"]), BY_NAME[request["container"]]) as media:
        stream = media.streams[request["stream"]]
        shape = stream.codec_context.sample_aspect_ratio
        keyframe = request["keyframe"]
        picture = None
        if keyframe is not None:
            # a search by time may end behind the key frame in a transport stream: aim before it
            media.seek(int((Fraction(keyframe) - 1) / Fraction(stream.time_base)), stream=stream, backward=True)
            picture = _find(media, stream, request)
    if picture is None:
        with opened(Path(request["path"]), BY_NAME[request["container"]]) as media:
            picture = _find(media, media.streams[request["stream"]], request)
    if picture is None:
        raise Unplayable(f"the frame at {float(Fraction(request['time'])):.6f} s could not be decoded")
    made = picture_file(picture, request["form"], shape=shape, rotation=request["rotation"], width=request["width"])
    return {"picture": base64.b64encode(made).decode()}


def _find(media: Any, stream: Any, request: dict[str, Any]) -> Any:
    """Decode until the wanted frame; None if others come in its place."""
    number = request["number"]
    frames = _decoded(media, stream, strict=number is not None)
    if number is not None:
        return next(itertools.islice(frames, number, None), None)
    wanted, tolerance = Fraction(request["time"]), Fraction(stream.time_base) / 2
    shown = None
    for frame in frames:
        if frame.pts is None:
            continue
        time = frame.pts * Fraction(frame.time_base)
        if abs(time - wanted) <= tolerance:
            return frame
        if time > wanted:
            break
        shown = frame
    return shown if request["repeats"] else None


def _decoded(media: Any, stream: Any, *, strict: bool) -> Iterator[Any]:
    """Give the frames; where they are counted (`strict`), one that does not decode would shift the others."""
    from av.error import FFmpegError  # noqa: PLC0415  in the child only

    for packet in media.demux(stream):
        if packet.size == 0 and packet.dts is not None:
            continue  # Theora's "the same again" would end the decoder
        try:
            yield from packet.decode()
        except FFmpegError:
            if strict:
                raise
