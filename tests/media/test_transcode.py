"""The renditions show every frame of the original at its own time, and say what would not decode."""

import itertools
import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from services.errors import NoDecoder, Unplayable
from services.media.facts import MediaFacts, Stream
from services.media.ffmpeglog import Report
from services.media.fragments import fragments
from services.media.probe import Examination, examine
from services.media.programs import ffmpeg_path, ffmpeg_version, missing_decoders
from services.media.storyboard import Storyboard, plan_storyboard, thumbnails_vtt
from services.media.transcode import Rendered, render
from tests.footage import beeps, cut_at_the_front, make_footage, make_sound, number_of, numbers, times, two_joined


def rendered(original: Path, folder: Path) -> tuple[Rendered, Examination, list[Fraction]]:
    known = examine(original)
    progress: list[Fraction] = []
    (folder / "out").mkdir()
    made = render(original, known.facts, folder / "out", on_progress=progress.append, frame_times=known.frame_times)
    return made, known, progress


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"vfr": True, "bframes": 2}),
        ("a.mov", {"rate": "30000/1001", "size": (640, 360)}),
        ("a.ts", {"bframes": 2}),
        ("a.avi", {"bframes": 2}),
        ("a.mkv", {"codec": "libx265", "pixel_format": "yuv420p10le", "options": ("-x265-params", "log-level=none")}),
    ],
)
def test_one_proxy_frame_per_original_frame_at_its_own_time(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    original = make_footage(tmp_path / name, frames=150, **options)

    made, known, progress = rendered(original, tmp_path)

    assert known.frame_times is not None
    assert made.frames == 150
    assert made.flags == ()
    assert numbers(made.proxy) == list(range(150))
    wanted = [known.frame_times.time_of(n) for n in range(150)]
    assert max(abs(a - b) for a, b in zip(times(made.proxy), wanted, strict=True)) < Fraction(1, 1000)
    assert progress == sorted(progress)
    assert all(0 <= part <= 1 for part in progress)
    with av.open(str(made.proxy)) as proxy:
        video, sound = proxy.streams.video[0].codec_context, proxy.streams.audio[0].codec_context
        assert (video.name, video.pix_fmt, sound.name) == ("h264", "yuv420p", "aac")
        assert min(video.width, video.height) <= 480
    closeness = 1 / 30 if name == "a.avi" else 0.002  # AVI knows no times of showing
    theirs = range(5) if name == "a.avi" else beeps(original)
    assert max(abs(a - b) for a, b in itertools.zip_longest(beeps(made.proxy), theirs, fillvalue=99)) < closeness


def test_the_proxy_comes_in_fragments_of_two_seconds_by_the_clock(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=300, rate="20", vfr=True)

    made, _, _ = rendered(original, tmp_path)

    whole = made.proxy.read_bytes()
    _, row = fragments(lambda at, length: whole[at : at + length], len(whole))
    assert all(fragment.sync for fragment in row)
    assert all(2 <= fragment.duration < Fraction(22, 10) for fragment in row[:-1])


def test_tiles_poster_and_peaks_show_what_was_there(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=375, rate="25", size=(640, 360))

    made, _, _ = rendered(original, tmp_path)

    board = made.storyboard
    assert board == Storyboard(Fraction(1), 15, Fraction(15))
    assert made.sheet is not None
    sheet = cv2.imread(str(made.sheet), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    assert sheet.shape == (2 * board.tile_height, 10 * board.tile_width)
    shown = []
    for n in range(board.tiles):
        row, column = divmod(n, board.columns)
        shown.append(number_of(sheet[row * 90 : row * 90 + 90, column * 160 : column * 160 + 160]))
    assert shown == [n * 25 for n in range(15)]
    assert made.poster is not None
    poster = cv2.imread(str(made.poster), cv2.IMREAD_GRAYSCALE)
    assert poster is not None
    assert 37 <= number_of(poster) <= 39
    assert made.peaks is not None
    peaks = json.loads(made.peaks.read_text())
    assert (peaks["channels"], abs(peaks["length"] - 750) <= 2) == (1, True)
    pairs = zip(peaks["data"][::2], peaks["data"][1::2], strict=True)
    loud = [n for n, (low, high) in enumerate(pairs) if high - low > 60]
    assert {n // 50 for n in loud} == set(range(15))
    assert all(n % 50 <= 3 for n in loud)
    assert sorted(p.name for p in made.proxy.parent.iterdir()) == [
        "peaks.json",
        "poster.jpg",
        "proxy.mp4",
        "storyboard.jpg",
    ]


def test_progress_is_heard_while_it_works(tmp_path: Path) -> None:
    _, _, progress = rendered(make_footage(tmp_path / "a.mp4", frames=1800, size=(640, 360)), tmp_path)

    assert any(Fraction(1, 100) < part < Fraction(99, 100) for part in progress)
    assert progress[-1] > Fraction(9, 10)


def test_the_recipe_names_tool_version_and_parameters(tmp_path: Path) -> None:
    made, _, _ = rendered(make_footage(tmp_path / "a.mp4", frames=30), tmp_path)

    assert made.recipe["tool"] == "ffmpeg"
    assert made.recipe["version"] == ffmpeg_version()
    assert made.recipe["parameters"]["name"] == "review-proxy/1"
    assert json.loads(json.dumps(made.recipe)) == made.recipe


def test_a_sound_recording_gets_a_sound_proxy_and_peaks(tmp_path: Path) -> None:
    made, _, progress = rendered(make_sound(tmp_path / "a.wav", seconds=9), tmp_path)

    assert (made.poster, made.sheet, made.storyboard, made.frames) == (None, None, None, 0)
    assert abs(made.duration - 9) < Fraction(1, 5)
    assert made.peaks is not None
    assert abs(json.loads(made.peaks.read_text())["length"] - 450) <= 2
    assert progress
    whole = made.proxy.read_bytes()
    _, row = fragments(lambda at, length: whole[at : at + length], len(whole))
    assert len(row) >= 4


def test_pictures_without_sound_get_no_sound(tmp_path: Path) -> None:
    made, _, _ = rendered(make_footage(tmp_path / "a.mp4", frames=60, audio=False), tmp_path)

    with av.open(str(made.proxy)) as proxy:
        assert [stream.type for stream in proxy.streams] == ["video"]
    assert (made.peaks, made.flags) == (None, ())


def test_a_folder_with_odd_characters_is_only_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "警务 100%03d 'x' :,;[a]"
    folder.mkdir()
    original = make_footage(folder / "现场.mp4", frames=60)

    made, _, _ = rendered(original, folder)

    assert made.frames == 60
    assert made.poster is not None


def test_a_turned_picture_stands_upright_and_8_bit(corpus: Path, tmp_path: Path) -> None:
    made, _, _ = rendered(corpus / "phone_iphone12_hevc10_gps_rot90_0.3s.mp4", tmp_path)

    with av.open(str(made.proxy)) as proxy:
        frame = next(proxy.decode(video=0))
        assert (frame.width, frame.height, frame.format.name) == (480, 854, "yuv420p")


def test_sound_whose_times_make_no_sense_is_left_out_and_flagged(corpus: Path, tmp_path: Path) -> None:
    made, _, _ = rendered(corpus / "scene_hello_talk_8s_theora.ogg", tmp_path)

    assert [flag.kind for flag in made.flags] == ["sound-damaged"]
    assert made.frames == 249
    assert abs(made.duration - Fraction(83, 10)) < Fraction(1, 20)
    with av.open(str(made.proxy)) as proxy:
        assert [stream.type for stream in proxy.streams] == ["video"]


def test_frames_that_do_not_decode_are_flagged_where_they_are_missing(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mkv", frames=300, gop=30, size=(640, 360))
    known = examine(original)
    broken = bytearray(original.read_bytes())
    middle = slice(len(broken) * 4 // 10, len(broken) * 6 // 10)
    broken[middle] = np.random.default_rng(1).bytes(middle.stop - middle.start)
    original.write_bytes(broken)
    (tmp_path / "out").mkdir()

    made = render(original, known.facts, tmp_path / "out", on_progress=lambda _: None, frame_times=known.frame_times)

    assert 0 < made.frames < 300
    assert [flag.kind for flag in made.flags] == ["decode-errors"]
    assert f"{made.frames} of 300 frames" in made.flags[0].detail
    assert made.flags[0].start is not None
    assert 2 < made.flags[0].start < 6


def test_a_clock_that_starts_anew_goes_on_in_the_proxy(tmp_path: Path) -> None:
    made, known, _ = rendered(two_joined(tmp_path), tmp_path)

    assert numbers(made.proxy) == list(range(300))
    assert made.flags == ()
    assert known.frame_times is not None
    assert [float(time) for time in times(made.proxy)] == pytest.approx([n / 30 for n in range(300)], abs=0.001)
    assert [abs(beep - n) < 0.03 for n, beep in enumerate(beeps(made.proxy))] == [True] * 10


def test_time_0_stays_where_it_is_though_the_first_frames_do_not_decode(tmp_path: Path) -> None:
    made, known, _ = rendered(cut_at_the_front(tmp_path), tmp_path)

    assert known.frame_times is not None
    missing = len(known.frame_times) - made.frames
    assert missing > 0
    assert numbers(made.proxy) == list(range(120, 300))
    assert times(made.proxy)[1:] == pytest.approx(
        [float(known.frame_times.time_of(missing + n)) for n in range(1, 180)]
    )
    assert [flag.kind for flag in made.flags] == ["decode-errors"]
    assert made.flags[0].end == known.frame_times.time_of(missing + 1)


def test_pictures_patched_by_the_decoder_are_flagged_though_none_is_missing(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mkv", frames=300, gop=30, size=(640, 360))
    known = examine(original)
    broken = bytearray(original.read_bytes())
    for place in range(3):
        broken[len(broken) // 2 + place * 1000] ^= 0xFF
    original.write_bytes(broken)
    (tmp_path / "out").mkdir()

    made = render(original, known.facts, tmp_path / "out", on_progress=lambda _: None)

    assert made.frames == 300
    assert [flag.kind for flag in made.flags] == ["decode-errors"]
    assert "patched" in made.flags[0].detail


def test_nothing_decodable_is_unplayable(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mkv", frames=60)
    known = examine(original)
    noise = np.random.default_rng(2).bytes(original.stat().st_size - 1000)
    original.write_bytes(original.read_bytes()[:1000] + noise)
    (tmp_path / "out").mkdir()

    with pytest.raises(Unplayable):
        render(original, known.facts, tmp_path / "out", on_progress=lambda _: None)


def test_a_codec_off_the_list_is_not_tried(tmp_path: Path) -> None:
    facts = MediaFacts("mp4", (Stream(0, "video", "prores"),), Fraction(5))

    with pytest.raises(NoDecoder, match="prores"):
        render(tmp_path / "x.mp4", facts, tmp_path, on_progress=lambda _: None)


def test_the_pinned_build_has_every_decoder_of_the_list() -> None:
    assert ffmpeg_path().is_file()
    assert missing_decoders() == []


def test_a_long_recording_has_at_most_150_tiles() -> None:
    board = plan_storyboard(Fraction(12 * 3600) + Fraction(1, 3))

    assert board.interval == 289
    assert (board.tiles, board.rows) == (150, 15)
    assert Storyboard.from_json(json.loads(json.dumps(board.to_json()))) == board


def test_thumbnails_name_each_tile() -> None:
    text = thumbnails_vtt(Storyboard(Fraction(10), 12, Fraction(1154, 10)), "sheet.jpg?viewing=7")

    cues = text.split("\n\n")
    assert cues[0] == "WEBVTT"
    assert cues[1] == "00:00:00.000 --> 00:00:10.000\nsheet.jpg?viewing=7#xywh=0,0,160,90"
    assert cues[12].rstrip() == "00:01:50.000 --> 00:01:55.400\nsheet.jpg?viewing=7#xywh=160,90,160,90"


SOME = ["odd_h263_qcif.3gp", "odd_fragmented_rooftop_60fps.mp4", "scene_hello_talk_8s_h264_in_avi.avi"]


def test_recordings_of_real_cameras_render_whole(corpus: Path, tmp_path: Path) -> None:
    names = sorted(p.name for p in corpus.iterdir() if p.suffix != ".tsv") if os.environ.get("HUISU_SOAK") else SOME
    for name in names:
        known = examine(corpus / name)
        if not known.facts.playable:
            continue
        folder = tmp_path / name
        folder.mkdir()

        made = render(corpus / name, known.facts, folder, on_progress=lambda _: None, frame_times=known.frame_times)

        assert {flag.kind for flag in made.flags} <= {"sound-damaged"}, name
        if known.facts.video is not None:
            assert made.frames == known.facts.video.frames, name


@pytest.mark.parametrize("duration", [Fraction(0), Fraction(2)])
def test_progress_is_told_once_a_step_and_never_again_after_the_end(duration: Fraction) -> None:
    heard: list[Fraction] = []
    report = Report(duration, heard.append)

    for frame in range(90):
        assert report.hear(f"t={frame / 30:.6f}")

    assert heard[-1] == 1
    assert heard.count(Fraction(1)) == 1
    assert heard == sorted(set(heard))
