"""A smart cut holds exactly the frames asked for, its middle packet by packet the original's; or it does not leave."""

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from services.errors import StoreUnavailable
from services.media.avcc import read_configuration
from services.media.boxes import Node
from services.media.clip import plan_exact
from services.media.codecs import codec_of
from services.media.movie import Movie, read_movie
from services.media.pool import Pool
from services.media.smartcheck import _ids_in
from services.media.smartplan import Unfit
from services.media.timecode import TimeRange
from tests.footage import _run, beeps, make_footage, number_of, numbers
from tests.media.cutting import Film, Made, decoders, stretches
from tests.media.written import complaints, packets

FRAMES, RATE = 300, 30
POSITIONS = 20

COPIED: dict[str, dict[str, Any]] = {
    "no-b": {},
    "bf2": {"bframes": 2, "layout": "front"},
    "bf3-pyramid": {"bframes": 3, "options": ["-x264-params", "b-pyramid=normal:open-gop=0"]},
    "fragmented": {"bframes": 2, "layout": "fragmented"},
    "negative-offsets": {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]},
    "silent": {"audio": False, "bframes": 2},
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with decoders() as opened:
        yield opened


def made(found: Made | Unfit) -> Made:
    assert isinstance(found, Made), found
    return found


def film_of(content):
    """Read number and time of each picture that a decoder presents."""
    with av.open(io.BytesIO(content), "r") as media:
        return [(number_of(f.to_ndarray(format="gray")), (f.pts or 0) * f.time_base) for f in media.decode(video=0)]


def movie_of(content: bytes) -> Movie:
    return read_movie(lambda at, length: content[at : at + length], len(content))


def configuration_of(content: bytes) -> Any:
    return read_configuration(movie_of(content).tracks[0].track.codec.config)


def refuse(film: Film, first: int, end: int, pool: Pool) -> str:
    found = film.cut(first, end, pool)
    assert isinstance(found, Unfit), found
    return found.reason


@pytest.mark.parametrize(("kind", "suffix"), [*((kind, ".mp4") for kind in COPIED), ("no-b", ".mov"), ("bf2", ".mov")])
def test_the_frames_are_exactly_those_asked_for_and_the_middle_is_the_originals(
    kind: str, suffix: str, tmp_path: Path, pool: Pool
) -> None:
    film = Film.of(make_footage(tmp_path / f"a{suffix}", frames=FRAMES, **COPIED[kind]))
    source = packets(film.content)
    pictures = sorted(source[0], key=lambda one: one[1])
    heard = {digest for digest, _ in source.get(1, [])}

    for first, end in stretches(FRAMES, POSITIONS):
        clip = made(film.cut(first, end, pool))
        low, high = clip.cut.copied
        ours = packets(clip.content)
        shown = [digest for digest, _ in sorted(ours[0], key=lambda one: one[1])]

        assert film_of(clip.content) == [(n, Fraction(n - first, RATE)) for n in range(first, end)]
        assert first <= low <= first + 30
        assert end - 30 <= high <= end
        assert shown[low - first : high - first] == [digest for digest, _ in pictures[low:high]]
        assert len(shown) == end - first
        assert {digest for digest, _ in ours.get(1, [])} <= heard
    assert complaints(clip.content, tmp_path) == ""


def test_whole_groups_are_copied_whole(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES, bframes=2))
    clip = made(film.cut(60, 150, pool))

    assert clip.cut.copied == (60, 150)
    assert configuration_of(clip.content) == configuration_of(film.content)
    assert len(packets(clip.content)[0]) == 90


def test_sound_keeps_its_place_and_none_is_from_outside(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES))
    for first, end in ((37, 187), (0, 100), (125, 300)):
        clip = made(film.cut(first, end, pool))
        track = next(track for track in movie_of(clip.content).tracks if track.track.is_sound)
        start, stop = (
            Fraction(int(tick), track.track.timescale) for tick in (track.presented.start, track.presented.end)
        )

        assert 0 <= start < Fraction(1024, 48000)
        assert clip.seconds - Fraction(1024, 48000) <= stop <= clip.seconds
        expected = [second - first / RATE for second in range(-(-first // RATE), -(-end // RATE))]
        found = [beep for beep in beeps(clip.content) if beep > 0.03]
        assert found == pytest.approx([beep for beep in expected if beep > 0.03], abs=0.001)


def test_sound_stops_where_it_was_asked_to_not_where_the_last_frame_does(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=100, rate="1", gop=2))
    exact = plan_exact(film.facts, film.frame_times, TimeRange(Fraction(3), Fraction(81, 10)))
    clip = made(film.cut_as(exact, pool))
    track = next(track for track in movie_of(clip.content).tracks if track.track.is_sound)

    assert numbers(clip.content) == list(range(3, 9))
    assert Fraction(int(track.presented.end), track.track.timescale) <= Fraction(51, 10)


def test_every_sound_track_comes_along(tmp_path: Path, pool: Pool) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=150)
    twice = tmp_path / "b.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(path), "-map", "0:v", "-map", "0:a"]
    _run([*command, "-map", "0:a", "-c", "copy", str(twice)])

    clip = made(Film.of(twice).cut(20, 130, pool))

    assert sorted(packets(clip.content)) == [0, 1, 2]


def test_foreign_tracks_do_not_leave(corpus: Path, pool: Pool) -> None:
    film = Film.of(corpus / "cam_gopro_max_gps_walk_10s.mp4")
    clip = made(film.cut(31, 283, pool))
    movie = movie_of(clip.content)
    declared = sum(int(track.samples.size.sum()) for track in movie.tracks)
    (body,) = [box for box in movie.boxes if box.kind == b"mdat"]

    assert {track.track.is_picture or track.track.is_sound for track in movie.tracks} == {True}
    assert body.size - body.header_bytes == declared


def test_an_edit_list_that_hides_frames_leaks_none(tmp_path: Path, pool: Pool) -> None:
    whole = make_footage(tmp_path / "a.mp4", frames=FRAMES, bframes=2)
    cut = tmp_path / "b.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-ss", "1.5", "-i", str(whole)]
    _run([*command, "-t", "6.5", "-c", "copy", str(cut)])
    film = Film.of(cut)
    shown = numbers(cut)
    assert shown[0] > 30  # the file holds the frames from 30 on, and hides some

    for start, end in ((0, 100), (0, 180), (3, 190)):
        clip = made(film.cut(start, end, pool))
        assert numbers(clip.content) == shown[start:end]
        with av.open(io.BytesIO(clip.content), "r", options={"ignore_editlist": "1"}) as media:
            assert sum(1 for _ in media.decode(video=0)) == end - start


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"vfr": True}, "variable-rate"),
        ({"bframes": 2, "options": ["-x264-params", "open-gop=1"]}, "open-gop"),
        ({"options": ["-flags", "+ilme+ildct"]}, "interlaced"),
        ({"codec": "libx265", "options": ["-x265-params", "log-level=none"]}, "codec"),
        ({"pixel_format": "yuv444p"}, "codec"),
        ({"gop": 300}, "no-whole-group"),
        ({"audio": "libmp3lame"}, "sound"),
    ],
    ids=str,
)
def test_what_cannot_be_copied_says_why(options: dict[str, Any], reason: str, tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES, **options))

    assert refuse(film, 35, 280, pool) == reason


def test_a_clip_without_a_whole_group_is_encoded(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES))

    assert [refuse(film, *span, pool) for span in ((10, 20), (35, 89), (59, 61), (299, 300))] == ["no-whole-group"] * 4


def test_a_container_without_boxes_is_encoded(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.ts", frames=150))

    assert refuse(film, 20, 130, pool) == "codec"


def test_the_seams_take_an_id_that_the_original_does_not_use(tmp_path: Path, pool: Pool) -> None:
    for own, expected in ((0, 1), (1, 2)):
        options = ["-x264-params", f"sps-id={own}"]
        film = Film.of(make_footage(tmp_path / "a.mp4", frames=150, options=options))
        clip = made(film.cut(20, 130, pool))

        assert [one.number for one in configuration_of(clip.content).sets] == [own, expected]
        assert numbers(clip.content) == list(range(20, 130))


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_seams_look_like_the_original_to_a_decoder(profile: str, tmp_path: Path, pool: Pool) -> None:
    colours = ["-color_range", "pc", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    options = ["-profile:v", profile, "-vf", "setsar=4/3,scale=out_range=full", *colours, "-level", "4.0"]
    path = make_footage(tmp_path / "a.mp4", frames=150, pixel_format="yuvj420p", options=options)
    film = Film.of(path)

    found = configuration_of(made(film.cut(20, 130, pool)).content)
    source, seam = found.sets

    assert source.usability.shape == Fraction(4, 3)
    assert source.usability.full_range
    assert seam.usability == source.usability
    assert (seam.picture, seam.level, seam.profile) == (source.picture, source.level, source.profile)
    assert (found.profile, found.level) == (source.profile, source.level)


def test_the_pictures_of_a_seam_are_those_of_the_original(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=150, bframes=2))
    clip = made(film.cut(20, 130, pool))
    with av.open(io.BytesIO(film.content), "r") as before, av.open(io.BytesIO(clip.content), "r") as after:
        theirs = [frame.to_ndarray() for frame in before.decode(video=0)][20:130]
        ours = [frame.to_ndarray() for frame in after.decode(video=0)]
    apart = [float(np.abs(a.astype(int) - b.astype(int)).mean()) for a, b in zip(ours, theirs, strict=True)]

    assert max(apart[10:100]) == 0
    assert max(apart) < 2


def test_a_packet_that_differs_keeps_the_clip_from_leaving(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES, size=(1280, 720), options=["-crf", "1"]))
    video = film.index.video
    assert video is not None
    other = bytearray(film.content)
    other[int(video.samples.offset[100]) + 50] ^= 1

    found = film.cut_as(film.plan(35, 200), pool, read_as=bytes(other))

    assert isinstance(found, Unfit)
    assert (found.reason, "is not the original's" in found.detail) == ("check-failed", True)


def test_a_gap_inside_the_copied_part_stays_as_long_as_it_was(tmp_path: Path, pool: Pool) -> None:
    options = ["-vf", "setpts='PTS+gte(N,100)*5/TB'", "-fps_mode", "vfr"]
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES, bframes=2, audio_seconds=15, options=options))
    clip = made(film.cut(35, 200, pool))

    assert clip.cut.copied == (60, 180)
    expected = [(n, Fraction(n - 35, RATE) + (5 if n >= 100 else 0)) for n in range(35, 200)]
    assert film_of(clip.content) == expected
    assert refuse(film, 95, 200, pool) == "variable-rate"  # the gap would lie in a seam


def test_a_store_that_gives_too_little_is_no_clip(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES, size=(1280, 720), options=["-crf", "1"]))
    short = film.content[: len(film.content) // 2]

    with pytest.raises(StoreUnavailable, match="were asked for"):
        film.cut_as(film.plan(35, 280), pool, read_as=short)


def test_a_seam_that_does_not_decode_keeps_the_clip_from_leaving(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=FRAMES))
    video = film.index.video
    assert video is not None
    content = bytearray(film.content)
    at = int(video.samples.offset[30])
    content[at + 8 : at + int(video.samples.size[30])] = b"\xff" * (int(video.samples.size[30]) - 8)
    hurt = replace(film, content=bytes(content))

    assert refuse(hurt, 35, 200, pool) == "check-failed"


def test_sets_in_band_are_seen() -> None:
    sps = bytes.fromhex("67640016acd94140fb0110000003001000000303c0f162d960")
    pps = bytes.fromhex("68ebe3cb22c0")
    packet = b"".join(len(unit).to_bytes(4, "big") + unit for unit in (b"\x09\x10", sps, pps, b"\x65" + bytes(9)))

    assert _ids_in(packet) == {0}


def test_real_cameras_are_cut_to_the_frame(corpus: Path, tmp_path: Path, pool: Pool) -> None:
    names = "cam_gopro_hero6_gps_2s cam_gopro_max_gps_walk_10s odd_fragmented_rooftop_60fps scene_bottles_40s_29.83fps"
    for name in (f"{stem}.mp4" for stem in [*names.split(), "scene_car_park_30s_aac", "scene_hello_talk_8s_h264"]):
        film = Film.of(corpus / name)
        count = len(film.frame_times)
        clip = made(film.cut(count // 10, count * 9 // 10, pool))
        with av.open(io.BytesIO(clip.content), "r") as media:
            assert sum(1 for _ in media.decode(video=0)) == count * 9 // 10 - count // 10, name
        assert complaints(clip.content, tmp_path) == "", name


def test_the_description_of_an_entry_keeps_its_other_boxes(tmp_path: Path, pool: Pool) -> None:
    film = Film.of(make_footage(tmp_path / "a.mp4", frames=150, options=["-aspect", "4:3"]))
    clip = made(film.cut(20, 130, pool))
    boxes = []
    for content in (film.content, clip.content):
        stsd = Node(b"stsd", memoryview(movie_of(content).tracks[0].track.description))
        (entry,) = list(stsd.children(skip=8))
        boxes.append({child.kind: bytes(child.body) for child in entry.children(skip=78)})
        assert codec_of(b"vide", stsd).fourcc == b"avc1"

    assert boxes[0].keys() == boxes[1].keys()
    assert boxes[0][b"pasp"] == boxes[1][b"pasp"]
