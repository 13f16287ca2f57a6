"""Clips of cameras that write odd but honest files hold before the archive and both programs: no false alarm."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from services.custody.cliplabel import Label, check_label
from services.custody.verifier.verify import verify
from services.media.pool import Pool
from services.media.timecode import TimeRange, print_seconds
from services.media.verbatim import cut_verbatim
from tests.custody.clips import FFMPEG, Clip, Shot
from tests.custody.packages import Item, build, encoded_with_copied_sound, still_at, still_proof, zipped
from tests.custody.verifier.page import Browser
from tests.footage import _run, make_footage
from tests.media.cutting import Film, Made, decoders

FRAMES = 180
CORPUS = ("phone_android9_gps_vfr_1080p", "odd_fragmented_rooftop_60fps", "cam_gopro_hero6_gps_2s")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with decoders() as opened:
        yield opened


def plain(folder: Path) -> Path:
    return make_footage(folder / "plain.mp4", frames=FRAMES, bframes=2, size=(160, 90))


def remade(folder: Path, *options: str) -> Path:
    """Have ffmpeg copy the packets with these options before the inputs, pictures of the first, sound of the last."""
    target = folder / "made.mp4"
    _run([*FFMPEG, *options, "-c", "copy", "-f", "mp4", f"file:{target}"])
    return target


def late_sound(folder: Path) -> Path:
    """Begin the sound 2.5 s later, by an edit list."""
    source = f"file:{plain(folder)}"
    return remade(folder, "-i", source, "-itsoffset", "2.5", "-i", source, "-map", "0:v", "-map", "1:a")


def late_pictures(folder: Path) -> Path:
    source = f"file:{plain(folder)}"
    return remade(folder, "-itsoffset", "1.7", "-i", source, "-i", source, "-map", "0:v", "-map", "1:a")


def hidden_beginning(folder: Path) -> Path:
    """Hide pictures and sound up to a moment inside a group of pictures."""
    return remade(folder, "-ss", "1.3", "-i", f"file:{plain(folder)}", "-map", "0")


def other_clocks(folder: Path) -> Path:
    """Count pictures in 1/90,000 s, sound in 1/44,100 s."""
    options = ["-video_track_timescale", "90000", "-ar", "44100"]
    return make_footage(folder / "a.mp4", frames=FRAMES, bframes=2, rate="30000/1001", size=(160, 90), options=options)


def in_fragments(folder: Path) -> Path:
    return make_footage(folder / "a.mp4", frames=FRAMES, bframes=2, layout="fragmented", size=(160, 90))


def uneven(folder: Path) -> Path:
    return make_footage(folder / "a.mp4", frames=FRAMES, bframes=2, vfr=True, size=(160, 90))


def uncompressed(folder: Path) -> Path:
    return make_footage(folder / "a.mov", frames=FRAMES, audio="pcm_s16le", size=(160, 90))


def without_sound(folder: Path) -> Path:
    return make_footage(folder / "a.mp4", frames=FRAMES, audio=False, size=(160, 90))


def short_sound(folder: Path) -> Path:
    return make_footage(folder / "a.mp4", frames=FRAMES, audio_seconds=2.2, size=(160, 90))


def at_negative_offsets(folder: Path) -> Path:
    return make_footage(
        folder / "a.mp4", frames=FRAMES, bframes=2, size=(160, 90), options=["-movflags", "+negative_cts_offsets"]
    )


CAMERAS: tuple[Callable[[Path], Path], ...] = (
    late_sound, late_pictures, hidden_beginning, other_clocks, in_fragments, uneven, uncompressed, without_sound,
    short_sound, at_negative_offsets,
)  # fmt: skip


def item(clip: Clip, made: str, shot: Shot, start: Fraction, end: Fraction) -> Item:
    """Check a clip as the archive does before it lets it out."""
    checked = clip.check()
    assert sum(track.hidden for track in checked.tracks) == 0
    check_label(checked, Label(made, start, end), shot.sidecar.headers)
    kind = "verbatim" if made == "verbatim" else "exact"
    proof = clip.proof.to_bytes()
    return Item(kind, made, 0, ".mp4", clip.content, proof, print_seconds(start), print_seconds(end))


def items_of(path: Path, folder: Path, pool: Pool, *, encoded: bool) -> tuple[Shot, list[Item]]:
    """Cut the beginning, the middle and the end, verbatim and smart, encode it anew, take a still."""
    shot, film = Shot.of(path), Film.of(path)
    end, count = shot.index.duration, len(film.frame_times)
    found = []
    for low, high in ((Fraction(0), end / 5), (end / 4, end * 3 / 4), (end * 9 / 10, end), (Fraction(0), end)):
        plan = cut_verbatim(shot.index, TimeRange(low, high))
        found.append(item(shot.proven(plan.file), "verbatim", shot, plan.start, plan.end))
    for first, past in ((0, count // 2), (count // 5, count - count // 6), (count // 2, count)):
        cut = film.cut(first, past, pool)
        if isinstance(cut, Made):
            found.append(item(shot.proven(cut.cut.file), "smart", shot, cut.exact.start, cut.exact.end))
    if encoded and shot.index.sounds:
        video = shot.sidecar.headers[0]  # of which the encoder keeps the file's own time line
        assert video.shown is not None
        zero = Fraction(video.shown.first + video.shown.shift, video.timescale)
        found.append(item(encoded_with_copied_sound(shot, folder), "encoded", shot, -zero, end))
    still = Item("still", "still", 0, ".png", b"not looked at", still_proof(shot, 5), still_at(shot, 5))
    return shot, [*found, still]


@pytest.mark.browser
@pytest.mark.parametrize("camera", CAMERAS, ids=lambda one: one.__name__)
def test_every_kind_of_clip_of_an_odd_camera_holds(
    camera: Callable[[Path], Path], pool: Pool, page: Browser, tmp_path: Path
) -> None:
    with_sound = camera not in (uncompressed, without_sound)
    shot, items = items_of(camera(tmp_path), tmp_path, pool, encoded=with_sound)

    report = verify(str(zipped(build([shot.content], items).sealed(), tmp_path / "p.zip")))

    assert [one for one in report.findings if one[0] == "FAIL"] == []
    assert sum(one[2] == "origin-frames" and one[0] == "PASS" for one in report.findings) == len(items) - 1
    assert page.judge_zip((tmp_path / "p.zip").read_bytes()) == sorted(one[:3] for one in report.findings)


@pytest.mark.parametrize("name", CORPUS)
def test_every_kind_of_clip_of_a_real_camera_holds(corpus: Path, name: str, pool: Pool, tmp_path: Path) -> None:
    shot, items = items_of(corpus / f"{name}.mp4", tmp_path, pool, encoded=False)

    report = verify(str(zipped(build([shot.content], items).sealed(), tmp_path / "p.zip")))

    assert [one for one in report.findings if one[0] == "FAIL"] == []
