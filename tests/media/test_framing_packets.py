"""The frame index of containers without boxes: what one pass over the packets tells."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from services.media.framefile import pack, unpack
from services.media.frames import FrameIndex
from services.media.nalunits import BLANK, LEANS, REFRESH, reader_of
from services.media.probe import examine
from tests.footage import make_footage, make_sound, times, two_joined

OPEN = "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"
HEVC = ("-preset", "ultrafast", "-x265-params")
KINDS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "transport": ("a.ts", {"bframes": 2}, False),
    "transport, open": ("a.ts", {"bframes": 2, "options": ("-x264-params", OPEN)}, True),
    "matroska": ("a.mkv", {"bframes": 2}, False),
    "matroska, open": ("a.mkv", {"bframes": 2, "options": ("-x264-params", OPEN)}, True),
    "hevc": ("a.mkv", {"codec": "libx265", "options": (*HEVC, "log-level=none:keyint=30:open-gop=0")}, False),
    "hevc, open": ("a.mkv", {"codec": "libx265", "options": (*HEVC, "log-level=none:keyint=30:open-gop=1")}, True),
    "hevc in ts": ("a.ts", {"codec": "libx265", "options": (*HEVC, "log-level=none:keyint=30:open-gop=0")}, False),
    "avi": ("a.avi", {}, False),
    "flash": ("a.flv", {"bframes": 2}, False),
    "program": ("a.mpg", {"codec": "mpeg2video", "rate": "25", "bframes": 2}, True),
    "odd rate": ("a.avi", {"codec": "mpeg4", "rate": "30000/1001"}, False),
}  # fmt: skip


def _index(path: Path) -> FrameIndex:
    found = examine(path).index
    assert found is not None
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_packet_is_in_the_index_and_every_entry_is_closed(tmp_path: Path, kind: str) -> None:
    name, options, opens = KINDS[kind]
    path = make_footage(tmp_path / name, frames=120, **options)

    index = _index(path)

    assert index.video is not None
    with av.open(str(path)) as media:
        sizes = [packet.size for packet in media.demux(media.streams.video[0]) if packet.size]
    assert index.video.samples.size.tolist() == sizes
    assert (index.video.opens, int(index.video.entries[0])) == (opens, 0)
    if not opens:
        assert len(index.video.entries) == int(index.video.samples.sync.sum()) > 3
    assert index.frame_times is not None
    expected = times(path)
    step = index.frame_times.time_base
    assert all(abs(index.frame_times.time_of(n) - moment) <= step for n, moment in enumerate(expected))
    assert index.size_bytes == path.stat().st_size
    assert index.video.seconds(int(index.video.ticks[0])) == 0
    assert all(track.description == b"" for track in index.tracks)


@pytest.mark.parametrize("kind", KINDS)
def test_keeping_the_index_of_packets_loses_nothing(tmp_path: Path, kind: str) -> None:
    name, options, _ = KINDS[kind]
    packed = examine(make_footage(tmp_path / name, frames=120, **options)).packed
    assert packed is not None

    assert pack(unpack(packed)) == packed


def test_a_clock_that_starts_anew_is_joined(tmp_path: Path) -> None:
    index = _index(two_joined(tmp_path))

    assert index.frame_times is not None
    assert len(index.frame_times) == 300
    assert (np.diff(index.frame_times.pts) > 0).all()


def test_sound_alone_is_led_by_itself(tmp_path: Path) -> None:
    index = _index(make_sound(tmp_path / "a.mp3", seconds=3))

    assert (index.video, index.frame_times, index.lead) == (None, None, 0)
    assert len(index.sounds) == 1
    assert len(index.sounds[0].samples) > 80


H264, HEVC_CONFIG = bytes([1, 66, 0, 30, 0xFF]), bytes([1, *[0] * 20, 0xFF])


@pytest.mark.parametrize(
    ("codec", "config", "picture", "mark"),
    [
        ("h264", b"", b"\0\0\0\1\x09\xf0\0\0\1\x67abc\0\0\1\x65abc", REFRESH),
        ("h264", b"", b"\0\0\1\x06abc\0\0\1\x61abc", LEANS),
        ("h264", b"", b"\0\0\1\x06abc\0\0\1", BLANK),
        ("h264", H264, b"\0\0\0\2\x06a\0\0\0\3\x65ab", REFRESH),
        ("h264", H264, b"\0\0\0\2\x06a\0\0\0\3\x41ab", LEANS),
        ("h264", H264, b"\xff\xff\xff\xff\x06", BLANK),
        ("h264", H264, b"", BLANK),
        ("hevc", HEVC_CONFIG, bytes(50), BLANK),
        ("hevc", b"", b"\0\0\1\x40\1a\0\0\1\x26\1abc", REFRESH),
        ("hevc", HEVC_CONFIG, b"\0\0\0\3\x2a\1a", LEANS),
        ("vp9", b"", b"anything", REFRESH),
    ],
)
def test_a_refresh_is_seen_from_the_first_slice(codec: str, config: bytes, picture: bytes, mark: int) -> None:
    assert reader_of(codec, config)(picture) == mark
