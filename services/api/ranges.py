"""
Read `Range` and `If-Range`, and lay out the answer: the whole, one part or several. Pure.

Source: RFC 9110 sections 13.1.5 and 14.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.errors import RangeOutside

MOST_RANGES: Final = 64
"""Ranges of one request; more than any player asks for, fewer than make an answer of headers."""

HEADER_CHARACTERS: Final = 4096

_ONE = re.compile(r"([0-9]{1,18})?[ \t]*-[ \t]*([0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Count them."""
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """Print it as `Content-Range`, which counts inclusively."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a `multipart/byteranges` body: its head, and the bytes that follow it."""

    head: bytes
    span: Span


def read_ranges(header: str | None, size: int) -> tuple[Span, ...] | None:
    """
    Give the parts of `size` bytes that are asked for; None: the whole, because no valid range is named.

    Overlapping and touching ranges are joined, so that no byte is sent twice.

    Raises:
        RangeOutside: no range has a byte inside, or there are too many of them.
    """
    if header is None:
        return None
    unit, _, wanted = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    parts = wanted.split(",")
    if len(header) > HEADER_CHARACTERS or len(parts) > MOST_RANGES:
        raise RangeOutside(f"a request has at most {MOST_RANGES} ranges, this one {len(parts)}")
    spans = []
    for part in parts:
        if not part.strip():
            continue
        found = _ONE.fullmatch(part.strip())
        if found is None or (found[1] is None and found[2] is None):
            return None
        if found[1] is not None and found[2] is not None and int(found[2]) < int(found[1]):
            return None
        span = _span(found[1], found[2], size)
        if span is not None:
            spans.append(span)
    if not spans:
        raise RangeOutside(f"no byte of {wanted.strip()[:80]!r} lies inside {size:,} bytes")
    return _joined(spans)


def _span(first: str | None, last: str | None, size: int) -> Span | None:
    if first is None:
        wanted = min(int(last or 0), size)
        return Span(size - wanted, size) if wanted else None
    start = int(first)
    end = size if last is None else min(int(last) + 1, size)
    return Span(start, end) if start < end else None


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    ordered = sorted(spans, key=lambda span: span.start)
    apart = all(before.end < after.start for before, after in itertools.pairwise(ordered))
    if apart:
        return tuple(spans)  # the order that was asked for, as long as none is given twice
    joined = [ordered[0]]
    for span in ordered[1:]:
        if span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def still_same(if_range: str | None, etag: str) -> bool:
    """Say whether `If-Range` lets ranges hold: absent, or this very tag. Dates and weak tags never do."""
    return if_range is None or if_range.strip() == etag


def names_tag(if_none_match: str | None, etag: str) -> bool:
    """Say whether `If-None-Match` names this tag, compared weakly."""
    if if_none_match is None:
        return False
    named = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in named or etag in named


def lay_out(spans: Sequence[Span], size: int, media_type: str, boundary: str) -> tuple[tuple[Part, ...], bytes, int]:
    """
    Give the parts of a `multipart/byteranges` body, its last line, and the length of the whole.

    `boundary` is random, so that no content can contain it on purpose.
    """
    parts, length = [], 0
    for number, span in enumerate(spans):
        lead = "\r\n" if number else ""
        head = (
            f"{lead}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {span.content_range(size)}\r\n\r\n"
        ).encode("ascii")
        parts.append(Part(head, span))
        length += len(head) + span.length
    tail = f"\r\n--{boundary}--\r\n".encode("ascii")
    return tuple(parts), tail, length + len(tail)
