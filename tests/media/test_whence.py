"""A virtual file says of each of its samples where it is from, also where it is made of several originals."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from services.media.framefile import unpack
from services.media.frames import FrameIndex
from services.media.joinverbatim import Joined, Wanted, join_verbatim
from services.media.probe import examine
from services.media.strict import read_strictly
from services.media.timecode import TimeRange
from services.media.verbatim import cut_verbatim
from services.media.virtual import VirtualFile
from services.media.whence import Copied, _cut, copied_in
from tests.footage import make_footage
from tests.media.written import content_of


def index_of(path: Path) -> FrameIndex:
    packed = examine(path).packed
    assert packed is not None
    return unpack(packed)


def copies(file: VirtualFile, content: bytes, index: FrameIndex, source: int = 0) -> list[Copied]:
    clip = read_strictly(lambda at, length: content[at : at + length], len(content), clip=True)
    assert clip.faults == ()
    return copied_in(file, clip.tracks, index, source)


def joined_content(made: Joined, originals: list[bytes]) -> bytes:
    return b"".join(p if isinstance(p, bytes) else originals[p.source][p.offset : p.end] for p in made.file.pieces)


@pytest.mark.parametrize("audio", ["aac", "pcm_s16le"])
def test_the_numbers_are_those_of_what_was_cut(tmp_path: Path, audio: str) -> None:
    path = make_footage(tmp_path / "a.mov", frames=300, bframes=2, audio=audio)
    index = index_of(path)
    made = cut_verbatim(index, TimeRange(Fraction(3), Fraction(5)))

    pictures, sound = copies(made.file, content_of(made.file, path.read_bytes()), index)

    assert (pictures.first, pictures.first + pictures.count) == made.samples
    per_second = 48_000 if audio == "pcm_s16le" else Fraction(48_000, 1024)
    assert sound.first == pytest.approx(float(made.start * per_second), abs=2)
    assert sound.count == pytest.approx(float((made.end - made.start) * per_second), abs=2)


@pytest.mark.parametrize("audio", ["aac", "pcm_s16le"])
def test_of_a_clip_of_two_recordings_each_is_told_its_own(tmp_path: Path, audio: str) -> None:
    paths = [
        make_footage(tmp_path / f"{first}.mov", frames=150, bframes=2, audio=audio, first=first) for first in (0, 150)
    ]
    indexes, originals = [index_of(path) for path in paths], [path.read_bytes() for path in paths]
    stretches = [TimeRange(Fraction(2), Fraction(5)), TimeRange(Fraction(0), Fraction(2))]
    made = join_verbatim(
        [Wanted(i, s, Fraction(5 * n)) for n, (i, s) in enumerate(zip(indexes, stretches, strict=True))]
    )
    content = joined_content(made, originals)

    first, second = (copies(made.file, content, index, n) for n, index in enumerate(indexes))

    assert [(one.clip_track, one.clip_first, one.first) for one in first if one.clip_track == 0] == [(0, 0, 60)]
    assert [(one.clip_track, one.clip_first, one.first) for one in second if one.clip_track == 0] == [(0, 90, 0)]
    heard = [one for one in (*first, *second) if one.clip_track == 1]
    assert [one.first < 2 for one in heard] == [False, True]
    assert heard[0].clip_first + heard[0].count <= heard[1].clip_first


def test_runs_of_instants_are_cut_only_between_instants() -> None:
    offset, size = np.array([0, 100, 300]), np.array([100, 80, 40])

    starts, sizes = _cut(offset, size, np.array([0, 40, 42, 100, 140, 180, 320]), 4)

    assert starts.tolist() == [0, 40, 100, 140, 300, 320]
    assert sizes.tolist() == [40, 60, 40, 40, 20, 20]
