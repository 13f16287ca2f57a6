"""Make demonstration footage by ffmpeg: a colour, a moving box, a burnt-in clock, and noise that sounds like speech."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from services.demo.glyphs import HEIGHT, WIDTH, strip
from services.errors import ToolFailed
from services.media.programs import ffmpeg_path, file_name
from services.media.sandbox import Limits, run_program

Coding = Literal["usual", "fast-start", "hevc-g711", "uneven"]
"""`usual` is H.264 and AAC in MP4 with its index last, as cameras write; `uneven` has no steady frame rate."""

PICTURE: Final = (320, 180)
RATE: Final = 5
SOUND_RATE: Final = 16_000

_LIMITS: Final = Limits(wall_s=120, cpu_s=60, memory_bytes=4 << 30, file_bytes=16 << 20)
_COLOURS: Final = ("0x24405c", "0x3c5030", "0x5c4430", "0x403c58", "0x2c5454", "0x583444")


@dataclass(frozen=True, slots=True)
class Scene:
    """What one file shows: `clock` is what the camera believed at its first frame; `seed` its colour and voices."""

    clock: datetime
    seconds: int
    seed: int
    coding: Coding = "usual"


def make(scene: Scene, folder: Path) -> Path:
    """
    Make a file in an empty `folder` and give its path. The same scene gives the same bytes by the same ffmpeg.

    Raises:
        ToolFailed, DeadlinePassed: ffmpeg did not make it.
    """
    clock, made = folder / "clock.gray", folder / f"made.{ending(scene.coding)}"
    clock.write_bytes(b"".join(strip(_shown(scene, second)) for second in range(scene.seconds + 1)))
    outcome = run_program(_command(scene, clock, made), limits=_LIMITS, readable=[clock], writable=folder)
    clock.unlink()
    if outcome.status != 0 or not made.is_file():
        raise ToolFailed(f"ffmpeg made no demonstration footage: status {outcome.status}: {outcome.last_words}")
    return made


def ending(coding: Coding) -> str:
    """Give the ending of a file of this coding."""
    return "mov" if coding == "hevc-g711" else "mp4"


def _shown(scene: Scene, second: int) -> str:
    return f"{scene.clock + timedelta(seconds=second):%Y-%m-%d %H:%M:%S}"


def _command(scene: Scene, clock: Path, made: Path) -> list[str]:
    dice = random.Random(scene.seed)  # noqa: S311  (a picture's colour is no secret)
    width, height = PICTURE
    length, speed = str(scene.seconds), (dice.randrange(19, 41), dice.randrange(11, 29))
    ground = f"color=c={dice.choice(_COLOURS)}:s={width}x{height}:r={RATE}:d={length}"
    box = f"color=c=white:s=28x28:r={RATE}:d={length}"
    moving = f"overlay=x='mod(t*{speed[0]},{width - 28})':y='mod(t*{speed[1]},{height - HEIGHT - 28})'"
    uneven = ",select='not(eq(mod(n,7),3)+eq(mod(n,7),4))'" if scene.coding == "uneven" else ""
    # pink noise through a mouth-sized band, opened and closed four times a second
    voices = f"anoisesrc=c=pink:r={SOUND_RATE}:a=0.6:seed={dice.randrange(1 << 30)}:d={length}"
    speech = f"bandpass=f={dice.randrange(500, 900)}:width_type=h:w=800,tremolo=f={dice.uniform(3, 5):.2f}:d=0.9"
    pictures = f"[0:v][1:v]{moving}[moved];[moved][2:v]overlay=x=4:y=H-h-4{uneven},format=yuv420p[v]"
    return [
        str(ffmpeg_path()), "-hide_banner", "-nostdin", "-v", "error", "-y", "-filter_threads", "1",
        *("-f", "lavfi", "-i", ground, "-f", "lavfi", "-i", box),
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", "1", "-i", file_name(clock)),
        *("-f", "lavfi", "-i", voices, "-filter_complex", f"{pictures};[3:a]{speech}[a]", "-map", "[v]", "-map", "[a]"),
        *_coders(scene.coding),
        *("-t", length, "-metadata", f"creation_time={scene.clock.isoformat()}", "-threads", "1"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", file_name(made)),
    ]  # fmt: skip


def _coders(coding: Coding) -> list[str]:
    if coding == "hevc-g711":
        picture = ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "34", "-tag:v", "hvc1"]
        return [*picture, "-x265-params", "log-level=none:pools=1:frame-threads=1", "-c:a", "pcm_mulaw", "-ar", "8000"]
    picture = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-g", str(2 * RATE)]
    if coding == "uneven":
        picture += ["-fps_mode", "vfr"]
    if coding == "fast-start":
        picture += ["-movflags", "+faststart"]
    return [*picture, "-c:a", "aac", "-b:a", "24k", "-ac", "1"]
