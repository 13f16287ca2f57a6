"""
Cut an exact clip by encoding it anew: exactly the frames asked for, each at its own time, and nothing else.

The simple honest form. The index-based cut, which copies whole groups of pictures, takes the same `ExactPlan`.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from services.errors import ClipTooLong, NoDecoder, RangeOutside, ToolFailed
from services.media.anchor import Anchor, find_anchor
from services.media.clipsound import Heard, heard_in
from services.media.facts import FrameTimes, MediaFacts
from services.media.fragmentcount import LEADING_TRACK, FragmentCount
from services.media.frames import FrameIndex
from services.media.pictures import pictures
from services.media.programs import MEMORY_BYTES, command, guarded_input
from services.media.sandbox import Limits, stream_program
from services.media.timecode import TimeRange, print_seconds

LONGEST_S = Fraction(600)
"""Longest clip that a request may have encoded as a whole; an export has no such limit. Source: contract, `clip`."""
CRF, PRESET = 18, "veryfast"
KEYFRAME_S = 1
SEEK_EARLY_S = Fraction(1)
"""A search by time in a transport stream may end behind the key frame: aim before it."""
THREADS = 2


@dataclass(frozen=True, slots=True)
class ExactPlan:
    """
    Say what an exact clip holds: the frames `first_frame` up to `end_frame`, shown from `start` up to `end`.

    Seconds from the recording's first frame; `start` is when the first frame is shown (time 0 of the clip), `end`
    when the frame after the last is (or the recording ends). `sound_end` is where its sound stops: never after
    what was asked for. A recording without pictures has no frames; its clip is from `start` to `end` as asked.
    """

    first_frame: int
    end_frame: int
    start: Fraction
    end: Fraction
    sound_end: Fraction

    @property
    def frames(self) -> int:
        """Count the frames."""
        return self.end_frame - self.first_frame


def plan_exact(facts: MediaFacts, frame_times: FrameTimes | None, wanted: TimeRange) -> ExactPlan:
    """
    Choose the frames with `wanted.start` ≤ time < `wanted.end`; a range past the end is cut to the recording.

    Raises:
        RangeOutside: the range starts after the recording, or no frame begins in it.
        NoDecoder: the pictures cannot be decoded here.
    """
    inside = wanted.inside(facts.duration)
    if facts.video is not None and not facts.video.decodable:
        raise NoDecoder(f"no decoder for {facts.video.codec} may run here")
    if facts.video is None or frame_times is None:
        return ExactPlan(0, 0, inside.start, inside.end, inside.end)
    first, end = frame_times.frames_in(wanted)
    if first == end:
        raise RangeOutside(f"no frame begins in {wanted}; the recording has {len(frame_times)} frames")
    after = frame_times.time_of(end) if end < len(frame_times) else facts.duration
    return ExactPlan(first, end, frame_times.time_of(first), after, min(inside.end, after))


def require_encodable(plan: ExactPlan) -> None:
    """Raise `ClipTooLong` where encoding the whole clip is more than a request may ask for."""
    length = plan.sound_end - plan.start
    if length > LONGEST_S:
        raise ClipTooLong(
            f"an exact clip of which nothing can be copied has at most {LONGEST_S} seconds, not "
            f"{print_seconds(length)}: make an export"
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """
    Say how pictures come out that become part of a longer clip: their size, and the id of their parameter sets, so
    that encodings of several recordings can share one track. Such a part has no sound.
    """

    width: int
    height: int
    parameter_set: int


@contextlib.contextmanager
def encode_exact(
    original: Path,
    facts: MediaFacts,
    frame_times: FrameTimes | None,
    plan: ExactPlan,
    shape: Shape | None = None,
    *,
    index: FrameIndex | None = None,
) -> Iterator["ExactClip"]:
    """
    Encode what `plan` says as fragmented MP4, streamed; leaving the context early ends the encoder.

    With an `index` the sound is copied where it can be. With a `shape` only the pictures come, in that form.

    Raises:
        Unplayable: the original is not the file of the plan, or cannot be read.
        ToolFailed, DeadlinePassed: the child that looks at the original failed.
    """
    anchor = find_anchor(original, facts, frame_times, before=plan.start)
    # on a clock that ffmpeg joins from stretches the times of packets are not those of the index
    known = None if anchor.joined else index
    sounds = heard_in(facts, known, plan.start, plan.sound_end, at_least_one=not plan.frames) if shape is None else ()
    clip = ExactClip(original, facts, frame_times, plan, anchor, sounds=sounds, shape=shape)
    with contextlib.ExitStack() as running:
        yield replace(clip, running=running)


@dataclass(frozen=True, slots=True)
class ExactClip:
    """Hold an exact clip in the making."""

    original: Path
    facts: MediaFacts
    frame_times: FrameTimes | None
    plan: ExactPlan
    anchor: Anchor
    running: contextlib.ExitStack | None = None
    sounds: tuple[Heard, ...] = ()
    shape: Shape | None = None

    def blocks(self) -> Iterator[bytes]:
        """
        Give the clip as it is encoded. Nothing comes before the first fragment was made and checked.

        If decoding from a key frame near the start did not give the first frame, it begins anew from the
        beginning of the file, unseen by the reader. The last block comes only after all frames were counted.

        Raises:
            ToolFailed: other frames came out than planned; what was given is not a clip. Break the connection.
            DeadlinePassed: encoding took too long; likewise.
        """
        if self.anchor.keyframe is not None:
            attempt = self._attempt(self.anchor)
            begun = False
            try:
                for block in attempt:
                    begun = True
                    yield block
                return
            except ToolFailed:
                if begun:
                    raise
        yield from self._attempt(replace(self.anchor, keyframe=None))

    def _attempt(self, anchor: Anchor) -> Iterator[bytes]:
        count = FragmentCount()
        held: list[bytes] = []
        with contextlib.ExitStack() as mine:
            if self.running is not None:
                self.running.callback(mine.close)
            # where pictures are counted, one that does not decode would shift the others: better no clip
            strict = ("-max_error_rate", "0") if anchor.by_number else ()
            argv = command(self._output(anchor), "-v", "error", *strict, *anchor.clock, *_ONE_THREAD)
            program = mine.enter_context(stream_program(argv, limits=self._limits(anchor), readable=[self.original]))
            for block in program.blocks():
                count.take(block)
                if count.fragments and held:
                    self._check_beginning(count)
                    yield b"".join(held)
                    held.clear()
                held.append(block)
            self._check_end(count)
        yield b"".join(held)

    def _check_beginning(self, count: FragmentCount) -> None:
        if count.first_tick != 0:
            raise ToolFailed(f"the clip would begin {count.first_tick} ticks late")

    def _check_end(self, count: FragmentCount) -> None:
        self._check_beginning(count)
        if self.plan.frames and count.samples[LEADING_TRACK] != self.plan.frames:
            raise ToolFailed(f"{count.samples[LEADING_TRACK]} frames came out, {self.plan.frames} were planned")
        first = LEADING_TRACK + (1 if self.plan.frames else 0)
        for track, sound in enumerate(self.sounds, first):
            planned = sound.copied.count if sound.copied is not None else None
            if planned is not None and count.samples[track] != planned:
                raise ToolFailed(f"{count.samples[track]} frames of sound came out, {planned} were to be copied")
        if not count.samples[LEADING_TRACK]:
            raise ToolFailed("no sound came out")

    def _limits(self, anchor: Anchor) -> Limits:
        """Allow for the slowest material: decoding at a twentieth of its pace, encoding at a fiftieth."""
        run_up = self.plan.start if anchor.keyframe is None else self.plan.start - (anchor.keyframe - anchor.origin)
        seconds = float(20 * run_up + 50 * (self.plan.end - self.plan.start))
        return Limits(
            wall_s=300 + 2 * seconds,
            cpu_s=int(60 + seconds),
            memory_bytes=MEMORY_BYTES,
            file_bytes=0,
            idle_s=300 + 2 * float(run_up),
        )

    def _output(self, anchor: Anchor) -> Any:
        seek: dict[str, object] = {}
        if anchor.keyframe is not None:
            early = anchor.keyframe - SEEK_EARLY_S
            seek = {"ss": print_seconds(early), "seek_timestamp": 1, "noaccurate_seek": None}
        source = guarded_input(self.original, self.facts, threads=THREADS, **seek)
        streams, options = [], _WRAPPING | ({} if self.plan.frames else {"frag_duration": 1_000_000})
        if self.plan.frames and self.facts.video is not None:
            streams.append(self._pictures(source[str(self.facts.video.index)], anchor))
            options |= _PICTURE
            if self.shape is not None:
                options["x264-params"] = f"sps-id={self.shape.parameter_set}"
        for number, sound in enumerate(self.sounds):
            streams.append(sound.mapped(source[str(sound.stream.index)], anchor))
            options |= sound.options(number, self.facts, anchor)
        return ffmpeg.output(*streams, "pipe:1", **options)

    def _pictures(self, stream: Any, anchor: Anchor) -> Any:
        plan = self.plan
        chosen = pictures(stream, self.facts, anchor, self.frame_times, first=plan.first_frame, end=plan.end_frame)
        if self.shape is not None:
            return _shaped(chosen, self.shape)
        # the encoder wants even sizes: a line or column is added, never cut off
        return chosen.filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2").filter("format", "yuv420p")


def _shaped(stream: Any, shape: Shape) -> Any:
    """Fit pictures into a frame, whole and in their proportions; those of that very size stay as they are."""
    width, height = shape.width, shape.height
    square = stream.filter("scale", "iw*sar", "ih").filter("setsar", 1)
    fitted = square.filter("scale", width, height, force_original_aspect_ratio="decrease", force_divisible_by=2)
    return fitted.filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2").filter("format", "yuv420p")


_ONE_THREAD = ("-filter_complex_threads", "1")
_WRAPPING: dict[str, object] = {
    "f": "mp4",
    # delay_moov: the sound's priming is an edit, picture and sound both begin at tick 0
    "movflags": "+frag_keyframe+delay_moov+default_base_moof+skip_trailer",
    "map_metadata": -1,
    "map_chapters": -1,
    "write_tmcd": 0,
    "max_muxing_queue_size": 4096,
    "threads": THREADS,
}
_PICTURE: dict[str, object] = {
    "c:v": "libx264",
    "preset": PRESET,
    "crf": CRF,
    "bf": 0,  # without reordering every frame is shown when it is decoded: no edit is needed
    "g": 250,
    "force_key_frames": f"expr:gte(t,n_forced*{KEYFRAME_S})",
    "a53cc": 0,  # no captions carried over unseen
    "fps_mode": "passthrough",
    "enc_time_base": "filter",
}
