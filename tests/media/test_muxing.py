"""What is written here is read back equal: by our own reader, by libav, and without a word from ffmpeg."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.errors import VerbatimNotPossible
from services.media.descriptions import plain_description
from services.media.movie import Movie, read_movie
from services.media.muxing import OutTrack, fragment, initialisation, progressive
from services.media.virtual import Extent, gather
from tests.footage import make_footage, numbers
from tests.media.written import complaints, packets


def movie_of(content: bytes) -> Movie:
    return read_movie(lambda at, length: content[at : at + length], len(content))


def copied(content: bytes) -> tuple[list[OutTrack], tuple[Extent, ...], Movie]:
    """Describe all tracks of a file again, over the bytes where they lie."""
    movie = movie_of(content)
    offsets = np.concatenate([track.samples.offset for track in movie.tracks])
    extents, position = gather(offsets, np.concatenate([track.samples.size for track in movie.tracks]))
    places = np.split(position, np.cumsum([len(track.samples) for track in movie.tracks])[:-1])
    return [out(track, place) for track, place in zip(movie.tracks, places, strict=True)], extents, movie


def out(track, position):
    info, samples = track.track, track.samples
    kind = "video" if info.is_picture else "audio"
    return OutTrack(
        kind=kind,
        timescale=info.timescale,
        description=plain_description(info.description, kind, info.codec.name),
        duration=samples.duration,
        cts=samples.cts,
        size=samples.size,
        sync=samples.sync,
        position=position,
        delay=track.start if track.presented.start > 0 else Fraction(0),
        media_time=int(samples.pts[track.presented.sample[0]]) - int(samples.dts[0]),
        edit_duration=track.end - track.start,
        matrix=info.matrix,
        width=info.codec.width or 0,
        height=info.codec.height or 0,
        language=info.language,
        frame_bytes=info.codec.frame_bytes,
    )


def body_of(content: bytes, extents: tuple[Extent, ...]) -> bytes:
    return b"".join(content[extent.offset : extent.end] for extent in extents)


KINDS = [
    {"layout": "end"},
    {"layout": "front", "bframes": 2},
    {"layout": "fragmented", "bframes": 2},
    {"layout": "end", "bframes": 2, "vfr": True},
    {"layout": "end", "codec": "libx265", "bframes": 2},
    {"layout": "end", "audio": False},
    {"layout": "end", "bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_whole_file_written_anew_is_the_same_film(tmp_path: Path, kind: dict[str, object]) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=90, **kind).read_bytes()  # type: ignore[arg-type]
    tracks, extents, movie = copied(original)
    body = body_of(original, extents)

    made = progressive(tracks, len(body)) + body
    again = movie_of(made)

    for before, after in zip(movie.tracks, again.tracks, strict=True):
        assert np.array_equal(before.presented.sample, after.presented.sample)
        assert before.end - before.start == after.end - after.start
        assert after.start == max(before.start, 0)
        for name in ("duration", "size", "sync"):
            assert np.array_equal(getattr(before.samples, name), getattr(after.samples, name)), name
        assert (np.diff(after.presented.pts) == np.diff(before.presented.pts)).all()
        assert after.samples.cts.min() >= 0
    assert packets(made) == packets(original)
    assert numbers(made) == list(range(90))
    assert complaints(made, tmp_path) == ""


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_fragments_are_the_same_film(tmp_path, kind):
    original = make_footage(tmp_path / "a.mp4", frames=90, **kind).read_bytes()
    tracks, extents, _ = copied(original)
    body = body_of(original, extents)
    # as whoever makes fragments does: offsets of presentation are normalised over the whole recording
    lifted = [replace(one, cts=one.cts + one.lift, media_time=one.media_time + one.lift) for one in tracks]
    empty = np.zeros(0, np.int64)
    heads = [replace(t, duration=empty, cts=empty, size=empty, sync=empty, position=empty) for t in lifted]

    made = initialisation(heads) + fragment(1, [(0, track) for track in lifted], len(body)) + body

    assert [[digest for digest, _ in found] for found in packets(made).values()] == [
        [digest for digest, _ in found] for found in packets(original).values()
    ]
    assert numbers(made) == list(range(90))
    assert complaints(made, tmp_path) == ""
    for before, after in zip(movie_of(original).tracks, movie_of(made).tracks, strict=True):
        assert (np.diff(after.samples.pts) == np.diff(before.samples.pts)).all()


def test_uncompressed_sound_keeps_its_instants(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mov", frames=60, audio="pcm_s16le").read_bytes()
    tracks, extents, movie = copied(original)
    body = body_of(original, extents)

    made = progressive(tracks, len(body)) + body

    sound = next(track for track in movie_of(made).tracks if track.track.is_sound)
    before = next(track for track in movie.tracks if track.track.is_sound)
    assert sound.track.codec.frame_bytes == 2
    assert sound.samples.duration.sum() == before.samples.duration.sum() == 96000
    assert b"stsz" + bytes(4) + (2).to_bytes(4, "big") + (96000).to_bytes(4, "big") in made
    assert complaints(made, tmp_path) == ""


def test_a_delay_is_an_empty_edit(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=60).read_bytes()
    tracks, extents, _ = copied(original)
    body = body_of(original, extents)
    late = replace(tracks[1], delay=Fraction(1, 3))

    made = progressive([tracks[0], late], len(body)) + body

    sound = movie_of(made).tracks[1]
    assert abs(sound.start - Fraction(1, 3)) <= Fraction(1, 48000)
    first = packets(made)[1][0][1]
    assert abs(first - (packets(original)[1][0][1] + Fraction(1, 3))) <= Fraction(1, 48000)


def test_a_long_body_is_counted_in_wide_numbers(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30, audio=False).read_bytes()
    (track,), _, _ = copied(original)
    far = replace(track, position=track.position + (5 << 30))

    head = progressive([far], 6 << 30)

    assert b"co64" in head
    assert b"stco" not in head
    assert head.endswith((1).to_bytes(4, "big") + b"mdat" + ((6 << 30) + 16).to_bytes(8, "big"))
    places = movie_of(head + bytes(64)).tracks[0].samples.offset
    assert int(places[0]) == len(head) + (5 << 30) + int(track.position[0])


def test_a_fragment_beyond_its_numbers_is_refused(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30, audio=False).read_bytes()
    (track,), _, _ = copied(original)

    with pytest.raises(VerbatimNotPossible):
        fragment(1, [(0, track)], 1 << 31)


def test_times_beyond_32_bits_are_kept(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30, audio=False).read_bytes()
    (track,), _, _ = copied(original)
    slow = replace(track, duration=np.full(30, 1 << 28, np.uint32), timescale=1 << 15, edit_duration=Fraction(30 << 13))

    made = movie_of(progressive([slow], 1000))

    assert made.tracks[0].claimed_end == 30 << 13


def test_several_or_encrypted_descriptions_are_refused(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mp4", frames=30, audio=False).read_bytes()
    description = movie_of(original).tracks[0].track.description

    with pytest.raises(VerbatimNotPossible, match="2 sample descriptions"):
        plain_description(description + description[8:], "video", "h264")
    with pytest.raises(VerbatimNotPossible, match="encrypted"):
        plain_description(description.replace(b"avc1", b"encv"), "video", "h264")
    with pytest.raises(VerbatimNotPossible):
        plain_description(description[:20], "video", "h264")


def test_quicktime_aac_is_described_as_mp4_does(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mov", frames=30).read_bytes()
    described = movie_of(original).tracks[1].track.description
    assert described[8 + 16 : 8 + 18] != b"\0\0"

    plain = plain_description(described, "audio", "aac")

    assert plain[8 + 16 : 8 + 18] == b"\0\0"
    tracks, extents, _ = copied(original)
    body = body_of(original, extents)
    made = progressive(tracks, len(body)) + body
    assert complaints(made, tmp_path) == ""
    assert packets(made)[1] == packets(original)[1]
