"""`render`: CPU of proxy, poster, storyboard, peaks and all analysis in one pass, against one bare proxy transcode."""

import tempfile
from pathlib import Path
from typing import Final

from services.bench.measure import Result, rounds_of, spent_here, take_turns
from services.bench.samples import make_sample
from services.media.facts import MediaFacts
from services.media.probe import examine
from services.media.programs import ffmpeg_path, file_name
from services.media.sandbox import Limits, run_program
from services.media.transcode import PROXY
from services.media.transcode import render as make

SECONDS: Final = 60
RATE: Final = 30
ROUNDS: Final = 3


def measure(folder: Path, scale: float) -> Result:
    """Take turns on one 1080p file, each with one thread of decoding and encoding."""
    seconds, size = (float(SECONDS), (1920, 1080)) if scale == 1 else (max(1.0, SECONDS * scale), (640, 360))
    sample = make_sample(folder / "sample.mp4", seconds=seconds, size=size, rate=RATE, bits_per_s=8_000_000)
    known = examine(sample)
    facts = known.facts

    def subject(_: int) -> float:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = lambda: make(  # noqa: E731  (a name for what is measured)
                sample, facts, Path(place), on_progress=lambda _: None, frame_times=known.frame_times
            )
            return spent_here(made).cpu_s

    def floor(_: int) -> float:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            return spent_here(lambda: _bare(sample, facts, Path(place))).cpu_s

    ours, theirs = take_turns(subject, floor, rounds_of(ROUNDS, scale))
    return Result(
        what="proxy, poster, storyboard, sound peaks, quality of picture and sound by transcode.render",
        against="one ffmpeg that makes the same proxy and nothing else",
        unit="CPU s",
        subject=ours,
        floor=theirs,
        must=1.15,
        aim=1.05,
        more={"seconds": seconds, "picture": list(size)},
    )


def _bare(sample: Path, facts: MediaFacts, folder: Path) -> None:
    """Transcode with the parameters of the review proxy."""
    command = [
        str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "error", "-y", "-filter_threads", "1",
        *("-threads", "1", "-i", file_name(sample)),
        *("-vf", f"scale=-2:'min({PROXY['height']},ih)':flags=fast_bilinear,format=yuv420p"),
        *("-c:v", "libx264", "-preset", str(PROXY["preset"]), "-crf", str(PROXY["crf"]), "-threads", "1"),
        *("-maxrate", str(PROXY["maxrate"]), "-bufsize", str(PROXY["bufsize"]), "-bf", str(PROXY["bframes"])),
        *("-g", "600", "-sc_threshold", "0", "-force_key_frames", f"expr:gte(t,n_forced*{PROXY['keyframe_s']})"),
        *("-c:a", "aac", "-b:a", str(PROXY["audio_bitrate"])),
        *("-movflags", "+frag_keyframe+delay_moov+default_base_moof", file_name(folder / "proxy.mp4")),
    ]  # fmt: skip
    seconds = float(facts.duration)
    limits = Limits(wall_s=120 + 60 * seconds, cpu_s=int(120 + 60 * seconds), memory_bytes=4 << 30, file_bytes=1 << 30)
    run_program(command, limits=limits, readable=[sample], writable=folder)
