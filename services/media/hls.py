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
    parts = segments(fragments)
    listed = [Listed(part.duration, uri, part.bytes) for part in parts]
    return written(uri, listed, init_bytes=init, program_date_time=program_date_time)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a playlist: how long it plays, its address, and which bytes there if not all."""

    duration: Fraction
    uri: str
    bytes: ByteRange | None = None


def written(
    init: str,
    parts: Sequence[Listed],
    *,
    init_bytes: ByteRange | None = None,
    program_date_time: datetime | None = None,
) -> str:
    """
    Write a VOD playlist of fragmented MP4: the address of its init segment, then its segments in order.

    `init_bytes` is where that lies at its address, if it is not all.

    Raises:
        Invalid: there is no segment, or an address cannot stand in a playlist.
    """
    if not parts:
        raise Invalid("a playlist needs at least one segment")
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(-(-part.duration // 1) for part in parts)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{checked(init)}"' + ("" if init_bytes is None else f',BYTERANGE="{init_bytes}"'),
    ]
    if program_date_time is not None:
        lines.append(date_time(program_date_time))
    for part in parts:
        lines.append(f"#EXTINF:{float(part.duration):.6f},")
        if part.bytes is not None:
            lines.append(f"#EXT-X-BYTERANGE:{part.bytes}")
        lines.append(checked(part.uri))
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def date_time(moment: datetime) -> str:
    """Say at which moment of the world the next segment begins; `moment` is aware. Source: RFC 8216 section 4.3.2.6."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"#EXT-X-PROGRAM-DATE-TIME:{text}"


def checked(uri: str) -> str:
    """Give an address back. Raises `Invalid` where it would break the playlist that it stands in."""
    if any(character in uri for character in '"\r\n') or uri.startswith("#") or not uri:
        raise Invalid(f"this cannot stand in a playlist as an address: {uri!r}")
    return uri
