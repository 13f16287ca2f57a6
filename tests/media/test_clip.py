"""An exact clip holds exactly the frames asked for, whatever the original's container, codec and clock."""

import io
import itertools
import os
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from services.errors import ClipTooLong, RangeOutside, ToolFailed
from services.media.clip import ExactPlan, encode_exact, plan_exact, require_encodable
from services.media.facts import FrameTimes, MediaFacts, Stream
from services.media.probe import Examination, examine
from services.media.programs import ffmpeg_path
from services.media.timecode import TimeRange, print_seconds
from tests.footage import beeps, make_footage, make_sound, numbers, times, two_joined


def clip_of(original: Path, known: Examination, start: Fraction, end: Fraction) -> bytes:
    plan = plan_exact(known.facts, known.frame_times, TimeRange(start, end))
    with encode_exact(original, known.facts, known.frame_times, plan) as clip:
        return b"".join(clip.blocks())


def times_of(known: Examination) -> FrameTimes:
    assert known.frame_times is not None
    return known.frame_times


def boxes_of(made: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(made):
        found.append(made[at + 4 : at + 8])
        at += int.from_bytes(made[at : at + 4], "big")
    return found


KINDS = {
    "mp4": ("a.mp4", {}),
    "mp4-b-frames": ("a.mp4", {"bframes": 2}),
    "mp4-variable-rate": ("a.mp4", {"vfr": True}),
    "mp4-variable-rate-b-frames": ("a.mp4", {"vfr": True, "bframes": 3, "gop": 60}),
    "mp4-fragmented": ("a.mp4", {"layout": "fragmented", "bframes": 2}),
    "mov-ntsc": ("a.mov", {"rate": "30000/1001"}),
    "mkv-b-frames": ("a.mkv", {"bframes": 2}),
    "ts-b-frames": ("a.ts", {"bframes": 2}),
    "ts-long-groups": ("a.ts", {"gop": 120}),
    "avi": ("a.avi", {}),
    "avi-b-frames": ("a.avi", {"bframes": 2}),
    "avi-mpeg4": ("a.avi", {"codec": "mpeg4"}),
    "mpeg-ps": ("a.mpg", {"codec": "mpeg2video", "bframes": 2, "rate": "25"}),
    "flv": ("a.flv", {}),
    "webm-vp9": ("a.webm", {"codec": "libvpx-vp9", "options": ("-cpu-used", "8", "-deadline", "realtime")}),
    "theora": ("a.ogg", {"codec": "libtheora"}),
    "odd-size": ("a.mkv", {"size": (321, 181), "pixel_format": "yuv444p"}),
}


THOROUGH = {"mp4-variable-rate-b-frames", "ts-b-frames", "avi-b-frames", "theora"}


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_frames_asked_for_at_their_own_times(kind: str, tmp_path: Path) -> None:
    name, options = KINDS[kind]
    original = make_footage(tmp_path / name, frames=150, **options)  # type: ignore[arg-type]
    known = examine(original)
    all_times = times_of(known)

    for first, end in ((0, 1), (75, 113), (149, 150)) if kind in THOROUGH else ((75, 113),):
        after = all_times.time_of(end) if end < 150 else known.facts.duration
        made = clip_of(original, known, all_times.time_of(first), after)

        assert numbers(made) == list(range(first, end))
        wanted = [all_times.time_of(n) - all_times.time_of(first) for n in range(first, end)]
        assert max(abs(a - b) for a, b in zip(times(made), wanted, strict=True)) < Fraction(1, 1000)


def test_times_as_printed_name_the_same_frames(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mov", frames=120, rate="30000/1001")
    known = examine(original)
    start, end = (Fraction(print_seconds(times_of(known).time_of(n))) for n in (31, 62))

    assert numbers(clip_of(original, known, start, end)) == list(range(31, 62))


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv"])
def test_a_clip_far_into_a_recording_starts_decoding_near_it(name: str, tmp_path: Path) -> None:
    original = make_footage(tmp_path / name, frames=1800, bframes=2, gop=60)
    known = examine(original)
    plan = plan_exact(known.facts, known.frame_times, TimeRange(Fraction(50), Fraction(51)))

    with encode_exact(original, known.facts, known.frame_times, plan) as clip:
        assert clip.anchor.keyframe is not None
        assert 42 <= clip.anchor.keyframe - clip.anchor.origin <= 48
        assert numbers(b"".join(clip.blocks())) == list(range(1500, 1530))


def test_a_search_that_lands_late_begins_anew_unseen(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=300, gop=30)
    known = examine(original)
    plan = plan_exact(known.facts, known.frame_times, TimeRange(Fraction(4), Fraction(5)))

    with encode_exact(original, known.facts, known.frame_times, plan) as clip:
        late = replace(clip, anchor=replace(clip.anchor, keyframe=Fraction(7)))
        assert numbers(b"".join(late.blocks())) == list(range(120, 150))


def test_a_clock_that_starts_anew_is_counted_through(tmp_path: Path) -> None:
    original = two_joined(tmp_path)
    known = examine(original)
    all_times = times_of(known)

    made = clip_of(original, known, all_times.time_of(140), all_times.time_of(171))

    assert numbers(made) == list(range(140, 171))
    assert beeps(made) == pytest.approx([1 / 3], abs=0.03)  # the beep at 5 s


def test_counted_pictures_of_which_one_does_not_decode_give_no_clip(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.avi", frames=150, codec="mjpeg", audio=False)
    known = examine(original)
    broken = bytearray(original.read_bytes())
    for place in range(3):
        at = broken.index(b"\xff\xd8", len(broken) // 3 + 3000 * place)
        broken[at : at + 700] = bytes(700)
    original.write_bytes(broken)

    with pytest.raises(ToolFailed):
        clip_of(original, known, Fraction(3), Fraction(4))


def test_frames_that_an_edit_hides_are_not_in_the_clip(tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "whole.mp4", frames=300, bframes=2)
    original = tmp_path / "edited.mp4"
    cut = [str(ffmpeg_path()), "-v", "error", "-ss", "1.5", "-i", str(whole), "-c", "copy", str(original)]
    subprocess.run(cut, check=True)
    known = examine(original)

    made = clip_of(original, known, Fraction(0), Fraction(1))

    assert numbers(made) == list(range(45, 75))
    assert max(abs(a - b) for a, b in zip(beeps(made), [0.5], strict=True)) < 0.002


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_sound_keeps_its_distance_to_the_pictures(name: str, tmp_path: Path) -> None:
    original = make_footage(tmp_path / name, frames=240, bframes=2)
    known = examine(original)

    made = clip_of(original, known, Fraction(5, 2), Fraction(11, 2))

    in_original = [time - 2.5 for time in beeps(original) if 2.5 <= time < 5.5]
    in_clip = beeps(made)
    assert len(in_clip) == len(in_original) == 3
    assert max(abs(a - b) for a, b in zip(in_clip, in_original, strict=True)) < 0.002


def test_no_sound_from_outside_the_range_is_in_the_clip(tmp_path: Path) -> None:
    # beeps at 1.0 and 2.0: from just after the first to just before the second all is silence
    original = make_footage(tmp_path / "a.mkv", frames=90, audio="pcm_s16le")
    known = examine(original)

    made = clip_of(original, known, Fraction(11, 10), Fraction(2))

    assert beeps(made) == []
    with av.open(io.BytesIO(made), "r") as container:
        last = max(
            (f.pts or 0) * (f.time_base or Fraction(0)) + Fraction(f.samples, f.sample_rate)
            for f in container.decode(audio=0)
        )
    assert last < Fraction(9, 10) + Fraction(1024, 48000)  # a last coded frame is filled up with silence


def test_sound_that_ended_before_the_clip_is_no_track_of_it(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=240, audio_seconds=3)
    known = examine(original)

    made = clip_of(original, known, Fraction(5), Fraction(6))

    with av.open(io.BytesIO(made), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_nothing_but_picture_and_sound_leaves(corpus: Path) -> None:
    original = corpus / "cam_gopro_max_gps_walk_10s.mp4"
    known = examine(original)

    made = clip_of(original, known, Fraction(2), Fraction(3))

    with av.open(io.BytesIO(made), "r") as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands", "encoder"}
        assert not container.chapters()
    assert b"gpmd" not in made
    assert b"tmcd" not in made
    assert set(boxes_of(made)) == {b"ftyp", b"moov", b"moof", b"mdat"}
    assert made.count(b"elst") == 2  # for picture and sound, from their first sample on


def test_a_turned_picture_stands_upright(corpus: Path) -> None:
    original = corpus / "phone_iphone12_hevc10_gps_rot90_0.3s.mp4"
    known = examine(original)

    made = clip_of(original, known, Fraction(0), Fraction(1))

    with av.open(io.BytesIO(made), "r") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height, frame.format.name, frame.rotation) == (1080, 1920, "yuv420p", 0)


def test_a_sound_recording_gives_sound(tmp_path: Path) -> None:
    original = make_sound(tmp_path / "a.wav", seconds=8)
    known = examine(original)

    made = clip_of(original, known, Fraction(2), Fraction(9, 2))

    with av.open(io.BytesIO(made), "r") as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(samples / 16000 - 2.5) <= 1024 / 16000


def facts_of(frames: int, *, rate: int = 30) -> tuple[MediaFacts, FrameTimes]:
    duration = Fraction(frames, rate)
    video = Stream(0, "video", "h264", frames=frames, duration=duration)
    facts = MediaFacts("mp4", (video,), duration, playable=True)
    return facts, FrameTimes(Fraction(1, rate), np.arange(frames, dtype=np.int64))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (Fraction(10), Fraction(11)),
        (Fraction(100), Fraction(200)),
        (Fraction(1, 100), Fraction(1, 100) + Fraction(1, 1_000_000)),
        (Fraction(299, 30) + Fraction(1, 1000), Fraction(10)),
    ],
)
def test_a_range_without_a_frame_is_refused(start: Fraction, end: Fraction) -> None:
    facts, frame_times = facts_of(300)

    with pytest.raises(RangeOutside):
        plan_exact(facts, frame_times, TimeRange(start, end))


def test_a_microsecond_that_holds_a_frame_is_that_frame() -> None:
    facts, frame_times = facts_of(300)

    plan = plan_exact(facts, frame_times, TimeRange(Fraction(1), Fraction(1_000_001, 1_000_000)))

    assert (plan.first_frame, plan.end_frame, plan.start, plan.end) == (30, 31, Fraction(1), Fraction(31, 30))
    assert plan.sound_end == Fraction(1_000_001, 1_000_000)


def test_a_range_past_the_end_is_cut_to_the_recording() -> None:
    facts, frame_times = facts_of(300)

    plan = plan_exact(facts, frame_times, TimeRange(Fraction(9), Fraction(99)))

    assert (plan.first_frame, plan.end_frame, plan.end) == (270, 300, Fraction(10))


def test_ten_minutes_are_the_most_that_is_encoded() -> None:
    facts, frame_times = facts_of(30 * 700)

    require_encodable(plan_exact(facts, frame_times, TimeRange(Fraction(1), Fraction(601))))
    with pytest.raises(ClipTooLong, match=r"at most 600 seconds, not 601\.0"):
        require_encodable(plan_exact(facts, frame_times, TimeRange(Fraction(1), Fraction(602))))


def test_too_few_frames_break_the_stream_before_its_last_block(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=150)
    known = examine(original)
    whole = clip_of(original, known, Fraction(0), Fraction(5))
    plan = ExactPlan(0, 151, Fraction(0), Fraction(5), Fraction(5))
    longer = FrameTimes(Fraction(1, 30), np.arange(151, dtype=np.int64))

    with encode_exact(original, known.facts, longer, plan) as clip:
        got = b""
        with pytest.raises(ToolFailed, match="150 frames came out, 151 were planned"):
            for block in clip.blocks():
                got += block

    assert len(got) < len(whole)


def test_leaving_early_ends_the_encoder(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "early-leaver.mp4", frames=1800)
    known = examine(original)
    plan = plan_exact(known.facts, known.frame_times, TimeRange(Fraction(0), Fraction(60)))

    with encode_exact(original, known.facts, known.frame_times, plan) as clip:
        blocks = clip.blocks()
        next(blocks)

    alive = [
        folder
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and str(original).encode() in _command_line(folder)
    ]
    assert alive == []


def _command_line(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


SOME = [
    "cam_gopro_hero6_gps_2s.mp4",
    "odd_fragmented_rooftop_60fps.mp4",
    "odd_mpeg2_broadcast_2.5s.ts",
    "phone_android9_gps_vfr_1080p.mp4",
    "scene_hello_talk_8s_theora.ogg",
    "scene_signing_woman_face_front.mkv",
]


def test_frames_of_real_cameras_are_the_original_ones(corpus: Path) -> None:
    names = sorted(p.name for p in corpus.iterdir()) if os.environ.get("HUISU_SOAK") else SOME
    for name in names:
        known = examine(corpus / name) if not name.endswith(".tsv") else None
        if known is None or not known.facts.playable or known.frame_times is None:
            continue
        first = len(known.frame_times) // 3
        end = min(first + 9, len(known.frame_times) - 1)
        start, after = known.frame_times.time_of(first), known.frame_times.time_of(end)

        made = clip_of(corpus / name, known, start, after)

        with av.open(io.BytesIO(made), "r") as container:
            clipped = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert len(clipped) == end - first, name
        assert known.facts.video is not None
        if known.facts.video.codec == "theora":
            continue  # its repeated pictures are none to PyAV: compared by number above
        with av.open(str(corpus / name), "r") as container:
            # decoders give frames in the order of showing, but for what AVI does not tell
            frames = list(itertools.islice(container.decode(video=0), end))[first:]
            for mine, theirs in zip(clipped, frames, strict=True):
                turned = np.rot90(theirs.to_ndarray(format="gray"), known.facts.video.rotation // -90)
                assert np.abs(mine[: turned.shape[0], : turned.shape[1]].astype(int) - turned).mean() < 4, name
