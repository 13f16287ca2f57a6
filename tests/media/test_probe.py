import csv
import functools
import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from services.errors import MediaError, Unplayable
from services.media import child, probe
from services.media.containers import MP4
from services.media.demux import decode_at
from services.media.facts import MediaFacts
from services.media.probe import Examination, examine, examine_in_child
from services.media.sandbox import Limits, run_child
from tests.footage import make_footage, make_sound, numbers, times

FLAGS = {
    "bad_moov_cut_at_100_bytes.mp4": {"truncated"},
    "bad_sample_tables_empty_claims_42s.mp4": {"truncated", "bad-sample-tables"},
    "hostile_hls_in_avi_reads_etc_shadow.avi": {"hostile-container"},
    "scene_hello_talk_8s_theora.ogg": {"odd-sound-times"},
}
CONTAINERS = {
    "mov,mp4,m4a,3gp,3g2,mj2": {"mp4", "mov", "3gp"},
    "matroska,webm": {"matroska", "webm"},
    "mpeg": {"mpegps"},
    "avi (playlist inside)": {""},
}
NAMES = (
    "audio_reading_7s_16khz.wav bad_moov_cut_at_100_bytes.mp4 bad_sample_tables_empty_claims_42s.mp4 "  # noqa: SIM905
    "cam_gopro_hero6_gps_2s.mp4 cam_gopro_max_gps_walk_10s.mp4 hostile_hls_in_avi_reads_etc_shadow.avi "
    "odd_fragmented_rooftop_60fps.mp4 odd_h263_qcif.3gp odd_mpeg2_broadcast_2.5s.ts odd_vp9_square_no_audio.webm "
    "phone_android14_hlg10_gps_0.3s.mp4 phone_android9_gps_vfr_1080p.mp4 phone_iphone12_hevc10_gps_rot90_0.3s.mp4 "
    "scene_bottles_40s_29.83fps.mp4 scene_car_park_30s_aac.mp4 scene_hello_talk_8s_h264.mp4 "
    "scene_hello_talk_8s_h264_in_avi.avi scene_hello_talk_8s_mpeg2_ps.mpeg scene_hello_talk_8s_theora.ogg "
    "scene_signing_woman_face_front.mkv".split()
)


@functools.cache
def manifest(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "MANIFEST.tsv").open(encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}


def kinds(facts: MediaFacts) -> set[str]:
    return {flag.kind for flag in facts.flags}


def test_every_file_of_the_corpus_is_tested(corpus):
    assert set(manifest(corpus)) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_corpus_files_are_what_their_manifest_says(corpus, name):
    row = manifest(corpus)[name]

    facts = examine(corpus / name).facts

    damaged = name.startswith(("bad_", "hostile_"))
    assert facts.container in CONTAINERS.get(row["container"], {row["container"]})
    assert (facts.damaged, facts.playable) == (damaged, not damaged)
    assert kinds(facts) == FLAGS.get(name, set())
    if damaged:
        assert facts.duration == 0
        return
    assert abs(float(facts.duration) - float(row["duration_s"])) <= 0.1
    _check_streams(facts, row)


def _check_streams(facts: MediaFacts, row: dict[str, str]) -> None:
    video, audio = facts.video, facts.audio
    if row["video_codec"] == "-":
        assert video is None
    else:
        assert video is not None
        assert video.codec == row["video_codec"].split()[0]
        assert f"{video.width}x{video.height}" == row["WxH"]
        assert video.variable_rate == ("variable" in row["fps"]) or row["container"] == "mpegts"
        if row["container"] != "mpegts":  # two of its first pictures lack their reference and are not in the stream
            assert video.rate is not None
            assert abs(float(video.rate) / float(row["fps"].split()[0]) - 1) < 0.01
    if row["audio_codec"] == "-":
        assert audio is None
    else:
        said = re.match(r"(\S+) (?:LC )?([0-9]+)Hz ([0-9]+)ch", row["audio_codec"])
        assert said is not None
        assert audio is not None
        assert [audio.codec, str(audio.sample_rate), str(audio.channels)] == list(said.groups())


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.endswith((".mp4", ".3gp", ".mkv", ".webm", ".ts")) and "bad_" not in name]
)
def test_frame_times_of_corpus_files_are_those_that_a_decoder_presents(corpus, name):
    found = examine(corpus / name).frame_times
    expected = times(corpus / name)

    assert found is not None
    assert [found.time_of(n) for n in range(len(found))] == expected


def test_cameras_tell_where_and_when_they_recorded(corpus):
    phone = examine(corpus / "phone_android9_gps_vfr_1080p.mp4").facts
    apple = examine(corpus / "phone_iphone12_hevc10_gps_rot90_0.3s.mp4").facts
    gopro = examine(corpus / "cam_gopro_hero6_gps_2s.mp4").facts

    assert phone.location == (-15.8355, -48.0153)
    assert phone.recorded_at is not None
    assert phone.recorded_at.isoformat() == "2019-12-20T20:08:34+00:00"
    assert apple.location == (37.745, -122.4301)
    assert apple.video is not None
    assert (apple.video.rotation, apple.video.bit_depth, apple.browser_playable) == (90, 10, False)
    assert gopro.location == pytest.approx((33.1265, -117.3272), abs=1e-4)
    assert gopro.recorded_at is None


QUICK = ("-deadline", "realtime", "-cpu-used", "8")
HEVC = ("-x265-params", "log-level=none", "-preset", "ultrafast")
FOOTAGE: dict[str, tuple[str, dict[str, Any], bool]] = {
    "plain": ("a.mp4", {}, True),
    "reordered": ("a.mp4", {"bframes": 2, "layout": "front"}, True),
    "fragmented": ("a.mp4", {"bframes": 2, "layout": "fragmented", "rate": "30000/1001"}, True),
    "uneven": ("a.mp4", {"vfr": True}, True),
    "quicktime": ("a.mov", {"audio": "pcm_s16le"}, False),
    "jpeg": ("a.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p", "audio": "pcm_s16be"}, False),
    "mp3": ("a.mp4", {"audio": "libmp3lame"}, True),
    "transport": ("a.ts", {"bframes": 2}, False),
    "program": ("a.mpg", {"codec": "mpeg2video", "rate": "25", "bframes": 2}, False),
    "matroska": ("a.mkv", {"bframes": 2}, True),
    "vp9": ("a.webm", {"codec": "libvpx-vp9", "options": QUICK}, False),
    "vp8": ("a.webm", {"codec": "libvpx", "options": ("-auto-alt-ref", "1", "-lag-in-frames", "16")}, False),
    "avi": ("a.avi", {"codec": "mpeg4", "bframes": 2}, False),
    "flash": ("a.flv", {"bframes": 2}, True),
    "theora": ("a.ogg", {"codec": "libtheora"}, False),
    "h263": ("a.3gp", {"codec": "h263", "size": (352, 288)}, False),
    "hevc": (
        "a.mp4",
        {"codec": "libx265", "options": ("-x265-params", "log-level=none", "-preset", "ultrafast")},
        False,
    ),
    "4:4:4": ("a.mp4", {"pixel_format": "yuv444p"}, False),
    "10 bit": ("a.mp4", {"pixel_format": "yuv420p10le"}, False),
}


@pytest.mark.parametrize("kind", FOOTAGE)
def test_footage_of_any_kind_is_examined_to_the_frame(tmp_path, kind):
    name, options, for_browsers = FOOTAGE[kind]
    path = make_footage(tmp_path / name, frames=70, **options)

    examined = examine(path)

    facts, found = examined.facts, examined.frame_times
    assert found is not None
    step = found.time_base
    expected = times(path)
    assert len(found) == 70
    assert all(abs(found.time_of(n) - moment) <= step for n, moment in enumerate(expected))
    assert (facts.playable, facts.browser_playable, facts.damaged) == (True, for_browsers, False)
    assert kinds(facts) == ({"open-gop"} if kind == "hevc" else set())
    assert facts.video is not None
    assert facts.video.frames == 70


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a", "a.ogg", "a.aac"])
def test_sound_alone_plays_and_has_no_frame_times(tmp_path, name):
    examined = examine(make_sound(tmp_path / name, seconds=3))

    assert examined.frame_times is None
    assert examined.facts.playable
    assert examined.facts.video is None
    assert abs(examined.facts.duration - 3) < Fraction(1, 4)


def test_a_cover_picture_does_not_make_sound_a_film(tmp_path):
    sound = make_sound(tmp_path / "a.mp3", seconds=3)
    with av.open(str(sound)) as source, av.open(str(tmp_path / "b.mp3"), "w") as target:
        out = target.add_stream_from_template(source.streams.audio[0])
        cover = target.add_stream("png", rate=1, width=64, height=64, pix_fmt="rgb24")
        for packet in cover.encode(av.VideoFrame(64, 64, "rgb24")) + cover.encode(None):
            target.mux(packet)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = out
                target.mux(packet)

    facts = examine(tmp_path / "b.mp3").facts

    assert [stream.kind for stream in facts.streams] == ["audio", "data"]
    assert facts.playable
    assert abs(facts.duration - 3) < Fraction(1, 4)


def test_a_codec_without_an_allowed_decoder_is_kept_and_not_called_damaged(tmp_path):
    facts = examine(make_footage(tmp_path / "a.mkv", frames=10, codec="ffv1", audio=False)).facts

    assert kinds(facts) == {"no-decoder"}
    assert not facts.playable
    assert not facts.damaged


def test_a_codec_without_an_allowed_decoder_leaves_the_sound_playable(tmp_path):
    facts = examine(make_footage(tmp_path / "a.mov", frames=30, codec="prores_ks", pixel_format="yuv422p10le")).facts

    assert kinds(facts) == {"no-decoder"}
    assert facts.playable
    assert not facts.browser_playable


def test_a_truncated_file_says_from_when_pictures_are_missing(tmp_path):
    whole = make_footage(tmp_path / "a.mp4", frames=300, layout="front").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 6 // 10])

    facts = examine(cut).facts

    truncated = [flag for flag in facts.flags if flag.kind == "truncated"]
    assert facts.damaged
    assert facts.playable
    assert 4 < facts.duration < 8
    assert truncated[0].end == 10
    assert truncated[0].start is not None
    assert abs(truncated[0].start - facts.duration) < Fraction(1, 2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mkv", {}),
        ("a.avi", {"codec": "mpeg4"}),
        ("a.mp4", {"layout": "fragmented"}),
        ("a.webm", {"codec": "libvpx", "options": QUICK}),
    ],
)
def test_a_truncated_file_of_another_kind_plays_up_to_the_damage(tmp_path, name, options):
    whole = make_footage(tmp_path / name, frames=150, **options).read_bytes()
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(whole[: len(whole) * 6 // 10])

    examined = examine(cut)

    assert kinds(examined.facts) >= {"truncated"}
    assert examined.facts.playable
    assert examined.frame_times is not None
    assert 30 < len(examined.frame_times) < 150


def test_a_truncated_file_with_its_index_at_the_end_has_none(tmp_path):
    whole = make_footage(tmp_path / "a.mp4", frames=300).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])

    facts = examine(cut).facts

    assert kinds(facts) == {"no-index"}
    assert facts.damaged
    assert not facts.playable


def test_media_overwritten_with_zeros_is_found_out(tmp_path):
    content = bytearray(make_footage(tmp_path / "a.mp4", frames=300, layout="front").read_bytes())
    body = content.index(b"mdat") + 4
    third = (len(content) - body) // 3
    content[body + third : body + 2 * third] = bytes(third)
    (tmp_path / "hole.mp4").write_bytes(content)
    content[body:] = bytes(len(content) - body)
    (tmp_path / "nothing.mp4").write_bytes(content)

    hole, nothing = examine(tmp_path / "hole.mp4").facts, examine(tmp_path / "nothing.mp4").facts

    assert kinds(hole) == {"undecodable"}
    assert hole.damaged
    assert hole.playable
    assert nothing.damaged
    assert not nothing.playable


def test_a_stall_and_early_silence_are_flagged_where_they_are(tmp_path):
    stalled = make_footage(tmp_path / "a.mp4", frames=300, options=("-bsf:v", "setts=ts='TS+gte(N,100)*2/TB'"))
    quiet = make_footage(tmp_path / "b.mp4", frames=300, audio_seconds=7)

    gap = examine(stalled).facts.flags
    silence = examine(quiet).facts.flags

    assert [(flag.kind, flag.start, flag.end) for flag in gap if flag.kind == "gap"] == [
        ("gap", Fraction(99, 30), Fraction(100, 30) + 2)
    ]
    assert [(flag.kind, flag.start, flag.end) for flag in silence] == [("audio-ends-early", Fraction(7), Fraction(10))]


def test_pictures_that_end_before_the_sound_are_flagged_from_there(tmp_path):
    dark = make_footage(tmp_path / "a.mp4", frames=150, options=("-bsf:v", "noise=drop='gte(n,90)'"))

    flags = examine(dark).facts.flags

    assert [(flag.kind, flag.start, flag.detector) for flag in flags] == [("video-ends-early", 3, "frame-index")]
    assert flags[0].end is not None
    assert abs(flags[0].end - 5) < Fraction(1, 10)


HOSTILE = {
    "hls.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:SECRET\n#EXT-X-ENDLIST\n",
    "dash.mp4": b'<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>SECRET</BaseURL>'
    b"</Representation></AdaptationSet></Period></MPD>",
    "concat.mp4": b"ffconcat version 1.0\nfile 'SECRET'\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_playlist_named_mp4_opens_nothing_else(tmp_path, name, monkeypatch):
    secret = make_footage(tmp_path / "secret.mp4", frames=10)
    path = tmp_path / name
    path.write_bytes(HOSTILE[name].replace(b"SECRET", str(secret).encode()))
    opened = []
    monkeypatch.setattr(av, "open", lambda *args, **_: opened.append(args))

    facts = examine(path).facts

    assert kinds(facts) == {"hostile-container"}
    assert facts.damaged
    assert opened == []


@pytest.mark.parametrize("name", HOSTILE)
def test_the_forced_demuxer_opens_no_other_file_even_if_asked_to_read_a_playlist(tmp_path, name):
    secret = make_footage(tmp_path / "secret.mp4", frames=10)
    path = tmp_path / name
    path.write_bytes(HOSTILE[name].replace(b"SECRET", str(secret).encode()))

    with pytest.raises(MediaError):
        decode_at(path, MP4, 0, (0,))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (bytes(5000), "empty"),
        ("现场记录：这不是录像。\n".encode() * 100, "not-media"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + struct.pack(">I4sQ", 1, b"mdat", 1 << 63) + bytes(99), "hostile-container"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + struct.pack(">I4s", 108, b"mdat") + bytes(100), "no-index"),
        (b"\x1aE\xdf\xa3" + bytes(range(256)) * 9, "unplayable"),
        (b"OggS" + bytes(range(256)) * 9, "unplayable"),
    ],
)
def test_what_is_no_recording_is_flagged_and_never_an_error(tmp_path, content, kind):
    path = tmp_path / "从右到左 \u202egpj.mp4"
    path.write_bytes(content)

    facts = examine(path).facts

    assert kinds(facts) == {kind}
    assert facts.damaged
    assert not facts.playable


@pytest.mark.parametrize("count", [0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("table", [b"stts", b"stsz", b"ctts", b"stco"])
def test_forged_sample_counts_are_damage(tmp_path, table, count):
    content = bytearray(make_footage(tmp_path / "a.mp4", frames=60, bframes=2, audio=False).read_bytes())
    at = content.index(table) + (12 if table == b"stsz" else 8)
    content[at : at + 4] = struct.pack(">I", count)
    (tmp_path / "forged.mp4").write_bytes(content)

    facts = examine(tmp_path / "forged.mp4").facts

    assert kinds(facts) == {"bad-sample-tables"}
    assert not facts.playable


def test_a_child_process_gives_the_same_examination(tmp_path):
    path = make_footage(tmp_path / "现场 录像-o%03d.mp4", frames=60, bframes=2)

    assert examine_in_child(path) == examine(path)


def test_an_examination_survives_json(tmp_path):
    examined = examine(make_footage(tmp_path / "a.mp4", frames=60, vfr=True))

    assert Examination.from_json(examined.to_json()) == examined


def test_a_child_that_is_killed_is_an_unplayable_file(tmp_path, monkeypatch):
    path = make_footage(tmp_path / "a.mp4", frames=60)
    monkeypatch.setattr(probe, "CHILD_MEMORY_BYTES", 1 << 24)

    with pytest.raises(Unplayable, match="could not be examined"):
        examine_in_child(path)


def test_a_child_answers_only_targets_of_its_table(tmp_path):
    limits = Limits(wall_s=30, cpu_s=20, memory_bytes=1 << 30, file_bytes=1 << 20)

    assert child.answer("os:system", {"command": "true"})["error"]["code"] == "tool-failed"
    assert child.answer("services.media.probe:examine", {})["error"]["code"] == "tool-failed"
    with pytest.raises(Exception, match="answers"):
        run_child("os:system", {}, limits=limits, readable=[])


def test_footage_carries_its_numbers(tmp_path):
    path = make_footage(tmp_path / "a.mp4", frames=40, first=60000)

    assert numbers(path) == list(range(60000, 60040))
