from fractions import Fraction

import numpy as np

from services.media.continuity import MOST_GAPS, gaps, is_uneven, sound_ends_early
from services.media.frametimes import FrameTimes


def times(steps: list[int], per_second: int = 1000) -> FrameTimes:
    return FrameTimes(Fraction(1, per_second), np.concatenate([[0], np.cumsum(steps)]).astype(np.int64))


def test_steady_footage_has_no_gaps_even_with_rounded_ticks():
    found = times([33, 33, 34] * 100)

    assert not is_uneven(found)
    assert gaps(found) == []


def test_one_lost_picture_of_steady_footage_is_a_gap():
    found = gaps(times([40] * 200 + [80] + [40] * 200))

    assert [(flag.start, flag.end) for flag in found] == [(Fraction(8), Fraction(808, 100))]


def test_uneven_footage_has_gaps_only_where_it_stalls_long():
    found = times([33, 33, 66, 100] * 100 + [2000] + [33, 50] * 100)

    assert is_uneven(found)
    assert [flag.end - flag.start for flag in gaps(found) if flag.start is not None and flag.end is not None] == [2]


def test_many_gaps_are_told_in_one_flag_at_the_end():
    found = gaps(times(([40] * 150 + [400]) * (MOST_GAPS + 20)))

    assert len(found) == MOST_GAPS + 1
    assert found[-1].detail.startswith("20 more")


def test_sound_may_end_half_a_second_before_the_pictures():
    assert sound_ends_early(Fraction(19, 2), Fraction(10)) == []
    assert sound_ends_early(Fraction(9), Fraction(10))[0].start == 9
