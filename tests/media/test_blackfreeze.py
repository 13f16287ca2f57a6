"""What the detectors print becomes stretches: paired, joined over key frames, on exact frame times."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from services.media.blackfreeze import Change, Prints, Watched, frozen_through, read_prints
from services.media.facts import FrameTimes

MINUTE = Fraction(60)


def printed(folder: Path, **values: list[str]) -> Prints:
    keys = {"black_start": "lavfi.black_start", "black_end": "lavfi.black_end"}
    keys |= {"freeze_start": "lavfi.freezedetect.freeze_start", "freeze_end": "lavfi.freezedetect.freeze_end"}
    for kind, lines in values.items():
        text = "".join(f"frame:1    pts:30    pts_time:1\n{keys[kind]}={value}\n" for value in lines)
        (folder / f"{kind.replace('_', '-')}.txt").write_text(text)
    return Prints(folder)


def test_a_stretch_that_did_not_end_lasts_to_the_end(tmp_path):
    prints = printed(tmp_path, black_start=["2.5", "58"], black_end=["4"])

    watched = read_prints(prints, MINUTE, None)

    assert watched.black == ((Fraction(5, 2), 4), (58, 60))
    assert [(flag.kind, flag.start, flag.end) for flag in watched.flags()] == [
        ("black", Fraction(5, 2), 4),
        ("black", 58, 60),
    ]


def test_moments_are_those_of_frames(tmp_path):
    times = FrameTimes(Fraction(1, 30000), np.arange(0, 300 * 1001, 1001, np.int64))

    watched = read_prints(printed(tmp_path, black_start=["2.002"], black_end=["4.004000"]), MINUTE, times)

    assert watched.black == ((Fraction(2002, 1000), Fraction(4004, 1000)),)
    odd = read_prints(printed(tmp_path, black_start=["0.166833"], black_end=["4.004"]), MINUTE, times)
    assert odd.black[0][0] == Fraction(5 * 1001, 30000)


def test_a_freeze_that_key_frames_cut_into_seconds_is_one(tmp_path):
    prints = printed(tmp_path, freeze_start=["2", "3", "4.033", "20"], freeze_end=["3", "4", "5", "21"])

    (flag,) = read_prints(prints, MINUTE, None).flags()

    assert (flag.kind, flag.start, flag.end) == ("frozen", 2, 5)


def test_black_is_not_also_frozen_and_what_moves_is_not_frozen() -> None:
    black = (Fraction(2), Fraction(8))

    assert [flag.kind for flag in Watched((black,), (black,), ()).flags()] == ["black"]
    assert Watched((), (black,), ()).flags(changes(*[30.0] * 10)) == ()


def test_nothing_printed_is_nothing_seen(tmp_path: Path) -> None:
    assert read_prints(Prints(tmp_path), MINUTE, None) == Watched((), (), ())


def changes(*levels: float) -> list[Change]:
    """Compare pictures a second apart: the first number is between the seconds 0 and 1."""
    return [(Fraction(n), Fraction(n + 1), level) for n, level in enumerate(levels)]


def test_pieces_that_lie_apart_stay_so():
    assert frozen_through([(Fraction(5), Fraction(6)), (Fraction(1), Fraction(2))], []) == [(1, 2), (5, 6)]


def test_a_small_thing_that_moves_parts_what_the_mean_calls_frozen():
    pieces = [(Fraction(0), Fraction(7, 5)), (Fraction(7, 5), Fraction(6)), (Fraction(6), Fraction(8))]

    (flag,) = Watched((), tuple(pieces), ()).flags(changes(41, 55, 1.2, 0.2, 0.2, 79, 37))
    assert (flag.start, flag.end) == (Fraction(7, 5), 6)
    assert Watched((), tuple(pieces), ()).flags(changes(*[28.0] * 7)) == ()


def test_a_coarse_key_frame_does_not_part_a_freeze_and_a_quiet_scene_is_none():
    pieces = [(Fraction(2), Fraction(4)), (Fraction(4), Fraction(6))]

    assert frozen_through(pieces, changes(150, 140, 5, 0.2, 22, 159)) == [(2, 6)]
    assert frozen_through(pieces, changes(5, 3, 2.2, 2.4, 2.1, 5)) == []
