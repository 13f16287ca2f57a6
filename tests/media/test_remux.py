"""A copy for browsers holds the original's frames at their own times, its sound at the same distance."""

from fractions import Fraction
from pathlib import Path

import pytest

from services.errors import VerbatimNotPossible
from services.media.facts import FrameTimes
from services.media.fragments import fragments
from services.media.probe import Examination, examine
from services.media.remux import Remuxed, remux
from tests.footage import beeps, cut_at_the_front, make_footage, make_sound, numbers, times, two_joined


def copied(original: Path, folder: Path) -> tuple[Remuxed, Examination]:
    known = examine(original)
    return remux(original, known.facts, folder / "copy.mp4", frame_times=known.frame_times), known


KINDS = {
    "mp4": ("a.mp4", {}),
    "mp4-b-frames-variable-rate": ("a.mp4", {"bframes": 2, "vfr": True}),
    "mp4-fragmented": ("a.mp4", {"layout": "fragmented", "bframes": 2}),
    "mov": ("a.mov", {"rate": "30000/1001"}),
    "mkv-b-frames": ("a.mkv", {"bframes": 2}),
    "avi": ("a.avi", {"audio": "aac"}),
    "flv": ("a.flv", {}),
    "ts": ("a.ts", {"bframes": 2, "audio": "aac"}),
    "no-sound": ("a.mp4", {"audio": False}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_frames_at_their_times_in_fragments_that_begin_with_key_frames(kind: str, tmp_path: Path) -> None:
    name, options = KINDS[kind]
    original = make_footage(tmp_path / name, frames=150, **options)  # type: ignore[arg-type]

    made, known = copied(original, tmp_path)

    frame_times = known.frame_times
    assert isinstance(frame_times, FrameTimes)
    assert numbers(made.path) == list(range(150))
    assert made.frames == 150
    wanted = [frame_times.time_of(n) for n in range(150)]
    assert max(abs(a - b) for a, b in zip(times(made.path), wanted, strict=True)) < Fraction(1, 1000)
    with made.path.open("rb") as file:

        def read(at: int, length: int) -> bytes:
            file.seek(at)
            return file.read(length)

        _, row = fragments(read, made.path.stat().st_size)
    assert len(row) == 5
    assert all(fragment.sync for fragment in row)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv", "a.ts"])
def test_sound_keeps_its_distance(name: str, tmp_path: Path) -> None:
    original = make_footage(tmp_path / name, frames=120, audio="aac")

    made, _ = copied(original, tmp_path)

    theirs, ours = beeps(original), beeps(made.path)
    assert len(ours) == len(theirs) == 4
    # the first beep may lose its onset: a copy cannot carry what lies before its first frame
    assert max(abs(a - b) for a, b in zip(ours[1:], theirs[1:], strict=True)) < 0.002


def test_sound_of_avi_keeps_its_distance_to_within_a_frame(tmp_path: Path) -> None:
    # AVI knows no times of showing: libav's guess for the original is not the measure, the footage's beeps are
    original = make_footage(tmp_path / "a.avi", frames=120, audio="aac")

    made, _ = copied(original, tmp_path)

    heard = beeps(made.path)
    assert len(heard) == 4
    assert max(abs(beep - second) for second, beep in list(enumerate(heard))[1:]) < 1 / 30


@pytest.mark.parametrize("name", ["odd_fragmented_rooftop_60fps.mp4", "scene_hello_talk_8s_h264.mp4"])
def test_sound_that_begins_before_or_after_the_pictures_stays_there(name: str, corpus: Path, tmp_path: Path) -> None:
    made, known = copied(corpus / name, tmp_path)

    again = examine(made.path)
    assert known.facts.audio is not None
    assert again.facts.audio is not None
    expected = max(known.facts.audio.start, Fraction(0))
    assert abs(again.facts.audio.start - expected) < Fraction(1024, 44100)
    assert again.frame_times is not None
    assert known.facts.video is not None
    assert known.facts.video.frames is not None
    # one picture of the talk lies behind the end of its edit list
    assert 0 <= len(again.frame_times) - known.facts.video.frames <= 1


@pytest.mark.parametrize("name", ["cam_gopro_max_gps_walk_10s.mp4", "scene_hello_talk_8s_h264_in_avi.avi"])
def test_only_picture_and_sound_are_copied(name: str, corpus: Path, tmp_path: Path) -> None:
    made, known = copied(corpus / name, tmp_path)

    again = examine(made.path)
    assert [stream.codec for stream in again.facts.streams] == ["h264", "aac"]
    assert again.facts.video is not None
    assert known.facts.video is not None
    assert again.facts.video.frames == known.facts.video.frames


def test_a_sound_recording_is_copied_too(tmp_path: Path) -> None:
    original = make_sound(tmp_path / "a.m4a", seconds=5)
    facts = examine(original).facts
    if not facts.browser_playable:
        pytest.skip("sound-only files are played through their proxy")

    made, _ = copied(original, tmp_path)

    assert made.frames == 0
    assert abs(made.duration - 5) < Fraction(1, 5)


def test_codecs_that_browsers_do_not_play_are_refused(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.ts", frames=30, codec="mpeg2video")

    with pytest.raises(VerbatimNotPossible, match="mpeg2video"):
        copied(original, tmp_path)


def test_avi_with_pictures_out_of_order_is_refused(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.avi", frames=60, bframes=2, audio="aac")

    with pytest.raises(VerbatimNotPossible, match="avi"):
        copied(original, tmp_path)


def test_open_groups_are_refused(tmp_path: Path) -> None:
    options = ("-x264-params", "open-gop=1:bframes=3:b-adapt=0:keyint=15:min-keyint=15")
    original = make_footage(tmp_path / "a.mp4", frames=60, gop=15, bframes=3, options=options)

    with pytest.raises(VerbatimNotPossible, match="lean"):
        copied(original, tmp_path)


def test_a_clock_that_starts_anew_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerbatimNotPossible, match="anew"):
        copied(two_joined(tmp_path), tmp_path)


def test_a_first_key_frame_that_comes_late_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerbatimNotPossible, match="late"):
        copied(cut_at_the_front(tmp_path), tmp_path)
