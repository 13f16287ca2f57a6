"""Draw the burnt-in clock and the watermark of demonstration footage, without asking the system for fonts."""

from typing import Final

SCALE: Final = 2
WIDTH: Final = 280
HEIGHT: Final = 20
"""Pixels of the strip that stands in the lower left corner of each picture."""

_LETTERS: Final[dict[str, str]] = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "01110 10001 00001 00110 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "01110 10000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00001 01110",
    "-": "00000 00000 00000 11111 00000 00000 00000",
    ":": "00000 00100 00100 00000 00100 00100 00000",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}

_WATERMARK: Final = (
    "....#......##.....................",
    "....###....##.....................",
    ".......##########...############..",
    ".......#........#.................",
    "........########..................",
    "...##......##.....................",
    "....##.....##......##############.",
    "........########.........##.......",
    "........#..##..#.........##.......",
    ".....#..########.....##..##..##...",
    ".....#..#..##..#.....#...##...#...",
    ".....#..#..##..#....##...##...##..",
    "....##..########...##....##....#..",
    "....#....##..##....#.....##....##.",
    "...##..###.....##......####.......",
    ".......#........#......###........",
)
"""演示, "demonstration": on every picture, so that nobody takes it for footage of something that happened."""


def strip(text: str) -> bytes:
    """Draw the watermark and a line of digits, `-`, `:` and spaces: one grey picture of WIDTH × HEIGHT bytes."""
    picture = [bytearray(b"\x10" * WIDTH) for _ in range(HEIGHT)]
    for y, row in enumerate(_WATERMARK):
        for x, dot in enumerate(row):
            if dot == "#":
                picture[y + 2][x + 2] = 0xB0
    for number, letter in enumerate(text):
        _draw(picture, letter, len(_WATERMARK[0]) + 8 + number * 6 * SCALE)
    return b"".join(bytes(row) for row in picture)


def _draw(picture: list[bytearray], letter: str, left: int) -> None:
    for y, row in enumerate(_LETTERS[letter].split()):
        for x, dot in enumerate(row):
            at = left + x * SCALE
            if dot == "1" and at + SCALE <= WIDTH:
                for line in picture[3 + y * SCALE : 3 + (y + 1) * SCALE]:
                    line[at : at + SCALE] = b"\xeb" * SCALE
