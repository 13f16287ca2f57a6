"""Of a smart clip the copied part is proven and the seams are told; of an encoded one the sound that was copied."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.custody.clipconfig import config_fault
from services.custody.clipproof import ClipProof
from services.custody.clipsearch import copies_by_bytes
from services.custody.proof import prove_range
from services.errors import ProofRefused
from services.media.avcc import Configuration, read_configuration
from services.media.movie import read_movie
from services.media.pool import Pool
from services.media.whence import Copied
from tests.custody.clips import FFMPEG, Clip, Shot, reader, remuxed
from tests.footage import _run, make_footage
from tests.media.cutting import Film, Made, decoders

FRAMES = 300
KINDS: dict[str, dict[str, Any]] = {
    "no-b": {},
    "bf2": {"bframes": 2, "layout": "front"},
    "bf3-pyramid": {"bframes": 3, "options": ["-x264-params", "b-pyramid=normal:open-gop=0"]},
    "fragmented": {"bframes": 2, "layout": "fragmented"},
    "negative-offsets": {"bframes": 2, "options": ["-movflags", "+negative_cts_offsets"]},
}
RANGES = ((37, 187), (0, 100), (125, 300), (60, 150), (31, 121))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with decoders() as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_footage(tmp_path_factory.mktemp("smart") / "a.mp4", frames=FRAMES, bframes=2)


def made(film: Film, first: int, end: int, pool: Pool) -> Made:
    found = film.cut(first, end, pool)
    assert isinstance(found, Made), found
    return found


@pytest.fixture(scope="module")
def clip(path: Path, pool: Pool) -> Clip:
    return Shot.of(path).proven(made(Film.of(path), 37, 187, pool).cut.file)


@pytest.mark.parametrize("kind", KINDS)
def test_the_copied_part_is_proven_and_the_seams_are_listed(kind: str, tmp_path: Path, pool: Pool) -> None:
    path = make_footage(tmp_path / "a.mp4", frames=FRAMES, **KINDS[kind])
    film, shot = Film.of(path), Shot.of(path)

    for first, end in RANGES:
        cut = made(film, first, end, pool)
        clip = shot.proven(cut.cut.file)
        pictures, sound = clip.check().tracks
        low, high = cut.cut.copied
        seams = [part for part in ((0, low - first), (high - first, end - first)) if part[0] < part[1]]

        assert clip.made.unproven == {}
        assert [run.count for run in pictures.runs] == [high - low]
        assert list(pictures.others) == seams
        assert sound.is_proven


def test_a_smart_clip_copied_by_ffmpeg_is_still_proven(clip: Clip, tmp_path: Path) -> None:
    pictures, sound = clip.check(remuxed(clip.content, tmp_path)).tracks

    assert pictures.others == clip.check().tracks[0].others
    assert sound.is_proven


def test_a_flip_in_a_copied_frame_is_refused_and_one_in_a_seam_is_not_told(clip: Clip) -> None:
    pictures = read_movie(reader(clip.content), len(clip.content)).tracks[0].samples
    (head, _) = clip.check().tracks[0].others
    seam, copied = int(pictures.offset[1]) + 40, int(pictures.offset[head[1] + 3]) + 40

    assert clip.check(flipped(clip.content, seam)).tracks == clip.check().tracks
    with pytest.raises(ProofRefused, match="not those of the original"):
        clip.check(flipped(clip.content, copied))


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_seam_that_sets_parameters_by_the_way_is_refused(clip: Clip) -> None:
    pictures = read_movie(reader(clip.content), len(clip.content)).tracks[0].samples
    place = int(pictures.offset[1]) + 4
    unit = clip.content[place]

    for kind in (7, 8, 13, 15):
        content = clip.content[:place] + bytes([unit & 0xE0 | kind]) + clip.content[place + 1 :]
        with pytest.raises(ProofRefused, match="sample 1 sets parameters by the way"):
            clip.check(content)


def config_of(configuration: Configuration, size: tuple[int, int] = (640, 360), entry: bytes = b"avc1") -> bytes:
    payload = configuration.to_bytes()
    told = entry + struct.pack(">HH4sI", *size, b"avcC", len(payload)) + payload
    return struct.pack(">I", len(told)) + told


def test_copied_frames_keep_their_parameter_sets_and_nothing_takes_their_place(clip: Clip) -> None:
    run = clip.proof.runs[0]
    original = read_configuration(run.config[20:])
    ours = next(one for one in read_movie(reader(clip.content), len(clip.content)).tracks).track.codec.config
    both = read_configuration(ours)
    other_sequence = next(unit for unit in both.sequences if unit not in original.sequences)
    other_picture = next(unit for unit in both.pictures if unit not in original.pictures)
    (own_sequence,), (own_picture,) = original.sequences, original.pictures
    impostor = own_picture[:-1] + bytes([own_picture[-1] ^ 4])
    faults = {
        "profile": replace(both, profile=110),
        "lengths": replace(both, length_bytes=2),
        "lacks": replace(both, sequences=(other_sequence,)),
        "lacks the": replace(both, pictures=(other_picture,)),
        "another": replace(both, pictures=(own_picture, impostor)),
        "something else": replace(both, sequences=(*both.sequences, impostor)),
        "something else among": replace(both, pictures=(*both.pictures, own_sequence)),
        "lists something else": replace(both, pictures=(*both.pictures, b"")),
        "extends": replace(both, trailer=b"\xfd\xf8\xf8\x01\x00\x01\x6d"),
    }

    assert config_fault(config_of(original), config_of(both)) is None
    assert config_fault(config_of(original), config_of(original)) is None
    assert config_fault(config_of(original), config_of(replace(both, sequences=(other_sequence, own_sequence)))) is None
    for reason, configuration in faults.items():
        assert reason in str(config_fault(config_of(original), config_of(configuration))), reason
    for other in (config_of(both, (640, 362)), config_of(both, entry=b"avc3"), b"", config_of(both)[:30]):
        assert config_fault(config_of(original), other) is not None


def test_hevc_beside_other_pictures_is_not_proven(tmp_path: Path) -> None:
    options = ["-x265-params", "log-level=none:open-gop=0"]
    shot = Shot.of(make_footage(tmp_path / "a.mp4", frames=FRAMES, codec="libx265", options=options))
    clip = shot.clip(2.2, 4.1)
    run = clip.proof.runs[0]

    fewer = shot.proven_by(clip.content, [Copied(0, 0, 0, run.first, run.count - 1)])

    assert fewer.made.unproven[0] == "only H.264 (avc1) can hold copied frames beside others and be proven"
    assert fewer.made.proof is None


def test_of_pictures_encoded_anew_the_copied_sound_is_proven(path: Path, tmp_path: Path) -> None:
    shot = Shot.of(path)
    source, target = tmp_path / "cut.mp4", tmp_path / "encoded.mp4"
    source.write_bytes(shot.clip(2.2, 4.1).content)
    blurred = ["-vf", "boxblur=8", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy"]
    flags = ["-movflags", "+frag_keyframe+delay_moov+default_base_moof"]
    _run([*FFMPEG, "-i", f"file:{source}", *blurred, *flags, "-f", "mp4", f"file:{target}"])
    content = target.read_bytes()

    clip = shot.proven_by(content, copies_by_bytes(reader(content), len(content), shot.index, shot.sidecar))
    pictures, sound = clip.check().tracks

    assert clip.made.unproven == {0: "nothing of it is copied from the recording"}
    assert (pictures.runs, pictures.others) == ((), ((0, pictures.length),))
    assert sound.is_proven


def test_what_a_virtual_file_says_and_what_its_bytes_say_agree(path: Path, pool: Pool) -> None:
    film, shot = Film.of(path), Shot.of(path)
    verbatim = shot.clip(3.3, 8.8)

    found = copies_by_bytes(reader(verbatim.content), len(verbatim.content), shot.index, shot.sidecar)
    smart = made(film, 37, 187, pool)
    of_smart = copies_by_bytes(reader(smart.content), len(smart.content), shot.index, shot.sidecar)

    assert shot.proven_by(verbatim.content, found).proof == verbatim.proof
    assert [one.clip_track for one in of_smart] == [1]  # pictures under another configuration are not searched for


def leaning(clip: Clip, shot: Shot) -> ClipProof:
    """Claim all copied pictures but the key frame that they lean on."""
    run = clip.proof.runs[0]
    tree, size = shot.sidecar.tree(0), shot.sidecar.headers[0].samples + 1
    claimed = replace(
        run,
        clip_first=run.clip_first + 1,
        first=run.first + 1,
        count=run.count - 1,
        dts=int(shot.index.tracks[0].samples.dts[run.first + 1]),
        cts=int(shot.index.tracks[0].samples.cts[run.first + 1]),
        range=tuple(prove_range(tree, run.first + 2, run.first + run.count + 1, size)),
    )
    return ClipProof(clip.proof.tracks, (claimed,))


def test_pictures_that_lean_on_one_encoded_anew_are_not_proven(clip: Clip, path: Path) -> None:
    shot, run = Shot.of(path), clip.proof.runs[0]
    late = Copied(0, run.clip_first + 1, 0, run.first + 1, run.count - 1)  # as if the key frame before were not theirs

    (proven,) = shot.proven_by(clip.content, [late]).check().tracks[0].runs

    assert (proven.clip_first, proven.first) == (run.clip_first + 30, run.first + 30)  # from the next key frame on
    with pytest.raises(ProofRefused, match="leans on others"):
        clip.check(proof=leaning(clip, shot))


def test_a_redacted_middle_leaves_both_sides_proven(clip: Clip, path: Path) -> None:
    shot, proof = Shot.of(path), clip.proof
    run = proof.runs[0]
    copies = [
        Copied(0, run.clip_first, 0, run.first, 30),
        Copied(0, run.clip_first + 60, 0, run.first + 60, run.count - 60),
    ]

    parted = shot.proven_by(clip.content, copies)
    (pictures, _) = parted.check().tracks

    assert [one.count for one in pictures.runs] == [30, run.count - 60]
    assert (run.clip_first + 30, run.clip_first + 60) in pictures.others
    with pytest.raises(ProofRefused, match="overlap"):
        parted.check(proof=ClipProof(proof.tracks, (parted.proof.runs[1], parted.proof.runs[0])))
