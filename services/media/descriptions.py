"""Take a track's sample description from an original into a file written here: one entry, in MP4's own form."""

import struct

from services.errors import BadSampleTables, VerbatimNotPossible
from services.media.boxes import Node
from services.media.facts import Kind
from services.media.outtrack import box

_ENCRYPTED = frozenset({b"encv", b"enca", b"drmi", b"drms"})
_PICTURE_FIELDS, _SOUND_FIELDS = 78, 28
"""Bytes of an entry before the boxes inside it. Source: ISO/IEC 14496-12 sections 12.1.3 and 12.2.3."""


def plain_description(description: bytes, kind: Kind, codec: str) -> bytes:
    """
    Give the payload of an `stsd` for the same samples.

    AAC in QuickTime's description is put into MP4's, and what trails behind the boxes of an entry is left out: both
    stop browsers. Everything else stays as it is, byte for byte.

    Raises:
        VerbatimNotPossible: the samples have several descriptions, or are encrypted, or the one cannot be read.
    """
    try:
        entries = list(Node(b"stsd", memoryview(description)).children(skip=8))
        if len(entries) != 1:
            raise VerbatimNotPossible(f"a track has {len(entries)} sample descriptions; a copy can have one")
        (entry,) = entries
        if entry.kind in _ENCRYPTED:
            raise VerbatimNotPossible(
                f"a track is encrypted ({entry.kind.decode('latin-1')}): a copy could not be read"
            )
        return struct.pack(">II", 0, 1) + _entry(entry, kind, codec)
    except BadSampleTables as error:
        raise VerbatimNotPossible(f"a track's sample description cannot be read: {error}") from error


def _entry(entry: Node, kind: Kind, codec: str) -> bytes:
    if kind == "video":
        boxes = (box(child.kind, bytes(child.body)) for child in entry.children(skip=_PICTURE_FIELDS))
        return box(entry.kind, entry.bytes(0, _PICTURE_FIELDS), *boxes)
    if codec == "aac" and entry.number(8, 2) in {1, 2}:
        return _plain_aac(entry)
    return box(entry.kind, bytes(entry.body))


def _plain_aac(entry: Node) -> bytes:
    """Keep the configuration; its own numbers say what QuickTime's fields did. Source: ISO/IEC 14496-14 section 5.6."""
    is_second = entry.number(8, 2) == 2
    inside = {child.kind: child for child in entry.children(skip=_SOUND_FIELDS + (36 if is_second else 16))}
    wave = inside.get(b"wave")
    esds = inside.get(b"esds") or (wave.child(b"esds") if wave else None)
    if esds is None:
        raise BadSampleTables("AAC without its configuration")
    channels = entry.number(40, 4) & 0xFFFF if is_second else entry.number(16, 2)
    rate = int(entry.array(32, 1, ">f8")[0]) if is_second else entry.number(24, 2)
    head = entry.bytes(0, 8) + struct.pack(">8xHHII", channels, 16, 0, min(rate, 0xFFFF) << 16)
    return box(b"mp4a", head, box(b"esds", bytes(esds.body)))
