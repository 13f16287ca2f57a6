"""Lay out the small pictures of a recording on one sheet, and tell a player which is where."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from services.media.timecode import print_clock

TILE_WIDTH, TILE_HEIGHT = 160, 90
"""Every tile has this size; a picture of another shape stands in the middle of it."""
COLUMNS = 10
MOST_TILES = 150


@dataclass(frozen=True, slots=True)
class Storyboard:
    """
    Say where the tiles of a sheet are: row by row, tile n shows the frame at n × `interval` seconds.

    Sizes in pixels. `duration` is when the last tile ends.
    """

    interval: Fraction
    tiles: int
    duration: Fraction
    tile_width: int = TILE_WIDTH
    tile_height: int = TILE_HEIGHT
    columns: int = COLUMNS

    @property
    def rows(self) -> int:
        """Give the number of rows; the last may be partly black."""
        return -(-self.tiles // self.columns)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values; fractions are `numerator/denominator`."""
        return {
            "interval": str(self.interval),
            "tiles": self.tiles,
            "duration": str(self.duration),
            "tile_width": self.tile_width,
            "tile_height": self.tile_height,
            "columns": self.columns,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Storyboard":
        """Read what `to_json` gave."""
        return cls(**{**value, "interval": Fraction(value["interval"]), "duration": Fraction(value["duration"])})


def plan_storyboard(duration: Fraction) -> Storyboard:
    """Choose the interval: one second, or whole seconds so that there are at most 150 tiles."""
    interval = max(Fraction(1), Fraction(-(-duration // MOST_TILES)))
    return Storyboard(interval, max(1, int(-(-duration // interval))), duration)


def thumbnails_vtt(storyboard: Storyboard, url_of_sheet: str) -> str:
    """
    Write the WebVTT that maps each stretch of time to its tile on the sheet.

    Source: Media Fragments URI 1.0 section 4.2.2 (`#xywh=`), WebVTT section 1.
    """
    lines = ["WEBVTT", ""]
    for n in range(storyboard.tiles):
        start, end = n * storyboard.interval, min((n + 1) * storyboard.interval, storyboard.duration)
        if print_clock(start) == print_clock(end):
            continue  # a tail shorter than WebVTT can say
        row, column = divmod(n, storyboard.columns)
        place = f"{column * storyboard.tile_width},{row * storyboard.tile_height}"
        size = f"{storyboard.tile_width},{storyboard.tile_height}"
        lines += [f"{print_clock(start)} --> {print_clock(end)}", f"{url_of_sheet}#xywh={place},{size}", ""]
    return "\n".join(lines)
