"""See from the first slice of a coded picture whether it lets the decoder forget all before it."""

from collections.abc import Callable, Iterator
from typing import Any

SLICES = {"h264": frozenset(range(1, 6)), "hevc": frozenset(range(22))}
REFRESHES = {"h264": frozenset({5}), "hevc": frozenset({19, 20})}
"""NAL unit types of coded pictures, and of those that refresh the decoder. Source: H.264 table 7-1, H.265 table 7-1."""

LENGTH_SIZE_AT = {"h264": 4, "hevc": 21}
"""Where `avcC` and `hvcC` say how long a length is. Source: ISO/IEC 14496-15 sections 5.3.3.1, 8.3.3.1."""

REFRESH, LEANS, BLANK = 1, 0, -1
"""What the first slice of a key frame says: all before is forgotten, or not; or there is no slice in its bytes."""

MOST_UNITS = 16
"""Units before the first slice (delimiter, parameter sets, messages) that are looked through."""

_START = b"\0\0\1"


def kind_of(codec: str, first: int) -> int:
    """Give the type of a unit from its first byte."""
    return first & 31 if codec == "h264" else first >> 1 & 63


def reader_of(codec: str, config: bytes) -> Callable[[Any], int]:
    """
    Give the function that says `REFRESH`, `LEANS` or `BLANK` of a whole coded picture of a stream, given its bytes.

    `config` is its `avcC` or `hvcC`; anything else says that units begin with start codes. Pictures of other codecs
    have no such mark, and the container is believed.
    """
    if codec not in SLICES:
        return lambda _: REFRESH
    if len(config) > LENGTH_SIZE_AT[codec] and config[0] == 1:
        prefix = (config[LENGTH_SIZE_AT[codec]] & 3) + 1
        return lambda picture: _mark(codec, _with_lengths(memoryview(picture), prefix))
    return lambda picture: _mark(codec, _with_start_codes(bytes(picture)))


def _mark(codec: str, firsts: Iterator[int]) -> int:
    kinds = (kind_of(codec, first) for first in firsts)
    first = next((kind for kind in kinds if kind in SLICES[codec]), None)
    return BLANK if first is None else REFRESH if first in REFRESHES[codec] else LEANS


def _with_lengths(picture: memoryview, prefix: int) -> Iterator[int]:
    at = 0
    for _ in range(MOST_UNITS):
        length = int.from_bytes(picture[at : at + prefix], "big")
        if at + prefix >= len(picture) or length == 0:
            return
        yield picture[at + prefix]
        at += prefix + length


def _with_start_codes(picture: bytes) -> Iterator[int]:
    """Source: H.264 annex B, H.265 annex B."""
    at = -1
    for _ in range(MOST_UNITS):
        at = picture.find(_START, at + 1)
        if at < 0 or at + len(_START) >= len(picture):
            return
        yield picture[at + len(_START)]
