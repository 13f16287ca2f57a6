"""Understand what ffmpeg says while it works: how far it is, and what it threw away."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

PROGRESS_FORMAT = "t={t}"
"""
What `-stats_enc_post` prints for each coded frame. `-progress` is of no use here: it says nothing before the
first frame of every output, and the storyboard's only one comes at the end.
"""
SMALLEST_STEP = Fraction(1, 200)

_TIME = re.compile(r"t=(\d+(?:\.\d+)?)$")
_DROPPED = re.compile(r"discarding (\d+) audio samples$")
_DECODED = re.compile(r"Input stream .*\(audio\): .*\((\d+) samples\)")
_FAILED = re.compile(r"Input stream .*\(video\): .* (\d+) decode errors")
_CORRUPT = re.compile(r"\[vist#.*corrupt decoded frame")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")


@dataclass(slots=True)
class Report:
    """
    Gather progress and complaints of one run of ffmpeg at `-loglevel level+verbose`.

    `duration` seconds count as all. `on_progress` hears the done part, at least half a percent more each time.
    `dropped_sound` and `decoded_sound` are samples of one channel. `bad_pictures` counts packets that gave no
    picture and pictures that the decoder patched.
    """

    duration: Fraction
    on_progress: Callable[[Fraction], None]
    reached: float = -1.0
    dropped_sound: int = 0
    decoded_sound: int = 0
    bad_pictures: int = 0
    first_error: str = ""
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = float(SMALLEST_STEP * self.duration)

    def hear(self, line: str) -> bool:
        """Take one line of `PROGRESS_FORMAT`; say whether a later frame was coded than before."""
        found = _TIME.match(line)
        if found is None or (time := float(found[1])) <= self.reached:
            return False
        self.reached = time
        if time >= self._next:
            done = min(Fraction(found[1]) / self.duration, Fraction(1)) if self.duration else Fraction(1)
            self._next = float((done + SMALLEST_STEP) * self.duration) if done < 1 else math.inf
            self.on_progress(done)
        return True

    def complain(self, line: str) -> None:
        """Take one line of the log. Source of the wordings: libswresample/swresample.c, fftools/ffmpeg_demux.c."""
        if dropped := _DROPPED.search(line):
            self.dropped_sound += int(dropped[1])
        elif decoded := _DECODED.search(line):
            self.decoded_sound = int(decoded[1])
        elif failed := _FAILED.search(line):
            self.bad_pictures += int(failed[1])
        elif _CORRUPT.search(line):
            self.bad_pictures += 1
        elif "[error]" in line and not self.first_error:
            self.first_error = _ADDRESS.sub("", line)[:300]
