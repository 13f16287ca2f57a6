"""Demonstration footage is what the archive's own examination finds in it."""

from datetime import datetime
from fractions import Fraction

import pytest

from services.demo.footage import Scene, make
from services.demo.glyphs import HEIGHT, WIDTH, strip
from services.demo.plan import ZONE
from services.demo.spoil import spoil
from services.media.probe import examine

CLOCK = datetime(2026, 3, 2, 9, 15, 7, tzinfo=ZONE)


def made(folder, seconds=3, seed=1, coding="usual"):
    folder.mkdir()
    return make(Scene(CLOCK, seconds, seed, coding), folder)


def test_a_usual_file_plays_and_tells_when_the_camera_believed_it_was(tmp_path):
    facts = examine(made(tmp_path / "a")).facts

    assert facts.browser_playable
    assert facts.duration == Fraction(3)
    assert facts.recorded_at == CLOCK
    assert facts.flags == ()


def test_the_same_scene_gives_the_same_bytes(tmp_path):
    one, same, other = (made(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))

    assert one.read_bytes() == same.read_bytes()
    assert one.read_bytes() != other.read_bytes()


def test_hevc_with_g711_plays_nowhere_but_decodes(tmp_path):
    facts = examine(made(tmp_path / "a", coding="hevc-g711")).facts

    assert [stream.codec for stream in facts.streams] == ["hevc", "pcm_mulaw"]
    assert (facts.playable, facts.browser_playable) == (True, False)


def test_an_uneven_file_has_no_steady_rate(tmp_path):
    facts = examine(made(tmp_path / "a", seconds=6, coding="uneven")).facts

    assert facts.video is not None
    assert facts.video.variable_rate
    assert not facts.damaged


@pytest.mark.parametrize(
    ("coding", "how", "flag"),
    [("usual", "no-index", "no-index"), ("fast-start", "truncated", "truncated"), ("usual", "text", "not-media")],
)
def test_a_spoiled_file_is_damaged_as_it_should_be(tmp_path, coding, how, flag):
    path = made(tmp_path / "a", coding=coding)

    spoil(path, how)

    facts = examine(path).facts
    assert facts.damaged
    assert flag in {found.kind for found in facts.flags}


def test_the_clock_of_each_second_is_another_picture():
    pictures = {strip(f"{CLOCK:%Y-%m-%d %H:%M}:{second:02d}") for second in range(60)}

    assert len(pictures) == 60
    assert {len(picture) for picture in pictures} == {WIDTH * HEIGHT}


def test_every_picture_says_that_it_is_a_demonstration():
    marked, bare = strip("2026-03-02 09:15:07"), strip("                   ")

    mark = [row * WIDTH + column for row in range(HEIGHT) for column in range(36)]
    assert [marked[at] for at in mark] == [bare[at] for at in mark]
    assert sum(marked[at] > 128 for at in mark) > 100
