"""Write silence in a codec's own form, for the gaps of a clip that is made of several recordings."""

from typing import Final

from services.media.boxes import Node
from services.media.codecs import Codec, codec_of, decoder_config

_SILENT_AAC: Final = {1: bytes.fromhex("00c800802380"), 2: bytes.fromhex("210049900219002380")}
"""One frame of AAC-LC in which nothing sounds, by channels; the same at all rates. A test decodes them."""

_RESTING: Final = {"pcm_u8": b"\x80", "pcm_alaw": b"\xd5", "pcm_mulaw": b"\xff"}
"""The byte that rests in the middle; signed and floating forms rest at 0. Source: ITU-T G.711."""


def silent_frame(description: bytes) -> bytes | None:
    """
    Give one coded frame of silence, or one instant of uncompressed sound, for the sound that `description` (the
    payload of an `stsd`) describes; None where none is known here.
    """
    codec = codec_of(b"soun", Node(b"stsd", memoryview(description)))
    if codec.frame_bytes:
        return _RESTING.get(codec.name, b"\0") * codec.frame_bytes
    if codec.name == "aac" and codec.profile == "LC":
        return _SILENT_AAC.get(codec.channels or 0)
    return None


def same_decoder(one: bytes, other: bytes, handler: bytes) -> bool:
    """
    Say whether samples of two descriptions can follow each other in one track.

    Rates that a writer merely notes (of bits, of buffers) do not count, what a decoder is told does.
    """
    return _told(codec_of(handler, Node(b"stsd", memoryview(one)))) == _told(
        codec_of(handler, Node(b"stsd", memoryview(other)))
    )


def _told(codec: Codec) -> tuple[object, ...]:
    size = (codec.width, codec.height, codec.channels, codec.sample_rate, codec.frame_bytes)
    return codec.fourcc, codec.name, decoder_config(codec), *size
