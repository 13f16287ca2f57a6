"""
Suspect stretches of a recording from the sizes of its coded pictures alone, before anything is decoded.

A picture that repeats the one before costs next to nothing, and so does a black one; the smallest that a sensor with
light on it makes costs a hundred times as much. What is found says where to look, not what is there: a dark lens
whose sensor is noisy is not found, and a screen that shows a still picture is. Decoding (`quality`) judges.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from services.media import continuity
from services.media.facts import Flag
from services.media.frames import Bools, FrameIndex, IndexedTrack

DETECTOR, VERSION = "sample-sizes", "1"
KIND = "suspicious"

REPEATED, LEAST_BYTES = 3e-4, 48
"""
Bytes a pixel, and in all, that a repeated picture takes at most.

Measured on the corpus and on faults planted into it: black and frozen 4e-5 to 2.3e-4 in every picture of a stretch,
other footage at least 9.8e-4 in one picture of each second.
"""

BLACK_KEY = 1e-3
"""Bytes a pixel of a key frame that shows nothing: black up to 4.3e-4, footage at least 1.7e-2, measured likewise."""

STILL_SHARE, LARGE = 8, 95
"""A still stretch has pictures so many times smaller than the larger ones of the recording (this percentile)."""

LEAST_S = Fraction(2)
MOST_STRETCHES = 50
"""More are told in one flag."""

_CODECS = frozenset({"h264", "hevc"})
"""Codecs that spend nothing on what does not change; others code each picture anew, or are of no camera of today."""


def of_index(index: FrameIndex) -> list[Flag]:
    """Flag what the index alone lets suspect: stretches that hardly change, and groups of pictures that are open."""
    video = index.video
    if video is None or video.codec not in _CODECS or video.shift is None:
        return []
    return _open_groups(video) + _stretches(video)


def _open_groups(video: IndexedTrack) -> list[Flag]:
    keys, entries = int(video.samples.sync.sum()), len(video.entries)
    if keys - video.blank <= entries:
        return []
    detail = f"decoding can begin at {entries} of {keys} key frames; the others need pictures before them"
    return [Flag("open-gop", detail=detail, detector=continuity.DETECTOR, version=continuity.VERSION)]


def _stretches(video: IndexedTrack) -> list[Flag]:
    """Give the stretches of at least two seconds in which no picture but key frames costs anything."""
    order = video.order
    size, key = video.samples.size[order].astype(np.int64), video.samples.sync[order]
    pixels = video.width * video.height
    limit = max(LEAST_BYTES, int(REPEATED * pixels))
    if pixels == 0 or key.all():
        return []
    usual = float(np.percentile(size[~key], LARGE))
    flags = []
    for first, end in _runs((size <= limit) | key, key):
        start, stop = _time(video, first), _time(video, end)
        others, keys = size[first:end][~key[first:end]], size[first:end][key[first:end]]
        mean = float(others.mean())
        is_black = len(keys) > 0 and float(np.median(keys)) <= max(BLACK_KEY * pixels, LEAST_BYTES)
        if stop - start < LEAST_S or (not is_black and mean * STILL_SHARE > usual):
            continue
        seems = "pictures are as small as black ones" if is_black else "pictures hardly differ from each other"
        detail = f"{seems}: {mean:.0f} bytes each; of the recording's, one in twenty has more than {usual:.0f}"
        flags.append(Flag(KIND, start, stop, detail, DETECTOR, VERSION, round(1 - mean / (limit + 1), 3)))
    return _few(flags)


def _runs(low: Bools, key: Bools) -> Iterator[tuple[int, int]]:
    """Give where runs of low pictures begin and end; a key frame behind the last belongs to what comes then."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], low, [False])).astype(np.int8)))
    for first, end in edges.reshape(-1, 2).tolist():
        others = np.flatnonzero(~key[first:end])
        if len(others):
            yield first, first + int(others[-1]) + 1


def _time(video: IndexedTrack, frame: int) -> Fraction:
    """Give when a frame is shown; behind the last one, when it ends."""
    if frame < len(video.order):
        return video.seconds(int(video.ticks[frame]))
    last = int(video.order[-1])
    return video.seconds(int(video.ticks[-1]) + int(video.samples.duration[last]))


def _few(flags: list[Flag]) -> list[Flag]:
    rest = flags[MOST_STRETCHES:]
    if not rest:
        return flags
    more = Flag(KIND, rest[0].start, rest[-1].end, f"{len(rest)} more in this stretch", DETECTOR, VERSION)
    return [*flags[:MOST_STRETCHES], more]
