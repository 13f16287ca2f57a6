"""Decode coded pictures that came as bytes: the part of a still, or of a clip's seam, that runs in a warm child."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from services.errors import HostileMedia, NoDecoder, Unplayable
from services.media.facts import ALLOWED_DECODERS, decoder_of
from services.media.messages import Blob
from services.media.survey import MOST_PIXELS


@dataclass(frozen=True, slots=True)
class Coded:
    """Hold one coded picture on its way into a decoder; `time` is any whole number that its frame shall carry."""

    content: Blob
    time: int


def coded_of(request: Mapping[str, Any], content: Blob) -> list[Coded]:
    """Cut a blob into the pictures that `positions`, `sizes` and `times` of a request name."""
    view = memoryview(content)
    rows = zip(request["positions"], request["sizes"], request["times"], strict=True)
    return [Coded(view[at : at + size], time) for at, size, time in rows]


def decoder(codec: str, config: bytes, *, strict: bool = False) -> Any:
    """
    Open a decoder of the list; `strict` lets it refuse what it would otherwise patch.

    Raises:
        NoDecoder: no decoder for this codec may run here.
    """
    import av  # noqa: PLC0415  decoders are loaded in children only

    name = decoder_of(codec)
    if name is None or name not in ALLOWED_DECODERS:
        raise NoDecoder(f"no decoder for {codec} may run here")
    context: Any = av.CodecContext.create(name, "r")
    context.extradata = config or None
    context.thread_count = 1
    context.thread_type = "NONE"
    context.options = {"max_pixels": str(MOST_PIXELS)} | ({"err_detect": "explode"} if strict else {})
    return context


def decoded(context: Any, pictures: Sequence[Coded], *, strict: bool = False) -> Iterator[Any]:
    """
    Give the frames of all pictures, in the order they are shown, each with its `time` as `pts`.

    Raises:
        Unplayable: a picture does not decode, and `strict` allows none.
        HostileMedia: pictures are larger than any camera's.
    """
    import av  # noqa: PLC0415
    from av.error import FFmpegError  # noqa: PLC0415

    for number, picture in enumerate([*pictures, None]):
        packet = None
        if picture is not None:
            packet = av.Packet(bytes(picture.content))
            packet.pts = picture.time
            packet.dts = number
        try:
            for frame in context.decode(packet):
                if frame.width * frame.height > MOST_PIXELS:
                    raise HostileMedia(f"a picture of {frame.width} x {frame.height} came; {MOST_PIXELS} are the most")
                yield frame
        except FFmpegError as error:
            if strict:
                raise Unplayable(f"coded picture {number} of {len(pictures)} does not decode: {error}") from error


def picture_request(request: dict[str, Any], blobs: list[Blob]) -> tuple[dict[str, Any], list[Blob]]:
    """
    Answer with the one frame whose time is `wanted`, as a picture file, and whether the decoder had to patch it.

    Raises:
        Unplayable: that very frame does not decode.
    """
    from services.media.picturefile import picture_file  # noqa: PLC0415

    context = decoder(request["codec"], bytes(blobs[0]))
    wanted = request["wanted"]
    for frame in decoded(context, coded_of(request, blobs[1])):
        if frame.pts == wanted:
            shape = Fraction(request["shape"]) if request["shape"] else context.sample_aspect_ratio
            picture = picture_file(
                frame, request["form"], shape=shape, rotation=request["rotation"], width=request["width"]
            )
            return {"is_patched": bool(frame.is_corrupt)}, [picture]
    raise Unplayable("the frame could not be decoded")
