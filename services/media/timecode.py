"""Read and print positions inside a recording; the only place that parses clock text."""

import re
from dataclasses import dataclass
from fractions import Fraction

from services.errors import Invalid, RangeOutside

_CLOCK = re.compile(r"(?:([0-9]{1,5}):)?([0-9]{1,2}):([0-9]{2}(?:\.[0-9]{1,9})?)")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")

_TEXT_CHARACTERS = 32
"""Longest clock text that is looked at; the longest legal one has 21 characters."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """
    Name a stretch of a recording in seconds: from `start` up to but not including `end`.

    Raises:
        RangeOutside: it starts before zero, is empty or runs backwards.
    """

    start: Fraction
    end: Fraction

    def __post_init__(self) -> None:
        if self.start < 0:
            raise RangeOutside(f"a range starts at 0 or later, not at {print_seconds(self.start)}")
        if self.end <= self.start:
            raise RangeOutside(
                f"a range ends after its start: {print_seconds(self.start)} to {print_seconds(self.end)} holds nothing"
            )

    @property
    def duration(self) -> Fraction:
        """Give its length in seconds, always more than zero."""
        return self.end - self.start

    def contains(self, position: Fraction) -> bool:
        """Say whether `position` lies in it: the start does, the end does not."""
        return self.start <= position < self.end

    def overlap(self, other: "TimeRange") -> "TimeRange | None":
        """Give the stretch that both cover, or None; touching ranges share nothing."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return TimeRange(start, end) if start < end else None

    def inside(self, duration: Fraction) -> "TimeRange":
        """
        Cut its end to what a recording of `duration` seconds has.

        Raises:
            RangeOutside: it starts at or after the end of the recording.
        """
        if self.start >= duration:
            raise RangeOutside(
                f"the recording has {print_seconds(duration)} seconds; the range starts at {print_seconds(self.start)}"
            )
        return TimeRange(self.start, min(self.end, duration))

    def __str__(self) -> str:
        return f"{print_seconds(self.start)}-{print_seconds(self.end)}"


def parse_clock(text: str) -> Fraction:
    """
    Read `HH:MM:SS[.nnn]`, `MM:SS[.nnn]` or decimal seconds as seconds from the first frame.

    Hours are not limited to 23: `26:00:00` is a legal position in a long custody recording.

    Raises:
        Invalid: `text` has another form, or names a 60th minute or second.
    """
    if len(text) > _TEXT_CHARACTERS:
        raise Invalid(f"a time has at most {_TEXT_CHARACTERS} characters, not {len(text)}")
    if _SECONDS.fullmatch(text):
        return Fraction(text)
    parts = _CLOCK.fullmatch(text)
    if parts is None:
        raise Invalid(f"a time is HH:MM:SS.nnn, MM:SS or seconds such as 12.345, not {text!r}")
    hours, minutes, seconds = int(parts[1] or 0), int(parts[2]), Fraction(parts[3])
    if minutes > 59 or seconds >= 60:
        raise Invalid(f"minutes and seconds end at 59, not {text!r}")
    return hours * 3600 + minutes * 60 + seconds


def parse_range(start: str, end: str) -> TimeRange:
    """
    Read two positions as a range.

    Raises:
        Invalid: one of them is no time; as RangeOutside when they hold nothing between them.
    """
    return TimeRange(parse_clock(start), parse_clock(end))


def print_seconds(seconds: Fraction) -> str:
    """
    Print seconds with six decimals, rounded down (towards the past, also below zero).

    A printed frame time is at most the frame's true time: given back as `start` it includes
    the frame, as `end` it excludes it.
    """
    micros = seconds.numerator * 1_000_000 // seconds.denominator
    whole, part = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{part:06d}"


def print_clock(seconds: Fraction) -> str:
    """Print seconds as `HH:MM:SS.nnn`, rounded down to the millisecond, as WebVTT wants it."""
    millis = seconds.numerator * 1000 // seconds.denominator
    whole, part = divmod(max(millis, 0), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{part:03d}"
