"""A clip is proven from itself alone; whatever is changed in its frames, its proof or its origin is refused."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from services.errors import ProofRefused
from services.media.boxes import walk
from services.media.movie import read_movie
from tests.custody.clips import FFMPEG, Clip, Shot, reader, remuxed
from tests.footage import _run, make_footage

FRAMES = 300
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "h264": ("a.mp4", {}),
    "h264 front bf2": ("a.mp4", {"bframes": 2, "layout": "front"}),
    "h264 fragmented": ("a.mp4", {"layout": "fragmented"}),
    "h264 fragmented bf2": ("a.mp4", {"bframes": 2, "layout": "fragmented"}),
    "h264 uneven bf2": ("a.mp4", {"bframes": 2, "vfr": True}),
    "h264 negative offsets": ("a.mp4", {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]}),
    "h264 29.97": ("a.mp4", {"bframes": 2, "rate": "30000/1001"}),
    "h264 in 600ths": ("a.mp4", {"options": ["-video_track_timescale", "600"]}),
    "hevc": ("a.mp4", {"codec": "libx265", "bframes": 2, "options": ["-x265-params", "log-level=none:open-gop=0"]}),
    "mjpeg pcm mov": ("a.mov", {"codec": "mjpeg", "audio": "pcm_s16le", "pixel_format": "yuvj420p"}),
    "h264 pcm mov": ("a.mov", {"audio": "pcm_s16le", "bframes": 2}),
    "h264 aac mov": ("a.mov", {"bframes": 2}),
    "no sound": ("a.mp4", {"audio": False}),
}
CUTS = ((0.0, 0.9), (2.2, 4.1), (5.0, 5.001), (3.3, 8.8), (8.9, 10.0))
TAMPERED = 500 if os.environ.get("HUISU_SOAK") else 60


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return Shot.of(make_footage(tmp_path_factory.mktemp("shot") / "a.mp4", frames=FRAMES, bframes=2))


@pytest.fixture(scope="module")
def clip(shot: Shot) -> Clip:
    return shot.clip(2.2, 4.1)


def mdat_of(content: bytes) -> tuple[int, int]:
    box = next(box for box in walk(reader(content), len(content)) if box.kind == b"mdat")
    return box.body, box.end


@pytest.mark.parametrize("kind", KINDS)
def test_five_clips_of_each_kind_are_proven_whole(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    shot = Shot.of(make_footage(tmp_path / name, frames=FRAMES, **options))

    for start, end in CUTS:
        clip = shot.clip(start, end)
        checked = clip.check()

        assert len(checked.tracks) == (1 if kind == "no sound" else 2)
        for track in checked.tracks:
            if track.clip_track in clip.made.unproven:  # sound of a single picture, cut inside its leaves
                assert track.length < 2 * 1024
                assert shot.index.tracks[track.clip_track].frame_bytes
                continue
            (run,) = track.runs
            indexed = shot.index.tracks[run.track]
            if indexed.frame_bytes:
                assert sum(high - low for low, high in track.others) < 2 * 1024
                assert all(high - low < 1024 for low, high in track.others)
            else:
                assert track.is_proven
                assert run.dts == indexed.samples.dts[run.first]
        assert len(clip.proof.to_bytes()) < 10_000


def test_sound_cut_at_leaves_of_1024_instants_is_proven_whole(tmp_path: Path) -> None:
    shot = Shot.of(make_footage(tmp_path / "a.mov", frames=FRAMES, audio="pcm_s16le"))

    pictures, sound = shot.clip(0, 10).check().tracks

    assert (pictures.is_proven, sound.is_proven) == (True, True)
    assert sound.length == 480_000


def test_several_sounds_are_each_proven_as_the_track_they_are(tmp_path: Path) -> None:
    source, path = make_footage(tmp_path / "one.mp4", frames=FRAMES, bframes=2), tmp_path / "a.mp4"
    other = ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100:duration=10"]
    maps = ["-map", "0:v", "-map", "0:a", "-map", "1:a", "-c:v", "copy", "-c:a:0", "copy", "-c:a:1", "aac"]
    _run([*FFMPEG, "-i", f"file:{source}", *other, *maps, "-f", "mp4", f"file:{path}"])
    shot = Shot.of(path)

    checked = shot.clip(3.3, 6.1).check()

    assert [run.track for track in checked.tracks for run in track.runs] == [0, 1, 2]
    assert checked.is_proven


CAMERAS = (
    "cam_gopro_hero6_gps_2s", "cam_gopro_max_gps_walk_10s", "odd_fragmented_rooftop_60fps",
    "phone_android9_gps_vfr_1080p", "scene_bottles_40s_29.83fps", "scene_car_park_30s_aac", "scene_hello_talk_8s_h264",
)  # fmt: skip


@pytest.mark.parametrize("name", CAMERAS)
def test_the_middle_of_a_real_recording_is_proven(corpus: Path, name: str) -> None:
    shot = Shot.of(corpus / f"{name}.mp4")

    checked = shot.clip(shot.index.duration / 4, shot.index.duration * 3 / 4).check()

    assert checked.is_proven


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("kind", ["h264", "h264 front bf2", "h264 29.97", "h264 in 600ths", "hevc"])
def test_a_copy_by_ffmpeg_into_another_file_is_still_proven(tmp_path: Path, kind: str, suffix: str) -> None:
    name, options = KINDS[kind]
    shot = Shot.of(make_footage(tmp_path / name, frames=FRAMES, **options))
    clip = shot.clip(2.2, 4.1)

    content = remuxed(clip.content, tmp_path, suffix)

    assert content != clip.content
    assert clip.check(content).is_proven


def test_a_copy_into_fragments_is_still_proven(clip: Clip, tmp_path: Path) -> None:
    flags = ("-movflags", "+frag_keyframe+empty_moov+delay_moov+default_base_moof")
    content = remuxed(clip.content, tmp_path, ".mp4", *flags)

    assert read_movie(reader(content), len(content)).is_fragmented
    assert clip.check(content).is_proven


def test_every_bit_of_every_frame_counts(clip: Clip) -> None:
    chance, (low, high) = random.Random(4), mdat_of(clip.content)

    for _ in range(TAMPERED):
        content = bytearray(clip.content)
        content[chance.randrange(low, high)] ^= 1 << chance.randrange(8)
        with pytest.raises(ProofRefused):
            clip.check(bytes(content))


HARMLESS = {
    b"ftyp": "brands",
    b"mvhd": "times of making, length, speed and volume of the film as a whole",
    b"tkhd": "id, flags, length, layer, volume, size on the screen; the matrix is refused",
    b"mdhd": "times of making, length, language; the timescale is refused",
    b"hdlr": "name and reserved fields; the handler is refused",
    b"elst": "which stretch is shown, and when",
    b"edts": "its name: then all is shown",
    b"smhd": "balance",
    b"vmhd": "mode of drawing",
    b"dinf": "reserved",
    b"dref": "reserved",
    b"url ": "kind and version of a reference to this very file",
    b"stsd": "name of the encoder, resolution in print, colour tags, pixel shape, rates noted beside the configuration",
    b"stts": "how long the last sample lasts",
    b"free": "nothing",
}
"""What may be changed in a clip's index, its frames being the same; docs/formats/essence.md: what is not proven."""


def leaf_box(content: bytes, place: int) -> bytes:
    """Name the innermost box that a place of the index lies in."""
    around = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf"}

    def within(low: int, high: int, name: bytes) -> bytes:
        at = low
        while at + 8 <= high:
            size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
            if at <= place < at + size:
                return within(at + 8, at + size, kind) if kind in around and place >= at + 8 else kind
            at += size
        return name

    return within(0, len(content), b"")


def test_a_changed_index_is_refused_or_shows_the_same_frames(clip: Clip) -> None:
    chance, (end, _) = random.Random(9), mdat_of(clip.content)
    passed: dict[bytes, int] = {}

    for _ in range(5 * TAMPERED):
        content, place = bytearray(clip.content), chance.randrange(end)
        content[place] ^= 1 << chance.randrange(8)
        try:
            checked = clip.check(bytes(content))
        except ProofRefused:
            continue
        kind = leaf_box(clip.content, place)
        passed[kind] = passed.get(kind, 0) + 1
        assert checked.is_proven
    assert passed.keys() <= HARMLESS.keys()
