"""Make the proof that a clip's samples are a recording's: from the recording's sidecar, its index and the clip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from services.custody.clipcheck import read_clip, stands_alone
from services.custody.clipconfig import config_fault, in_band_fault
from services.custody.clipproof import ClipProof, Run, TrackRoot
from services.custody.essence import INSTANTS
from services.custody.proof import prove_range
from services.custody.sidecar import Sidecar
from services.errors import ProofRefused
from services.media.boxes import Read
from services.media.frames import FrameIndex, IndexedTrack
from services.media.strict import StrictTrack
from services.media.virtual import VirtualFile
from services.media.whence import Copied, copied_in

_TOO_SHORT: Final = f"no {INSTANTS:,} instants of its sound are one leaf of the original's"


@dataclass(frozen=True, slots=True)
class MadeProof:
    """Hold a proof, None where nothing of the clip can be proven, and of each clip track left out the reason."""

    proof: ClipProof | None
    unproven: dict[int, str]


def prove_clip(read: Read, size: int, copies: Sequence[Copied], index: FrameIndex, sidecar: Sidecar) -> MadeProof:
    """
    Prove the copied samples of a clip; `read` gives the clip's bytes, of which its boxes are read and little else.

    Tracks whose frames would not be the same pictures under the clip's configuration are left out, with the reason.
    Whatever comes out is to be checked (`clipcheck.check_clip`) before it leaves.

    Raises:
        ProofRefused: the clip can be read in more than one way, or the sidecar is not that of the index.
        And what `read` and the sidecar's own raise.
    """
    clip = read_clip(read, size)
    if len(sidecar.headers) != len(index.tracks):
        raise ProofRefused(f"the essence has {len(sidecar.headers)} tracks, the index {len(index.tracks)}")
    unproven: dict[int, str] = {}
    runs: list[Run] = []
    for track in clip.tracks:
        mine = [one for one in copies if one.clip_track == track.place]
        chosen = _chosen(mine)
        if track.frame_bytes:  # of uncompressed sound one stretch is proven
            chosen = sorted(chosen, key=lambda one: -one.count)[:1]
        fault = _fault(track, chosen, index, sidecar, read)
        if fault is not None:
            unproven[track.place] = fault
            continue
        whole = [one for copy in chosen if (one := _standing(track, copy, read)) is not None]
        made = [run for one in whole if (run := _run(track, one, index, sidecar)) is not None]
        if not made:
            unproven[track.place] = _TOO_SHORT if chosen else "nothing of it is copied from the recording"
        runs += made
    roots = tuple(TrackRoot(header.samples, header.root) for header in sidecar.headers)
    return MadeProof(ClipProof(roots, tuple(runs)) if runs else None, unproven)


def copies_of_virtual(read: Read, file: VirtualFile, index: FrameIndex, source: int = 0) -> list[Copied]:
    """
    Say which samples of an original a virtual file holds: verbatim and smart clips.

    Raises:
        ProofRefused: the clip can be read in more than one way.
        And what `read` raises.
    """
    return copied_in(file, read_clip(read, file.size_bytes).tracks, index, source)


def _chosen(copies: Sequence[Copied]) -> list[Copied]:
    """Keep what is from one track of the original: the one most is from; its stretches in order."""
    by_track: dict[int, int] = {}
    for one in copies:
        by_track[one.track] = by_track.get(one.track, 0) + one.count
    if not by_track:
        return []
    best = max(by_track, key=lambda track: by_track[track])
    kept: list[Copied] = []
    for one in sorted((one for one in copies if one.track == best), key=lambda one: one.clip_first):
        if not kept or one.first >= kept[-1].first + kept[-1].count:
            kept.append(one)
    return kept


def _standing(track: StrictTrack, copy: Copied, read: Read) -> Copied | None:
    """Leave out copied pictures that lean on others than in the original: those before the first that leans on none."""
    if track.handler != b"vide" or copy.clip_first == 0:
        return copy
    keys = np.flatnonzero(track.samples.sync[copy.clip_first : copy.clip_first + copy.count]).tolist()
    skip = next((key for key in keys if stands_alone(track, copy.clip_first + key, read)), None)
    if skip is None:
        return None
    return replace(copy, clip_first=copy.clip_first + skip, first=copy.first + skip, count=copy.count - skip)


def _fault(track: StrictTrack, copies: Sequence[Copied], index: FrameIndex, sidecar: Sidecar, read: Read) -> str | None:
    if not copies:
        return None
    if index.tracks[copies[0].track].shift is None:
        return "an edit list of the recording shows it in pieces: its moments cannot be compared"
    header = sidecar.headers[copies[0].track]
    if header.handler != track.handler or header.matrix != track.matrix:
        return "it is described or turned otherwise than in the original"
    fault = config_fault(header.config, track.config)
    whole = sum(one.count for one in copies) == len(track.samples)
    if fault is None and (header.config != track.config or (track.handler == b"vide" and not whole)):
        fault = in_band_fault(track.config, track.samples, read)
    return fault


def _run(track: StrictTrack, copy: Copied, index: FrameIndex, sidecar: Sidecar) -> Run | None:
    header, other = sidecar.headers[copy.track], index.tracks[copy.track]
    clip_first, first, count, dts, cts = copy.clip_first, copy.first, copy.count, 0, 0
    if track.frame_bytes:
        clip_first, first, count = _groups(copy, header.samples, other)
        dts = int(other.samples.dts[0]) + first * INSTANTS * track.step
    elif count:
        dts, cts = int(other.samples.dts[first]), int(other.samples.cts[first])
    if count <= 0:
        return None
    tree, leaves = sidecar.tree(copy.track), header.samples + 1
    return Run(
        clip_track=track.place,
        clip_first=clip_first,
        track=copy.track,
        first=first,
        count=count,
        dts=dts,
        cts=cts,
        timescale=header.timescale,
        matrix=header.matrix,
        config=header.config,
        head=tuple(prove_range(tree, 0, 1, leaves)),
        range=tuple(prove_range(tree, first + 1, first + 1 + count, leaves)),
    )


def _groups(copy: Copied, leaves: int, other: IndexedTrack) -> tuple[int, int, int]:
    """Give instant of the clip, number and count of the whole leaves in a stretch of instants."""
    whole = int(other.samples.size.sum(dtype=np.int64)) // (other.frame_bytes or 1)
    first = -(-copy.first // INSTANTS)
    end = copy.first + copy.count
    last = leaves if end == whole else end // INSTANTS
    return copy.clip_first + first * INSTANTS - copy.first, first, last - first
