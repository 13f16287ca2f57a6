"""Clips across joints: every packet as it was, each at its own time, silence only where nothing was recorded."""

import hashlib
import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from services.errors import VerbatimNotPossible
from services.media.filler import silent_frame
from services.media.framing import index_of_movie
from services.media.joinverbatim import Joined, Wanted, join_verbatim
from services.media.movie import read_movie
from services.media.probe import examine_in_child
from services.media.timecode import TimeRange
from services.media.virtual import Extent
from tests.footage import beeps, make_footage, make_sound, numbers, times

SECOND = Fraction(1)


def wanted(path: Path, start: float, end: float, at: float) -> Wanted:
    index = examine_in_child(path).index
    assert index is not None
    return Wanted(index, TimeRange(exact(start), exact(end)), exact(at))


def exact(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(100_000)


def whole(joined: Joined, *paths: Path) -> bytes:
    """Read a joined clip as the API sends it."""
    originals = [path.read_bytes() for path in paths]
    parts = [
        originals[piece.source][piece.offset : piece.end] if isinstance(piece, Extent) else piece
        for piece in joined.file.pieces
    ]
    content = b"".join(parts)
    assert len(content) == joined.file.size_bytes
    return content


def packets(footage, kind):
    source = io.BytesIO(footage) if isinstance(footage, bytes) else str(footage)
    with av.open(source) as container:
        stream = next(one for one in container.streams if one.type == kind)
        return [hashlib.sha256(bytes(p)).hexdigest() for p in container.demux(stream) if p.size]


@pytest.mark.parametrize(("codec", "bframes"), [("libx264", 0), ("libx264", 2), ("libx265", 2), ("mpeg4", 0)])
def test_two_files_that_touch_become_one(tmp_path: Path, codec: str, bframes: int) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=120, codec=codec, bframes=bframes)
    two = make_footage(tmp_path / "2.mp4", frames=150, codec=codec, bframes=bframes, first=120)
    joined = join_verbatim([wanted(one, 2.5, 4, 0), wanted(two, 0, 1.5, 4)])
    clip = whole(joined, one, two)

    (low, middle), (zero, high) = (taken.frames or (0, 0) for taken in joined.taken)
    assert (middle, zero) == (120, 0)
    assert low <= 75
    assert high >= 45
    assert numbers(clip) == list(range(low, 120 + high))
    assert (joined.start, joined.end, joined.gaps) == (Fraction(low, 30), 4 + Fraction(high, 30), ())
    assert times(clip) == [Fraction(n, 30) for n in range(120 - low + high)]
    assert packets(clip, "video") == packets(one, "video")[low:120] + packets(two, "video")[:high]
    first = -(-low // 30) - Fraction(low, 30)
    # a frame of sound that begins inside the clip ends a little behind it
    assert beeps(clip)[:4] == pytest.approx([float(first + n) for n in range(4)], abs=0.03)


def test_a_gap_keeps_its_length_and_its_sound_is_silence_of_no_recording(tmp_path):
    one = make_footage(tmp_path / "1.mp4", frames=120, bframes=2)
    two = make_footage(tmp_path / "2.mp4", frames=120, bframes=2, first=120)
    joined = join_verbatim([wanted(one, 3, 4, 10), wanted(two, 0, 2, 19.25)])
    clip = whole(joined, one, two)

    assert joined.gaps == ((Fraction(14), Fraction(77, 4)),)
    assert (joined.start, joined.end) == (13, exact(21.25))
    assert numbers(clip) == [*range(90, 120), *range(120, 180)]
    assert times(clip)[29:31] == [Fraction(29, 30), exact(6.25)]
    assert beeps(clip) == pytest.approx([0, 6.25, 7.25, 8.25], abs=0.03)
    ours = packets(clip, "audio")
    theirs = set(packets(one, "audio")) | set(packets(two, "audio"))
    foreign = [packet for packet in ours if packet not in theirs]
    track = wanted(one, 0, 1, 0).index.sounds[0]
    silent = silent_frame(track.description)
    assert silent is not None
    assert set(foreign) == {hashlib.sha256(silent).hexdigest()}
    assert abs(len(foreign) - 5.25 * track.timescale / 1024) < 2


def test_a_player_that_never_waits_hears_each_second_where_it_is_seen(tmp_path):
    """Chromium plays sound frame after frame whatever their times say: counted so, no beep is off by a frame."""
    films = [make_footage(tmp_path / f"{n}.mp4", frames=45 + n, first=100 * n) for n in range(6)]
    places = [0.0]
    for n in range(1, 6):
        places.append(places[-1] + (45 + n - 1) / 30 + (0.35 if n % 2 else 0))
    joined = join_verbatim([wanted(f, 0, (45 + n) / 30, places[n]) for n, f in enumerate(films)])
    clip = whole(joined, *films)

    with av.open(io.BytesIO(clip)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    loud = np.flatnonzero(np.abs(sound) > 0.1) / rate
    heard = [float(at) for n, at in enumerate(loud) if n == 0 or at - loud[n - 1] > 0.3]
    assert heard == pytest.approx([place + second for place in places for second in (0, 1)], abs=0.06)


def test_a_file_without_sound_beside_one_with_it_is_silent_there(tmp_path: Path) -> None:
    mute = make_footage(tmp_path / "1.mp4", frames=60, audio=False)
    heard = make_footage(tmp_path / "2.mp4", frames=90, first=60)
    after = make_footage(tmp_path / "3.mp4", frames=30, first=150, audio=False)
    clip = whole(
        join_verbatim([wanted(mute, 0, 2, 0), wanted(heard, 0, 3, 2), wanted(after, 0, 1, 5)]), mute, heard, after
    )

    assert numbers(clip) == list(range(180))
    assert beeps(clip) == pytest.approx([2, 3, 4], abs=0.03)


def test_recorders_of_plain_sound_are_joined_by_the_instant(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mov", frames=60, audio="pcm_s16le")
    two = make_footage(tmp_path / "2.mov", frames=60, audio="pcm_s16le", first=60)
    joined = join_verbatim([wanted(one, 0, 2, 0), wanted(two, 0, 2, 3.5)])
    clip = whole(joined, one, two)

    assert beeps(clip) == pytest.approx([0, 1, 3.5, 4.5], abs=0.002)


def test_sound_alone_is_joined(tmp_path: Path) -> None:
    one = make_sound(tmp_path / "1.m4a", seconds=3)
    two = make_sound(tmp_path / "2.m4a", seconds=3)
    joined = join_verbatim([wanted(one, 1, 3, 0), wanted(two, 0, 2, 3)])

    assert len(whole(joined, one, two)) == joined.file.size_bytes
    assert [taken.frames for taken in joined.taken] == [None, None]


def test_what_overlaps_is_entered_only_where_decoding_can_begin(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=90)
    two = make_footage(tmp_path / "2.mp4", frames=150, first=60)
    clip = whole(join_verbatim([wanted(one, 0, 3, 0), wanted(two, 1, 4, 2)]), one, two)

    assert numbers(clip) == list(range(180))
    with pytest.raises(VerbatimNotPossible, match="overlaps"):
        join_verbatim([wanted(one, 0, 3, 0), wanted(two, 1.5, 4, 1.5)])


def test_what_was_coded_differently_is_not_joined(tmp_path: Path) -> None:
    one = make_footage(tmp_path / "1.mp4", frames=60)
    for name, more in (("size", {"size": (640, 360)}), ("codec", {"codec": "libx265"}), ("sound", {"audio": "mp2"})):
        two = make_footage(tmp_path / f"{name}.mp4", frames=60, **more)
        with pytest.raises(VerbatimNotPossible):
            join_verbatim([wanted(one, 0, 2, 0), wanted(two, 0, 2, 2)])


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_silence_decodes_to_nothing(tmp_path: Path, rate: int, channels: int) -> None:
    sound = make_sound(tmp_path / "a.wav", seconds=1, rate=rate)
    with av.open(str(sound)) as source, av.open(str(tmp_path / "a.m4a"), "w", format="ipod") as out:
        stream = out.add_stream("aac", rate=rate, layout="stereo" if channels == 2 else "mono")
        resampler = av.AudioResampler("fltp", stream.layout, rate)
        for frame in source.decode(audio=0):
            for part in resampler.resample(frame):
                out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    content = (tmp_path / "a.m4a").read_bytes()
    movie = read_movie(lambda at, length: content[at : at + length], len(content))
    index = index_of_movie(movie, movie.tracks[0], "mp4", len(content), lambda at, length: content[at : at + length])
    silent = silent_frame(index.sounds[0].description)
    assert silent is not None

    decoder = av.CodecContext.create("aac", "r")
    with av.open(str(tmp_path / "a.m4a")) as made:
        decoder.extradata = made.streams.audio[0].codec_context.extradata
    frames = [frame for _ in range(3) for frame in decoder.decode(av.Packet(silent))]
    assert frames
    assert all(not frame.to_ndarray().any() and len(frame.layout.channels) == channels for frame in frames)


def test_a_writer_that_calls_single_frames_longer_gets_no_silence_for_it(corpus):
    """This file's first frames of sound claim 1,600 and 259 of 1,024 instants."""
    film = next(corpus.rglob("odd_fragmented_rooftop_60fps.mp4"))
    index = examine_in_child(film).index
    assert index is not None
    end = index.duration
    first = Wanted(index, TimeRange(end - 1, end), Fraction(0))
    joined = join_verbatim([first, Wanted(index, TimeRange(Fraction(0), SECOND), end + Fraction(1, 2))])

    with av.open(io.BytesIO(whole(joined, film, film))) as container:
        sound = container.streams.audio[0]
        heard = sum(frame.samples for frame in container.decode(sound)) / sound.rate
    assert heard == pytest.approx(float(joined.end - joined.start), abs=0.03)
