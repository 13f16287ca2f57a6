"""What the sizes of coded pictures let suspect: planted black and frozen stretches, and no alarm in real footage."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.media import suspicion
from services.media.facts import Flag
from services.media.frames import FrameIndex, IndexedTrack
from services.media.probe import examine
from services.media.samples import Samples
from tests.footage import make_footage
from tests.media.faults import FAULTS, NIGHT, Fault, Scene, found, outside, plant

BLACK, FROZEN = FAULTS[0], next(fault for fault in FAULTS if fault.name == "frozen")
SCENES = {
    "scene_car_park_30s_aac.mp4": (360, "12.5"),
    "scene_bottles_40s_29.83fps.mp4": (360, "30"),
    "scene_hello_talk_8s_h264.mp4": (720, "30"),
    "cam_gopro_max_gps_walk_10s.mp4": (1080, "30000/1001"),
}
CLEAN = (
    *SCENES,
    "cam_gopro_hero6_gps_2s.mp4",
    "odd_fragmented_rooftop_60fps.mp4",
    "phone_android9_gps_vfr_1080p.mp4",
    "phone_android14_hlg10_gps_0.3s.mp4",
    "phone_iphone12_hevc10_gps_rot90_0.3s.mp4",
    "scene_signing_woman_face_front.mkv",
    "scene_hello_talk_8s_h264_in_avi.avi",
)


def _flags(path: Path) -> tuple[Flag, ...]:
    return tuple(flag for flag in examine(path).facts.flags if flag.detector == suspicion.DETECTOR)


@pytest.mark.parametrize("light", ["null", NIGHT], ids=["day", "night"])
@pytest.mark.parametrize("fault", [BLACK, FROZEN], ids=["black", "frozen"])
@pytest.mark.parametrize("name", SCENES)
def test_planted_black_and_frozen_stretches_are_suspected_where_they_are(
    corpus: Path, tmp_path: Path, name: str, fault: Fault, light: str
) -> None:
    height, rate = SCENES[name]
    planted = plant(Scene(corpus / name, height, rate), fault, tmp_path / "planted.mp4", also=light)

    flags = _flags(planted)

    flag = found(flags, suspicion.KIND, (2.0, 6.0))
    assert flag is not None
    assert outside(flags, (2.0, 6.0)) == []
    assert flag.version == suspicion.VERSION
    assert flag.score is not None
    assert 0.5 < flag.score <= 1
    assert ("black" in flag.detail) == (fault is BLACK)


@pytest.mark.parametrize("name", CLEAN)
def test_real_footage_is_not_suspected(corpus: Path, name: str) -> None:
    assert _flags(corpus / name) == ()


@pytest.mark.parametrize("name", SCENES)
def test_footage_encoded_anew_at_night_is_not_suspected(corpus: Path, tmp_path: Path, name: str) -> None:
    height, rate = SCENES[name]

    assert _flags(plant(Scene(corpus / name, height, rate), None, tmp_path / "night.mp4", also=NIGHT)) == ()


def _index(sizes: list[int], **more: Any) -> FrameIndex:
    count = len(sizes)
    ticks, ones = np.arange(count, dtype=np.int64), np.ones(count, np.bool_)
    key = ticks % 25 == 0
    samples = Samples(
        ticks, np.ones(count, np.uint32), np.zeros(count, np.int32), ticks, np.array(sizes, np.uint32), key
    )
    facts: dict[str, Any] = {"codec": "h264", "width": 640, "height": 360, "shift": Fraction(0)} | more
    track = IndexedTrack(
        index=0, kind="video", timescale=25, description=b"", samples=samples, shown=ones, closed=key, **facts
    )
    return FrameIndex("mp4", 10**9, Fraction(count, 25), 0, (track,))


def _sizes(*stretches: tuple[int, int, int]) -> list[int]:
    """Give sizes of frames: so many, of so many bytes, key frames of so many."""
    sizes: list[int] = []
    for count, size, key in stretches:
        sizes += [key if len(sizes + [0] * n) % 25 == 0 else size for n in range(count)]
    return sizes


@pytest.mark.parametrize(
    ("sizes", "stretches"),
    [
        (_sizes((250, 5000, 20000), (100, 30, 20000), (250, 5000, 20000)), [(Fraction(10), Fraction(14))]),
        (_sizes((250, 5000, 20000), (45, 30, 20000), (250, 5000, 20000)), []),
        (_sizes((250, 30, 100)), [(Fraction(0), Fraction(10))]),
        (_sizes((250, 30, 20000)), []),
        (_sizes((250, 500, 20000), (100, 65, 20000), (250, 500, 20000)), []),
        ([20000] * 250, []),
        ([], []),
    ],
    ids=["still", "short", "all black", "all still", "little contrast", "pictures of their own", "none"],
)
def test_only_long_and_plain_stretches_are_suspected(
    sizes: list[int], stretches: list[tuple[Fraction, Fraction]]
) -> None:
    flags = suspicion.of_index(_index(sizes))

    assert [(flag.start, flag.end) for flag in flags] == stretches


def test_codecs_that_code_each_picture_anew_are_not_judged() -> None:
    sizes = _sizes((250, 5000, 20000), (100, 30, 20000))

    assert suspicion.of_index(_index(sizes, codec="mjpeg")) == []
    assert suspicion.of_index(_index(sizes, shift=None)) == []


def test_thousands_of_stretches_are_told_in_one_flag() -> None:
    flags = suspicion.of_index(_index(_sizes((50, 5000, 20000), (75, 30, 20000)) * 60))

    assert len(flags) == suspicion.MOST_STRETCHES + 1
    assert flags[-1].detail == "10 more in this stretch"


@pytest.mark.parametrize(("open_gop", "kinds"), [(1, ["open-gop"]), (0, [])])
def test_open_groups_of_pictures_are_flagged(tmp_path: Path, open_gop: int, kinds: list[str]) -> None:
    options = ["-x264-params", f"open-gop={open_gop}:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
    flags = examine(make_footage(tmp_path / "a.mp4", frames=120, bframes=2, options=options)).facts.flags

    assert [flag.kind for flag in flags] == kinds
    if flags:
        assert flags[0].detail == "decoding can begin at 1 of 4 key frames; the others need pictures before them"
