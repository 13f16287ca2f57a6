"""Give one frame of a recording as a JPEG picture, decoded from the original."""

import base64
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.errors import Invalid, NoDecoder, RangeOutside, Unplayable
from services.media.anchor import Anchor, find_anchor
from services.media.containers import BY_NAME
from services.media.facts import FrameTimes, MediaFacts
from services.media.sandbox import Limits, run_child
from services.media.timecode import print_seconds

QUALITY = 92
WIDEST = 8192
_LIMITS = Limits(wall_s=120, cpu_s=60, memory_bytes=4 << 30, file_bytes=0)


def still(
    original: Path, facts: MediaFacts, frame_times: FrameTimes | None, at: Fraction, *, width: int | None = None
) -> bytes:
    """
    Give the frame that a viewer sees at `at` seconds, upright, as JPEG; `width` pixels wide if given.

    Raises:
        RangeOutside: the recording has no pictures, or `at` lies outside it.
        Invalid: `width` is not between 1 and 8192.
        NoDecoder: its pictures may not be decoded here.
        Unplayable: that very frame could not be decoded.
        ToolFailed, DeadlinePassed: the child that decodes failed.
    """
    if width is not None and not 1 <= width <= WIDEST:
        raise Invalid(f"a still is 1 to {WIDEST} pixels wide, not {width}")
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
        },
        limits=_limits(anchor, moment),
        readable=[original],
    )
    return base64.b64decode(answer["jpeg"])


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
    return {"jpeg": base64.b64encode(_jpeg(picture, shape, request["rotation"], request["width"])).decode()}


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


def _jpeg(frame: Any, shape: Fraction | None, rotation: int, width: int | None) -> bytes:
    import cv2  # noqa: PLC0415  in the child only

    picture = frame.to_ndarray(format="bgr24")
    if shape and shape != 1:
        picture = cv2.resize(picture, (max(1, round(picture.shape[1] * float(shape))), picture.shape[0]))
    turn = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}.get(rotation)
    if turn is not None:
        picture = cv2.rotate(picture, turn)
    if width is not None and width != picture.shape[1]:
        height = max(1, round(picture.shape[0] * width / picture.shape[1]))
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise Unplayable("the frame could not be written as JPEG")
    return bytes(coded)
