"""Read from an H.264 sequence parameter set what the picture is, without believing its numbers."""

from dataclasses import dataclass

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


class _Bits:
    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\x00\x00\x03", b"\x00\x00")  # emulation prevention, H.264 section 7.4.1.1
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def take(self, count: int) -> int:
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
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def picture_of_h264(unit: bytes) -> Picture:
    """
    Read one sequence parameter set, its header byte included.

    Raises:
        BadSampleTables: it ends early or holds numbers that no picture has.
    """
    bits = _Bits(unit[1:_MOST_BYTES])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma, depth = _chroma_and_depth(bits) if profile in _WITH_CHROMA else (1, 8)
    bits.golomb()  # log2_max_frame_num
    order = bits.golomb()
    if order == 0:
        bits.golomb()
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
    return Picture(width, height, chroma, depth)


def _chroma_and_depth(bits: _Bits) -> tuple[int, int]:
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


def _pass_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
