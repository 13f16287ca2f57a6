"""
Find where time 0 of a recording lies on the clock inside its file, and where decoding may begin.

All times of the archive count from the first presented frame; a file's own clock starts anywhere
(a transport stream near 1.4 s or 20 h, an edit list at 33 ms). Programs are told exact ticks of that clock.
The looking is done by `packets` in a child process.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from services.media.containers import AVI, MPEG_PS, MPEG_TS
from services.media.facts import FrameTimes, MediaFacts
from services.media.sandbox import Limits, run_child

HEAD_PACKETS = 64
"""Packets looked at to find the first presented one: four times the deepest reordering of H.264 and H.265."""
HEAD_TIMES = 8
"""Frame times of the index that must be found in the file."""
_LIMITS = Limits(wall_s=60, cpu_s=30, memory_bytes=2 << 30, file_bytes=0)


@dataclass(frozen=True, slots=True)
class Anchor:
    """
    Say where time 0 lies in a file.

    `origin` is in seconds of the file's clock, `time_base` the tick of its pictures (None without pictures).
    `by_number`: the pictures carry no times of showing (AVI), or their clock starts anew within the file. They are
    chosen and timed by their number, and `origin` only places the sound. `joined` is the latter: ffmpeg joins the
    stretches if it is not told to keep the file's clock, and `origin` is on that joined clock.
    `keyframe`, on the file's clock, is one from which the asked position can be decoded, or None: decode from the
    beginning. `earliest` is the time of the earliest packet, counted from time 0: negative where sound begins
    before the pictures, is primed, or an edit hides something.
    `reorders`: the codec shows pictures in another order than it codes them.
    """

    origin: Fraction
    joined: bool
    earliest: Fraction
    by_number: bool
    reorders: bool
    time_base: Fraction | None
    keyframe: Fraction | None

    @property
    def clock(self) -> tuple[str, ...]:
        """Give the options that make ffmpeg count by this clock."""
        return () if self.joined else ("-copyts",)

    def ticks(self, position: Fraction) -> int:
        """Give a position of the recording as a tick of the file's clock; positions of frames are exact."""
        assert self.time_base is not None  # noqa: S101  only asked of pictures
        return round((self.origin + position) / self.time_base)


def find_anchor(
    original: Path, facts: MediaFacts, frame_times: FrameTimes | None = None, *, before: Fraction | None = None
) -> Anchor:
    """
    Look at the first packets of `original`, and for a key frame well before the position `before`.

    With `frame_times` the beginning must agree with them.

    Raises:
        Unplayable: no packet carries a time, or the frame times do not fit the file.
        ToolFailed, DeadlinePassed: the child that reads it failed.
    """
    picture = facts.video if facts.video and facts.video.decodable else None
    sound = facts.audio if facts.audio and facts.audio.decodable else None
    by_number = facts.container == AVI.name
    may_restart = facts.container in {MPEG_TS.name, MPEG_PS.name}
    known = 0 if frame_times is None else min(HEAD_PACKETS if by_number else HEAD_TIMES, len(frame_times))
    answer = run_child(
        "services.media.packets:anchor_request",
        {
            "path": str(original.absolute()),
            "container": facts.container,
            "picture": picture.index if picture else None,
            "sound": sound.index if sound else None,
            "head": [str(frame_times.time_of(n)) for n in range(known)] if frame_times is not None else [],
            "before": None if before is None else str(before),
            "by_number": by_number,
            "duration": str(facts.duration) if may_restart else None,
        },
        limits=_LIMITS,
        readable=[original],
    )

    return Anchor(
        origin=Fraction(answer["origin"]),
        earliest=Fraction(answer["earliest"]),
        joined=answer["joined"],
        by_number=by_number or answer["joined"],
        reorders=answer["reorders"],
        time_base=None if answer["time_base"] is None else Fraction(answer["time_base"]),
        keyframe=None if answer["keyframe"] is None else Fraction(answer["keyframe"]),
    )
