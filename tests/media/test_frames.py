"""The frame index: what it says of real footage, and that keeping it loses nothing."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.errors import Invalid, RangeOutside
from services.media.framefile import pack, unpack
from services.media.frames import FrameIndex
from services.media.framing import index_of_movie, marks_of
from services.media.movie import read_movie
from services.media.nalunits import LEANS, REFRESH
from services.media.probe import examine, reading
from services.media.samples import Samples
from services.media.survey_movie import leading_of
from tests.footage import make_footage


def _index(path: Path) -> FrameIndex:
    with reading(path) as (read, size):
        movie = read_movie(read, size)
        return index_of_movie(movie, leading_of(movie), "mp4", size, read)


@pytest.mark.parametrize("layout", ["end", "front", "fragmented"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_an_index_numbers_the_frames_as_they_are_shown(tmp_path: Path, layout: str, bframes: int) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=90, gop=30, bframes=bframes, layout=layout)

    index = _index(path)

    assert index.video is not None
    assert len(index.video.order) == 90
    assert index.frame_times == examine(path).frame_times
    shown = index.video.samples.pts[index.video.order]
    assert (np.diff(shown) > 0).all()
    assert not index.video.opens
    assert index.video.seconds(int(index.video.ticks[0])) == 0


def test_keeping_an_index_loses_nothing(tmp_path: Path) -> None:
    index = _index(make_footage(tmp_path / "a.mp4", frames=120, vfr=True, bframes=2))

    again = unpack(pack(index))

    assert (again.container, again.size_bytes, again.duration, again.lead) == (
        "mp4",
        index.size_bytes,
        index.duration,
        0,
    )
    for before, after in zip(index.tracks, again.tracks, strict=True):
        for name in ("dts", "duration", "cts", "offset", "size", "sync"):
            assert np.array_equal(getattr(before.samples, name), getattr(after.samples, name)), name
        for name in ("shown", "closed"):
            assert np.array_equal(getattr(before, name), getattr(after, name)), name
        assert (before.shift, before.description, before.matrix) == (after.shift, after.description, after.matrix)


def test_open_groups_of_pictures_are_told_from_closed_ones(tmp_path: Path) -> None:
    options = ["-x264-params", "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
    index = _index(make_footage(tmp_path / "a.mp4", frames=120, gop=30, bframes=2, options=options))

    assert index.video is not None
    assert index.video.opens
    assert list(index.video.entries) == [0]
    assert int(index.video.samples.sync.sum()) > 1


def test_a_frame_beyond_the_last_is_refused_with_both_numbers(tmp_path: Path) -> None:
    index = _index(make_footage(tmp_path / "a.mp4", frames=30))

    assert index.sample_of(29) == 29
    with pytest.raises(RangeOutside, match=r"30 frames.*frame 30"):
        index.sample_of(30)


def test_times_and_ticks_go_both_ways(tmp_path: Path) -> None:
    video = _index(make_footage(tmp_path / "a.mp4", frames=60, bframes=2)).video
    assert video is not None

    tick = video.tick_at(Fraction(1))

    assert video.seconds(tick) >= 1 > video.seconds(tick - 1)


@pytest.mark.parametrize("cut", [0, 10, 40, -1])
def test_a_broken_index_is_refused(tmp_path: Path, cut: int) -> None:
    whole = pack(_index(make_footage(tmp_path / "a.mp4", frames=30)))

    with pytest.raises(Invalid):
        unpack(whole[:cut])


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_key_frames_that_were_overwritten_are_no_entries_and_no_open_groups(tmp_path: Path, codec: str) -> None:
    options = () if codec == "libx264" else ("-x265-params", "log-level=none:keyint=30:open-gop=0")
    path = make_footage(tmp_path / "a.mp4", frames=90, gop=30, codec=codec, options=options)
    before = _index(path).video
    assert before is not None
    content, key = bytearray(path.read_bytes()), int(before.entries[1])
    start, size = int(before.samples.offset[key]), int(before.samples.size[key])
    content[start : start + size] = bytes(size)
    path.write_bytes(content)

    after = _index(path).video

    assert after is not None
    assert (before.blank, after.blank) == (0, 1)
    assert after.entries.tolist() == [int(before.entries[0]), int(before.entries[2])]
    assert "open-gop" not in {flag.kind for flag in examine(path).facts.flags}


def test_a_slice_behind_many_long_units_is_found() -> None:
    unit = (200).to_bytes(4, "big") + b"\x06" + bytes(199)
    held = (unit * 12 + b"\0\0\0\x02\x65\x88").ljust(4000, b"\0") + (unit * 3 + b"\0\0\0\x02\x41\x88")
    sizes = np.full(2, 4000, np.uint32)
    samples = Samples(np.arange(2), sizes, np.zeros(2, np.int32), np.array([0, 4000]), sizes, np.ones(2, np.bool_))

    marks = marks_of(
        "h264", bytes([1, 66, 0, 30, 0xFF]), samples, lambda offset, length: held[offset : offset + length]
    )

    assert marks.tolist() == [REFRESH, LEANS]
