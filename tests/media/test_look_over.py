"""A first look shows the right pictures from few key frames, and says what oddly small ones hide."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.media.facts import MediaFacts
from services.media.framefile import unpack
from services.media.frames import FrameIndex
from services.media.look_over import MOST_KEYS, look_over, plan_board, plan_look
from services.media.probe import examine
from tests.footage import make_footage, number_of
from tests.media.faults import FAULTS, Fault, Scene, plant


def indexed(path: Path) -> tuple[MediaFacts, FrameIndex]:
    known = examine(path)
    assert known.packed is not None
    return known.facts, unpack(known.packed)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"bframes": 2}),
        ("a.mov", {"layout": "fragmented"}),
        ("a.mp4", {"codec": "libx265", "options": ("-x265-params", "log-level=none")}),
    ],
)
def test_tiles_show_the_key_frames_that_a_viewer_sees_then(name, options, tmp_path):
    original = make_footage(tmp_path / name, frames=720, gop=60, size=(640, 360), **options)
    facts, index = indexed(original)

    seen = look_over(original, facts, index)

    assert seen is not None
    assert (seen.storyboard.interval, seen.storyboard.tiles) == (5, 5)
    sheet = cv2.imdecode(np.frombuffer(seen.sheet, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    shown = [number_of(sheet[:90, n * 160 : n * 160 + 160]) for n in range(5)]
    assert shown == [0, 120, 300, 420, 600]
    poster = cv2.imdecode(np.frombuffer(seen.poster, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert poster is not None
    assert number_of(poster) == 0
    assert seen.findings == ()


def test_black_and_frozen_stretches_are_found_from_their_small_pictures(corpus: Path, tmp_path: Path) -> None:
    scene = Scene(corpus / "cam_gopro_max_gps_walk_10s.mp4", 480, "30000/1001", seconds=9)
    black, frozen = (next(f.picture for f in FAULTS if f.name == name) for name in ("black", "frozen"))
    parts = [
        black.format(on="between(t,1,3.5)", h=480, rate=scene.rate),
        frozen.format(on="between(t,5,8)", h=480, rate=scene.rate),
    ]
    original = plant(scene, Fault("both", "", ",".join(parts)), tmp_path / "a.mp4")
    facts, index = indexed(original)

    seen = look_over(original, facts, index)

    assert seen is not None
    found = {flag.kind: (float(flag.start or 0), float(flag.end or 0)) for flag in seen.findings}
    assert found["black"] == pytest.approx((1, 3.5), abs=0.3)
    assert found["frozen"] == pytest.approx((5, 8), abs=0.5)


def test_the_car_park_and_the_phone_give_no_false_finding(corpus: Path) -> None:
    for name in ("scene_car_park_30s_aac.mp4", "phone_iphone12_hevc10_gps_rot90_0.3s.mp4"):
        seen = look_over(corpus / name, *indexed(corpus / name))
        assert seen is not None
        assert seen.findings == (), name
        poster = cv2.imdecode(np.frombuffer(seen.poster, np.uint8), cv2.IMREAD_COLOR)
        assert poster is not None
        high, wide = poster.shape[:2]
        assert (high > wide) == name.startswith("phone_iphone"), "turned pictures stand upright"


def test_a_long_recording_costs_no_more_key_frames_than_a_short_one(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=4000, rate="1", gop=2, audio=False)
    _, index = indexed(original)

    plan = plan_look(index)

    assert plan is not None
    assert MOST_KEYS - 2 <= len(plan.keys) <= MOST_KEYS
    assert plan_board(index.duration).tiles <= 150
    assert plan_board(Fraction(3)).interval == 5


def test_pictures_that_cannot_be_decoded_alone_wait_for_the_render(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.ts", frames=60)

    assert look_over(original, *indexed(original)) is None


def test_a_key_frame_that_does_not_decode_is_passed_over(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=600, gop=150, size=(640, 360))
    facts, index = indexed(original)
    track = index.video
    assert track is not None
    broken = bytearray(original.read_bytes())
    at, size = int(track.samples.offset[150]), int(track.samples.size[150])
    broken[at : at + size] = bytes(size)
    original.write_bytes(broken)

    seen = look_over(original, facts, index)

    assert seen is not None
    assert seen.storyboard.tiles == 4
