"""Ranges as RFC 9110 has them; nothing is sent twice, nothing that was not asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.ranges import MOST_RANGES, Span, lay_out, names_tag, read_ranges, still_same
from services.errors import RangeOutside


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        (None, None),
        ("bytes=0-9", [(0, 10)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=-10", [(90, 100)]),
        ("bytes=-1000", [(0, 100)]),
        ("bytes=95-2000", [(95, 100)]),
        ("BYTES = 0-0 , 99-99", [(0, 1), (99, 100)]),
        ("bytes=50-59,0-9", [(50, 60), (0, 10)]),
        ("bytes=0-9,5-19,20-29", [(0, 30)]),
        ("bytes=0-9,200-", [(0, 10)]),
        ("bytes=9-0", None),
        ("bytes=a-b", None),
        ("bytes=-", None),
        ("bytes=٠-٩", None),
        ("frames=0-9", None),
    ],
)
def test_a_range_header_means(header: str | None, spans: list[tuple[int, int]] | None) -> None:
    found = read_ranges(header, 100)

    assert found == (None if spans is None else tuple(Span(*span) for span in spans))


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=-0", "bytes=", "bytes=," + "0-0," * MOST_RANGES, "bytes=0-0" + " " * 5000]
)
def test_what_cannot_be_satisfied_is_refused(header: str) -> None:
    with pytest.raises(RangeOutside):
        read_ranges(header, 100)


def test_an_empty_file_has_no_range() -> None:
    with pytest.raises(RangeOutside):
        read_ranges("bytes=0-", 0)


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(spans, st.integers(1, 40))
def test_exactly_the_bytes_that_were_named_come_once(asked: list[tuple[int, int]], size: int) -> None:
    asked = [(min(pair), max(pair)) for pair in asked]
    wanted = {byte for first, last in asked for byte in range(first, last + 1) if byte < size}
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in asked)
    if not wanted:
        with pytest.raises(RangeOutside):
            read_ranges(header, size)
        return
    found = read_ranges(header, size)

    assert found is not None
    given_bytes = [byte for span in found for byte in range(span.start, span.end)]
    assert len(given_bytes) == len(wanted)
    assert set(given_bytes) == wanted


def test_several_parts_are_as_long_as_they_say() -> None:
    content = bytes(range(100))
    parts, tail, length = lay_out([Span(0, 10), Span(50, 60)], 100, "video/mp4", "frontier")
    body = b"".join(part.head + content[part.span.start : part.span.end] for part in parts) + tail

    assert len(body) == length
    assert body.startswith(b"--frontier\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-9/100\r\n\r\n")
    assert body.endswith(b"\r\n--frontier--\r\n")


def test_conditions_compare_the_tag_itself() -> None:
    assert still_same(None, '"a"')
    assert still_same('"a"', '"a"')
    assert not still_same('W/"a"', '"a"')
    assert not still_same("Sat, 21 Nov 2026 23:52:41 GMT", '"a"')
    assert names_tag('"b", W/"a"', '"a"')
    assert names_tag("*", '"a"')
    assert not names_tag('"b"', '"a"')
    assert not names_tag(None, '"a"')
