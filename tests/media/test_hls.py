"""A playlist names byte ranges of one file that a player can decode each by itself."""

import itertools
import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Invalid
from services.media.fragments import Fragment, fragments
from services.media.hls import SEGMENT_S, ByteRange, playlist, segments
from services.media.probe import examine
from services.media.remux import remux
from tests.footage import make_footage, numbers


def a_row_of(durations: list[Fraction], syncs: list[bool]) -> list[Fragment]:
    starts = itertools.accumulate(durations, initial=Fraction(0))
    rows = zip(starts, durations, syncs, strict=False)
    return [Fragment(1000 + n * 100, 100, start, length, sync) for n, (start, length, sync) in enumerate(rows)]


def test_the_playlist_is_what_players_know() -> None:
    row = a_row_of([Fraction(2)] * 5, [True] * 5)
    moment = datetime(2026, 3, 4, 7, 8, 9, 123456, tzinfo=timezone(timedelta(hours=8)))

    text = playlist(ByteRange(0, 1000), row, "media.mp4?viewing=1", program_date_time=moment)

    assert text.splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:4",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="media.mp4?viewing=1",BYTERANGE="1000@0"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-03-03T23:08:09.123Z",
        "#EXTINF:4.000000,",
        "#EXT-X-BYTERANGE:200@1000",
        "media.mp4?viewing=1",
        "#EXTINF:4.000000,",
        "#EXT-X-BYTERANGE:200@1200",
        "media.mp4?viewing=1",
        "#EXTINF:2.000000,",
        "#EXT-X-BYTERANGE:100@1400",
        "media.mp4?viewing=1",
        "#EXT-X-ENDLIST",
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.fractions(Fraction(1, 60), 12), st.booleans()), min_size=1, max_size=40))
def test_segments_cover_all_bytes_and_all_time_and_begin_with_key_frames(rows: list[tuple[Fraction, bool]]) -> None:
    row = a_row_of([length for length, _ in rows], [sync or n == 0 for n, (_, sync) in enumerate(rows)])

    parts = segments(row)

    assert parts[0].bytes.offset == row[0].offset
    assert sum(part.bytes.length for part in parts) == sum(fragment.length for fragment in row)
    assert sum(part.duration for part in parts) == row[-1].start + row[-1].duration
    by_offset = {fragment.offset: fragment for fragment in row}
    assert all(by_offset[part.bytes.offset].sync for part in parts)
    assert all(part.duration >= SEGMENT_S for part in parts[:-1])


@pytest.mark.parametrize("uri", ["", "#x", 'a"b', "a\nb"])
def test_an_address_that_would_break_the_playlist_is_refused(uri: str) -> None:
    with pytest.raises(Invalid):
        playlist(ByteRange(0, 10), a_row_of([Fraction(2)], [True]), uri)


def test_no_fragment_is_no_playlist() -> None:
    with pytest.raises(Invalid, match="at least one"):
        playlist(ByteRange(0, 10), [], "media.mp4")


def test_each_segment_of_a_real_file_decodes_by_itself(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=300, bframes=2)
    known = examine(original)
    made = remux(original, known.facts, tmp_path / "copy.mp4")
    whole = made.path.read_bytes()
    init, row = fragments(lambda at, length: whole[at : at + length], len(whole))

    text = playlist(ByteRange(0, init), row, "m.mp4", program_date_time=datetime(2026, 1, 1, tzinfo=UTC))

    ranges = [(int(a), int(b)) for a, b in re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", text)]
    found = [numbers(whole[:init] + whole[at : at + length]) for length, at in ranges]
    assert [len(part) for part in found] == [120, 120, 60]
    assert list(itertools.chain(*found)) == list(range(300))
    assert sum(float(x) for x in re.findall(r"#EXTINF:([\d.]+),", text)) == pytest.approx(10)


def test_a_player_reads_the_playlist(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mkv", frames=150)
    made = remux(original, examine(original).facts, tmp_path / "media.mp4")
    whole = made.path.read_bytes()
    init, row = fragments(lambda at, length: whole[at : at + length], len(whole))
    listing = tmp_path / "index.m3u8"
    listing.write_text(playlist(ByteRange(0, init), row, "media.mp4"))

    with av.open(str(listing), format="hls", options={"allowed_extensions": "ALL"}) as player:
        count = sum(1 for _ in player.decode(video=0))

    assert count == 150
