"""Exact clips across joints: exactly the frames asked for, each at its own time, sound on the session's axis."""

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest

from services.errors import ClipTooLong, RangeOutside
from services.media.joinexact import Asked, Plan, join_exact, plan_join
from services.media.joinverbatim import Joined
from services.media.probe import examine_in_child
from services.media.timecode import TimeRange
from services.media.virtual import Extent
from tests.footage import beeps, make_footage, make_sound, numbers, times


def exact(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(100_000)


def source(path: Path, start: float, end: float, at: float) -> Asked:
    found = examine_in_child(path)
    return Asked(path, found.facts, found.frame_times, TimeRange(exact(start), exact(end)), exact(at))


def make(tmp_path: Path, *sources: Asked) -> tuple[Plan, Joined, bytes]:
    plan = plan_join(sources)
    folder = tmp_path / "making"
    folder.mkdir()
    joined, files = join_exact(plan, folder)
    contents = [path.read_bytes() for path in files]
    parts = [
        contents[one.source][one.offset : one.end] if isinstance(one, Extent) else one for one in joined.file.pieces
    ]
    clip = b"".join(parts)
    assert len(clip) == joined.file.size_bytes
    return plan, joined, clip


def test_frames_on_both_sides_of_a_joint_come_and_no_others(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=120, bframes=2)
    two = make_footage(tmp_path / "2.mp4", frames=120, bframes=2, first=120)
    _, joined, clip = make(tmp_path, source(one, 3.05, 4, 10), source(two, 0, 1.501, 14))

    assert numbers(clip) == list(range(92, 120 + 46))
    assert [taken.frames for taken in joined.taken] == [(92, 120), (0, 46)]
    assert times(clip) == pytest.approx([Fraction(n, 30) for n in range(74)], abs=1e-4)
    assert (joined.start, joined.end, joined.gaps) == (10 + Fraction(92, 30), 14 + Fraction(46, 30), ())
    zero = Fraction(92, 30)
    assert beeps(clip) == pytest.approx([float(4 - zero), float(5 - zero)], abs=0.03)


def test_a_gap_holds_the_last_frame_and_is_silent(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=60)
    two = make_footage(tmp_path / "2.ts", frames=90, first=60, audio="aac")
    _, joined, clip = make(tmp_path, source(one, 1, 2, 0), source(two, 0, 2, 7.4))

    assert joined.gaps == ((Fraction(2), exact(7.4)),)
    assert numbers(clip) == [*range(30, 60), *range(60, 120)]
    assert times(clip)[29:31] == pytest.approx([29 / 30, 6.4], abs=1e-4)
    assert beeps(clip) == pytest.approx([0, 6.4, 7.4], abs=0.03)
    with av.open(io.BytesIO(clip)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        ends = [float((stream.duration or 0) * (stream.time_base or 0)) for stream in (video, sound)]
    assert ends == pytest.approx([8.4, 8.4], abs=0.05)


def test_recorders_of_other_sizes_codecs_and_rates_share_a_track(tmp_path):
    one = make_footage(tmp_path / "1.mp4", frames=60, size=(320, 180))
    two = make_footage(tmp_path / "2.mp4", frames=50, rate="25", size=(640, 480), codec="libx265", first=60)
    three = make_footage(tmp_path / "3.avi", frames=30, codec="mjpeg", pixel_format="yuvj420p", audio=False, first=110)
    sources = [source(one, 1.5, 2, 0), source(two, 0, 2, 2), source(three, 0, 0.5, 4)]
    _, _, clip = make(tmp_path, *sources)

    with av.open(io.BytesIO(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 180)
        shown = list(container.decode(stream))
    assert [(frame.width, frame.height) for frame in shown] == [(320, 180)] * (15 + 50 + 15)
    found = numbers(clip)
    assert found[:15] == list(range(45, 60))
    assert found[-15:] == list(range(110, 125))
    assert times(clip)[15:65] == pytest.approx([0.5 + n / 25 for n in range(50)], abs=1e-4)


def test_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=60, vfr=True)
    two = make_footage(tmp_path / "2.mp4", frames=60, first=60, vfr=True)
    whole = examine_in_child(one)
    assert whole.frame_times is not None
    length = whole.facts.duration
    plan, _, clip = make(tmp_path, source(one, 0, float(length), 0), source(two, 0, 1, float(length)))

    pts = [float(whole.frame_times.time_of(n)) for n in range(60)]
    assert numbers(clip)[:60] == list(range(60))
    assert [float(t) for t in times(clip)[:60]] == pytest.approx(pts, abs=1e-4)
    assert float(times(clip)[60]) == pytest.approx(float(plan.shares[1].start), abs=1e-4)


def test_sound_alone_is_joined_with_a_true_gap(tmp_path: Path) -> None:
    one = make_sound(tmp_path / "1.wav", seconds=3)
    two = make_sound(tmp_path / "2.mp3", seconds=3)
    _, joined, clip = make(tmp_path, source(one, 1, 3, 0), source(two, 0, 2, 4))

    assert [taken.frames for taken in joined.taken] == [None, None]
    with av.open(io.BytesIO(clip)) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        seconds = (container.streams.audio[0].duration or 0) * (container.streams.audio[0].time_base or 0)
    assert float(seconds) == pytest.approx(5, abs=0.05)


def test_a_recording_of_which_no_frame_begins_has_no_share(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=60)
    two = make_footage(tmp_path / "2.mp4", frames=60, first=60)

    assert len(plan_join([source(one, 1.99, 2, 0), source(two, 0, 1, 2)]).shares) == 1
    with pytest.raises(RangeOutside):
        plan_join([source(one, 1.99, 2, 0), source(two, 0.001, 0.002, 2)])


def test_ten_minutes_are_the_most_gaps_counted_in(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=60)

    with pytest.raises(ClipTooLong):
        plan_join([source(one, 0, 2, 0), source(one, 0, 2, 700)])
