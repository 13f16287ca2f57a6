"""Spoil good footage as power cuts, bad cards and mistaken people do."""

from pathlib import Path
from typing import Final, Literal

from services.errors import NotFound

Spoiling = Literal["none", "no-index", "truncated", "text"]

_KEPT_SHARE: Final = 0.6
_TEXT: Final = "这是一份值班记录，不是录像。\nA duty note that somebody saved under the name of a recording.\n" * 80


def spoil(path: Path, how: Spoiling) -> None:
    """
    Spoil a good MP4 that nobody has seen yet.

    `no-index` loses everything from the `moov` box on, as a camera whose battery died before it wrote
    it; `truncated` loses the last two fifths of a file whose index comes first; `text` was never footage.
    """
    if how == "none":
        return
    content = path.read_bytes()
    if how == "no-index":
        content = content[: _index_of_movie(content, path)]
    elif how == "truncated":
        content = content[: int(len(content) * _KEPT_SHARE)]
    else:
        content = _TEXT.encode()
    path.write_bytes(content)


def _index_of_movie(content: bytes, path: Path) -> int:
    """Walk the top boxes to `moov`. Source: ISO/IEC 14496-12 section 4.2; our own footage has no 64-bit boxes."""
    at = 0
    while at + 8 <= len(content):
        if content[at + 4 : at + 8] == b"moov":
            return at
        at += max(int.from_bytes(content[at : at + 4], "big"), 8)
    raise NotFound(f"{path.name} has no moov box to lose")
