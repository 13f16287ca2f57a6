"""Faults planted into real footage are flagged where they lie, with their detector; the footage itself is not."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.media.facts import Flag
from services.media.probe import examine
from services.media.quality import grey_pictures, picture_interval
from services.media.soundlevels import DETECTOR as SOUND
from services.media.transcode import DETECTORS, Rendered, render
from tests.footage import make_footage
from tests.media.faults import FAULTS, Fault, Scene, found, outside, plant

OF_KIND = {fault.kind: fault.picture for fault in FAULTS if fault.name != "black with sensor noise"}
PLANTED = {"black": (2.0, 5.0), "covered": (8.0, 11.0), "frozen": (14.0, 17.5), "out-of-focus": (22.0, 26.0)}


def rendered(path: Path, folder: Path) -> Rendered:
    known = examine(path)
    (folder / "out").mkdir()
    return render(path, known.facts, folder / "out", on_progress=lambda _: None, frame_times=known.frame_times)


def several(rate: str, height: int) -> str:
    """Plant several faults one after the other into the same pictures."""
    parts = []
    for kind, (start, end) in PLANTED.items():
        fault = next(one for one in FAULTS if one.kind == kind)
        on = f"between(t,{start},{end})*lt(t,{end})"
        parts.append(fault.picture.format(on=on, h=height, rate=rate))
    return ",".join(parts)


def test_each_fault_is_flagged_where_it_was_planted_and_nothing_else_is(corpus: Path, tmp_path: Path) -> None:
    scene = Scene(corpus / "scene_bottles_40s_29.83fps.mp4", 360, "179/6", seconds=36)
    silent = (28.0, 34.0)
    fault = Fault(
        "several",
        "",
        several(scene.rate, scene.height),
        "[l]volume=0:enable='between(t,{a},{b})'[m];[m][r]join=inputs=2:channel_layout=stereo[a]",
    )
    original = plant(scene, fault, tmp_path / "a.mp4", stretch=silent)

    made = rendered(original, tmp_path)

    for kind, stretch in PLANTED.items():
        flag = found(made.findings, kind, stretch)
        assert flag is not None, f"{kind} was not found in {made.findings}"
        assert flag.detector in DETECTORS
        assert flag.version
        assert flag.score is not None
        assert 0 < flag.score <= 1
    black, frozen = (found(made.findings, kind, PLANTED[kind], within=0.05) for kind in ("black", "frozen"))
    assert black is not None
    assert frozen is not None
    silence = found(made.findings, "silence", silent, within=0.1)
    assert silence is not None
    assert (silence.channel, silence.detector) == ("stream 1 channel 1", SOUND)
    assert sorted(flag.kind for flag in made.findings) == sorted([*PLANTED, "silence"])


@pytest.mark.parametrize(
    "name", ["cam_gopro_max_gps_walk_10s.mp4", "odd_fragmented_rooftop_60fps.mp4", "scene_signing_woman_face_front.mkv"]
)
def test_nothing_is_flagged_in_footage_with_nothing_wrong(name: str, corpus: Path, tmp_path: Path) -> None:
    made = rendered(corpus / name, tmp_path)

    assert made.findings == ()
    assert made.measures["pictures"]


def test_a_sound_track_without_sound_is_dead_on_each_channel(corpus: Path, tmp_path: Path) -> None:
    """The car park's microphone recorded zeros for half a minute: that is so, not planted."""
    made = rendered(corpus / "scene_car_park_30s_aac.mp4", tmp_path)

    assert [(flag.kind, flag.channel) for flag in made.findings] == [
        ("dead-channel", "stream 1 channel 1"),
        ("dead-channel", "stream 1 channel 2"),
    ]


@pytest.mark.parametrize("name", ["dead-channel", "identical-channels"])
def test_a_dead_and_a_doubled_channel_are_flagged(name: str, corpus: Path, tmp_path: Path) -> None:
    from tests.media.faults import SOUND_FAULTS

    fault = next(one for one in SOUND_FAULTS if one.kind == name)
    scene = Scene(corpus / "cam_gopro_max_gps_walk_10s.mp4", 480, "30000/1001", seconds=4)

    made = rendered(plant(scene, fault, tmp_path / "a.mp4", audio=("-c:a", "pcm_s16le", "-f", "mov")), tmp_path)

    assert [flag.kind for flag in made.findings] == [name]


def test_each_stream_of_an_interview_is_judged_channel_by_channel(tmp_path: Path) -> None:
    """Two tracks of sound: four channels in one, of which the third is dead; in the other a dead one alone."""
    import imageio_ffmpeg

    from tests.footage import _run

    picture = make_footage(tmp_path / "p.mp4", frames=180, audio=False)
    noises = [f"anoisesrc=c=pink:r=48000:a=0.1:seed={seed}:d=6[n{seed}]" for seed in (1, 2, 3, 4)]
    graph = ";".join([
        *noises, "[n3]volume=0[z]", "[n1][n2][z][n4]amerge=inputs=4[a]", "anullsrc=r=48000:cl=mono,atrim=end=6[b]",
    ])  # fmt: skip
    original = tmp_path / "interview.mkv"
    _run([
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(picture), "-filter_complex", graph,
        *("-map", "0:v", "-map", "[a]", "-map", "[b]", "-c:v", "copy", "-c:a", "pcm_s16le", "-f", "matroska"),
        f"file:{original}",
    ])  # fmt: skip

    made = rendered(original, tmp_path)

    assert [(flag.kind, flag.channel) for flag in made.findings] == [
        ("dead-channel", "stream 1 channel 3"),
        ("dead-channel", "stream 2 channel 1"),
    ]
    assert made.measures["sound"]["1"]["channels"] == 4


def test_a_gap_in_the_time_stamps_and_a_cut_file_are_flagged_without_decoding(corpus: Path, tmp_path: Path) -> None:
    scene = Scene(corpus / "cam_gopro_max_gps_walk_10s.mp4", 480, "30000/1001")
    gap = next(fault for fault in FAULTS if fault.kind == "gap")
    original = plant(scene, gap, tmp_path / "a.mp4")
    cut = tmp_path / "cut.mp4"
    whole = (corpus / "odd_fragmented_rooftop_60fps.mp4").read_bytes()
    cut.write_bytes(whole[: len(whole) * 6 // 10])

    flagged, truncated = examine(original).facts.flags, examine(cut).facts.flags

    flag = found(flagged, "gap", (2.0, 6.0), within=0.1)
    assert flag is not None
    assert outside([one for one in flagged if one.kind == "gap"], (2.0, 6.0)) == []
    assert "truncated" in {one.kind for one in truncated}


def test_what_cannot_be_judged_costs_the_findings_and_not_the_render(tmp_path: Path) -> None:
    from services.media.quality import Quality, measure

    broken = tmp_path / "grey.y4m"
    broken.write_bytes(b"no pictures\n")

    assert measure(broken, {}, Fraction(5)) == Quality()


def test_grey_pictures_are_read_as_they_were_written(tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, 4, 6), np.uint8)
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 W6 H4 F1:1 Ip A1:1 Cmono\n" + b"".join(b"FRAME\n" + one.tobytes() for one in pictures))

    assert np.array_equal(list(grey_pictures(path)), pictures)


def test_pictures_lie_a_second_apart_and_are_never_too_many() -> None:
    assert picture_interval(Fraction(10)) == 1
    assert picture_interval(Fraction(3601)) == 3
    assert Flag("x").score is None
