"""Write one HLS playlist over several recordings: a chapter for each, and true gaps between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from services.errors import Invalid
from services.media.hls import ByteRange, Listed, checked, date_time

GAP_S: Final = Fraction(10)
"""A gap is cut into pieces of at most this length: every player plans by the longest segment."""

MOST_GAP_PIECES: Final = 2000
"""Pieces of one gap; a gap of more than five hours and a half has longer ones."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One recording's segments in order, its init segment, and when the first of them was filmed."""

    init: str
    segments: tuple[Listed, ...]
    filmed_at: datetime
    init_bytes: ByteRange | None = None


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of `duration` seconds in which there is nothing to play."""

    duration: Fraction
    filmed_at: datetime


def playlist_of(parts: Sequence[Chapter | Hole]) -> str:
    """
    Write the playlist of a session's channel; every part begins anew (`EXT-X-DISCONTINUITY`).

    Gaps are segments that no player asks for (`EXT-X-GAP`), so that positions stay true.

    Raises:
        Invalid: there is nothing in it, or an address cannot stand in a playlist.

    Source: RFC 8216 section 4; EXT-X-GAP: draft-pantos-hls-rfc8216bis section 4.4.4.7, which asks for version 8.
    """
    durations = [duration for part in parts for duration in _durations(part)]
    if not durations:
        raise Invalid("a playlist needs at least one segment")
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:8",
        f"#EXT-X-TARGETDURATION:{max(-(-duration // 1) for duration in durations)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for number, part in enumerate(parts):
        lines += ["#EXT-X-DISCONTINUITY"] if number else []
        lines += _chapter(part) if isinstance(part, Chapter) else _hole(part)
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _durations(part: Chapter | Hole) -> Iterable[Fraction]:
    return (one.duration for one in part.segments) if isinstance(part, Chapter) else _pieces(part.duration)


def _chapter(chapter: Chapter) -> Iterator[str]:
    extent = "" if chapter.init_bytes is None else f',BYTERANGE="{chapter.init_bytes}"'
    yield f'#EXT-X-MAP:URI="{checked(chapter.init)}"{extent}'
    yield date_time(chapter.filmed_at)
    for part in chapter.segments:
        yield f"#EXTINF:{float(part.duration):.6f},"
        if part.bytes is not None:
            yield f"#EXT-X-BYTERANGE:{part.bytes}"
        yield checked(part.uri)


def _hole(hole: Hole) -> Iterator[str]:
    yield date_time(hole.filmed_at)
    for duration in _pieces(hole.duration):
        yield "#EXT-X-GAP"
        yield f"#EXTINF:{float(duration):.6f},"
        yield "gap.m4s"


def _pieces(duration: Fraction) -> list[Fraction]:
    count = min(max(-(-duration // GAP_S), 1), MOST_GAP_PIECES) if duration > 0 else 0
    return [duration / count] * int(count)


def trimmed(segments: Sequence[Listed], start: Fraction) -> tuple[tuple[Listed, ...], Fraction]:
    """
    Leave out the segments that end at or before `start`; gives the others, and at which second they begin.

    The one that holds `start` stays whole: a little is shown twice rather than anything hidden.
    """
    at = Fraction(0)
    for number, segment in enumerate(segments):
        if at + segment.duration > start:
            return tuple(segments[number:]), at
        at += segment.duration
    return (), at


def moment(of: datetime, seconds: Fraction) -> datetime:
    """Give the moment so many seconds later, rounded down to the microsecond."""
    return of + int(seconds * 1_000_000) * timedelta(microseconds=1)
