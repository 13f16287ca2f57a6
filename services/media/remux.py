"""Copy a browser-playable original into fragmented MP4, untouched but for its wrapping, until its proxy is ready."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from services.errors import DiskFull, ToolFailed, Unplayable, VerbatimNotPossible
from services.media.anchor import Anchor, find_anchor
from services.media.facts import FrameTimes, MediaFacts
from services.media.made import read_made
from services.media.pictures import times_by_number
from services.media.programs import (
    MEMORY_BYTES,
    command,
    ffmpeg_version,
    file_name,
    guarded_input,
    seconds_text,
)
from services.media.sandbox import Limits, run_program

FRAGMENT_US = 2_000_000
LATE_S = Fraction(1, 10)
"""Browsers pass over the empty edit that a later first picture would need (knowledge/media 8.2)."""
SPARE_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class Remuxed:
    """Hold the copy: `frames` presented pictures, `duration` seconds, and how it was made."""

    path: Path
    frames: int
    duration: Fraction
    recipe: dict[str, Any]


def remux(original: Path, facts: MediaFacts, target: Path, *, frame_times: FrameTimes | None = None) -> Remuxed:
    """
    Copy the first picture and the first sound of `original` to `target`, one fragment a key frame.

    Time 0 is the first presented frame; sound keeps its distance to it. Cheap: no picture is decoded. Pictures
    that an edit list hides at the end of the original are in the copy, after its last one.

    Raises:
        VerbatimNotPossible: browsers do not play these codecs, or stop at this file's key frames.
        Unplayable: nothing could be copied.
        DiskFull: there was no room.
        ToolFailed, DeadlinePassed: the program failed.
    """
    if not facts.browser_playable:
        raise VerbatimNotPossible(f"browsers do not play {', '.join(s.codec for s in facts.streams)} as it is")
    anchor = find_anchor(original, facts, frame_times)
    if anchor.joined:
        raise VerbatimNotPossible("its clock starts anew within the file: a copy would play out of step")
    if anchor.by_number and anchor.reorders:
        raise VerbatimNotPossible(f"{facts.container} does not say when pictures coded out of order are shown")
    size = original.stat().st_size
    outcome = run_program(
        command(_output(original, facts, target, anchor, frame_times), "-v", "error", *anchor.clock),
        limits=Limits(
            wall_s=120 + size / 2**20,
            cpu_s=60 + size // 2**23,
            memory_bytes=MEMORY_BYTES,
            file_bytes=size + size // 4 + SPARE_BYTES,
        ),
        readable=[original],
        writable=target.parent,
    )
    if "No space left on device" in outcome.last_words:
        raise DiskFull("there was no room to copy an original into fragments")
    tracks = read_made(target) if target.is_file() and target.stat().st_size else []
    leading = next((track for track in tracks if track.is_picture == (facts.video is not None)), None)
    if leading is None or leading.samples == 0:
        raise Unplayable(f"nothing of it could be copied: {outcome.last_words[-500:]}")
    if outcome.status != 0:
        raise ToolFailed(f"ffmpeg ended with status {outcome.status} while copying: {outcome.last_words[-500:]}")
    if leading.pts[0] > leading.timescale * LATE_S:
        raise VerbatimNotPossible(f"its first key frame comes {leading.pts[0] / leading.timescale:.3f} s late")
    if leading.has_open_groups:
        raise VerbatimNotPossible("pictures before a key frame lean on it: browsers stop when they seek there")
    return Remuxed(
        target,
        leading.samples if leading.is_picture else 0,
        leading.end,
        {"tool": "ffmpeg", "version": ffmpeg_version(), "parameters": {"name": "remux/1"}},
    )


def _output(original: Path, facts: MediaFacts, target: Path, anchor: Anchor, frame_times: FrameTimes | None) -> Any:
    source = guarded_input(original, facts)
    streams = [source[str(stream.index)] for stream in (facts.video, facts.audio) if stream and stream.decodable]
    flags = "+frag_keyframe+delay_moov+default_base_moof"
    if anchor.earliest >= 0:
        # lets sound that begins late begin late in its fragments: browsers pass over an empty edit
        # (knowledge/media 8.2). What begins early needs the edit instead, its times would be negative.
        flags += "+frag_discont"
    options: dict[str, object] = {
        "f": "mp4",
        "c": "copy",
        "movflags": flags,
        "map_metadata": -1,
        "map_chapters": -1,
        "write_tmcd": 0,
        "max_muxing_queue_size": 4096,
    }
    filters = ["aac_adtstoasc"] if facts.audio is not None and facts.audio.codec == "aac" else []
    if anchor.by_number:
        options["bsf:v"] = f"setts=ts={times_by_number(frame_times) or 'DTS-STARTDTS'}".replace(",", "\\,")
        filters.append(f"setts=ts=round(DTS-({seconds_text(anchor.origin)})/TB)")
    else:
        options["output_ts_offset"] = seconds_text(-anchor.origin)
    if filters and facts.audio is not None:
        options["bsf:a"] = ",".join(filters)
    if facts.video is None:
        options["frag_duration"] = FRAGMENT_US
    return ffmpeg.output(*streams, file_name(target), **options)
