"""
Give an exact clip its sound: the coded frames wholly inside it where they can be copied, else what is encoded anew.

Nothing from outside the clip is in either. Source: design 2.9.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from services.media.anchor import Anchor
from services.media.containers import MPEG_TS
from services.media.facts import MediaFacts, Stream
from services.media.frames import FrameIndex, IndexedTrack
from services.media.samples import Ints

SOUND_BITRATE = 128_000
SOUND_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
"""Rates kept as they are; others, and 48 kHz upwards, become 48 kHz."""


@dataclass(frozen=True, slots=True)
class CopiedSound:
    """
    Name frames of a stream that are copied: how many, and when the first and the last of them begin.

    Seconds of the recording; `frame` is how long one lasts.
    """

    first: Fraction
    last: Fraction
    frame: Fraction
    count: int


def frames_inside(track: IndexedTrack, start: Fraction, end: Fraction) -> Ints:
    """Give the numbers of the shown frames of a plain track that begin and end in [start, end), in decoding order."""
    samples = track.samples
    low, past = track.tick_at(start), track.tick_at(end)
    until = past if track.seconds(past) == end else past - 1
    chosen: Ints = np.flatnonzero(track.shown & (samples.pts >= low) & (samples.pts + samples.duration <= until))
    return chosen


def copied_sound(index: FrameIndex | None, stream: int, start: Fraction, end: Fraction) -> CopiedSound | None:
    """
    Say which frames of a stream stand for [start, end) of it without being encoded again; None where none may.

    AAC alone is copied. Where frames are missing in between, or an edit list hides some, it is not: players do not
    wait in a track of sound, so that all behind the gap would come early; encoding fills it with silence.
    """
    tracks = () if index is None else index.sounds
    track = next((one for one in tracks if one.index == stream and one.codec == "aac"), None)
    if track is None or track.shift is None or track.samples.cts.any():
        return None
    chosen = frames_inside(track, start, end)
    if len(chosen) == 0 or int(chosen[-1]) - int(chosen[0]) + 1 != len(chosen):
        return None
    pts = track.samples.pts[chosen]
    frame = int(np.median(track.samples.duration[chosen]))
    # containers without a fine clock round each time, so that frames seem to lie up to a tick apart
    if frame <= 0 or (len(pts) > 1 and np.abs(np.diff(pts) - frame).max() > max(frame // 4, 1)):
        return None
    first, last = (track.seconds(int(tick)) for tick in (pts[0], pts[-1]))
    return CopiedSound(first, last, Fraction(frame, track.timescale), len(chosen))


@dataclass(frozen=True, slots=True)
class Heard:
    """A stream of sound that a clip holds, from `start` to `end` of the recording; `copied` None: encoded anew."""

    stream: Stream
    start: Fraction
    end: Fraction
    copied: CopiedSound | None

    def mapped(self, source: Any, anchor: Anchor) -> Any:
        """Give what goes to the encoder: only sound from inside, at its distance to the pictures; gaps as silence."""
        if self.copied is not None:
            return source
        begin, end = (_micros(anchor.origin + time) for time in (self.start, self.end))
        rate = self.stream.sample_rate if self.stream.sample_rate in SOUND_RATES else 48000
        return (
            source.filter("atrim", start=f"{begin}us", end=f"{end}us")
            .filter("asetpts", f"PTS-({begin}/1000000)/TB")
            .filter("aresample", rate, **{"async": 1, "first_pts": 0, "min_hard_comp": "0.01"})
            .filter("aformat", channel_layouts="stereo" if (self.stream.channels or 1) > 1 else "mono")
        )

    def options(self, number: int, facts: MediaFacts, anchor: Anchor) -> dict[str, object]:
        """Give the options of the clip's sound `number`."""
        if self.copied is None:
            return {f"c:a:{number}": "aac", f"b:a:{number}": SOUND_BITRATE}
        half = self.copied.frame / 2
        low, high = (anchor.origin + time for time in (self.copied.first - half, self.copied.last + half))
        begin = anchor.origin + self.start
        filters = [
            f"noise=amount=0:drop='lt(pts*tb\\,{_ratio(low)})+gt(pts*tb\\,{_ratio(high)})'",
            *(["aac_adtstoasc"] if facts.container == MPEG_TS.name else []),
            f"setts=ts='PTS-round({_ratio(begin)}/TB)'",
        ]
        return {f"c:a:{number}": "copy", f"bsf:a:{number}": ",".join(filters)}


def heard_in(
    facts: MediaFacts, index: FrameIndex | None, start: Fraction, end: Fraction, *, at_least_one: bool = False
) -> tuple[Heard, ...]:
    """
    List the sounds of which something lies in [start, end), in the file's order.

    `at_least_one`: the recording has nothing but sound, so that its first one is taken in any case.
    """
    sounds = [one for one in facts.streams if one.kind == "audio" and one.decodable]
    inside = [one for one in sounds if one.start < end and one.start + one.duration > start]
    if not inside and at_least_one:
        inside = sounds[:1]
    return tuple(Heard(one, start, end, copied_sound(index, one.index, start, end)) for one in inside)


def _ratio(seconds: Fraction) -> str:
    return f"({seconds.numerator}/{seconds.denominator})"


def _micros(seconds: Fraction) -> int:
    """Give microseconds, rounded up: no sample from before a range, at most one too few."""
    return -(-seconds.numerator * 1_000_000 // seconds.denominator)
