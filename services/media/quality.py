"""
Say what is wrong with the pictures and the sound of a recording, from what its render wrote beside the review copy.

Small grey pictures are measured by OpenCV, plain samples by numpy: here, not in a child process, since both are plain
numbers that our own run of ffmpeg wrote, with no decoder left to deceive, and a child's imports cost 3 % of rendering a
minute. What was measured is kept with the findings, so that other thresholds can be tried without decoding anything
again.
"""

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from services.errors import HuisuError, Invalid
from services.media import sharpness, soundlevels
from services.media.facts import Flag

log = logging.getLogger(__name__)

PICTURE_DETECTOR = "picture-edges"
MEASURED = "brightness_fine_coarse_change"
MOST_PICTURES = 1800
"""Grey pictures of one recording: one a second up to half an hour, then as far apart as they must be."""

BLOCK_ROWS = soundlevels.WINDOW * 4096
_Y4M, _FRAME = b"YUV4MPEG2 ", b"FRAME"
_MOST_HEAD = 256


Placed = tuple[Fraction, Fraction, sharpness.Seen]
"""From when to when one picture stands for what is shown, and what was measured of it."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Hold the findings of one analysis, and the measures that they are from (JSON values)."""

    flags: tuple[Flag, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    seen: tuple[Placed, ...] = ()

    @property
    def changes(self) -> tuple[tuple[Fraction, Fraction, float], ...]:
        """Say how much each picture differs from the one before: from when to when, and by how many levels."""
        return tuple((one[0], other[0], other[2].change) for one, other in itertools.pairwise(self.seen))


def picture_interval(duration: Fraction) -> Fraction:
    """Give the whole seconds between two grey pictures."""
    return max(Fraction(1), Fraction(-(-duration // MOST_PICTURES)))


def measure(pictures: Path | None, sounds: Mapping[int, Path], duration: Fraction) -> Quality:
    """
    Judge grey pictures (a y4m file, `picture_interval` apart) and the samples of each stream, by its number.

    What cannot be judged costs the findings, never the render: nothing is found then, and the log says why.
    """
    import cv2  # noqa: PLC0415  only who renders pays for it

    try:
        return _measured(pictures, sounds, duration)
    except (HuisuError, OSError, ValueError, MemoryError, cv2.error) as error:
        log.warning("picture and sound were not judged", extra={"error": str(error)[:500]})
        return Quality()


def _measured(pictures: Path | None, sounds: Mapping[int, Path], duration: Fraction) -> Quality:
    flags: list[Flag] = []
    measures: dict[str, Any] = {}
    seen: tuple[Placed, ...] = ()
    if pictures is not None:
        seen = tuple(_placed(sharpness.see(grey_pictures(pictures)), duration))
        flags += sharpness.judge(seen, detector=PICTURE_DETECTOR, version=picture_version())
        measures["pictures"] = {
            "interval": str(picture_interval(duration)),
            MEASURED: [one.to_json() for _, _, one in seen],
        }
    for stream, path in sounds.items():
        found, told = _heard(path, stream, duration)
        flags += found
        measures.setdefault("sound", {})[str(stream)] = told
    return Quality(tuple(flags), measures, seen)


def picture_version() -> str:
    """Name the rules and the library."""
    import cv2  # noqa: PLC0415

    return f"{sharpness.VERSION}/opencv-{cv2.__version__}"


def _placed(seen: Iterable[sharpness.Seen], duration: Fraction) -> Iterator[Placed]:
    """Say from when to when each picture stands for what is shown."""
    interval = picture_interval(duration)
    for number, one in enumerate(seen):
        if number * interval >= duration:
            return
        yield number * interval, min((number + 1) * interval, duration), one


def grey_pictures(path: Path) -> Iterator[sharpness.Gray]:
    """
    Read the grey pictures of a y4m file one by one.

    Raises:
        Invalid: it is none of ours.

    Source: yuv4mpeg(5); libavformat/yuv4mpegenc.c.
    """
    import numpy as np  # noqa: PLC0415

    with path.open("rb") as file:
        head = file.readline(_MOST_HEAD)
        if not head:
            return  # nothing was decoded
        tags = {word[:1]: word[1:] for word in head.split()[1:]}
        if not head.startswith(_Y4M) or not tags.get(b"C", b"").startswith(b"mono") or b"W" not in tags:
            raise Invalid(f"these are no grey pictures: {head[:80]!r}")
        width, height = int(tags[b"W"]), int(tags[b"H"])
        while file.readline(_MOST_HEAD).startswith(_FRAME):
            content = file.read(width * height)
            if len(content) < width * height:
                return
            yield np.frombuffer(content, np.uint8).reshape(height, width)


def _heard(path: Path, stream: int, duration: Fraction) -> tuple[list[Flag], dict[str, Any]]:
    import numpy as np  # noqa: PLC0415

    from services.media.pcm import open_pcm  # noqa: PLC0415

    with open_pcm(path) as sound:
        levels = soundlevels.Levels(sound.channels, sound.rate)
        for block in sound.blocks(BLOCK_ROWS):
            levels.add(block)
        levels.finish()
    flags = soundlevels.judge(levels, stream, duration, version=f"{soundlevels.VERSION}/numpy-{np.__version__}")
    told = {
        "channels": levels.channels,
        "heard": [round(int(loud) / max(levels.windows, 1), 4) for loud in levels.loud],
        "correlation": [
            [round(levels.correlation(one, other), 4) for other in range(levels.channels)]
            for one in range(levels.channels)
        ],
    }
    return flags, told
