"""Read what the index of an MP4 or MOV says about each of its tracks."""

import math
from dataclasses import dataclass

from services.errors import BadSampleTables
from services.media.boxes import Node
from services.media.codecs import Codec, codec_of
from services.media.edits import Edit, edits_of

MOST_DESCRIPTION_BYTES = 1 << 17
"""Of one `stsd`, which the frame index keeps: cameras write some hundred bytes, with a colour profile thousands."""


@dataclass(frozen=True, slots=True)
class Track:
    """
    Say what one track is, before its samples are expanded.

    `index` is its place in the file, which is libav's stream number; `number` its own id. `timescale` is
    ticks a second. `rotation` is clockwise degrees. `description` is the payload of its `stsd`.
    """

    index: int
    number: int
    handler: bytes
    codec: Codec
    timescale: int
    language: str | None
    rotation: int
    matrix: bytes
    edits: tuple[Edit, ...]
    description: bytes
    table: Node

    @property
    def is_picture(self) -> bool:
        """Say whether it holds pictures."""
        return self.handler == b"vide"

    @property
    def is_sound(self) -> bool:
        """Say whether it holds sound."""
        return self.handler == b"soun"


def track_of(index: int, trak: Node) -> Track:
    """
    Read one `trak`.

    Raises:
        BadSampleTables: a box that every track has is missing, too short or meaningless.
    """
    number, matrix = _header(trak.need(b"tkhd"))
    mdia = trak.need(b"mdia")
    timescale, language = _media_header(mdia.need(b"mdhd"))
    handler = mdia.need(b"hdlr").bytes(8, 4)
    stbl = mdia.need(b"minf", b"stbl")
    stsd = stbl.need(b"stsd")
    if len(stsd) > MOST_DESCRIPTION_BYTES:
        raise BadSampleTables(
            f"track {number} is described by {len(stsd)} bytes; {MOST_DESCRIPTION_BYTES} are the most"
        )
    if timescale == 0:
        raise BadSampleTables(f"track {number} counts its time in ticks of 1/0 seconds")
    return Track(
        index=index,
        number=number,
        handler=handler,
        codec=codec_of(handler, stsd),
        timescale=timescale,
        language=language,
        rotation=_rotation(matrix),
        matrix=matrix,
        edits=edits_of(trak.child(b"edts", b"elst")),
        description=bytes(stsd.body),
        table=stbl,
    )


def _header(tkhd: Node) -> tuple[int, bytes]:
    """Source: ISO/IEC 14496-12 section 8.3.2."""
    long = tkhd.number(0, 1) == 1
    return tkhd.number(20 if long else 12, 4), tkhd.bytes(52 if long else 40, 36)


def _media_header(mdhd: Node) -> tuple[int, str | None]:
    """Source: ISO/IEC 14496-12 section 8.4.2; three letters of five bits, older QuickTime numbers have none."""
    long = mdhd.number(0, 1) == 1
    timescale, packed = mdhd.number(20 if long else 12, 4), mdhd.number(32 if long else 20, 2)
    letters = "".join(chr(0x60 + (packed >> shift & 31)) for shift in (10, 5, 0))
    known = packed >= 0x400 and packed != 0x7FFF and letters.isalpha() and letters != "und"
    return timescale, letters if known else None


def _rotation(matrix: bytes) -> int:
    """Give the turn in clockwise degrees to the next quarter; a matrix of zeros turns nothing."""
    across = int.from_bytes(matrix[:4], "big", signed=True)
    down = int.from_bytes(matrix[4:8], "big", signed=True)
    if across == down == 0:
        return 0
    return round(math.degrees(math.atan2(down, across)) / 90) * 90 % 360
