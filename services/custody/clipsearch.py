"""
Find a recording's samples in a clip that an encoder wrote: sound copied beside pictures encoded anew.

Nothing says where such a clip is from but its bytes. A sample of it is put, as a leaf, to every place of the original
that has one of its size; the place whose leaf is the recorded one is where it is from, and its neighbours are compared.
"""

from collections import Counter
from typing import Final

import numpy as np

from services.custody.clipcheck import read_clip
from services.custody.essence import Leaves, digests_of, leaves_of, sample_leaves
from services.custody.proof import HASH_BYTES
from services.custody.sidecar import Sidecar
from services.custody.tiles import WIDTH, Tile
from services.media.boxes import Read
from services.media.frames import FrameIndex
from services.media.samples import Ints, Samples
from services.media.strict import StrictTrack
from services.media.whence import Copied

_MOST_PLACES: Final = 1024
"""With the same bytes, of one sample of a clip."""


def copies_by_bytes(read: Read, size: int, index: FrameIndex, sidecar: Sidecar) -> list[Copied]:
    """
    Say which samples of the original a clip holds, the longest stretch of each of its tracks.

    Uncompressed sound is not searched for, and a track that is configured otherwise than the original's is not either.

    Raises:
        ProofRefused: the clip can be read in more than one way.
        And what `read` and the sidecar's own raise.
    """
    found: list[Copied] = []
    for track in read_clip(read, size).tracks:
        stretches = [
            _longest(track, number, index.tracks[number].samples, sidecar, read)
            for number, header in enumerate(sidecar.headers)
            if (header.handler, header.config) == (track.handler, track.config) and not track.frame_bytes
        ]
        best = max((one for one in stretches if one is not None), key=lambda one: one.count, default=None)
        found += [best] if best is not None else []
    return found


def _longest(track: StrictTrack, number: int, original: Samples, sidecar: Sidecar, read: Read) -> Copied | None:
    ours, kept = leaves_of(track), _hashes(sidecar, number)
    if len(ours) == 0 or len(original) == 0 or len(kept) != len(original):
        return None
    votes: Counter[int] = Counter()
    for probe in dict.fromkeys(len(ours) * part // 8 for part in (4, 1, 7, 2, 6)):
        votes.update(place - probe for place in _places_of(ours.only(probe, 1), number, original, kept, read))
    if not votes:
        return None
    # silence is coded alike at many places: the right one is where most sizes around agree, too
    best = max(votes, key=lambda shift: (_agreed(ours.size, original, shift), votes[shift], -shift))
    return _around(track, number, original, kept, best, read)


def _places_of(one: Leaves, number: int, original: Samples, kept: list[bytes], read: Read) -> list[int]:
    """Give the numbers of the original's samples that have the bytes of this one of the clip."""
    places = np.flatnonzero(original.size == one.size[0])
    digest = np.repeat(digests_of([one], read)[0], len(places))
    leaves = sample_leaves(number, places, _times(original, places), digest)
    return [place for place, leaf in zip(places.tolist(), leaves, strict=True) if leaf == kept[place]][:_MOST_PLACES]


def _agreed(sizes: Ints, original: Samples, shift: int) -> int:
    low, high = max(0, -shift), min(len(sizes), len(original) - shift)
    return int((sizes[low:high] == original.size[low + shift : high + shift]).sum())


def _around(
    track: StrictTrack, number: int, original: Samples, kept: list[bytes], shift: int, read: Read
) -> Copied | None:
    """Compare all samples of the clip with those of the original that lie as far on, and keep the longest stretch."""
    ours = leaves_of(track)
    low, high = max(0, -shift), min(len(ours), len(original) - shift)
    places = np.arange(low + shift, high + shift)
    digests = digests_of([ours.only(low, high - low)], read)[0]
    leaves = sample_leaves(number, places, _times(original, places), digests)
    same = np.array([leaf == kept[place] for place, leaf in zip(places.tolist(), leaves, strict=True)])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False]))))
    if len(edges) == 0:
        return None
    first, end = max(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), key=lambda part: part[1] - part[0])
    return Copied(track.place, low + first, number, low + shift + first, end - first)


def _times(original: Samples, places: Ints) -> Leaves:
    marks = np.zeros(len(original), np.bool_)
    marks[places] = True
    return leaves_of(StrictTrack(0, b"", 1, b"", b"", original.only(marks), None))


def _hashes(sidecar: Sidecar, track: int) -> list[bytes]:
    """Read the leaf hashes of all samples of a track."""
    tree, found = sidecar.tree(track), []
    for at in range(-(-tree.size // WIDTH)):
        content = tree.read(Tile(0, at, min(WIDTH, tree.size - at * WIDTH)))
        found += [content[low : low + HASH_BYTES] for low in range(0, len(content), HASH_BYTES)]
    return found[1:]
