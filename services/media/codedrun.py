"""Find the coded pictures that must be read to see one: from the last place where decoding can begin, up to it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from services.errors import BadSampleTables, HostileMedia, VerbatimNotPossible
from services.media.boxes import Node
from services.media.codecs import Codec, codec_of
from services.media.frames import IndexedTrack
from services.media.samples import Ints
from services.media.virtual import Extent, gather

MOST_BYTES: Final = 192 << 20
MOST_PICTURES: Final = 3000
"""Longer ways from an entry to a picture are not carried to a child: a file whose pictures have none is sought in."""

READABLE: Final = frozenset({"h264", "hevc", "av1", "vp9", "mjpeg"})
"""Codecs whose decoder needs no more than what the sample description's configuration box holds."""

ReadExtents = Callable[[Sequence[Extent]], bytes]
"""Read stretches of the original and give them as one."""


@dataclass(frozen=True, slots=True)
class Description:
    """Say what a decoder must know beforehand: its configuration, and the shape of a pixel where the file names it."""

    codec: str
    config: bytes
    shape: Fraction | None


@dataclass(frozen=True, slots=True, eq=False)
class CodedRun:
    """
    Name consecutive samples in decoding order, with the stretches of the original that hold them.

    `positions` says where in the stretches, one behind the other, each begins.
    """

    first: int
    pts: Ints
    sizes: Ints
    positions: Ints
    extents: tuple[Extent, ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def size_bytes(self) -> int:
        """Give the length of all stretches."""
        return sum(extent.length for extent in self.extents)

    def cut(self, content: bytes, number: int) -> memoryview:
        """Give one sample out of the bytes of the stretches."""
        start = int(self.positions[number])
        return memoryview(content)[start : start + int(self.sizes[number])]

    def digest(self, content: bytes, number: int) -> str:
        """Give the SHA-256 of one coded picture, in hexadecimal."""
        return hashlib.sha256(self.cut(content, number)).hexdigest()


def description_of(track: IndexedTrack) -> Description | None:
    """Read what a decoder must know; None where that does not stand in one sample description known here."""
    if track.codec not in READABLE or not track.description:
        return None
    try:
        stsd = Node(b"stsd", memoryview(track.description))
        entries = list(stsd.children(skip=8))
        codec = codec_of(b"vide", stsd)
        if len(entries) != 1 or (track.codec in {"h264", "hevc", "av1"} and not codec.config):
            return None
        return Description(track.codec, _config(codec), _shape(entries[0]))
    except (BadSampleTables, HostileMedia):
        return None


def _config(codec: Codec) -> bytes:
    return codec.config if codec.name in {"h264", "hevc", "av1"} else b""


def _shape(entry: Node) -> Fraction | None:
    """Source: ISO/IEC 14496-12 section 12.1.4, `pasp`; the boxes stand behind 78 bytes of fields."""
    pasp = next((child for child in entry.children(skip=78) if child.kind == b"pasp"), None)
    if pasp is None:
        return None
    across, down = pasp.number(0, 4), pasp.number(4, 4)
    return Fraction(across, down) if across and down else None


def run_between(track: IndexedTrack, first: int, end: int) -> CodedRun | None:
    """Name the samples [first, end) in decoding order; None where they are too many, or too scattered."""
    samples = track.samples
    sizes = samples.size[first:end].astype(np.int64)
    if not 0 < end - first <= MOST_PICTURES or int(sizes.sum()) > MOST_BYTES:
        return None
    try:
        extents, positions = gather(samples.offset[first:end], sizes)
    except VerbatimNotPossible:
        return None
    return CodedRun(first, samples.pts[first:end], sizes, positions, extents)


def run_to(track: IndexedTrack, sample: int) -> CodedRun | None:
    """Name the samples from the last true entry up to `sample`; None where there is none near enough."""
    before = int(np.searchsorted(track.entries, sample, side="right")) - 1
    return None if before < 0 else run_between(track, int(track.entries[before]), sample + 1)
