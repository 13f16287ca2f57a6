"""Read and write the H.264 decoder configuration of a sample description, so that two encodings share one entry."""

import struct
from dataclasses import dataclass, replace
from typing import Final

from services.errors import BadSampleTables
from services.media.boxes import Node
from services.media.outtrack import box
from services.media.parameters import SequenceSet, picture_set_ids, sequence_set

MOST_SEQUENCE_SETS: Final = 31
"""Five bits count them, and ids end at 31. Source: ISO/IEC 14496-15 section 5.3.3.1, H.264 section 7.4.2.1.1."""

_RANK: Final = {66: 0, 77: 1, 100: 2}
"""Baseline, Main, High: a decoder of the higher one reads the lower ones as cameras write them."""

_HIGH: Final = 100
_FIELDS = 78
"""Bytes of a picture's entry before the boxes inside it. Source: ISO/IEC 14496-12 section 12.1.3."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    Hold an `avcC`: profile, compatibility and level, the width of lengths in bytes, the parameter sets as units.

    `trailer` is what stands behind the sets: chroma and depths for High and above.
    """

    profile: int
    compatibility: int
    level: int
    length_bytes: int
    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    trailer: bytes = b""

    @property
    def sets(self) -> tuple[SequenceSet, ...]:
        """Read the sequence parameter sets; raises `BadSampleTables` where one is none."""
        return tuple(map(sequence_set, self.sequences))

    @property
    def free_id(self) -> int | None:
        """Give the lowest id from 1 on that no parameter set here uses, of either kind; None if all are taken."""
        used = {one.number for one in self.sets} | {
            number for unit in self.pictures for number in picture_set_ids(unit)
        }
        return next((number for number in range(1, 32) if number not in used), None)

    def merged(self, other: "Configuration") -> "Configuration":
        """
        Describe samples of both: all sets of this, then of the other, and the higher profile and level.

        Source: ISO/IEC 14496-15 section 5.3.3.1.2: what is indicated must hold for all sets.
        """
        profile = max(self.profile, other.profile, key=lambda one: _RANK.get(one, -1))
        return replace(
            self,
            profile=profile,
            compatibility=self.compatibility & other.compatibility,
            level=max(self.level, other.level),
            sequences=self.sequences + other.sequences,
            pictures=self.pictures + other.pictures,
            # 4:2:0 in 8 bits, no extensions: what both are where this is asked for
            trailer=(self.trailer or other.trailer or b"\xfd\xf8\xf8\x00") if profile == _HIGH else self.trailer,
        )

    def to_bytes(self) -> bytes:
        """Give the payload of the box."""
        sequences = b"".join(struct.pack(">H", len(unit)) + unit for unit in self.sequences)
        pictures = b"".join(struct.pack(">H", len(unit)) + unit for unit in self.pictures)
        head = bytes([1, self.profile, self.compatibility, self.level, 0xFC | (self.length_bytes - 1)])
        counts = bytes([0xE0 | len(self.sequences)]), bytes([len(self.pictures)])
        return head + counts[0] + sequences + counts[1] + pictures + self.trailer


def read_configuration(payload: bytes) -> Configuration:
    """
    Read the payload of an `avcC`.

    Raises:
        BadSampleTables: it ends early, or is of another version.
    """
    node = Node(b"avcC", memoryview(payload))
    if node.number(0, 1) != 1:
        raise BadSampleTables(f"avcC of version {node.number(0, 1)} is not known; 1 is")
    sequences, at = _units(node, 6, node.number(5, 1) & 31)
    pictures, at = _units(node, at + 1, node.number(at, 1))
    trailer = node.bytes(at, len(payload) - at)
    profile, compatibility, level = node.bytes(1, 3)
    length_bytes = (node.number(4, 1) & 3) + 1
    return Configuration(profile, compatibility, level, length_bytes, sequences, pictures, trailer)


def _units(node: Node, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        length = node.number(at, 2)
        units.append(node.bytes(at + 2, length))
        at += 2 + length
    return tuple(units), at


def of_encoder(extradata: bytes) -> Configuration:
    """
    Describe what an encoder makes that gives its sets with start codes.

    Raises:
        BadSampleTables: there is not one set of each kind.
    """
    units = annexb_units(extradata)
    sequences = tuple(unit for unit in units if unit[0] & 31 == 7)
    pictures = tuple(unit for unit in units if unit[0] & 31 == 8)
    if len(sequences) != 1 or len(pictures) != 1:
        raise BadSampleTables(f"an encoder gave {len(sequences)} and {len(pictures)} parameter sets, not one of each")
    profile, compatibility, level = sequences[0][1:4]
    return Configuration(profile, compatibility, level, 4, sequences, pictures)


def annexb_units(stream: bytes) -> list[bytes]:
    """Cut a stream with start codes into its units. Source: ITU-T H.264 annex B."""
    starts, at = [], stream.find(b"\0\0\1")
    while at >= 0:
        starts.append(at + 3)
        at = stream.find(b"\0\0\1", at + 3)
    ends = [start - 3 for start in starts[1:]] + [len(stream)]
    units = [stream[start:end].rstrip(b"\0") for start, end in zip(starts, ends, strict=True)]
    return [unit for unit in units if unit]


def with_lengths(units: list[bytes]) -> bytes:
    """Write units as a sample: each behind its length in four bytes."""
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def with_configuration(description: bytes, configuration: Configuration) -> bytes:
    """
    Put another `avcC` into a sample description with one entry; all else stays.

    Raises:
        BadSampleTables: it has no such entry.
    """
    entry = next(Node(b"stsd", memoryview(description)).children(skip=8), None)
    if entry is None:
        raise BadSampleTables("the track has no sample description")
    inside = [
        box(child.kind, configuration.to_bytes() if child.kind == b"avcC" else bytes(child.body))
        for child in entry.children(skip=_FIELDS)
    ]
    return description[:8] + box(entry.kind, entry.bytes(0, _FIELDS), *inside)
