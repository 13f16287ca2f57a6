"""
Plant faults into footage, at a known place: what a camera does when it fails, and what people do to it.

Each fault is a filter over a stretch of seconds; what it makes is encoded anew at a quality, as a camera would.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from services.media.facts import Flag

STRETCH = (2.0, 6.0)
NOISE_SEEDS = (1, 2)


@dataclass(frozen=True)
class Fault:
    """
    Name a fault and the kind of flag that should be raised for it.

    `picture` is a filter of pictures, with `{on}` for the stretch and `{h}` for the height; `sound` makes `[a]` of
    the two channels `[l]` and `[r]`, independent noise unless the source's own sound is used.
    """

    name: str
    kind: str
    picture: str = "null"
    sound: str = "[l][r]join=inputs=2:channel_layout=stereo[a]"


_MUTE = "volume=0:enable='between(t,{a},{b})'"
FAULTS = (
    Fault("black", "black", "drawbox=c=black:t=fill:enable='{on}'"),
    Fault(
        "black with sensor noise", "black", "lutyuv=y=18:u=128:v=128:enable='{on}',noise=alls=6:allf=t:enable='{on}'"
    ),
    Fault(
        "lens covered, dark",
        "covered",
        "gblur=sigma={h}*0.06:enable='{on}',lutyuv=y='16+(val-16)*0.25':u='128+(val-128)*.4+6':"
        "v='128+(val-128)*.4+20':enable='{on}',noise=alls=6:allf=t:enable='{on}'",
    ),
    Fault(
        "lens covered, lit hand",
        "covered",
        "gblur=sigma={h}*0.08:enable='{on}',lutyuv=y='90+(val-16)*0.15':u=115:v=150:enable='{on}',"
        "noise=alls=6:allf=t:enable='{on}'",
    ),
    Fault("frozen", "frozen", "select='not({on})',fps={rate}"),
    Fault("out of focus, 1 % of the height", "out-of-focus", "gblur=sigma={h}*0.01:enable='{on}'"),
    Fault("out of focus, 2 %", "out-of-focus", "gblur=sigma={h}*0.02:enable='{on}'"),
    Fault("slightly soft, 0.5 %", "out-of-focus", "gblur=sigma={h}*0.005:enable='{on}'"),
    Fault("gap in the time stamps", "gap", "select='not({on})'"),
)
SOUND_FAULTS = (
    Fault("one of two channels silent", "silence", sound=f"[l]{_MUTE}[m];[m][r]join=inputs=2:channel_layout=stereo[a]"),
    Fault(
        "both channels silent",
        "silence",
        sound=f"[l]{_MUTE}[m];[r]{_MUTE}[n];[m][n]join=inputs=2:channel_layout=stereo[a]",
    ),
    Fault("dead channel", "dead-channel", sound="[l]volume=0[m];[m][r]join=inputs=2:channel_layout=stereo[a]"),
    Fault(
        "identical channels",
        "identical-channels",
        sound="[r]anullsink;[l]asplit=2[m][n];[m][n]join=inputs=2:channel_layout=stereo[a]",
    ),
)
NIGHT = "lutyuv=y='16+(val-16)*0.2',noise=alls=6:allf=t"
"""Footage as a night makes it: a fifth of the light, and the sensor's noise."""


@dataclass(frozen=True)
class Scene:
    """Name a file to plant into, with what a filter must know of it."""

    path: Path
    height: int
    rate: str
    seconds: float = 8.0


def plant(
    scene: Scene,
    fault: Fault | None,
    target: Path,
    *,
    crf: int = 23,
    gop: int = 30,
    also: str = "null",
    stretch: tuple[float, float] = STRETCH,
    audio: Sequence[str] = ("-c:a", "aac", "-b:a", "96k"),
) -> Path:
    """Encode a scene anew with a fault in `stretch` (None: as it is), with two channels of independent noise."""
    fault = fault or Fault("none", "")
    start, end = stretch
    on = f"between(t,{start},{end})*lt(t,{end})"
    picture = fault.picture.format(on=on, h=scene.height, rate=scene.rate)
    sound = fault.sound.format(a=start, b=end)
    noise = ";".join(
        f"anoisesrc=c=pink:r=48000:a=0.05:seed={seed}:d={scene.seconds}[{name}]"
        for seed, name in zip(NOISE_SEEDS, "lr", strict=True)
    )
    # some cameras use all 256 levels: the numbers of the filters are those of 16 to 235
    graph = f"[0:v]scale=out_range=tv,format=yuv420p,{also},{picture},format=yuv420p[v];{noise};{sound}"
    _run(
        "-t", str(scene.seconds), "-i", f"file:{scene.path}", "-filter_complex", graph, "-map", "[v]", "-map", "[a]",
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-g", str(gop), "-threads", "1"),
        *("-fps_mode", "passthrough", *audio, "-y", f"file:{target}"),
    )  # fmt: skip
    return target


def found(flags: Sequence[Flag], kind: str, stretch: tuple[float, float], within: float = 1.0) -> Flag | None:
    """Give the flag of a kind that lies where the fault was planted, edges at most `within` seconds off."""
    for flag in flags:
        if flag.kind != kind:
            continue
        if flag.start is None or flag.end is None:
            return flag
        if abs(float(flag.start) - stretch[0]) <= within and abs(float(flag.end) - stretch[1]) <= within:
            return flag
    return None


def is_hit(flags: Sequence[Flag], kind: str, stretch: tuple[float, float]) -> bool:
    """Say whether a fault is told of: three quarters of it are flagged. A still scene may be frozen before, too."""
    low, high = stretch
    flagged = 0.0
    for flag in flags:
        if flag.kind == kind and (flag.start is None or flag.end is None):
            return True
        if flag.kind == kind and flag.start is not None and flag.end is not None:
            flagged += max(0.0, min(high, float(flag.end)) - max(low, float(flag.start)))
    return flagged >= 0.75 * (high - low)


def outside(flags: Sequence[Flag], stretch: tuple[float, float], within: float = 1.0) -> list[Flag]:
    """Give the flags that reach out of where the fault was planted: false alarms."""
    low, high = Fraction(str(stretch[0] - within)), Fraction(str(stretch[1] + within))
    return [flag for flag in flags if flag.start is None or flag.end is None or flag.start < low or flag.end > high]


def _run(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
