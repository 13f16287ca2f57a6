"""An original is played from its own bytes: every segment by itself, all of them together, at the recording's times."""

import io
import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from services.errors import RangeOutside, VerbatimNotPossible
from services.media.facts import MediaFacts
from services.media.framefile import unpack
from services.media.frames import FrameIndex
from services.media.movie import read_movie
from services.media.probe import examine
from services.media.segments import QUICK_S, SEGMENT_S, SHORT_S, InPlace
from tests.footage import beeps, make_footage, make_sound, numbers
from tests.media.written import complaints, content_of, packets

KINDS = {
    "h264": ("a.mp4", {}),
    "bf2 front": ("a.mp4", {"bframes": 2, "layout": "front"}),
    "bf2 fragmented": ("a.mp4", {"bframes": 2, "layout": "fragmented"}),
    "bf2 vfr": ("a.mp4", {"bframes": 2, "vfr": True}),
    "negative offsets": ("a.mp4", {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]}),
    "mov": ("a.mov", {"bframes": 2}),
    "no sound": ("a.mp4", {"audio": False}),
}


def opened(path: Path) -> tuple[FrameIndex, MediaFacts]:
    found = examine(path)
    assert found.packed is not None
    return unpack(found.packed), found.facts


def in_place(path: Path) -> InPlace:
    return InPlace.of(*opened(path))


def film(played: InPlace, original: bytes, begin: Fraction | None = None) -> tuple[bytes, list[bytes]]:
    return played.init(), [
        content_of(played.segment(part.first, part.end), original) for part in played.segments(begin)
    ]


def moments(content: bytes) -> list[Fraction]:
    with av.open(io.BytesIO(content), "r") as container:
        return [(frame.pts or 0) * (frame.time_base or Fraction(0)) for frame in container.decode(video=0)]


@pytest.mark.parametrize("kind", KINDS)
def test_all_segments_are_the_film_at_its_own_times(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    path = make_footage(tmp_path / name, frames=300, **options)  # type: ignore[arg-type]
    played, (index, _) = in_place(path), opened(path)
    init, parts = film(played, path.read_bytes())

    whole = init + b"".join(parts)

    assert index.frame_times is not None
    assert numbers(whole) == list(range(300))
    assert moments(whole) == [index.frame_times.time_of(n) for n in range(300)]
    assert complaints(whole, tmp_path) == ""
    assert {d for d, _ in packets(whole)[0]} == {d for d, _ in packets(path)[0]}
    if index.sounds:
        heard = beeps(whole)
        assert heard[1:10] == pytest.approx(range(1, 10), abs=0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_each_segment_decodes_by_itself_at_the_time_it_claims(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    path = make_footage(tmp_path / name, frames=300, **options)  # type: ignore[arg-type]
    played = in_place(path)
    init, parts = film(played, path.read_bytes(), Fraction("7.5"))
    listed = played.segments(Fraction("7.5"))

    found = [numbers(init + part) for part in parts]

    assert list(itertools.chain(*found)) == list(range(300))
    for told, part in zip(listed, parts, strict=True):
        shown = moments(init + part)
        assert min(shown) == told.start
        assert max(shown) < told.start + told.duration


def test_segments_are_short_where_a_player_begins(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=900, gop=15, audio=False)
    played = in_place(path)

    plain, begun = played.segments(), played.segments(Fraction("20.3"))

    for parts in (plain, begun):
        assert [part.first for part in parts[1:]] == [part.end for part in parts[:-1]]
        assert (parts[0].first, parts[-1].end) == (0, len(played.entries))
        assert sum(part.duration for part in parts) == 30
        assert all(part.duration == SHORT_S for part in parts if part.start < QUICK_S)
    assert all(part.duration >= SEGMENT_S for part in plain[:-1] if part.start >= QUICK_S)
    assert Fraction(20) in {part.start for part in begun}
    assert all(part.duration == SHORT_S for part in begun if 20 <= part.start < 26)


def test_a_browsers_first_segment_is_small(tmp_path):
    path = make_footage(tmp_path / "a.mp4", frames=300, gop=30)

    first = in_place(path).segments()[0]

    assert (first.start, first.duration) == (0, 1)


def test_sound_begins_with_the_picture_and_no_earlier(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=120, bframes=2)
    played = in_place(path)
    init, parts = film(played, path.read_bytes())
    whole = init + parts[0]

    movie = read_movie(lambda at, length: whole[at : at + length], len(whole))

    video, sound = movie.tracks
    assert video.start == 0
    assert 0 <= sound.start < Fraction(1024, 48000)


def test_sound_alone_is_played_too(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "a.m4a", seconds=10)
    played = in_place(path)
    init, parts = film(played, path.read_bytes())
    listed = played.segments()

    assert listed[0].start == 0
    assert len(listed) > 3
    assert complaints(init + b"".join(parts), tmp_path) == ""
    whole, source = packets(init + b"".join(parts))[0], packets(path)[0]
    assert [digest for digest, _ in whole] == [digest for digest, time in source if time >= 0][: len(whole)]
    assert len(source) - len(whole) <= 1


def test_foreign_tracks_do_not_leave_with_a_segment(corpus: Path) -> None:
    path = corpus / "cam_gopro_max_gps_walk_10s.mp4"
    index, facts = opened(path)
    played = InPlace.of(index, facts)
    pieces = [p for part in played.segments() for p in played.segment(part.first, part.end).pieces]
    ranges = [piece for piece in pieces if not isinstance(piece, bytes)]

    for track in index.tracks:
        if track.kind == "data":
            for offset, size in zip(track.samples.offset, track.samples.size, strict=True):
                assert not any(r.offset < offset + size and offset < r.end for r in ranges)


def test_every_corpus_original_that_browsers_play_plays_in_place(corpus: Path, tmp_path: Path) -> None:
    count = 0
    for path in sorted(corpus.glob("*.mp4")):
        found = examine(path)
        if found.packed is None or not found.facts.browser_playable:
            continue
        index = unpack(found.packed)
        played = InPlace.of(index, found.facts)
        init, parts = film(played, path.read_bytes())
        whole = init + b"".join(parts)
        assert index.frame_times is not None
        shown = moments(whole)
        assert len(shown) == len(index.frame_times), path.name
        assert shown == [index.frame_times.time_of(n) for n in range(len(shown))], path.name
        assert complaints(whole, tmp_path) == "", path.name
        count += 1
    assert count >= 7


def test_a_gap_in_the_file_is_a_longer_segment(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=120, gop=10, vfr=True, audio=False)
    played, (index, _) = in_place(path), opened(path)

    assert sum(part.duration for part in played.segments()) == index.duration


@pytest.mark.parametrize(("first", "end"), [(-1, 1), (0, 0), (3, 2), (0, 5), (4, 5)])
def test_segments_that_are_not_there_are_refused(tmp_path: Path, first: int, end: int) -> None:
    played = in_place(make_footage(tmp_path / "a.mp4", frames=120, gop=30))

    with pytest.raises(RangeOutside):
        played.segment(first, end)


def test_what_browsers_cannot_begin_in_is_not_played_in_place(tmp_path: Path) -> None:
    options = ["-x264-params", "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
    path = make_footage(tmp_path / "open.mp4", frames=120, gop=30, bframes=2, options=options)

    with pytest.raises(VerbatimNotPossible, match="lean on"):
        in_place(path)
    with pytest.raises(VerbatimNotPossible, match="mpeg4"):
        in_place(make_footage(tmp_path / "b.mp4", frames=30, codec="mpeg4"))
    with pytest.raises(VerbatimNotPossible, match="matroska"):
        in_place(make_footage(tmp_path / "c.mkv", frames=30, audio="aac"))


def test_groups_beyond_a_browsers_buffer_are_not_played_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.media.segments.MOST_GROUP_SAMPLES", 29)

    with pytest.raises(VerbatimNotPossible, match="too far apart"):
        in_place(make_footage(tmp_path / "a.mp4", frames=60, gop=30))


def test_pictures_that_the_original_hides_are_not_played(tmp_path: Path) -> None:
    index, facts = opened(make_footage(tmp_path / "a.mp4", frames=120, gop=30))
    assert index.video is not None
    index.video.shown.setflags(write=True)
    index.video.shown[110:] = False
    assert InPlace.of(index, facts).until == 110

    index.video.shown[40] = False
    with pytest.raises(VerbatimNotPossible, match="hides"):
        InPlace.of(index, facts)
    index.video.shown[:10] = False
    with pytest.raises(VerbatimNotPossible, match="no key frame"):
        InPlace.of(index, facts)
