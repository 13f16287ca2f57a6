"""
Make synthetic footage whose every picture carries its own number, and read the numbers back.

Sixteen bars, black or white, spell the number in binary, lowest bit at the left. They survive lossy
codecs, scaling and cropping of a few pixels, so "this clip is exactly frames 275 to 374" is one assert.
Each second of sound begins with a beep of 50 ms.
"""

import atexit
import functools
import hashlib
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

BARS = 16
FORCED = {".ts": "mpegts", ".mpg": "mpeg", ".mkv": "matroska", ".webm": "webm", ".avi": "avi", ".3gp": "3gp"} | {
    ".mov": "mov",
    ".mp4": "mp4",
    ".ogg": "ogg",
    ".flv": "flv",
    ".m4a": "ipod",
}
_STALL = (10, 3)
"""Variable rate: each tenth picture comes so many frame times late."""


@functools.cache
def _shelf() -> Path:
    """Keep footage for the life of the process, so that each kind is made once."""
    folder = Path(tempfile.mkdtemp(prefix="huisu-footage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def make_footage(
    path: Path,
    *,
    frames: int = 300,
    rate: str = "30",
    size: tuple[int, int] = (320, 180),
    codec: str = "libx264",
    gop: int = 30,
    bframes: int = 0,
    audio: bool | str = True,
    audio_seconds: float | None = None,
    vfr: bool = False,
    layout: str = "end",
    first: int = 0,
    pixel_format: str = "yuv420p",
    options: Sequence[str] = (),
) -> Path:
    """
    Make `frames` numbered pictures (from `first` on) with beeps at `path`; the ending chooses the container.

    `audio` is True (AAC, or what the container wants), False, or an encoder. `layout` is for MP4 and MOV: `end`
    (index last), `front` (index first) or `fragmented` (one fragment a keyframe). `options` go before the output name.
    """
    codecs = codec, audio, pixel_format, layout
    key = repr((path.suffix, frames, rate, size, codecs, gop, bframes, audio_seconds, vfr, first, tuple(options)))
    kept = _shelf() / f"{hashlib.sha256(key.encode()).hexdigest()}{path.suffix}"
    if not kept.exists():
        command = _inputs(frames, rate, size, first, audio, audio_seconds, vfr=vfr)
        command += ["-c:v", codec, "-g", str(gop), "-pix_fmt", pixel_format]
        if codec == "libx264":
            command += ["-preset", "ultrafast", "-sc_threshold", "0", "-bf", str(bframes), "-threads", "1"]
        elif bframes:
            command += ["-bf", str(bframes)]
        if codec not in {"libx264", "libx265", "libvpx-vp9", "libvpx", "libaom-av1", "libsvtav1"}:
            command += ["-qscale:v", "3"]
        command += _sound(path.suffix, audio) + _layout(path.suffix, layout) + list(options)
        _run([*command, "-f", FORCED[path.suffix], f"file:{kept}"])
    shutil.copyfile(kept, path)
    return path


def two_joined(folder: Path) -> Path:
    """Join two transport streams of 150 pictures, numbered on, byte by byte: the clock starts anew in the middle."""
    parts = [
        make_footage(folder / f"{first}.ts", frames=150, bframes=2, audio="aac", first=first) for first in (0, 150)
    ]
    joined = folder / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    return joined


def cut_at_the_front(folder: Path) -> Path:
    """Cut a transport stream of 300 pictures so that it begins with 20 that do not decode; the next is number 120."""
    whole = make_footage(folder / "whole.ts", frames=300, bframes=2, audio="aac").read_bytes()
    cut = folder / "cut.ts"
    cut.write_bytes(whole[len(whole) // 3 // 188 * 188 :])
    return cut


def make_sound(path: Path, *, seconds: float = 5, codec: str | None = None, rate: int = 16000) -> Path:
    """Make beeps without pictures; the ending chooses the container (`.wav`, `.mp3`, `.m4a`, `.ogg`, `.aac`)."""
    source = f"sine=frequency=200:beep_factor=4:sample_rate={rate}:duration={seconds}"
    chosen = ["-c:a", codec] if codec else []
    _run([imageio_ffmpeg.get_ffmpeg_exe(), *_QUIET, "-f", "lavfi", "-i", source, *chosen, f"file:{path}"])
    return path


def numbers(footage: Path | bytes, fmt: str | None = None) -> list[int]:
    """Read the number of each picture that a decoder presents, in order of presentation."""
    source = io.BytesIO(footage) if isinstance(footage, bytes) else str(footage)
    with av.open(source, "r", format=fmt) as container:
        return [number_of(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


def times(footage: Path | bytes, fmt: str | None = None) -> list[Fraction]:
    """Read when each picture is presented, in seconds from the first one, as a decoder tells it."""
    source = io.BytesIO(footage) if isinstance(footage, bytes) else str(footage)
    with av.open(source, "r", format=fmt) as container:
        moments = [(frame.pts or 0) * (frame.time_base or Fraction(0)) for frame in container.decode(video=0)]
    return [moment - moments[0] for moment in moments]


def number_of(picture: npt.NDArray[Any]) -> int:
    """Read the number of one grey picture from the middle of each bar."""
    height, width = picture.shape
    bar = width / BARS
    middle = picture[height // 4 : height - height // 4]
    bits = [middle[:, int((n + 0.3) * bar) : max(int((n + 0.7) * bar), int((n + 0.3) * bar) + 1)] for n in range(BARS)]
    return sum(1 << n for n, patch in enumerate(bits) if patch.mean() > 127)


def beeps(source: Path | bytes) -> list[float]:
    """Give the seconds, from the first picture, at which sound rises: the footage beeps on each whole second."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    with av.open(opened, "r") as container:
        first = min(
            (p.pts or 0) * p.time_base for p in container.demux(video=0) if p.pts is not None and not p.is_discard
        )
    opened = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    loud: list[tuple[float, bool]] = []
    with av.open(opened, "r") as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            level = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            level = level / (32768 if frame.format.name.startswith("s16") else 1)
            start = float(frame.pts * frame.time_base - first)
            loud += [(start + n / frame.sample_rate, bool(value > 0.1)) for n, value in enumerate(level)]
    found = []
    last_loud = -1.0
    for time, is_loud in loud:
        if is_loud:
            if time - last_loud > 0.3:
                found.append(time)
            last_loud = time
    return found


_QUIET = ["-hide_banner", "-nostdin", "-v", "error", "-y"]


def _inputs(
    frames: int,
    rate: str,
    size: tuple[int, int],
    first: int,
    audio: bool | str,
    audio_seconds: float | None,
    *,
    vfr: bool,
) -> list[str]:
    width, height = size
    stalls = (frames - 1) // _STALL[0] * (_STALL[1] - 1) if vfr else 0
    seconds = float((frames + stalls) / Fraction(rate)) if audio_seconds is None else audio_seconds
    bars = f"geq=lum='255*mod(floor((N+{first})/pow(2,floor(X*{BARS}/W))),2)':cb=128:cr=128"
    # the bars are painted on few pixels and widened without smoothing: geq is slow
    paint = (
        f"color=black:size={BARS}x2:rate={rate},format=yuv444p,{bars},scale={width}:{height}:flags=neighbor,setsar=1"
    )
    if vfr:
        every, late = _STALL
        paint += f",setpts='PTS+floor(N/{every})*{late - 1}/({rate})/TB'"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *_QUIET, "-f", "lavfi", "-i", paint]
    if audio:
        beeps = "0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.05)"
        command += ["-f", "lavfi", "-i", f"aevalsrc='{beeps}':sample_rate=48000:duration={seconds}"]
    return [*command, "-frames:v", str(frames), *(["-fps_mode", "vfr"] if vfr else [])]


def _sound(suffix: str, audio: bool | str) -> list[str]:
    if not audio:
        return ["-an"]
    usual = {".ts": "mp2", ".mpg": "mp2", ".webm": "libopus", ".avi": "pcm_s16le", ".ogg": "libvorbis"}
    return ["-c:a", audio if isinstance(audio, str) else usual.get(suffix, "aac")]


def _layout(suffix: str, layout: str) -> list[str]:
    if suffix not in {".mp4", ".mov"}:
        return []
    flags = {"end": [], "front": ["-movflags", "+faststart"]}
    # without delay_moov ffmpeg puts a hole of the sound's priming behind the first fragment
    fragmented = ["-movflags", "+frag_keyframe+empty_moov+delay_moov+default_base_moof"]
    return flags.get(layout, fragmented)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
