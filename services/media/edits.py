"""Apply a track's edit list: which samples are presented, in which order, and when."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from services.errors import BadSampleTables, HostileMedia
from services.media.boxes import Node
from services.media.samples import MOST_SAMPLES, Ints, Samples, check_times

MOST_EDITS = 4096


@dataclass(frozen=True, slots=True)
class Edit:
    """
    Show a stretch of a track. `duration` is ticks of the movie; `media_time` ticks of the track, -1 for nothing.

    Source: ISO/IEC 14496-12 section 8.6.6.
    """

    duration: int
    media_time: int
    is_plain: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Presented:
    """
    List what a player shows: `sample[n]` (its number in decoding order) at `pts[n]` ticks of the track.

    Time 0 is the beginning of the movie. `start` and `end` are where the first begins to be seen or heard
    and where the last stops. `shift` is what edits add to every sample's own time, None where not the same to all.
    """

    sample: Ints
    pts: Ints
    start: int
    end: int
    shift: int | None = None

    def __len__(self) -> int:
        return len(self.sample)


def edits_of(elst: Node | None) -> tuple[Edit, ...]:
    """
    Read an edit list; without one there are none.

    Raises:
        HostileMedia: it has more entries than any camera or editor writes.
    """
    if elst is None:
        return ()
    count = elst.number(4, 4)
    if count > MOST_EDITS:
        raise HostileMedia(f"an edit list claims {count} entries; {MOST_EDITS} are the most")
    long = elst.number(0, 1) == 1
    width = 8 if long else 4
    row = 2 * width + 4
    return tuple(
        Edit(
            duration=elst.number(8 + n * row, width),
            media_time=elst.number(8 + n * row + width, width, signed=True),
            is_plain=elst.number(8 + n * row + 2 * width, 4) == 1 << 16,
        )
        for n in range(count)
    )


def present(
    samples: Samples, edits: tuple[Edit, ...], timescale: int, movie_timescale: int, *, sound: bool = False
) -> Presented:
    """
    Give what is presented: the samples whose time lies in an edit, in order of their times.

    As libav does, a picture that begins before an edit is not shown, and sound that reaches into it is.
    A list that would show nothing is passed over, and so are its speeds.

    Raises:
        BadSampleTables: it repeats the track more often than any file holds samples.
    """
    order, pts = _in_order(samples.pts)
    if len(pts) == 0:
        return Presented(order, pts, 0, 0, 0)
    check_times(int(pts[0]), int(pts[-1]), timescale)
    last = int(pts[-1]) + int(samples.duration[order[-1]])
    whole = Presented(order, pts, int(pts[0]), last, 0)
    if not any(edit.media_time >= 0 for edit in edits):
        delay = _ticks(sum(edit.duration for edit in edits), timescale, movie_timescale)
        check_times(0, delay, timescale)
        return Presented(order, pts + delay, whole.start + delay, whole.end + delay, delay)
    numbers, moments, shifts, now, start, end = [], [], [], 0, None, 0
    for edit in edits:
        length = _ticks(edit.duration, timescale, movie_timescale)
        if edit.media_time >= 0:
            until = Fraction(edit.media_time) + Fraction(edit.duration * timescale, movie_timescale)
            low, high = _reach(pts, edit.media_time, until if edit.duration else Fraction(last))
            if sound and low and int(pts[low - 1] + samples.duration[order[low - 1]]) > edit.media_time:
                low -= 1
            if high > low:
                shift = now - edit.media_time
                numbers.append(order[low:high])
                moments.append(pts[low:high] + shift if shift else pts[low:high])
                shifts.append(shift)
                start = max(int(pts[low]) + shift, now) if start is None else start
                end = min(int(pts[high - 1] + samples.duration[order[high - 1]]) + shift, now + length or 1 << 62)
            if sum(map(len, numbers)) > MOST_SAMPLES:
                raise BadSampleTables(f"an edit list shows more than {MOST_SAMPLES} samples")
        now += length
        check_times(0, now, timescale)
    if start is None:
        return whole
    if len(numbers) == 1:
        return Presented(numbers[0], moments[0], start, max(end, start), shifts[0])
    return Presented(np.concatenate(numbers), np.concatenate(moments), start, max(end, start))


def _in_order(pts: Ints) -> tuple[Ints, Ints]:
    """Number the samples by their times, and give the times; most tracks are in order already."""
    if not (pts[1:] < pts[:-1]).any():
        return np.arange(len(pts), dtype=np.int64), pts
    order = np.argsort(pts, kind="stable").astype(np.int64, copy=False)
    return order, pts[order]


def _ticks(duration: int, timescale: int, movie_timescale: int) -> int:
    return (duration * timescale + movie_timescale // 2) // movie_timescale


def _reach(pts: Ints, media_time: int, until: Fraction) -> tuple[int, int]:
    low, high = np.searchsorted(pts, [min(media_time, 1 << 62), min(-(-until.numerator // until.denominator), 1 << 62)])
    return int(low), int(high)
