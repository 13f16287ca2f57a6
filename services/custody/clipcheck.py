"""
Check a clip against the root of a recording's essence, from the clip, its proof and that root alone. Pure.

Small on purpose: whoever doubts it writes it again from docs/formats/essence.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from services.custody.clipconfig import begins_anew, config_fault, in_band_fault
from services.custody.clipproof import ClipProof, Run
from services.custody.essence import (
    Leaves,
    digests_of,
    essence_root,
    header_leaf,
    instants_of,
    leaves_of,
    sample_leaves,
)
from services.custody.proof import root_of_range
from services.errors import MediaError, ProofRefused
from services.media.boxes import Read
from services.media.samples import Ints
from services.media.strict import Shown, StrictMovie, StrictTrack, read_strictly

MOST_APART: Final = Fraction(1, 10)
"""Seconds by which tracks may lie otherwise to each other than in the original: no clip of ours is off by a tick of its
own; other programs write edits in milliseconds. Speech seems late to people from about here on."""

_MOST: Final = 1 << 61
"""No time of any recording is so many ticks away; sums of two such stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class CheckedTrack:
    """
    Say what is proven of one track of a clip.

    `length` counts its samples, of uncompressed sound its instants; `others` are the stretches [from, to) of them that
    no run proves: encoded anew, or the edges of uncompressed sound. `runs` are the proven ones, in order. `hidden`
    counts proven pictures that the original shows and the clip's edit list does not.

    `moment` is the second of the original's own time line at which the clip's second 0 lies, None without runs.
    Counted from that, `last` is when the last sample begins that is shown (uncompressed sound: when it ends), `end`
    when its edit list ends.
    """

    clip_track: int
    handler: bytes
    length: int
    runs: tuple[Run, ...]
    others: tuple[tuple[int, int], ...]
    hidden: int = 0
    moment: Fraction | None = None
    last: Fraction = Fraction(0)
    end: Fraction = Fraction(0)

    @property
    def is_proven(self) -> bool:
        """Say whether all of it is the original's."""
        return bool(self.runs) and not self.others


@dataclass(frozen=True, slots=True)
class CheckedClip:
    """Say what is proven of a clip, track by track."""

    tracks: tuple[CheckedTrack, ...]

    @property
    def is_proven(self) -> bool:
        """Say whether every sample of every track is the original's."""
        return all(track.is_proven for track in self.tracks)


def check_clip(read: Read, size: int, proof: ClipProof, root: bytes, shown: Sequence[Shown | None]) -> CheckedClip:
    """
    Check that the samples a proof names are bit by bit those of the recording with this essence root.

    `shown` is what the log says of the edit lists of the recording's tracks, beside that root.

    `read` gives the clip's bytes. Of samples that the proof does not name nothing is said but that they are not proven.

    Raises:
        ProofRefused: something that the proof says does not hold, or the clip can be read in more than one way.
    """
    if essence_root([(one.samples, one.root) for one in proof.tracks]) != root:
        raise ProofRefused("the tracks of the proof do not lead to the recording's essence root")
    if not proof.runs:
        raise ProofRefused("the proof proves nothing")
    clip = read_clip(read, size)
    by_track = _by_track(proof.runs, clip.tracks)
    checked = tuple(_laid_out(track, by_track[track.place]) for track in clip.tracks)
    for track, result in zip(clip.tracks, checked, strict=True):
        _check_header(track, result, proof)
        _check_configuration(track, result, read)
    _check_samples(clip.tracks, proof, read)
    moments = _check_moments(clip.tracks, proof.runs, shown)
    return CheckedClip(
        tuple(
            replace(
                result,
                hidden=sum(_hidden(track, run, shown[run.track]) for run in result.runs),
                moment=moments.get(track.place),
                last=_last(track),
                end=track.end,
            )
            for track, result in zip(clip.tracks, checked, strict=True)
        )
    )


def _last(track: StrictTrack) -> Fraction:
    if track.shown is None:
        return Fraction(0)
    last = track.shown.last
    if track.frame_bytes:
        last = int(track.samples.pts[-1] + track.samples.duration[-1])
    return min(Fraction(last + track.shown.shift, track.timescale), track.end)


def read_clip(read: Read, size: int) -> StrictMovie:
    """
    Read a clip whose bytes `read` gives.

    Raises:
        ProofRefused: it can be read in more than one way, or not at all. And what `read` raises.
    """
    try:
        clip = read_strictly(read, size, clip=True)
    except MediaError as error:
        raise ProofRefused(f"the clip cannot be read: {error}") from error
    if clip.faults:
        raise ProofRefused(f"the clip can be read in more than one way: {clip.faults[0]}")
    return clip


def _by_track(runs: Sequence[Run], tracks: Sequence[StrictTrack]) -> dict[int, list[Run]]:
    found: dict[int, list[Run]] = {track.place: [] for track in tracks}
    owners: dict[int, int] = {}
    for run in runs:
        if run.clip_track not in found:
            raise ProofRefused(f"the clip has {len(tracks)} tracks, none has number {run.clip_track}")
        if owners.setdefault(run.track, run.clip_track) != run.clip_track:
            raise ProofRefused(f"two tracks of the clip claim to be track {run.track} of the original")
        found[run.clip_track].append(run)
    return found


def _laid_out(track: StrictTrack, runs: list[Run]) -> CheckedTrack:
    """Put the runs of a track in a row, each behind the one before in the clip and in the original."""
    length = instants_of(track) if track.frame_bytes else len(track.samples)
    others, at, past = [], 0, 0
    for run in runs:
        count = _covered(track, run)
        if run.clip_first < at or run.clip_first + count > length or run.first < past:
            raise ProofRefused(f"the runs of track {track.place} overlap, or reach beyond its {length} samples")
        if run.clip_first > at:
            others.append((at, run.clip_first))
        at, past = run.clip_first + count, run.first + run.count
    if at < length:
        others.append((at, length))
    if len({(run.track, run.timescale, run.config, run.matrix) for run in runs}) > 1:
        raise ProofRefused(f"the runs of track {track.place} are of different tracks")
    if track.frame_bytes and len(runs) > 1:
        raise ProofRefused(f"the uncompressed sound of track {track.place} is claimed in {len(runs)} runs")
    return CheckedTrack(track.place, track.handler, length, tuple(runs), tuple(others))


def _covered(track: StrictTrack, run: Run) -> int:
    """Count what a run covers of its track: samples, or of uncompressed sound instants."""
    if not track.frame_bytes:
        return run.count
    if run.clip_first >= instants_of(track):
        raise ProofRefused(f"a run begins at instant {run.clip_first}, track {track.place} has {instants_of(track)}")
    return int(leaves_of(track, run.clip_first).size[: run.count].sum()) // track.frame_bytes


def _check_header(track: StrictTrack, result: CheckedTrack, proof: ClipProof) -> None:
    for run in result.runs:
        if run.track >= len(proof.tracks):
            raise ProofRefused(f"the original has {len(proof.tracks)} tracks, none has number {run.track}")
        tree = proof.tracks[run.track]
        leaf = header_leaf(run.track, track.handler, run.timescale, tree.samples, run.config, run.matrix)
        if root_of_range([leaf], 0, tree.samples + 1, run.head) != tree.root:
            raise ProofRefused(f"track {track.place} of the clip is not described as track {run.track} of the original")
        if run.matrix != track.matrix:
            raise ProofRefused(f"track {track.place} of the clip is turned otherwise than in the original")


def _check_configuration(track: StrictTrack, result: CheckedTrack, read: Read) -> None:
    if not result.runs:
        return
    config = result.runs[0].config
    fault = config_fault(config, track.config)
    if fault is None and (config != track.config or (result.others and track.handler == b"vide")):
        fault = in_band_fault(track.config, track.samples, read)
    if fault is not None:
        raise ProofRefused(f"track {track.place}: {fault}")
    for run in result.runs if track.handler == b"vide" else ():
        if run.clip_first and not stands_alone(track, run.clip_first, read):
            raise ProofRefused(f"track {track.place}: sample {run.clip_first} leans on others than in the original")


def stands_alone(track: StrictTrack, number: int, read: Read) -> bool:
    """Say whether a sample of pictures, and what follows it, is decoded without those before it."""
    samples = track.samples
    sample = read(int(samples.offset[number]), int(samples.size[number]))
    return begins_anew(track.config, sample, sync=bool(samples.sync[number]))


def _check_samples(tracks: Sequence[StrictTrack], proof: ClipProof, read: Read) -> None:
    parts = [_part(tracks[run.clip_track], run) for run in proof.runs]
    try:
        digests = digests_of(parts, read)
    except EOFError as error:
        raise ProofRefused(f"the clip ends early: {error}") from error
    shifts: dict[int, int] = {}
    for run, part, found in zip(proof.runs, parts, digests, strict=True):
        clip = tracks[run.clip_track]
        times = _in_ticks_of(run, part, clip.timescale)
        leaves = sample_leaves(run.track, run.first + times.numbers, times, found)
        tree = proof.tracks[run.track]
        if root_of_range(leaves, run.first + 1, tree.samples + 1, run.range) != tree.root:
            raise ProofRefused(
                f"samples from {run.clip_first} on of track {run.clip_track} are not those of the original"
            )
        shift = run.dts * clip.timescale - int(part.dts[0]) * run.timescale
        if shifts.setdefault(run.clip_track, shift) != shift:
            raise ProofRefused(f"the runs of track {run.clip_track} lie otherwise to each other than in the original")


def _check_moments(
    tracks: Sequence[StrictTrack], runs: Sequence[Run], shown: Sequence[Shown | None]
) -> dict[int, Fraction]:
    """Refuse tracks of different moments: the clip's second 0 must be one second of the original, for all of them."""
    seconds: dict[int, Fraction] = {}
    for run in runs:
        track, other = tracks[run.clip_track], shown[run.track] if run.track < len(shown) else None
        if other is None or track.shown is None:
            raise ProofRefused(f"where track {run.clip_track} lies in time is not known")
        here = _first_moment(track, run) + track.shown.shift
        there = run.dts + run.cts + other.shift
        seconds.setdefault(run.clip_track, Fraction(there, run.timescale) - Fraction(here, track.timescale))
    apart = max(seconds.values()) - min(seconds.values())
    if apart > MOST_APART:
        raise ProofRefused(f"tracks lie {float(apart):.3f} s otherwise to each other than in the original")
    return seconds


def _first_moment(track: StrictTrack, run: Run) -> int:
    if track.frame_bytes:
        return run.clip_first * track.step + int(track.samples.dts[0])
    return int(track.samples.pts[run.clip_first])


def _hidden(track: StrictTrack, run: Run, shown: Shown | None) -> int:
    """Count the pictures of a run that the original shows and the clip's edit list hides."""
    if track.handler != b"vide" or shown is None or track.shown is None:
        return 0
    here = track.samples.pts[run.clip_first : run.clip_first + run.count]
    there = (here - here[0]) * run.timescale // track.timescale + run.dts + run.cts
    was = (there >= shown.first) & (there <= shown.last)
    return int((was & ((here < track.shown.first) | (here > track.shown.last))).sum())


def _part(track: StrictTrack, run: Run) -> Leaves:
    """Take the leaves of a run out of the clip."""
    whole = leaves_of(track, run.clip_first) if track.frame_bytes else leaves_of(track).only(run.clip_first, run.count)
    part = whole.only(0, run.count)
    if len(part) != run.count:
        raise ProofRefused(f"a run claims {run.count} samples, track {track.place} has {len(part)} of them")
    return part


def _in_ticks_of(run: Run, part: Leaves, timescale: int) -> Leaves:
    """
    Give the times of the original: (clip time - time of the run's first sample) x ts / clip_ts + the original's first.

    Raises:
        ProofRefused: one is not a whole number, or no time of any recording.
    """
    dts = _converted(part.dts, run.timescale, timescale) + run.dts
    cts = _converted(part.cts.astype(np.int64), run.timescale, timescale) + run.cts
    if int(np.abs(cts).max()) >= 1 << 31 or int(dts.min()) < -_MOST or int(dts.max()) > _MOST:
        raise ProofRefused("a sample of the clip would be at a time that no recording has")
    return Leaves(
        dts, cts.astype(np.int32), part.sync, part.size, part.piece_leaf, part.piece_offset, part.piece_size
    )  # fmt: skip


def _converted(times: Ints, original: int, clip: int) -> Ints:
    since = times - times[0]
    if int(np.abs(since).max()) > _MOST // original:
        raise ProofRefused("a sample of the clip is further from its first one than any recording is long")
    scaled: Ints = since * original
    if bool((scaled % clip).any()):
        raise ProofRefused(f"a time of the clip is no whole number of 1/{original} s")
    return scaled // clip
