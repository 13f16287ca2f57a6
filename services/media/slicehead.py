"""Read the first numbers of a coded slice: enough to know a picture of a camera from bytes that are none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.errors import BadSampleTables
from services.media.parameters import Bits, SequenceSet

REFRESH: Final = 5
"""NAL unit type of a picture that lets the decoder forget all before. Source: ITU-T H.264 table 7-1."""

HEAD_BYTES: Final = 24
"""More than the numbers read here take, with what is put between them against false start codes."""

_MOST_KIND = 9
_INTRA = frozenset({2, 7})


@dataclass(frozen=True, slots=True)
class SliceHead:
    """
    Hold what the head of a slice says: the numbers of ITU-T H.264 section 7.3.3, up to the order of being shown.

    `first` is the block that it begins at: 0 in the first slice of a picture. `order` is the lowest bits of the
    picture's place among those shown, None where the stream does not number them.
    """

    is_refresh: bool
    is_reference: bool
    first: int
    kind: int
    frame_number: int
    order: int | None


def slice_head(unit: bytes, sets: Mapping[int, SequenceSet]) -> SliceHead | None:
    """
    Read the head of a slice of progressive pictures; None where these bytes are none.

    `unit` begins with the unit's header byte; `sets` are the sequence sets by the ids of the picture sets on them.
    """
    is_refresh = unit[0] & 31 == REFRESH
    bits = Bits(unit[1:HEAD_BYTES])
    try:
        first, kind, number = bits.golomb(), bits.golomb(), bits.golomb()
        known = sets.get(number)
        if kind > _MOST_KIND or known is None or (is_refresh and kind not in _INTRA):
            return None
        frame_number = bits.take(known.frame_number_bits)
        if is_refresh:
            bits.golomb()
        order = bits.take(known.order_bits) if known.order_type == 0 else None
    except BadSampleTables:
        return None
    if is_refresh and frame_number != 0:
        return None
    return SliceHead(is_refresh, bool(unit[0] & 0x60), first, kind, frame_number, order)


def places_shown(heads: Sequence[SliceHead], bits: int) -> list[int]:
    """
    Number pictures, given in coded order, by their place among those shown; each refresh begins a new period.

    Source: ITU-T H.264 section 8.2.1.1, without the operations that renumber within a period.
    """
    keys = list(_orders(heads, 1 << bits))
    shown = sorted(range(len(keys)), key=lambda place: (*keys[place], place))
    places = [0] * len(keys)
    for place, coded in enumerate(shown):
        places[coded] = place
    return places


def _orders(heads: Sequence[SliceHead], modulus: int) -> Iterator[tuple[int, int]]:
    """Give the period and the full order of each picture."""
    period = high = low = 0
    for place, head in enumerate(heads):
        order = head.order or 0
        if head.is_refresh:
            period, high, low = period + 1, 0, 0
        now = high
        if order < low and low - order >= modulus // 2:
            now += modulus
        elif order > low and order - low > modulus // 2:
            now -= modulus
        yield period, (now + order if head.order is not None else place)
        if head.is_reference:
            high, low = now, order
