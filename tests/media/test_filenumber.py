"""The number in a file's name, as cameras write it."""

import pytest

from services.media.filenumber import sequence_of


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("DJI_0042.MP4", 42),
        ("MOVI0007.avi", 7),
        ("20260302_100000_0003.mp4", 3),
        ("2026_0302_100000_012F.MP4", 12),
        ("现场-3.mp4", 3),
        ("17.ts", 17),
        ("20260302_100000.mp4", None),
        ("2026-03-02 10-00-00.mp4", None),
        ("cam_20260302.mp4", None),
        ("询问.mp4", None),
        ("a.b", None),
        ("", None),
    ],
)
def test_the_number_at_the_end_of_a_name_counts_and_a_date_does_not(name: str, number: int | None) -> None:
    assert sequence_of(name) == number


def test_chapters_of_one_recording_follow_each_other() -> None:
    numbers = [sequence_of(name) for name in ("GX010123.MP4", "GX020123.MP4", "GX010124.MP4", "GOPR0124.MP4")]

    assert numbers == [12301, 12302, 12401, 12400]
