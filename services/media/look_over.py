"""
Look an original over before anything is rendered: a few key frames, and the stretches whose frames are oddly small.

A poster, a storyboard and first findings within seconds, from the frame index: 400 key frames of an hour take 20 CPU
seconds, a render takes 1,700 (knowledge/media 1.2, 1.3). The render's own take their place later.
"""

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from services.media import suspicion
from services.media.codedrun import Description, description_of
from services.media.facts import Flag, MediaFacts
from services.media.frames import FrameIndex, IndexedTrack
from services.media.samples import Ints
from services.media.sandbox import Limits, run_child
from services.media.storyboard import Storyboard, plan_storyboard

KIND: Final = "look-over"
DETECTOR: Final = "first-look"
VERSION: Final = 1
"""Raise it when a threshold here changes."""

LEAST_STEP_S: Final = Fraction(5)
MOST_KEYS: Final = 400
"""Key frames at least 5 s apart, and no more of them: 42 ms each at 1080p."""

MOST_SUSPECTS: Final = 10
MOST_FRAMES: Final = 90
"""Stretches that are looked into, the longest first; frames decoded of each, and frames before it to begin at."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Name a stretch of oddly small frames: samples `decoded` are looked at, `last` is a key frame inside or None."""

    start: Fraction
    end: Fraction
    decoded: tuple[int, int]
    last: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what is to be decoded of a track: single key frames with their times, and suspicious stretches."""

    track: IndexedTrack
    description: Description
    keys: tuple[tuple[int, Fraction], ...]
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Hold what a first look gave; the sheet is laid out as `storyboard` says."""

    poster: bytes
    sheet: bytes
    storyboard: Storyboard
    findings: tuple[Flag, ...]
    recipe: dict[str, Any]


def plan_look(index: FrameIndex) -> Plan | None:
    """Choose what to look at; None where pictures cannot be decoded one by one from their bytes."""
    track = index.video
    description = None if track is None else description_of(track)
    if track is None or description is None or track.shift is None:
        return None
    # a key frame shows itself, also where what follows it needs others
    alone = np.flatnonzero(track.samples.sync & track.shown)
    if len(alone) == 0 or index.duration <= 0:
        return None
    step = max(LEAST_STEP_S, index.duration / MOST_KEYS)
    times = track.samples.pts[alone]
    marks = [track.tick_at(n * step) for n in range(-(-index.duration // step))]
    chosen = np.unique(np.maximum(np.searchsorted(times, marks, side="right") - 1, 0))
    keys = tuple((int(alone[n]), track.seconds(int(times[n]))) for n in chosen)
    return Plan(track, description, keys, tuple(suspects_of(index, track, track.entries)))


def suspects_of(index: FrameIndex, track: IndexedTrack, entries: Ints) -> Iterator[Suspect]:
    """Give the longest stretches whose pictures are oddly small, as the index alone says (`suspicion`)."""
    stretches = [
        (flag.start, flag.end)
        for flag in suspicion.of_index(index)
        if flag.kind == suspicion.KIND and flag.start is not None and flag.end is not None
    ]
    for start, end in sorted(stretches, key=lambda one: one[0] - one[1])[:MOST_SUSPECTS]:
        frames = np.searchsorted(track.ticks, [track.tick_at(start), track.tick_at(end)])
        inside = track.order[frames[0] : frames[1]]
        if len(inside) == 0:
            continue
        low, high = int(inside.min()), int(inside.max()) + 1
        before = int(np.searchsorted(entries, low, side="right")) - 1
        first = int(entries[before]) if before >= 0 else low - MOST_FRAMES - 1
        if low - first > MOST_FRAMES:
            continue  # the way to it is longer than what is worth it
        keys = entries[(entries > low) & (entries < high)]
        last = int(keys[-1]) if len(keys) else None
        yield Suspect(start, end, (first, min(high, low + MOST_FRAMES)), last)


def look_over(original: Path, facts: MediaFacts, index: FrameIndex) -> FirstLook | None:
    """
    Take a first look at a local original; None where its pictures cannot be decoded one by one.

    Raises:
        MediaError: a picture that should stand alone does not decode.
        ToolFailed, DeadlinePassed: the child that decodes failed.
    """
    plan = plan_look(index)
    if plan is None or facts.video is None or not facts.video.decodable:
        return None
    board = plan_board(index.duration)
    answer = run_child(
        "services.media.first_look:look_request",
        {
            "path": str(original.absolute()),
            "codec": plan.description.codec,
            "config": base64.b64encode(plan.description.config).decode(),
            "shape": None if plan.description.shape is None else str(plan.description.shape),
            "rotation": facts.video.rotation,
            "keys": [[*_place(plan.track, sample), str(time)] for sample, time in plan.keys],
            "suspects": [_suspect(plan.track, one) for one in plan.suspects],
            "duration": str(index.duration),
            "board": board.to_json(),
            "poster_at": str(index.duration / 10),
        },
        limits=Limits(wall_s=600, cpu_s=240, memory_bytes=3 << 30, file_bytes=0),
        readable=[original.absolute()],
    )
    return FirstLook(
        poster=base64.b64decode(answer["poster"]),
        sheet=base64.b64decode(answer["sheet"]),
        storyboard=board,
        findings=tuple(Flag.from_json(flag) for flag in answer["flags"]),
        recipe={"tool": answer["tool"], "kind": KIND, "version": VERSION, "keys": len(plan.keys)},
    )


def plan_board(duration: Fraction) -> Storyboard:
    """Lay the storyboard out for fewer pictures: tiles are never nearer than the key frames that are decoded."""
    whole = plan_storyboard(duration)
    interval = max(whole.interval, Fraction(-(-max(LEAST_STEP_S, duration / MOST_KEYS) // 1)))
    return Storyboard(interval, max(1, int(-(-duration // interval))), duration)


def _place(track: IndexedTrack, sample: int) -> list[int]:
    return [int(track.samples.offset[sample]), int(track.samples.size[sample])]


def _suspect(track: IndexedTrack, one: Suspect) -> Mapping[str, Any]:
    first, end = one.decoded
    run = [[*_place(track, n), str(track.seconds(int(track.samples.pts[n])))] for n in range(first, end)]
    last = [] if one.last is None else [*_place(track, one.last), str(track.seconds(int(track.samples.pts[one.last])))]
    return {"start": str(one.start), "end": str(one.end), "run": run, "last": last}


def spread(times: Sequence[Fraction], duration: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Let each picture stand for the time up to the next one."""
    return list(itertools.pairwise([*times, duration]))
