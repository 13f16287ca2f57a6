"""Write HLS playlists over one fragmented MP4: every segment is a byte range of the same file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from services.errors import Invalid
from services.media.fragments import Fragment

SEGMENT_S = Fraction(4)
"""A segment is closed once it is so long: few requests, and a seek reads little."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Name bytes of a file: `length` of them from `offset` on."""

    offset: int
    length: int

    def __str__(self) -> str:
        """Print it as playlists do. Source: RFC 8216 section 4.3.2.2."""
        return f"{self.length}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Segment:
    """Say which bytes play from `start` for `duration` seconds; decoding can begin with them."""

    bytes: ByteRange
    start: Fraction
    duration: Fraction


def segments(fragments: Sequence[Fragment]) -> list[Segment]:
    """
    Join fragments to segments of about four seconds, each beginning with a key frame.

    Fragments that cannot begin decoding stay with the one before. The times are those of presentation: a
    segment lasts until the next one begins, however long its last frame claims to be.
    """
    groups = list(_groups(fragments))
    starts = [group[0].start for group in groups[1:]]
    ends = [*starts, *(group[-1].start + group[-1].duration for group in groups[-1:])]
    return [
        Segment(
            ByteRange(group[0].offset, group[-1].offset + group[-1].length - group[0].offset),
            group[0].start,
            end - group[0].start,
        )
        for group, end in zip(groups, ends, strict=True)
    ]


def _groups(fragments: Iterable[Fragment]) -> Iterator[list[Fragment]]:
    group: list[Fragment] = []
    for fragment in fragments:
        if group and fragment.sync and fragment.start - group[0].start >= SEGMENT_S:
            yield group
            group = []
        group.append(fragment)
    if group:
        yield group


def playlist(
    init: ByteRange, fragments: Sequence[Fragment], uri: str, *, program_date_time: datetime | None = None
) -> str:
    """
    Write the VOD playlist of one media file; `uri` may carry a query (`media.mp4?viewing=…`).

    `program_date_time` is the wall-clock time of the first frame, aware.

    Raises:
        Invalid: there is no fragment, or `uri` cannot stand in a playlist.

    Source: RFC 8216 section 4; fragmented MP4 with byte ranges needs version 6, EXT-X-MAP in VOD 7 in some players.
    """
    if not fragments:
        raise Invalid("a playlist needs at least one fragment")
    if any(character in uri for character in '"\r\n') or uri.startswith("#") or not uri:
        raise Invalid(f"this cannot stand in a playlist as an address: {uri!r}")
    parts = segments(fragments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(-(-part.duration // 1) for part in parts)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{init}"',
    ]
    if program_date_time is not None:
        moment = program_date_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{moment}")
    for part in parts:
        lines += [f"#EXTINF:{float(part.duration):.6f},", f"#EXT-X-BYTERANGE:{part.bytes}", uri]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])
