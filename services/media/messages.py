"""
Carry questions and answers between us and a warm child: one JSON object and a few blobs, each of announced length.

A message is its head (bytes of the JSON, number of blobs), the length of each blob, the JSON, the blobs. The reader
says how much it takes: a child that was taken over cannot make us hold more.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.errors import Invalid

_HEAD = struct.Struct("<II")
_LENGTH = struct.Struct("<Q")

MOST_BLOBS = 64
JSON_BYTES = 32 << 20

Blob = bytes | bytearray | memoryview


def pieces_of(said: Mapping[str, Any], blobs: Sequence[Blob]) -> list[Blob]:
    """
    Give a message as pieces to be written one after the other; blobs are not copied.

    Raises:
        Invalid: it has more blobs, or a longer JSON, than a reader takes.
    """
    text = json.dumps(said, separators=(",", ":")).encode()
    if len(blobs) > MOST_BLOBS or len(text) > JSON_BYTES:
        raise Invalid(f"a message has at most {MOST_BLOBS} blobs and {JSON_BYTES:,} bytes of JSON")
    lengths = b"".join(_LENGTH.pack(len(blob)) for blob in blobs)
    return [_HEAD.pack(len(text), len(blobs)) + lengths + text, *blobs]


def take_message(read: Callable[[int], Blob], most_bytes: int) -> tuple[dict[str, Any], list[Blob]]:
    """
    Read a whole message by calls of `read`, which gives exactly as many bytes as it is asked for.

    Raises:
        Invalid: it announces more than `most_bytes`, or its JSON is no object.
        And what `read` raises.
    """
    text_bytes, count = _HEAD.unpack(read(_HEAD.size))
    if count > MOST_BLOBS or text_bytes > min(JSON_BYTES, most_bytes):
        raise Invalid(f"a message announces {count} blobs and {text_bytes:,} bytes of JSON")
    lengths = [length for (length,) in _LENGTH.iter_unpack(read(_LENGTH.size * count))]
    if text_bytes + sum(lengths) > most_bytes:
        raise Invalid(f"a message announces {text_bytes + sum(lengths):,} bytes; {most_bytes:,} are the most")
    try:
        said = json.loads(bytes(read(text_bytes)))
    except (ValueError, RecursionError) as error:
        raise Invalid(f"a message is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise Invalid("a message is a JSON object")
    return said, [read(length) for length in lengths]
