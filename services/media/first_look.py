"""Decode the pictures of a first look and judge them: the part of `look_over` that runs in a child process."""

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.errors import HuisuError, Unplayable
from services.media import look_over, sharpness
from services.media.blackfreeze import BLACK_PIXEL, BLACK_SHARE, MOST_CODING_CHANGE, MOST_STILL_CHANGE
from services.media.facts import Flag
from services.media.gopdecode import Coded, decoded, decoder
from services.media.storyboard import Storyboard

MOST_SAMPLE_BYTES = 64 << 20
POSTER_LINES, POSTER_QUALITY, SHEET_QUALITY = 480, 80, 75
EVERY_S = Fraction(1, 2)
"""Pictures of a suspicious stretch that are judged lie half a second apart."""

Picture = npt.NDArray[np.uint8]


@dataclass(slots=True)
class _Tape:
    """Read coded pictures of a file and decode them."""

    number: int
    codec: str
    config: bytes
    shape: Fraction | None
    rotation: int

    def coded(self, offset: int, size: int, time: int) -> Coded:
        if not 0 < size <= MOST_SAMPLE_BYTES or offset < 0:
            raise Unplayable(f"a coded picture of {size} bytes at {offset} is none")
        return Coded(os.pread(self.number, size, offset), time)

    def frames(self, run: Sequence[Coded]) -> Iterator[Any]:
        """Decode a run that begins with a key frame."""
        yield from decoded(decoder(self.codec, self.config), run)

    def alone(self, offset: int, size: int) -> Any:
        """Decode one key frame; None if it gives nothing."""
        return next(self.frames([self.coded(offset, size, 0)]), None)

    def grey(self, frame: Any) -> sharpness.Gray:
        factor = min(Fraction(1), Fraction(sharpness.LINES, min(frame.width, frame.height)))
        width, height = (max(16, int(side * factor) // 2 * 2) for side in (frame.width, frame.height))
        grey: sharpness.Gray = frame.reformat(width=width, height=height, format="gray").to_ndarray()
        return grey

    def upright(self, frame: Any, width: int, height: int) -> Picture:
        """Give a frame in its true shape, turned as it is shown, at most `width` by `height`."""
        across = Fraction(frame.width) * min(max(self.shape or Fraction(1), Fraction(1, 4)), Fraction(4))
        sides = (across, Fraction(frame.height))
        if self.rotation in {90, 270}:
            width, height = height, width
        factor = min(width / sides[0], height / sides[1], Fraction(1))
        wide, high = (max(2, int(side * factor) // 2 * 2) for side in sides)
        picture: Picture = frame.reformat(width=wide, height=high, format="bgr24").to_ndarray()
        turn = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
        return picture if self.rotation not in turn else np.asarray(cv2.rotate(picture, turn[self.rotation]), np.uint8)


def look_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `look_over.look_over` inside the child."""
    cv2.setNumThreads(1)
    version = f"{look_over.VERSION}/opencv-{cv2.__version__}"
    duration, board = Fraction(request["duration"]), Storyboard.from_json(request["board"])
    with Path(request["path"]).open("rb") as file:
        tape = _Tape(
            file.fileno(),
            request["codec"],
            base64.b64decode(request["config"]),
            Fraction(request["shape"]) if request["shape"] else None,
            request["rotation"],
        )
        sheet, poster, seen = _keys(tape, request["keys"], board, Fraction(request["poster_at"]))
        times = look_over.spread([time for time, _ in seen], duration)
        looked = [(start, end, one) for (start, end), (_, one) in zip(times, seen, strict=True)]
        flags = sharpness.judge(looked, detector=look_over.DETECTOR, version=version)
        for suspect in request["suspects"]:
            flags += _judged(tape, suspect, version)
    return {
        "sheet": base64.b64encode(_jpeg(sheet, SHEET_QUALITY)).decode(),
        "poster": base64.b64encode(_jpeg(poster, POSTER_QUALITY)).decode(),
        "flags": [flag.to_json() for flag in flags],
        "tool": f"opencv {cv2.__version__}",
    }


def _keys(
    tape: _Tape, keys: Sequence[Sequence[Any]], board: Storyboard, poster_at: Fraction
) -> tuple[Picture, Picture, list[tuple[Fraction, sharpness.Seen]]]:
    """Decode the key frames once each: tiles, the poster, measures."""
    sheet = np.zeros((board.rows * board.tile_height, board.columns * board.tile_width, 3), np.uint8)
    poster: Picture | None = None
    times, greys, tile = [], [], 0
    for number, (offset, size, at) in enumerate(keys):
        frame = tape.alone(offset, size)
        if frame is None:
            continue
        time = max(Fraction(at), Fraction(0))
        following = Fraction(keys[number + 1][2]) if number + 1 < len(keys) else board.duration
        small = tape.upright(frame, board.tile_width, board.tile_height)
        while tile < board.tiles and tile * board.interval < following:
            _lay(sheet, small, board, tile)
            tile += 1
        if poster is None or time <= poster_at:
            poster = tape.upright(frame, 4 * POSTER_LINES, POSTER_LINES)
        times.append(time)
        greys.append(tape.grey(frame))
    if poster is None:
        raise Unplayable(f"none of {len(keys)} key frames decodes")
    return sheet, poster, list(zip(times, sharpness.see(greys), strict=True))


def _lay(sheet: Picture, small: Picture, board: Storyboard, tile: int) -> None:
    row, column = divmod(tile, board.columns)
    high, wide = small.shape[:2]
    top = row * board.tile_height + (board.tile_height - high) // 2
    left = column * board.tile_width + (board.tile_width - wide) // 2
    sheet[top : top + high, left : left + wide] = small


def _judged(tape: _Tape, suspect: Mapping[str, Any], version: str) -> list[Flag]:
    """Look into a stretch of small frames: is it black, does nothing in it change? Else there is just little to see."""
    start, end = Fraction(suspect["start"]), Fraction(suspect["end"])
    try:
        greys = list(_half_seconds(tape, suspect["run"], start, end))
        if suspect["last"]:
            frame = tape.alone(*suspect["last"][:2])
            greys += [] if frame is None else [tape.grey(frame)]
    except HuisuError:
        return []  # what does not decode is the render's to say
    if len(greys) < 2:
        return []
    dark = [float((grey <= BLACK_PIXEL * 255).mean()) >= BLACK_SHARE for grey in greys]
    seen = list(sharpness.see(greys))
    changes = [one.change for one in seen[1:]]
    detail = f"{float(end - start):.3f} s of small frames, {len(greys)} of them decoded"
    if all(dark):
        return [Flag("black", start, end, detail, look_over.DETECTOR, version, 0.8)]
    if max(changes) <= MOST_CODING_CHANGE and min(changes) <= MOST_STILL_CHANGE:
        return [Flag("frozen", start, end, detail, look_over.DETECTOR, version, 0.5)]
    return []


def _half_seconds(
    tape: _Tape, run: Sequence[Sequence[Any]], start: Fraction, end: Fraction
) -> Iterator[sharpness.Gray]:
    """Decode a run, and give a grey picture of the stretch each half second."""
    times = [Fraction(at) for _, _, at in run]
    coded = [tape.coded(offset, size, number) for number, (offset, size, _) in enumerate(run)]
    due = start + EVERY_S / 2  # sizes draw edges a picture or two beside the true ones
    for frame in tape.frames(coded):
        time = times[frame.pts]
        if start <= time < end and time >= due:
            due = time + EVERY_S
            yield tape.grey(frame)


def _jpeg(picture: Picture, quality: int) -> bytes:
    done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise Unplayable("a picture could not be written as JPEG")
    return bytes(coded)
