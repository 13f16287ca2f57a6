"""Understand what ffmpeg says while it works: how far it is, and what it threw away."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

_OUT_TIME = re.compile(r"out_time_us=(\d+)$")
_DROPPED = re.compile(r"discarding (\d+) audio samples$")
_DECODED = re.compile(r"Input stream .*\(audio\): .*\((\d+) samples\)")
_FAILED = re.compile(r"Input stream .*\(video\): .* (\d+) decode errors")
_CORRUPT = re.compile(r"\[vist#.*corrupt decoded frame")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")


@dataclass(slots=True)
class Report:
    """
    Gather progress and complaints of one run of ffmpeg at `-loglevel level+verbose`.

    `expected` is the duration in seconds that counts as all. `dropped_sound` and `decoded_sound` are samples
    of one channel. `bad_pictures` counts packets that gave no picture and pictures that the decoder patched.
    """

    expected: Fraction
    on_progress: Callable[[Fraction], None]
    done: Fraction = Fraction(-1)
    dropped_sound: int = 0
    decoded_sound: int = 0
    bad_pictures: int = 0
    first_error: str = ""

    def hear(self, line: str) -> bool:
        """Take one line of `-progress`; say whether more is done than before."""
        found = _OUT_TIME.match(line)
        if found is None:
            return False
        done = Fraction(int(found[1]), 1_000_000)
        if done <= self.done:
            return False
        self.done = done
        if self.expected > 0:
            self.on_progress(min(done / self.expected, Fraction(1)))
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
