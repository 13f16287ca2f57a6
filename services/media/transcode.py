"""
Make what reviewers look at from one decode of an original: review proxy, poster, storyboard, sound peaks; and judge
picture and sound on the way.

One ffmpeg process (knowledge/media 3: 1.02 times a bare transcode, against 2.85 in separate passes), then one child
that measures what it left. The original's own frame times are kept, one proxy frame per frame, counted from the first.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.errors import DiskFull, MediaError, NoDecoder, ToolFailed, Unplayable
from services.media import soundlevels
from services.media.anchor import find_anchor
from services.media.blackfreeze import read_prints
from services.media.facts import Flag, FrameTimes, MediaFacts, Stream
from services.media.ffmpeglog import Report
from services.media.made import MadeTrack, read_made
from services.media.programs import MEMORY_BYTES, command, ffmpeg_version
from services.media.quality import PICTURE_DETECTOR, measure
from services.media.rendergraph import PROXY, Job, outputs
from services.media.sandbox import Limits, Outcome, run_program
from services.media.sound import write_peaks
from services.media.storyboard import Storyboard, plan_storyboard, thumbnails_vtt

DETECTORS = frozenset({"blackdetect", "freezedetect", PICTURE_DETECTOR, soundlevels.DETECTOR})
"""What judges picture and sound here: findings of a new run take the place of the old ones."""

__all__ = ["DETECTORS", "PROXY", "Rendered", "Storyboard", "render", "thumbnails_vtt"]

SOUND_TOLERANCE = Fraction(1, 20)
"""Part of the sound that may be thrown away to follow its own time stamps before they count as damaged."""
DURATION_TOLERANCE_S = Fraction(1)
MOST_BESIDE = 7
"""Streams of sound that are judged beside the first: an interview room has no more microphones."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """
    Hold the renditions made of one original, as files in the folder given to `render`.

    `frames` and `duration` (seconds) are the proxy's own, read back from it. `poster`, `sheet` and
    `storyboard` are None without pictures, `peaks` without sound. `flags` say what did not decode, `findings`
    what is wrong with pictures and sound that did, from `measures`.
    """

    proxy: Path
    poster: Path | None
    sheet: Path | None
    peaks: Path | None
    storyboard: Storyboard | None
    frames: int
    duration: Fraction
    recipe: dict[str, Any]
    flags: tuple[Flag, ...]
    findings: tuple[Flag, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)


def render(
    original: Path,
    facts: MediaFacts,
    folder: Path,
    *,
    on_progress: Callable[[Fraction], None],
    frame_times: FrameTimes | None = None,
) -> Rendered:
    """
    Make proxy, poster, storyboard and peaks of `original` into `folder`, in one ffmpeg process.

    `on_progress` hears the done part, 0 to 1, never falling. `frame_times` let missing frames be named.
    Success is judged by what came out. Sound that will not decode is left out and flagged; then a second run is made.

    Raises:
        NoDecoder: no stream of it may be decoded here.
        Unplayable: nothing could be decoded.
        DiskFull: there was no room; trying again later may help.
        ToolFailed, DeadlinePassed: the program was ended by a limit or crashed.
    """
    picture = facts.video if facts.video and facts.video.decodable else None
    sound = facts.audio if facts.audio and facts.audio.decodable else None
    if picture is None and sound is None:
        raise NoDecoder(f"none of the codecs {[s.codec for s in facts.streams]} is on the list of decoders")
    job = Job(
        original,
        facts,
        folder,
        find_anchor(original, facts, frame_times),
        frame_times,
        picture.index if picture else None,
        sound.index if sound else None,
        sound.channels or 1 if sound else 1,
        _beside(facts, sound),
    )
    flags: list[Flag] = []
    highest = Fraction(0)

    def rise(done: Fraction) -> None:
        nonlocal highest
        highest = max(highest, done)
        on_progress(highest)

    run = _run(job, rise)
    complaint = "" if job.sound is None else _damaged_sound(run)
    if complaint and job.beside:
        job = replace(job, beside={})  # it may be another stream that spoils the reckoning
        run = _run(job, rise)
        complaint = _damaged_sound(run)
    if complaint:
        if job.picture is None:
            raise Unplayable(f"its sound could not be decoded: {complaint}")
        flags.append(Flag("sound-damaged", detail=complaint))
        job = replace(job, sound=None)
        run = _run(job, rise)
    if run.leading is None or run.leading.samples == 0:
        raise Unplayable(f"nothing of it could be decoded: {run.outcome.last_words[-500:]}")
    flags += _missing(job, run.leading, run.report)
    return _rendered(job, run.leading, tuple(flags))


def _beside(facts: MediaFacts, sound: Stream | None) -> dict[int, int]:
    """Number the further streams of sound that decode, and count their channels."""
    others = [stream for stream in facts.streams if stream.kind == "audio" and stream.decodable and stream != sound]
    return {stream.index: stream.channels or 1 for stream in others[:MOST_BESIDE]}


@dataclass(frozen=True, slots=True)
class _Run:
    """Hold what one run of ffmpeg said and made. `leading` is the track of pictures, else of sound."""

    report: Report
    outcome: Outcome
    leading: MadeTrack | None
    sound: MadeTrack | None


def _run(job: Job, on_progress: Callable[[Fraction], None]) -> _Run:
    for stale in job.files:
        stale.unlink(missing_ok=True)
    seconds = float(job.facts.duration)
    report = Report(job.facts.duration, on_progress)
    outcome = run_program(
        command(outputs(job), *_LEADING, *job.anchor.clock),
        limits=Limits(
            wall_s=120 + 30 * seconds,
            cpu_s=int(60 + 20 * seconds),
            memory_bytes=MEMORY_BYTES,
            file_bytes=int(2**24 + 2**18 * seconds),
            idle_s=120,
        ),
        readable=[job.original],
        writable=job.folder,
        on_line=report.hear,
        on_complaint=report.complain,
    )
    if "No space left on device" in outcome.last_words:
        raise DiskFull("there was no room to render a proxy")
    if outcome.status > 128:
        raise ToolFailed(f"ffmpeg was ended by signal {outcome.status - 128} while rendering: {outcome.last_words}")
    tracks: list[MadeTrack] = []
    with contextlib.suppress(MediaError, OSError):  # nothing readable is nothing
        tracks = read_made(job.proxy)
    sound = next((track for track in tracks if not track.is_picture), None)
    pictures = next((track for track in tracks if track.is_picture), None)
    return _Run(report, outcome, sound if job.picture is None else pictures, sound)


_LEADING = (
    *("-v", "level+verbose", "-nostats"),
    *("-filter_threads", "1", "-filter_complex_threads", "1"),
)


def _damaged_sound(run: _Run) -> str:
    """Say why the sound cannot be used, or nothing."""
    if run.leading is None and run.outcome.status != 0:
        return "with its sound nothing could be encoded"
    if run.sound is None or run.sound.samples == 0:
        return "none of its sound could be decoded"
    decoded, dropped = run.report.decoded_sound, run.report.dropped_sound
    if decoded and dropped > decoded * SOUND_TOLERANCE:
        return f"{dropped} of {decoded} samples contradict their own times"
    return ""


def _missing(job: Job, made: MadeTrack, report: Report) -> list[Flag]:
    """Compare what came out with what the index promised."""
    found: list[Flag] = []
    promised = job.facts.video.frames if job.picture is not None and job.facts.video else None
    if promised is not None and made.samples != promised:
        start, end = made.gap_in(job.frame_times) if job.frame_times is not None else (None, None)
        detail = f"{made.samples} of {promised} frames were decoded"
        if report.first_error:
            detail += f"; {report.first_error}"
        found.append(Flag("decode-errors", start, end, detail))
    elif job.picture is not None and report.bad_pictures:
        detail = f"{report.bad_pictures} of {made.samples} pictures were damaged and patched by the decoder"
        found.append(Flag("decode-errors", detail=detail))
    elif abs(made.end - job.facts.duration) > max(DURATION_TOLERANCE_S, job.facts.duration / 50):
        detail = f"{float(made.end):.3f} of {float(job.facts.duration):.3f} seconds were decoded"
        found.append(Flag("decode-errors", detail=detail))
    return found


def _rendered(job: Job, leading: MadeTrack, flags: tuple[Flag, ...]) -> Rendered:
    if job.sound is not None:
        write_peaks(job.pcm, job.peaks)
    watched = read_prints(job.prints, job.facts.duration, job.frame_times)
    quality = measure(
        job.grey if job.grey.is_file() else None,
        {stream: path for stream, path in job.heard.items() if path.is_file()},
        job.facts.duration,
    )
    for passing in job.passing:
        passing.unlink(missing_ok=True)
    recipe = {"tool": "ffmpeg", "version": ffmpeg_version(), "parameters": PROXY | {"sound": job.sound is not None}}
    has_sheet = job.sheet.is_file()
    return Rendered(
        proxy=job.proxy,
        poster=job.poster if job.poster.is_file() else None,
        sheet=job.sheet if has_sheet else None,
        peaks=job.peaks if job.sound is not None else None,
        storyboard=plan_storyboard(job.facts.duration) if has_sheet else None,
        frames=leading.samples if leading.is_picture else 0,
        duration=leading.end,
        recipe=recipe,
        flags=flags,
        findings=(*watched.flags(quality.changes), *quality.flags),
        measures={**watched.to_json(), **quality.measures},
    )
