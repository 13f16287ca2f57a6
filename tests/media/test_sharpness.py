"""Covered lenses and blurred pictures are told from dark, plain and sharp ones; one picture is no finding."""

from fractions import Fraction

import cv2
import numpy as np

from services.media.facts import Flag
from services.media.sharpness import Gray, Seen, judge, see


def scene(seed: int = 3, *, contrast: float = 1.0, brightness: float = 110) -> Gray:
    """Draw boxes of many sizes: edges everywhere, none of them soft."""
    rng = np.random.default_rng(seed)
    picture = np.full((360, 640), 128, np.uint8)
    for _ in range(300):
        x, y, w, h = rng.integers(0, (640, 360, 90, 60))
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), int(rng.integers(20, 236)), -1)
    return np.clip((picture.astype(float) - 128) * contrast + brightness, 0, 255).astype(np.uint8)


def one(picture: Gray) -> Seen:
    return next(see([picture]))


def blurred(picture: Gray, lines: float) -> Gray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), lines), np.uint8)


def test_a_sharp_picture_is_neither() -> None:
    assert not one(scene()).is_covered
    assert not one(scene()).is_blurred


def test_a_blurred_picture_is_blurred_and_not_covered() -> None:
    for lines in (3.6, 7.2):
        assert one(blurred(scene(), lines)).is_blurred
        assert not one(blurred(scene(), lines)).is_covered


def test_a_hand_before_the_lens_covers_it_dark_or_lit() -> None:
    for brightness in (30, 120):
        assert one(blurred(scene(contrast=0.2, brightness=brightness), 25)).is_covered


def test_a_sharp_scene_at_night_is_not_covered() -> None:
    assert not one(scene(contrast=0.12, brightness=18)).is_covered


def test_a_printed_clock_does_not_make_a_covered_lens_sharp() -> None:
    covered = blurred(scene(contrast=0.2, brightness=60), 25)
    cv2.putText(covered, "2026-03-02 12:00:00 900001", (8, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)

    assert one(covered).is_covered


def test_the_size_of_the_picture_makes_no_difference() -> None:
    small = cv2.resize(blurred(scene(), 7.2), (320, 180), interpolation=cv2.INTER_AREA)

    assert one(np.asarray(small, np.uint8)).is_blurred


def test_only_pictures_in_a_row_are_a_finding_and_it_lasts_as_long_as_they_do():
    sharp, soft = one(scene()), one(blurred(scene(), 7.2))
    row = [sharp, soft, sharp, soft, soft, soft, soft, sharp]
    seen = [(Fraction(n), Fraction(n + 1), look) for n, look in enumerate(row)]

    flags = judge(seen, detector="d", version="1")

    assert [(flag.kind, flag.start, flag.end) for flag in flags] == [("out-of-focus", 3, 7)]
    assert isinstance(flags[0], Flag)
    assert flags[0].score is not None
    assert 0 < flags[0].score <= 1


def test_change_is_told_of_what_moves_and_not_of_coding() -> None:
    moved = scene().copy()
    moved[150:170, 200:230] = 255
    noisy = np.clip(scene().astype(int) + np.random.default_rng(1).integers(-2, 3, (360, 640)), 0, 255)

    still, small, large = (looked[1].change for looked in (
        list(see([scene(), np.asarray(noisy, np.uint8)])), list(see([scene(), moved])), list(see([scene(), scene(4)])),
    ))  # fmt: skip

    assert still < 2 < small <= large
