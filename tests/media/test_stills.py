"""A still is the very frame that was on the screen at that moment, upright."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from services.errors import Invalid, RangeOutside
from services.media.probe import examine
from services.media.stills import still
from tests.footage import make_footage, make_sound, number_of, two_joined


def picture(jpeg: bytes) -> np.ndarray:
    read = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    return read


def number_in(jpeg: bytes) -> int:
    return number_of(cv2.cvtColor(picture(jpeg), cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"vfr": True, "bframes": 2}),
        ("a.ts", {"bframes": 2, "gop": 60}),
        ("a.avi", {"bframes": 2}),
        ("a.ogg", {"codec": "libtheora"}),
    ],
)
def test_the_frame_shown_at_a_moment(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    original = make_footage(tmp_path / name, frames=150, **options)
    known = examine(original)
    frame_times = known.frame_times
    assert frame_times is not None

    for frame in (0, 101) if name == "a.ts" else (149,):
        moment = frame_times.time_of(frame) + Fraction(1, 1000)
        assert number_in(still(original, known.facts, frame_times, moment)) == frame


def test_a_repeated_picture_of_theora_is_the_one_before_it(corpus: Path) -> None:
    original = corpus / "scene_hello_talk_8s_theora.ogg"
    known = examine(original)
    assert known.frame_times is not None
    last = known.frame_times.time_of(248)  # the last three are "the same again"

    repeated, before = (
        still(original, known.facts, known.frame_times, last - n * Fraction(1001, 30000)) for n in (0, 3)
    )

    assert repeated == before


def test_a_clock_that_starts_anew_is_counted_through(tmp_path: Path) -> None:
    original = two_joined(tmp_path)
    known = examine(original)
    assert known.frame_times is not None

    assert number_in(still(original, known.facts, known.frame_times, known.frame_times.time_of(200))) == 200


def test_a_width_is_kept_with_the_shape(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30)
    known = examine(original)

    jpeg = still(original, known.facts, known.frame_times, Fraction(1, 2), width=160)

    assert picture(jpeg).shape == (90, 160, 3)
    assert number_in(jpeg) == 15


def test_a_turned_recording_stands_upright(corpus: Path) -> None:
    original = corpus / "phone_iphone12_hevc10_gps_rot90_0.3s.mp4"
    known = examine(original)

    jpeg = still(original, known.facts, known.frame_times, Fraction(1, 10))

    assert picture(jpeg).shape == (1920, 1080, 3)


@pytest.mark.parametrize("at", [Fraction(-1, 10), Fraction(1), Fraction(99)])
def test_outside_the_recording_there_is_nothing(at: Fraction, tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30, audio=False)
    known = examine(original)

    with pytest.raises(RangeOutside):
        still(original, known.facts, known.frame_times, at)


def test_sound_has_no_stills(tmp_path: Path) -> None:
    original = make_sound(tmp_path / "a.wav")
    known = examine(original)

    with pytest.raises(RangeOutside, match="no pictures"):
        still(original, known.facts, known.frame_times, Fraction(0))


def test_an_absurd_width_is_refused(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30)
    known = examine(original)

    with pytest.raises(Invalid):
        still(original, known.facts, known.frame_times, Fraction(0), width=100_000)
