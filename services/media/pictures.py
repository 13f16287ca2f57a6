"""Draw the part of a filter graph that gives each picture of a recording its own number and time."""

from fractions import Fraction
from typing import Any

import numpy as np

from services.media.anchor import Anchor
from services.media.facts import FrameTimes, MediaFacts

MOST_STEPS = 200
"""Changes of pace that are written into an expression; ffmpeg evaluates all of them for each frame."""
REPEATS = 64
"""Pictures that may be repeated at the end of a Theora stream."""


def pictures(
    stream: Any,
    facts: MediaFacts,
    anchor: Anchor,
    frame_times: FrameTimes | None,
    *,
    first: int = 0,
    end: int | None = None,
) -> Any:
    """
    Let the pictures `first` up to `end` (None: all) pass, timed from the first of them; exactly these.

    They are chosen by their ticks on the file's clock, whatever was decoded before them. AVI has no such ticks:
    there they are counted from the beginning. Theora says "the same again" with an empty packet, which ffmpeg
    drops: it is repeated here on the codec's fixed grid. Where all pictures pass, the first one that decodes
    stands for those before it that do not, so that time 0 stays where it is.
    """
    whole = first == 0 and end is None
    if anchor.by_number:
        chosen = stream
        if first or end is not None:
            chosen = stream.filter("trim", start_frame=first, **({} if end is None else {"end_frame": end}))
        return chosen.filter("setpts", times_by_number(frame_times, first, end) or "PTS-STARTPTS")
    repeats = facts.video is not None and facts.video.codec == "theora" and facts.video.rate
    if repeats:
        pace = repeats if frame_times is None else 1 / frame_times.time_base
        stream = stream.filter("tpad", stop_mode="clone", stop=REPEATS).filter("fps", str(pace))
        if end is None and facts.video is not None and facts.video.frames:
            end = facts.video.frames
    begin = anchor.ticks(_time(frame_times, first))
    expression = f"PTS-({begin})"
    if whole:
        expression = f"if(eq(N,0),0,{expression})"
    bounds: dict[str, object] = {"start_pts": begin}
    if end is not None and frame_times is not None:
        if end < len(frame_times):
            bounds["end_pts"] = anchor.ticks(frame_times.time_of(end))
        elif repeats:
            bounds["end_pts"] = anchor.ticks(frame_times.time_of(end - 1)) + 1
    return stream.filter("trim", **bounds).filter("setpts", expression)


def _time(frame_times: FrameTimes | None, frame: int) -> Fraction:
    return Fraction(0) if frame_times is None or frame == 0 else frame_times.time_of(frame)


def times_by_number(frame_times: FrameTimes | None, first: int = 0, end: int | None = None) -> str:
    """
    Write the times of numbered pictures, in ticks, as an expression of ffmpeg: a steady pace and its changes.

    Empty where no frame times are known.
    """
    if frame_times is None:
        return ""
    pts = frame_times.pts[first:end]
    if len(pts) < 2:
        return "0"
    steps = np.diff(pts)
    usual = int(np.median(steps))
    odd = np.flatnonzero(steps != usual)[:MOST_STEPS]
    jumps = "".join(f"+{int(steps[place]) - usual}*gt(N,{int(place)})" for place in odd)
    base = frame_times.time_base
    # rounded, because 122 * (1/30) / (1/30) is less than 122 and would be cut off to 121
    return f"round((N*{usual}{jumps})*{base.numerator}/{base.denominator}/TB)"
