import json
from datetime import UTC, datetime
from fractions import Fraction
from subprocess import run

import av.codec
import imageio_ffmpeg
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import Invalid, RangeOutside
from services.media.facts import ALLOWED_DECODERS, Flag, FrameTimes, MediaFacts, Stream, decoder_of
from services.media.timecode import TimeRange, parse_clock, print_seconds

steps = st.lists(st.integers(0, 2**33), max_size=50)
bases = st.fractions(min_value=Fraction(1, 10**6), max_value=1, max_denominator=10**6).filter(lambda f: f > 0)


def times(base: Fraction, gaps: list[int]) -> FrameTimes:
    return FrameTimes(base, np.concatenate([[0], np.cumsum(gaps)]).astype(np.int64))


def test_facts_survive_json_without_loss():
    facts = MediaFacts(
        container="mp4",
        streams=(
            Stream(0, "video", "h264", "High", 1920, 1080, 90, Fraction(30000, 1001), variable_rate=True, level=40),
            Stream(1, "audio", "aac", channels=2, sample_rate=48000, language="zho", start=Fraction(-1, 48000)),
        ),
        duration=Fraction(1001, 30),
        recorded_at=datetime(2026, 3, 1, 8, 30, 0, 250000, tzinfo=UTC),
        location=(39.9042, 116.4074),
        flags=(Flag("gap", Fraction(1, 3), Fraction(2, 3), "no picture"), Flag("no-decoder")),
        playable=True,
        browser_playable=True,
    )

    assert MediaFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_only_flags_of_damage_make_a_file_damaged():
    assert not MediaFacts("mp4", flags=(Flag("gap"), Flag("no-decoder"))).damaged
    assert MediaFacts("mp4", flags=(Flag("gap"), Flag("truncated"))).damaged


def test_the_stream_that_decodes_is_chosen():
    facts = MediaFacts("mov", (Stream(0, "video", "prores"), Stream(1, "video", "h264"), Stream(2, "data", "h264")))

    assert facts.video is facts.streams[1]
    assert facts.audio is None


def test_every_allowed_decoder_exists_in_the_pinned_program_and_in_pyav():
    listed = run([imageio_ffmpeg.get_ffmpeg_exe(), "-decoders"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[1] for line in listed.splitlines() if len(line.split()) > 1}

    assert ALLOWED_DECODERS - names == set()
    for name in ALLOWED_DECODERS:
        assert av.codec.Codec(name, "r").name == name


def test_codecs_are_mapped_to_their_allowed_decoder():
    assert decoder_of("av1") == "libdav1d"
    assert decoder_of("amr_nb") == "amrnb"
    assert decoder_of("h264") == "h264"
    assert decoder_of("magicyuv") is None


@given(bases, steps)
def test_frame_times_survive_packing(base, gaps):
    frames = times(base, gaps)

    assert FrameTimes.from_bytes(frames.to_bytes()) == frames


def test_no_frames_survive_packing():
    frames = FrameTimes(Fraction(1, 90000), np.zeros(0, np.int64))

    assert FrameTimes.from_bytes(frames.to_bytes()) == frames
    assert frames.frames_in(TimeRange(Fraction(0), Fraction(1))) == (0, 0)


@given(bases, st.lists(st.integers(1, 10**6), min_size=1, max_size=50), st.data())
def test_a_printed_frame_time_includes_the_frame_as_start_and_excludes_it_as_end(base, gaps, data):
    frames = times(base, gaps)
    frame = data.draw(st.integers(1, len(gaps)))
    printed = parse_clock(print_seconds(frames.time_of(frame)))
    before = frames.time_of(frame - 1)
    if printed <= before:
        return  # two frames within one microsecond cannot be told apart in print

    assert frames.frames_in(TimeRange(printed, printed + 10**9))[0] == frame
    assert frames.frames_in(TimeRange(Fraction(0), printed))[1] == frame


@given(bases, st.lists(st.integers(0, 1000), max_size=50), st.fractions(0, 100), st.fractions(0, 100))
def test_frames_in_a_range_are_those_whose_time_lies_in_it(base, gaps, start, length):
    frames = times(base, gaps)
    stretch = TimeRange(start, start + length + Fraction(1, 7))

    first, end = frames.frames_in(stretch)

    assert list(range(first, end)) == [n for n in range(len(frames)) if stretch.contains(frames.time_of(n))]


def test_the_frame_shown_at_a_time_is_the_last_that_began():
    frames = times(Fraction(1, 10), [1, 1, 5])

    assert [frames.shown_at(Fraction(n, 20)) for n in (0, 1, 2, 3, 13, 14, 99)] == [0, 0, 1, 1, 2, 3, 3]
    with pytest.raises(RangeOutside):
        frames.time_of(4)


@settings(max_examples=200)
@given(st.data())
def test_damaged_packing_is_refused_with_a_typed_error(data):
    packed = bytearray(times(Fraction(1, 90000), [3000] * 40).to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    try:
        frames = FrameTimes.from_bytes(bytes(packed[:cut]))
    except Invalid:
        return

    assert (np.diff(frames.pts) >= 0).all()


def test_a_packing_bomb_is_refused_before_it_is_unpacked():
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 26))
    packed = times(Fraction(1, 1000), [1]).to_bytes()[:26] + bomb

    with pytest.raises(Invalid):
        FrameTimes.from_bytes(packed)
