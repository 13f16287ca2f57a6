"""Fingerprint one MP4 or MOV: read its boxes, read each sample once in the order of the file, grow a tree per track."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.custody.essence import ReadBlock, digests_of, essence_root, header_leaf, leaves_of, sample_leaves
from services.custody.sidecar import Grown, Header, write
from services.media.boxes import Read
from services.media.strict import read_strictly


@dataclass(frozen=True, slots=True, eq=False)
class Essence:
    """Hold the trees of a file, or the `faults` for which it has none."""

    headers: tuple[Header, ...]
    trees: tuple[Grown, ...]
    faults: tuple[str, ...]

    @property
    def root(self) -> bytes:
        """Give the root over all tracks."""
        return essence_root([(header.samples, header.root) for header in self.headers])

    def sidecar(self, about: dict[str, Any]) -> Iterator[bytes]:
        """Give the bytes to be kept beside the file."""
        return write(self.headers, self.trees, about)


def fingerprint(read: Read, block: ReadBlock, size: int) -> Essence:
    """
    Fingerprint a file of `size` bytes: `read` gives its boxes, `block` its samples in reads of at most 1 MiB.

    Memory grows with the number of samples (100 bytes each), not with the file.

    Raises:
        MediaError: it has no index, or one that cannot be believed.
        EOFError: the file ends inside a sample.
        And what `read` and `block` raise.
    """
    movie = read_strictly(read, size)
    if movie.faults:
        return Essence((), (), movie.faults)
    tracks = movie.tracks
    if not any(len(track.samples) for track in tracks):
        return Essence((), (), ("the file has no samples",))
    leaves = [leaves_of(track) for track in tracks]
    digests = digests_of(leaves, block)
    headers, trees = [], []
    for track, part, found in zip(tracks, leaves, digests, strict=True):
        first = header_leaf(track.place, track.handler, track.timescale, len(part), track.config, track.matrix)
        tree = Grown.of([first, *sample_leaves(track.place, part.numbers, part, found)])
        told = track.handler, track.timescale, len(part), track.config, track.matrix, tree.root, track.shown
        headers.append(Header(*told))
        trees.append(tree)
    return Essence(tuple(headers), tuple(trees), ())
