"""A verbatim clip holds the camera's own packets, whole groups of them, that cover what was asked for."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.errors import RangeOutside, VerbatimNotPossible
from services.media.framefile import unpack
from services.media.frames import FrameIndex, IndexedTrack
from services.media.movie import read_movie
from services.media.probe import examine
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import Verbatim, cut_verbatim
from tests.footage import beeps, make_footage, make_sound, numbers
from tests.media.written import complaints, content_of, packets, sound_bytes

FRAMES = 300
KINDS = {
    "h264": ("a.mp4", {}),
    "h264 front bf2": ("a.mp4", {"bframes": 2, "layout": "front"}),
    "h264 fragmented": ("a.mp4", {"layout": "fragmented"}),
    "h264 fragmented bf2": ("a.mp4", {"bframes": 2, "layout": "fragmented"}),
    "h264 vfr bf2": ("a.mp4", {"bframes": 2, "vfr": True}),
    "h264 negative offsets": ("a.mp4", {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]}),
    "hevc": ("a.mp4", {"codec": "libx265", "bframes": 2, "options": ["-x265-params", "log-level=none:open-gop=0"]}),
    "mpeg4": ("a.mp4", {"codec": "mpeg4"}),
    "mjpeg pcm mov": ("a.mov", {"codec": "mjpeg", "audio": "pcm_s16le", "pixel_format": "yuvj420p"}),
    "h264 aac mov": ("a.mov", {"bframes": 2}),
    "h264 pcm mov": ("a.mov", {"audio": "pcm_s16le"}),
    "no sound": ("a.mp4", {"audio": False}),
}


def index_of(path: Path) -> FrameIndex:
    packed = examine(path).packed
    assert packed is not None
    return unpack(packed)


def cut(index: FrameIndex, start: Fraction | float, end: Fraction | float) -> Verbatim:
    return cut_verbatim(index, TimeRange(Fraction(start), Fraction(end)))


def check_packets(clip: bytes, made: Verbatim, index: FrameIndex, path: Path) -> None:
    """Compare each track's packets with those of the original at the same places, and the tracks' distance too."""
    source, found, shifts = packets(path), packets(clip), []
    assert index.lead is not None
    lead = index.tracks[index.lead]
    tracks = [lead, *(track for track in index.sounds if track is not lead and chosen(track, made))]
    assert len(found) == len(tracks)
    for number, track in enumerate(tracks):
        if track.frame_bytes:
            assert sound_bytes(clip, number) in sound_bytes(path, track.index)
            continue
        missing = len(track.samples) - len(source[track.index])  # libav passes over sound hidden at either end
        after = len(track.shown) - 1 - int(np.flatnonzero(track.shown)[-1])
        assert missing <= int((~track.shown).sum())
        skipped = max(missing - after, 0)
        places = range(*made.samples) if track is lead else chosen(track, made)
        wanted = [source[track.index][place - skipped] for place in places]
        assert [digest for digest, _ in found[number]] == [digest for digest, _ in wanted], f"{path.name} {number}"
        shifts.append(found[number][0][1] - wanted[0][1])
    assert max(shifts) - min(shifts) < Fraction(1, 1000)


def chosen(track: IndexedTrack, made: Verbatim) -> list[int]:
    """Number the sound frames that begin in a clip, by asking each of them."""
    times = [track.seconds(int(tick)) for tick in track.samples.pts]
    return [n for n, time in enumerate(times) if track.shown[n] and made.start <= time < made.end]


@pytest.mark.parametrize("kind", KINDS)
def test_at_twenty_places_it_is_exactly_the_cameras_packets(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    path = make_footage(tmp_path / name, frames=FRAMES, **options)  # type: ignore[arg-type]
    index, original = index_of(path), path.read_bytes()
    video = index.video
    assert video is not None

    for start, end in places(index):
        made = cut(index, start, end)
        clip = content_of(made.file, original)

        assert made.file.size_bytes == len(clip)
        assert numbers(clip) == list(range(*(made.frames or (0, 0))))
        assert print_seconds(made.start) <= print_seconds(start)
        assert made.end >= end
        assert video.closed[made.samples[0]]
        assert made.samples[1] == FRAMES or video.closed[made.samples[1]]
        check_packets(clip, made, index, path)


def places(index: FrameIndex) -> list[tuple[Fraction, Fraction]]:
    """Choose twenty ranges: at frames, between them, a microsecond long, at the ends."""
    times = index.frame_times
    assert times is not None
    chosen = np.random.default_rng(5).integers(0, len(times) - 2, 16)
    micro = Fraction(1, 10**6)
    ranges = [
        (at + micro * int(n % 3), min(at + Fraction(int(n % 7) + 1, 3), index.duration))
        for n, at in ((n, times.time_of(int(n))) for n in chosen)
    ]
    last = times.time_of(len(times) - 1)
    return [*ranges, (Fraction(0), micro), (last, index.duration), (last, last + micro), (Fraction(0), index.duration)]


def test_sound_stays_where_it_was(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=FRAMES, bframes=2)
    made = cut(index_of(path), Fraction("2.5"), Fraction("6.2"))

    heard = beeps(content_of(made.file, path.read_bytes()))

    assert made.start == 2
    assert heard[1:5] == pytest.approx([1, 2, 3, 4], abs=0.001)


def test_all_sound_tracks_come_and_no_data_tracks(tmp_path: Path) -> None:
    second = ["-filter_complex", "[1:a]volume=0.5[b]", "-map", "0:v", "-map", "1:a", "-map", "[b]", "-c:a", "aac"]
    path = make_footage(tmp_path / "a.mov", frames=120, options=[*second, "-timecode", "01:00:00:00"])
    index = index_of(path)
    assert len(index.tracks) == 4

    clip = content_of(cut(index, 1, 3).file, path.read_bytes())
    movie = read_movie(lambda at, length: clip[at : at + length], len(clip))

    assert [track.track.handler for track in movie.tracks] == [b"vide", b"soun", b"soun"]
    source = packets(path)
    assert all({d for d, _ in found} <= {d for d, _ in source[n]} for n, found in packets(clip).items())
    assert complaints(clip, tmp_path) == ""


def test_only_declared_samples_leave(corpus: Path) -> None:
    path = corpus / "cam_gopro_max_gps_walk_10s.mp4"
    index = index_of(path)
    told = [track for track in index.tracks if track.kind == "data"]
    assert told

    made = cut(index, 2, 5)
    ranges = [piece for piece in made.file.pieces if not isinstance(piece, bytes)]

    for track in told:
        for offset, size in zip(track.samples.offset, track.samples.size, strict=True):
            assert not any(r.offset < offset + size and offset < r.end for r in ranges)
    clip = content_of(made.file, path.read_bytes())
    movie = read_movie(lambda at, length: clip[at : at + length], len(clip))
    declared = sum(int(track.samples.size.sum()) for track in movie.tracks)
    header = made.file.pieces[0]
    assert isinstance(header, bytes)
    assert len(clip) == len(header) + declared


QUALIFY = ("mp4", "mov", "3gp")


def test_every_corpus_file_that_qualifies_keeps_its_packets_and_others_say_why(corpus: Path, tmp_path: Path) -> None:
    cut_at_least = 0
    for path in sorted(corpus.glob("*.*")):
        packed = examine(path).packed if path.suffix != ".tsv" else None
        if packed is None or (index := unpack(packed)).duration == 0:
            continue
        if index.container not in QUALIFY:
            with pytest.raises(VerbatimNotPossible, match=index.container):
                cut(index, 0, index.duration)
            continue
        for start, end in ((Fraction(0), index.duration), (index.duration / 3, index.duration / 2)):
            made = cut(index, start, end)
            clip = content_of(made.file, path.read_bytes())
            check_packets(clip, made, index, path)
            assert complaints(clip, tmp_path) == "", path.name
        cut_at_least += 1
    assert cut_at_least >= 9


@pytest.mark.parametrize(("ending", "codec"), [(".m4a", "aac"), (".mov", "pcm_s16le")])
def test_sound_alone_is_cut_too(tmp_path: Path, ending: str, codec: str) -> None:
    made_of = make_sound(tmp_path / f"a{'.m4a' if ending == '.m4a' else '.wav'}", seconds=5, codec=codec)
    path = made_of if ending == ".m4a" else as_mov(made_of, tmp_path / "a.mov")
    index = index_of(path)

    made = cut(index, Fraction("1.00001"), Fraction(3))
    clip = content_of(made.file, path.read_bytes())
    again = cut(index, Fraction(print_seconds(made.start)), Fraction(print_seconds(made.end)))

    assert made.frames is None
    assert made.start <= Fraction("1.00001")
    assert made.end >= 3
    assert (again.start, again.end) == (made.start, made.end)
    step = Fraction(1, 16000) if codec != "aac" else Fraction(1024, 16000)
    assert made.start > Fraction("1.00001") - step
    assert made.end < 3 + step
    assert sound_bytes(clip, 0) in sound_bytes(path, 0)
    assert complaints(clip, tmp_path) == ""
    (track,) = read_movie(lambda at, length: clip[at : at + length], len(clip)).tracks
    assert track.end - track.start == made.end - made.start


def as_mov(sound: Path, target: Path) -> Path:
    from tests.footage import _QUIET, _run, imageio_ffmpeg

    _run([imageio_ffmpeg.get_ffmpeg_exe(), *_QUIET, "-i", f"file:{sound}", "-c", "copy", "-f", "mov", f"file:{target}"])
    return target


def test_its_printed_range_gives_the_same_clip_again(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=200, rate="30000/1001", gop=7)
    index = index_of(path)

    for start in (Fraction(1), Fraction("2.2"), Fraction("5.999999")):
        made = cut(index, start, start + Fraction(1, 2))
        again = cut(index, Fraction(print_seconds(made.start)), Fraction(print_seconds(made.end)))
        assert (made.start, made.end, made.frames) == (again.start, again.end, again.frames)


def test_a_range_beyond_the_end_is_refused(tmp_path: Path) -> None:
    index = index_of(make_footage(tmp_path / "a.mp4", frames=60))

    with pytest.raises(RangeOutside):
        cut(index, 3, 4)
    assert cut(index, Fraction("1.9"), 40).frames == (30, 60)


def hidden(tmp_path: Path, *, at: str, length: str) -> Path:
    """Copy footage so that its edit list hides pictures at the beginning: ffmpeg keeps the group, and an edit."""
    from tests.footage import _QUIET, _run, imageio_ffmpeg

    whole = make_footage(tmp_path / "whole.mp4", frames=120, gop=30)
    target = tmp_path / "hidden.mp4"
    copy = [imageio_ffmpeg.get_ffmpeg_exe(), *_QUIET, "-ss", at, "-i", f"file:{whole}", "-t", length, "-c", "copy"]
    _run([*copy, "-f", "mp4", f"file:{target}"])
    return target


def test_what_the_original_hides_at_its_beginning_stays_hidden(tmp_path: Path) -> None:
    path = hidden(tmp_path, at="0.5", length="3")
    index = index_of(path)
    assert index.video is not None
    count = int((~index.video.shown).sum())
    assert count > 5

    made = cut(index, 0, 1)
    clip = content_of(made.file, path.read_bytes())

    assert made.samples[0] == 0
    assert numbers(clip) == numbers(path)[: len(numbers(clip))]
    assert len(numbers(clip)) == (made.frames or (0, 0))[1]
    later = content_of(cut(index, Fraction("1.5"), Fraction(2)).file, path.read_bytes())
    assert set(numbers(later)) <= set(numbers(path))


def test_pictures_hidden_in_the_middle_cannot_be_copied(tmp_path: Path) -> None:
    index = index_of(make_footage(tmp_path / "a.mp4", frames=90))
    assert index.video is not None
    index.video.shown.setflags(write=True)
    index.video.shown[40:45] = False

    with pytest.raises(VerbatimNotPossible, match="between"):
        cut(index, Fraction("1.1"), Fraction("1.2"))
    assert cut(index, 0, Fraction("0.5")).frames == (0, 30)


def test_a_gap_inside_the_file_stays_a_gap(tmp_path: Path) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=90, vfr=True, gop=10)
    index, times = index_of(path), index_of(path).frame_times
    assert times is not None
    in_gap = times.time_of(9) + Fraction(1, 20)

    made = cut(index, in_gap, in_gap + Fraction(1, 100))

    assert made.start <= in_gap < made.end
    assert numbers(content_of(made.file, path.read_bytes())) == list(range(*(made.frames or (0, 0))))


def test_open_groups_are_cut_only_where_nothing_is_missing(tmp_path: Path) -> None:
    options = ["-x264-params", "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
    path = make_footage(tmp_path / "a.mp4", frames=120, gop=30, bframes=2, options=options)

    made = cut(index_of(path), 2, 3)

    assert made.samples == (0, 120)
