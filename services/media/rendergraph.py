"""
Draw the filter graph of one render: one decode, and a branch for each thing that is made of it.

Pictures are scaled once, then copied to the encoder, the poster, the storyboard, the detectors and the grey pictures
that sharpness is measured on. Sound is brought onto the recording's clock once, then encoded, and written channel by
channel for the outline and its levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ffmpeg

from services.media.anchor import Anchor
from services.media.blackfreeze import Prints, watched
from services.media.facts import FrameTimes, MediaFacts
from services.media.ffmpeglog import PROGRESS_FORMAT
from services.media.pcm import MOST_CHANNELS
from services.media.pictures import pictures
from services.media.programs import file_name, guarded_input, seconds_text
from services.media.quality import picture_interval
from services.media.sharpness import LINES
from services.media.sound import PCM_RATE
from services.media.storyboard import COLUMNS, TILE_HEIGHT, TILE_WIDTH, plan_storyboard

PROXY: dict[str, Any] = {
    "name": "review-proxy/1",
    "height": 480,
    "codec": "h264",
    "preset": "superfast",
    "crf": 26,
    "maxrate": 1_000_000,
    "bufsize": 2_000_000,
    "keyframe_s": 2,
    "bframes": 0,
    "audio": "aac",
    "audio_bitrate": 96_000,
}
"""Parameters of the review proxy; with the tool's version its recipe. Source: design 2.10."""

FRAGMENT_US = 2_000_000
SPARE_S = 10


@dataclass(frozen=True, slots=True)
class Job:
    """Say what one run of ffmpeg makes: of which streams (their numbers), into which folder."""

    original: Path
    facts: MediaFacts
    folder: Path
    anchor: Anchor
    frame_times: FrameTimes | None
    picture: int | None
    sound: int | None
    channels: int
    beside: Mapping[int, int] = field(default_factory=dict)
    """Further streams of sound, which are judged and not played: their numbers, and their channels."""

    @property
    def proxy(self) -> Path:
        """Name the proxy."""
        return self.folder / "proxy.mp4"

    @property
    def poster(self) -> Path:
        """Name the one picture that stands for the recording in lists."""
        return self.folder / "poster.jpg"

    @property
    def sheet(self) -> Path:
        """Name the sheet of small pictures."""
        return self.folder / "storyboard.jpg"

    @property
    def grey(self) -> Path:
        """Name the grey pictures that sharpness is measured on; removed afterwards."""
        return self.folder / "grey.y4m"

    @property
    def prints(self) -> Prints:
        """Name what the detectors print into; removed afterwards."""
        return Prints(self.folder)

    @property
    def pcm(self) -> Path:
        """Name the plain sound that peaks are drawn from; removed afterwards."""
        return self.folder / "sound.au"

    @property
    def heard(self) -> dict[int, Path]:
        """Name the plain sound of each stream that is judged, by its number; removed afterwards."""
        beside = {stream: self.folder / f"sound-{stream}.au" for stream in self.beside}
        return beside if self.sound is None else {self.sound: self.pcm} | beside

    @property
    def peaks(self) -> Path:
        """Name the outline of the sound."""
        return self.folder / "peaks.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """Name everything that a render leaves in its folder, also one that was ended half-way."""
        return self.proxy, self.poster, self.sheet, self.peaks, *self.passing

    @property
    def passing(self) -> tuple[Path, ...]:
        """Name what is measured and then removed."""
        return self.grey, self.pcm, *self.heard.values(), *self.prints.files.values()


def outputs(job: Job) -> Any:
    """Draw the graph, only of branches for streams that are there, and name the files that it ends in."""
    source = guarded_input(job.original, job.facts)
    bound = {"t": seconds_text(job.facts.duration + SPARE_S)}
    proxied, others = [], []
    if job.picture is not None:
        branches = _upright(source[str(job.picture)], job).filter_multi_output("split", 4)
        proxied.append(branches[0])
        others += [_poster(branches[1], job), _sheet(branches[2], job), _grey(branches[3], job)]
    if job.sound is not None:
        heard = _timed_sound(source[str(job.sound)], job).filter_multi_output("asplit", 2)
        proxied.append(_for_players(heard[0], job.channels))
        others.append(_plain(heard[1], job.pcm, job.channels, bound))
    for stream, channels in job.beside.items():
        others.append(_plain(_timed_sound(source[str(stream)], job), job.heard[stream], channels, bound))
    proxy = ffmpeg.output(*proxied, file_name(job.proxy), **_proxy_options(job), **bound)
    return ffmpeg.merge_outputs(proxy, *others)


def _upright(stream: Any, job: Job) -> Any:
    """Count time from the first frame and scale, with square pixels, to at most 480 lines of the shorter side."""
    ratio = "clip(sar,1/4,4)"
    factor = f"min(1,{PROXY['height']}/min(iw*{ratio},ih))"
    return (
        pictures(stream, job.facts, job.anchor, job.frame_times)
        .filter(
            "scale",
            f"max(16,2*round(iw*{ratio}*{factor}/2))",
            f"max(16,2*round(ih*{factor}/2))",
            flags="fast_bilinear",
        )
        .filter("setsar", 1)
        .filter("format", "yuv420p")
    )


def _timed_sound(stream: Any, job: Job) -> Any:
    """Keep the sound between first and last frame at its own times; fill gaps, drop what overlaps."""
    origin = seconds_text(job.anchor.origin)
    return (
        stream.filter("atrim", start=origin, end=seconds_text(job.anchor.origin + job.facts.duration))
        .filter("asetpts", f"PTS-({origin})/TB")
        .filter("aresample", **{"async": 1, "first_pts": 0, "min_hard_comp": "0.01"})
    )


def _for_players(stream: Any, channels: int) -> Any:
    """Give one or two channels, as players have loudspeakers; the original keeps them all."""
    if channels > 2:
        stream = stream.filter("aresample")  # else the other branch would be mixed down, too
    return stream.filter("aformat", channel_layouts="stereo" if channels > 1 else "mono")


def _plain(stream: Any, path: Path, channels: int, bound: Mapping[str, object]) -> Any:
    """Write 8 kHz samples, each channel by itself: one or two are what was claimed, more are what is decoded."""
    form: dict[str, object] = {"sample_fmts": "s16"}
    if channels in {1, 2} or channels > MOST_CHANNELS:
        form["channel_layouts"] = "mono" if channels == 1 else "stereo"
    drawn = stream.filter("aresample", PCM_RATE).filter("aformat", **form)
    return ffmpeg.output(drawn, file_name(path), **{"f": "au", "c:a": "pcm_s16be", **bound})


def _grey(stream: Any, job: Job) -> Any:
    """Let every picture pass the detectors, and keep a small grey one every so often."""
    factor = f"min(1,{LINES}/min(iw,ih))"
    kept = (
        watched(stream, job.prints)
        .filter("fps", f"1/{picture_interval(job.facts.duration)}", round="up", start_time=0)
        .filter("scale", f"max(16,2*trunc(iw*{factor}/2))", f"max(16,2*trunc(ih*{factor}/2))", flags="fast_bilinear")
        .filter("format", "gray")
    )
    return ffmpeg.output(kept, file_name(job.grey), f="yuv4mpegpipe", fps_mode="passthrough", strict=-1)


def _poster(stream: Any, job: Job) -> Any:
    """Keep the first frame, then replace it by the one at a tenth of the recording, which seldom is black."""
    later = seconds_text(job.facts.duration / 10)
    # only these two: whatever else is let through is converted, to be thrown away by the output that has enough
    chosen = stream.filter("select", f"eq(n,0)+gte(t,{later})*lt(prev_selected_t,{later})")
    chosen = chosen.filter("format", "yuvj420p")
    return ffmpeg.output(chosen, file_name(job.poster), **_one_picture(2, quality=4))


def _sheet(stream: Any, job: Job) -> Any:
    board = plan_storyboard(job.facts.duration)
    tiles = (
        # rounding up lets tile n show the last frame that began at or before n × interval
        stream.filter("fps", f"1/{board.interval}", round="up", start_time=0)
        .filter("scale", TILE_WIDTH, TILE_HEIGHT, force_original_aspect_ratio="decrease", flags="fast_bilinear")
        .filter("pad", TILE_WIDTH, TILE_HEIGHT, -1, -1)
        .filter("tile", f"{COLUMNS}x{board.rows}")
        .filter("format", "yuvj420p")
    )
    return ffmpeg.output(tiles, file_name(job.sheet), **_one_picture(1, quality=5))


def _one_picture(frames: int, *, quality: int) -> dict[str, object]:
    return {
        "f": "image2",
        "update": 1,  # the name is a name, not a pattern
        "c:v": "mjpeg",
        "q:v": quality,
        "frames:v": frames,
        "fps_mode": "passthrough",
        "threads": 1,
    }


def _proxy_options(job: Job) -> dict[str, object]:
    seconds = float(job.facts.duration)
    options: dict[str, object] = {
        "f": "mp4",
        # delay_moov lets the sound's priming be an edit, so that picture and sound both begin at tick 0
        "movflags": "+frag_keyframe+delay_moov+default_base_moof",
        "map_metadata": -1,
        "map_chapters": -1,
        "write_tmcd": 0,
        "max_muxing_queue_size": 4096,
        "fs": int(2**24 + 2**18 * seconds),
        "threads": 1,
    }
    kind = "a" if job.picture is None else "v"
    options |= {f"stats_enc_post:{kind}": "pipe:1", f"stats_enc_post_fmt:{kind}": PROGRESS_FORMAT}
    if job.picture is None:
        options["frag_duration"] = FRAGMENT_US
    else:
        options |= {
            "c:v": "libx264",
            "preset": PROXY["preset"],
            "crf": PROXY["crf"],
            "maxrate": PROXY["maxrate"],
            "bufsize": PROXY["bufsize"],
            "bf": PROXY["bframes"],
            "g": 600,
            "sc_threshold": 0,
            "force_key_frames": f"expr:gte(t,n_forced*{PROXY['keyframe_s']})",
            "fps_mode": "passthrough",
            "enc_time_base": "filter",
        }
    if job.sound is not None:
        options |= {"c:a": "aac", "b:a": PROXY["audio_bitrate"]}
    return options
