"""
Write what a decoder is told of a track as bytes that do not change when the track is put into another MP4 or MOV.

These bytes are hashed into the header leaf of a track's essence tree, and a clip's proof carries them. Their layout is
fixed for life: docs/formats/essence.md.
"""

import struct
from typing import Final

from services.errors import BadSampleTables
from services.media.boxes import Node
from services.media.codecs import Codec, codec_of, decoder_config

PICTURE_BOXES: Final = (b"avcC", b"hvcC", b"av1C", b"vpcC", b"d263")
"""Boxes that configure a decoder of pictures; an entry has one of them."""

_SOUND_BOXES: Final = frozenset({b"dOps", b"dac3", b"dec3", b"dfLa", b"alac", b"damr"})
_OPEN_SOUNDS: Final = frozenset({b"lpcm", b"in24", b"in32", b"fl32", b"fl64"})
"""Uncompressed sound whose four characters do not say the order of its bytes."""

_PICTURE_FIELDS: Final = 78
_SOUND_FIELDS: Final = {0: 28, 1: 44, 2: 64}
"""Bytes of an entry before the boxes inside it. Source: ISO/IEC 14496-12 sections 12.1.3 and 12.2.3; QuickTime."""


def codec_config(handler: bytes, description: bytes) -> bytes:
    """
    Give the configuration of the first entry of an `stsd` with this payload.

    Raises:
        BadSampleTables: there is no entry, it is too short, or it is configured twice.
    """
    stsd = Node(b"stsd", memoryview(description))
    codec = codec_of(handler, stsd)
    entry = next(stsd.children(skip=8))
    told = entry.kind + _told(handler, entry, codec)
    return struct.pack(">I", len(told)) + told


def _told(handler: bytes, entry: Node, codec: Codec) -> bytes:
    if handler == b"vide":
        return entry.bytes(24, 4) + _picture_box(entry, codec)
    if handler == b"soun":
        return _sound(entry, codec)
    return bytes(entry.body)


def _picture_box(entry: Node, codec: Codec) -> bytes:
    if entry.kind == b"mp4v":  # the rest of an esds are rates, which every writer notes anew
        return _boxed(b"esds", decoder_config(codec))
    found = [child for child in entry.children(skip=_PICTURE_FIELDS) if child.kind in PICTURE_BOXES]
    if len(found) > 1:
        raise BadSampleTables(f"{entry.kind!r} is configured by {len(found)} boxes")
    return _boxed(found[0].kind, bytes(found[0].body)) if found else _boxed(bytes(4), b"")


def _boxed(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack(">I", len(payload)) + payload


def _sound(entry: Node, codec: Codec) -> bytes:
    rate = struct.pack(">I", codec.sample_rate or 0)
    if entry.kind == b"mp4a" and codec.config:
        return rate + decoder_config(codec)
    channels = codec.channels or 0
    if codec.frame_bytes:
        bits = codec.frame_bytes * 8 // max(channels, 1)
        name = codec.name.encode() if entry.kind in _OPEN_SOUNDS else b""
        return struct.pack(">HH", channels & 0xFFFF, bits & 0xFFFF) + rate + name
    fields = _SOUND_FIELDS.get(entry.number(8, 2), 28)
    boxes = [child for child in entry.children(skip=fields) if child.kind in _SOUND_BOXES]
    told = b"".join(_boxed(child.kind, bytes(child.body)) for child in boxes)
    return struct.pack(">H", channels & 0xFFFF) + entry.bytes(18, 2) + rate + told
