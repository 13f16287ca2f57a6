"""Judge from times alone how steadily a recording runs: its rate, its gaps, and sound that stops early."""

from fractions import Fraction

import numpy as np

from services.media.facts import Flag
from services.media.frametimes import FrameTimes

GAP_FACTOR = Fraction(3, 2)
STALL_S = Fraction(1, 2)
"""Steady footage: a gap is a step of more than 1.5 usual ones; uneven footage: 1.5 of its long ones and half a second.
Source: knowledge/media 5.5."""

DETECTOR, VERSION = "frame-index", "1"
"""What is found from times and marks in the index since it exists; older findings are the file's own words."""

MOST_GAPS = 100
"""More are told in one flag: a list of thousands helps nobody."""

_UNEVEN_SHARE, _UNEVEN_STEP = 0.01, 0.1


def is_uneven(times: FrameTimes) -> bool:
    """Say whether more than one step in a hundred differs from the usual one by more than a tenth."""
    steps = np.diff(times.pts)
    if len(steps) < 2:
        return False
    usual = float(np.median(steps))
    off = np.abs(steps - usual) > max(usual * _UNEVEN_STEP, 1.5)
    return bool(off.mean() > _UNEVEN_SHARE)


def gaps(times: FrameTimes) -> list[Flag]:
    """Flag the stretches without pictures (sound-only: without sound), from the last one before to the first after."""
    steps = np.diff(times.pts)
    if len(steps) < 2:
        return []
    if is_uneven(times):
        long = float(GAP_FACTOR) * float(np.percentile(steps, 99, method="lower"))
        least = max(long, float(STALL_S / times.time_base))
    else:
        least = float(GAP_FACTOR) * float(np.median(steps)) + 1
    found = np.flatnonzero(steps > least)
    flags = [_gap(times, int(n)) for n in found[:MOST_GAPS]]
    if len(found) > MOST_GAPS:
        first, last = times.time_of(int(found[MOST_GAPS])), times.time_of(int(found[-1]) + 1)
        flags.append(Flag("gap", first, last, f"{len(found) - MOST_GAPS} more gaps in this stretch"))
    return flags


def _gap(times: FrameTimes, frame: int) -> Flag:
    start, end = times.time_of(frame), times.time_of(frame + 1)
    return Flag("gap", start, end, f"nothing for {float(end - start):.3f} s after frame {frame}")


def ends_apart(sound_end: Fraction, picture_end: Fraction) -> list[Flag]:
    """Flag the stretch at the end that has pictures and no sound, or the reverse, if longer than half a second."""
    return sound_ends_early(sound_end, picture_end) + pictures_end_early(sound_end, picture_end)


def pictures_end_early(sound_end: Fraction, picture_end: Fraction) -> list[Flag]:
    """Flag the stretch at the end that has sound and no pictures, if it is longer than half a second."""
    if sound_end - picture_end <= STALL_S:
        return []
    start, detail = max(picture_end, Fraction(0)), f"the last {float(sound_end - picture_end):.3f} s have no pictures"
    return [Flag("video-ends-early", start, sound_end, detail, DETECTOR, VERSION)]


def sound_ends_early(sound_end: Fraction, picture_end: Fraction) -> list[Flag]:
    """Flag the stretch at the end that has pictures and no sound, if it is longer than half a second."""
    if picture_end - sound_end <= STALL_S:
        return []
    missing = float(picture_end - sound_end)
    return [
        Flag("audio-ends-early", max(sound_end, Fraction(0)), picture_end, f"the last {missing:.3f} s have no sound")
    ]
