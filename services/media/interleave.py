"""Lay the bytes of several tracks so that what is played together lies together: no player need look far ahead."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.media.outtrack import OutTrack
from services.media.samples import Ints
from services.media.virtual import Piece, VirtualFile


def interleaved(tracks: Sequence[tuple[OutTrack, Sequence[Piece]]]) -> tuple[list[OutTrack], tuple[Piece, ...]]:
    """
    Join the bodies of tracks second by second; each body holds its track's samples in order, and nothing else.

    Gives the tracks with their samples' new places, and the pieces of the one body.
    """
    bodies = [VirtualFile.of(*body) for _, body in tracks]
    seconds = [_second(track) for track, _ in tracks]
    last = max(int(of.max()) for of in seconds)
    bounds = [_bounds(track, of, last) for (track, _), of in zip(tracks, seconds, strict=True)]
    pieces: list[Piece] = []
    moved = [track.position.copy() for track, _ in tracks]
    at = 0
    for second in range(last + 1):
        for number, body in enumerate(bodies):
            start, end = int(bounds[number][second]), int(bounds[number][second + 1])
            moved[number][seconds[number] == second] += at - start
            pieces += body.slice(start, end - start)
            at += end - start
    return [replace(track, position=position) for (track, _), position in zip(tracks, moved, strict=True)], tuple(
        pieces
    )


def _second(track: OutTrack) -> Ints:
    """Number the second of the clip in which each sample is decoded; never falling, for they stand in that order."""
    before = np.cumsum(track.duration.astype(np.int64)) - track.duration
    delay = round(track.delay * track.timescale)
    seconds: Ints = (before + delay) // track.timescale
    return seconds


def _bounds(track: OutTrack, seconds: Ints, last: int) -> Ints:
    """Give where each second's bytes begin in the track's own body, and behind the last where it ends."""
    first = np.searchsorted(seconds, np.arange(last + 2))
    ends = np.append(track.position, track.position[-1] + track.size[-1])
    bounds: Ints = ends[first]
    bounds[0] = 0
    return bounds
