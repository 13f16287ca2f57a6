"""Encode the seams of a clip, and judge by decoding whether they join: the parts that run in a warm child."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from services.errors import Unplayable
from services.media.gopdecode import coded_of, decoded, decoder
from services.media.messages import Blob


def encode_request(request: dict[str, Any], blobs: list[Blob]) -> tuple[dict[str, Any], list[Blob]]:
    """
    Encode the wanted pictures of each seam: one blob with the encoder's parameter sets, then one a seam.

    Every seam begins with a key frame and has one packet a picture, in the order they are shown; `sizes` cuts them.

    Raises:
        Unplayable: a picture that is wanted does not decode whole.
    """
    sizes, made, extradata = [], [], b""
    for seam, content in zip(request["seams"], blobs[1:], strict=True):
        frames = _wanted(request["codec"], bytes(blobs[0]), seam, content)
        packets, head = _encoded(frames, request["encoder"])
        if extradata not in {b"", head}:
            raise Unplayable("the encoder described two seams differently")
        extradata = head
        sizes.append([len(packet) for packet in packets])
        made.append(b"".join(packets))
    return {"sizes": sizes}, [extradata, *made]


def _wanted(codec: str, config: bytes, seam: Mapping[str, Any], content: Blob) -> list[Any]:
    wanted = set(seam["wanted"])
    context = decoder(codec, config, strict=True)
    shown = decoded(context, coded_of(seam, content), strict=True)
    frames = [frame for frame in shown if frame.pts in wanted]
    if [frame.pts for frame in frames] != seam["wanted"] or any(frame.is_corrupt for frame in frames):
        raise Unplayable(f"{len(frames)} of {len(wanted)} pictures of a seam decode whole")
    return frames


def _encoded(frames: Sequence[Any], wish: Mapping[str, Any]) -> tuple[list[bytes], bytes]:
    """Encode without reordering; shape and colours are the pictures' own, so that nothing changes at the seam."""
    import av  # noqa: PLC0415  in children only
    from av.codec.context import Flags  # noqa: PLC0415

    encoder: Any = av.CodecContext.create("libx264", "w")
    first = frames[0]
    encoder.width, encoder.height, encoder.pix_fmt = first.width, first.height, first.format.name
    encoder.time_base = Fraction(1, wish["timescale"])
    encoder.framerate = Fraction(wish["timescale"], wish["step"])
    if wish["shape"]:
        encoder.sample_aspect_ratio = Fraction(wish["shape"])
    encoder.flags |= Flags.global_header
    for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
        setattr(encoder, name, getattr(first, name))
    encoder.thread_count = wish["threads"]
    encoder.options = dict(wish["options"])
    packets = []
    for frame in [*frames, None]:
        if frame is not None:
            frame.pict_type = 0  # else the encoder would repeat the kinds of the original's pictures
            frame.time_base = encoder.time_base
        packets += [(packet.pts, bytes(packet)) for packet in encoder.encode(frame)]
    if [time for time, _ in packets] != [frame.pts for frame in frames]:
        raise Unplayable(f"the encoder gave {len(packets)} packets for {len(frames)} pictures, or in another order")
    return [content for _, content in packets], bytes(encoder.extradata)


def judge_request(request: dict[str, Any], blobs: list[Blob]) -> tuple[dict[str, Any], list[Blob]]:
    """
    Decode each run of coded pictures without forgiving anything; all of them must come out, at their times.

    Raises:
        Unplayable: one does not decode, is missing, or shows at another time.
    """
    for number, (run, content) in enumerate(zip(request["runs"], blobs[1:], strict=True)):
        context = decoder(request["codec"], bytes(blobs[0]), strict=True)
        frames = [(frame.pts, frame.is_corrupt) for frame in decoded(context, coded_of(run, content), strict=True)]
        if [time for time, _ in frames] != sorted(run["times"]) or any(corrupt for _, corrupt in frames):
            raise Unplayable(f"joint {number}: {len(frames)} of {len(run['times'])} pictures decode in order and whole")
    return {}, []
