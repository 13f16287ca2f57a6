"""Read from H.264 parameter sets what the picture is and which ids they use, without believing their numbers."""

from dataclasses import dataclass, replace
from fractions import Fraction

from services.errors import BadSampleTables

_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameter set names chroma and depth. Source: ITU-T H.264 section 7.3.2.1.1."""

_MOST_BYTES = 512
"""Longer parameter sets are not read further; real ones have some 30 bytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Say what one picture is. `chroma` is 0 (grey), 1 (4:2:0), 2 (4:2:2) or 3 (4:4:4); sizes in pixels."""

    width: int
    height: int
    chroma: int
    bit_depth: int


@dataclass(frozen=True, slots=True)
class Usability:
    """
    Say how a picture wants to be shown. Numbers are those of the standard, None where it says nothing.

    `shape` is the width of a pixel over its height. Source: ITU-T H.264 annex E.2.1.
    """

    shape: Fraction | None = None
    full_range: bool | None = None
    primaries: int | None = None
    transfer: int | None = None
    matrix: int | None = None
    chroma_place: int | None = None


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """
    Say what a sequence parameter set sets. `is_progressive`: every picture is a whole frame.

    `frame_number_bits`, `order_type` and `order_bits` say how the heads of slices number pictures and their order of
    being shown. Source: ITU-T H.264 section 7.4.2.1.1.
    """

    number: int
    profile: int
    constraints: int
    level: int
    picture: Picture
    is_progressive: bool
    usability: Usability
    frame_number_bits: int = 4
    order_type: int = 0
    order_bits: int = 4


class Bits:
    """Take numbers bit by bit from a unit of H.264, after its header byte; every one is checked against its end."""

    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\x00\x00\x03", b"\x00\x00")  # emulation prevention, H.264 section 7.4.1.1
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def take(self, count: int) -> int:
        """Take `count` bits; raises `BadSampleTables` where there are fewer."""
        if count > self._left:
            raise BadSampleTables("a parameter set ends early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """Take one ue(v). Source: ITU-T H.264 section 9.1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise BadSampleTables("a parameter set holds a number of more than 32 bits")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """Take one se(v). Source: ITU-T H.264 section 9.1.1."""
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def picture_of_h264(unit: bytes) -> Picture:
    """
    Read one sequence parameter set, its header byte included.

    Raises:
        BadSampleTables: it ends early or holds numbers that no picture has.
    """
    return _sequence(Bits(unit[1:_MOST_BYTES])).picture


def sequence_set(unit: bytes) -> SequenceSet:
    """
    Read all of a sequence parameter set, its header byte included.

    Raises:
        BadSampleTables: as `picture_of_h264`.
    """
    bits = Bits(unit[1:_MOST_BYTES])
    found = _sequence(bits)
    return replace(found, usability=_usability(bits)) if bits.take(1) else found


def picture_set_ids(unit: bytes) -> tuple[int, int]:
    """
    Read the id of a picture parameter set, and that of the sequence parameter set it builds on.

    Raises:
        BadSampleTables: it ends early.
    """
    bits = Bits(unit[1:_MOST_BYTES])
    return bits.golomb(), bits.golomb()


def _sequence(bits: Bits) -> SequenceSet:
    """Source: ITU-T H.264 section 7.3.2.1.1, up to what the usability information stands behind."""
    profile, constraints, level = bits.take(8), bits.take(8), bits.take(8)
    number = bits.golomb()
    chroma, depth = _chroma_and_depth(bits) if profile in _WITH_CHROMA else (1, 8)
    frame_number_bits, order = bits.golomb() + 4, bits.golomb()
    order_bits = 4
    if order == 0:
        order_bits = bits.golomb() + 4
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed()
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    columns, rows, whole = bits.golomb() + 1, bits.golomb() + 1, bits.take(1)
    bits.take(2 if not whole else 1)
    width, height = columns * 16, rows * 16 * (2 - whole)
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across = 1 if chroma in {0, 3} else 2
        down = (2 if chroma == 1 else 1) * (2 - whole)
        width, height = width - (left + right) * across, height - (top + bottom) * down
    if width <= 0 or height <= 0:
        raise BadSampleTables(f"a parameter set crops the picture to {width} x {height}")
    picture = Picture(width, height, chroma, depth)
    if max(frame_number_bits, order_bits) > 16 or order > 2:
        raise BadSampleTables(f"a parameter set numbers pictures with {frame_number_bits} and {order_bits} bits")
    return SequenceSet(
        number, profile, constraints, level, picture, bool(whole), Usability(), frame_number_bits, order, order_bits
    )


_SHAPES = (
    *((0, 0), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11)),
    *((80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1)),
)
"""Source: ITU-T H.264 table E-1."""

_OWN_SHAPE = 255


def _usability(bits: Bits) -> Usability:
    """Source: ITU-T H.264 section E.1.1, up to where chroma samples lie."""
    shape = _pixel_shape(bits) if bits.take(1) else None
    if bits.take(1):  # overscan_info_present_flag
        bits.take(1)
    full_range = primaries = transfer = matrix = place = None
    if bits.take(1):  # video_signal_type_present_flag
        bits.take(3)
        full_range = bool(bits.take(1))
        if bits.take(1):
            primaries, transfer, matrix = bits.take(8), bits.take(8), bits.take(8)
    if bits.take(1):  # chroma_loc_info_present_flag
        place = bits.golomb()
        bits.golomb()
    return Usability(shape, full_range, primaries, transfer, matrix, place)


def _pixel_shape(bits: Bits) -> Fraction | None:
    kind = bits.take(8)
    across, down = (bits.take(16), bits.take(16)) if kind == _OWN_SHAPE else (*_SHAPES, (0, 0))[min(kind, len(_SHAPES))]
    return Fraction(across, down) if across and down else None


def _chroma_and_depth(bits: Bits) -> tuple[int, int]:
    chroma = bits.golomb()
    if chroma > 3:
        raise BadSampleTables(f"a parameter set names chroma {chroma}; there are 0 to 3")
    if chroma == 3:
        bits.take(1)
    depth = bits.golomb() + 8
    bits.golomb()
    bits.take(1)
    if depth > 14:
        raise BadSampleTables(f"a parameter set names {depth} bits; there are 8 to 14")
    if bits.take(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _pass_scaling_list(bits, 16 if number < 6 else 64)
    return chroma, depth


def _pass_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
