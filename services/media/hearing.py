"""Give the sound of a stretch of a recording as plain samples, each at its own time; silence where there is none."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import ffmpeg

from services.media.anchor import Anchor, find_anchor
from services.media.facts import FrameTimes, MediaFacts
from services.media.programs import MEMORY_BYTES, command, guarded_input
from services.media.sandbox import Limits, stream_program
from services.media.timecode import TimeRange, print_seconds

_SEEK_EARLY_S = Fraction(1)
"""A search by time in a transport stream may end behind the wanted place: aim before it."""


@contextlib.contextmanager
def hear(
    original: Path,
    facts: MediaFacts,
    frame_times: FrameTimes | None,
    stretch: TimeRange,
    *,
    rate: int,
    channels: int = 1,
) -> Iterator[Iterator[bytes]]:
    """
    Decode the first sound of a recording in `stretch` to interleaved 16-bit samples at `rate`.

    The blocks together hold exactly the samples of the stretch: `count(stretch, rate)` of each channel.
    Leaving the context early ends the decoder.

    Raises:
        Unplayable: the recording cannot be read.
        ToolFailed, DeadlinePassed: the decoder failed; what was given is not all.
    """
    sound = facts.audio
    if sound is None or not sound.decodable:
        yield _silence(count(stretch, rate) * 2 * channels)
        return
    anchor = find_anchor(original, facts, frame_times, before=stretch.start)
    seek: dict[str, object] = {}
    if anchor.keyframe is not None and stretch.start > 0:
        early = anchor.keyframe - _SEEK_EARLY_S
        seek = {"ss": print_seconds(early), "seek_timestamp": 1, "noaccurate_seek": None}
    begin, end = (_micros(anchor.origin + time) for time in (stretch.start, stretch.end))
    source = guarded_input(original, facts, **seek)[str(sound.index)]
    heard = (
        source.filter("atrim", start=f"{begin}us", end=f"{end}us")
        .filter("asetpts", f"PTS-({begin}/1000000)/TB")
        .filter("aresample", rate, **{"async": 1, "first_pts": 0, "min_hard_comp": "0.01"})
        .filter("aformat", sample_fmts="s16", channel_layouts="stereo" if channels == 2 else "mono")
    )
    argv = command(ffmpeg.output(heard, "pipe:1", f="s16le"), "-v", "error", *anchor.clock)
    with stream_program(argv, limits=_limits(anchor, stretch), readable=[original]) as program:
        yield _exactly(program.blocks(), count(stretch, rate) * 2 * channels)


def count(stretch: TimeRange, rate: int) -> int:
    """Count the instants of a stretch at a rate; stretches that touch share none and leave none out."""
    return round(stretch.end * rate) - round(stretch.start * rate)


def _exactly(blocks: Iterator[bytes], wanted: int) -> Iterator[bytes]:
    """Cut what is too long, and add silence where the sound ends early."""
    left = wanted
    for block in blocks:
        if left:
            yield block[:left]
        left = max(left - len(block), 0)
    yield from _silence(left)


def _silence(wanted: int) -> Iterator[bytes]:
    block = bytes(1 << 16)
    while wanted > 0:
        yield block[:wanted]
        wanted -= len(block)


def _micros(seconds: Fraction) -> int:
    """Give microseconds, rounded up: no sample from before a stretch."""
    return -(-seconds.numerator * 1_000_000 // seconds.denominator)


def _limits(anchor: Anchor, stretch: TimeRange) -> Limits:
    """Sound decodes far faster than it plays; without a place to begin at, all before must be decoded too."""
    run_up = stretch.start if anchor.keyframe is None else Fraction(0)
    seconds = float(run_up + stretch.duration)
    return Limits(
        wall_s=120 + seconds, cpu_s=int(60 + seconds), memory_bytes=MEMORY_BYTES, file_bytes=0, idle_s=120 + seconds
    )
