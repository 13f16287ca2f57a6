"""Pictures of files that lost their index come back whole, right and in order, and nothing else does."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from services.errors import Unplayable
from services.media.framefile import unpack
from services.media.probe import examine
from services.media.recover import Recovered, Reference, body_of, recover
from tests.footage import beeps, make_footage, numbers, times


def reference(path: Path) -> Reference:
    known = examine(path)
    assert known.packed is not None
    return Reference(path, known.facts, unpack(known.packed), "r-1", "00" * 32)


def without_index(whole: Path, share: float, target: Path) -> int:
    """Cut a file whose index is at its end; gives how many pictures are there whole."""
    size = int(whole.stat().st_size * share)
    target.write_bytes(whole.read_bytes()[:size])
    track = reference(whole).track
    return int((track.samples.end <= size).sum())


def brought_back(damaged: Path, lent: Reference, folder: Path) -> Recovered:
    (folder / "out").mkdir()
    return recover(damaged, lent, folder / "out")


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("audio", [True, False])
def test_every_whole_picture_comes_back_with_its_number_and_bytes(bframes: int, audio: bool, tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "whole.mp4", frames=300, bframes=bframes, audio=audio, size=(640, 360))
    sibling = make_footage(tmp_path / "b.mp4", frames=90, bframes=bframes, audio=audio, size=(640, 360), first=4000)
    count = without_index(whole, 0.6, tmp_path / "damaged.mp4")

    made = brought_back(tmp_path / "damaged.mp4", reference(sibling), tmp_path)

    assert made.frames == count > 150
    # where pictures are coded ahead of those shown before them, a cut leaves holes among the last shown
    expected = sorted(numbers(whole)[: count + 4 * bframes])
    seen = numbers(made.path)
    assert len(seen) == count
    assert seen == sorted(seen)
    assert set(seen) <= set(expected)
    assert seen[: count - bframes - 1] == expected[: count - bframes - 1]
    assert packets(made.path) == packets(whole)[:count]
    steps = np.diff([float(moment) for moment in times(made.path)])
    assert steps == pytest.approx(1 / 30, abs=1e-6)
    assert made.duration == Fraction(count, 30)
    assert made.told["sound"].startswith("left out")
    assert not made.has_sound
    assert examine(made.path).facts.browser_playable


def test_uncompressed_sound_comes_back_beside_the_pictures(tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "whole.mov", frames=300, audio="pcm_s16le")
    sibling = make_footage(tmp_path / "b.mov", frames=90, audio="pcm_s16le")
    count = without_index(whole, 0.7, tmp_path / "damaged.mov")

    made = brought_back(tmp_path / "damaged.mov", reference(sibling), tmp_path)

    assert made.has_sound
    assert numbers(made.path) == list(range(count))
    assert packets(made.path) == packets(whole)[:count]
    heard = beeps(made.path)
    assert len(heard) >= count // 30
    assert all(abs(beep - n) < 0.03 for n, beep in enumerate(heard))


def test_pictures_behind_a_damage_come_back_from_the_next_key_frame_on(tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "whole.mp4", frames=300, size=(640, 360))
    track = reference(whole).track
    content = bytearray(whole.read_bytes()[: int(track.samples.end.max())])
    low, high = int(track.samples.offset[100]), int(track.samples.offset[104])
    content[low:high] = os.urandom(high - low)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)

    made = brought_back(damaged, reference(whole), tmp_path)

    assert numbers(made.path) == [*range(100), *range(120, 300)]
    (hole,) = made.told["holes"]
    assert hole[0] <= low
    assert hole[1] == int(track.samples.offset[120])


@pytest.mark.parametrize(
    "name",
    [
        "cam_gopro_max_gps_walk_10s.mp4",
        "scene_bottles_40s_29.83fps.mp4",
        "phone_android9_gps_vfr_1080p.mp4",
        "scene_car_park_30s_aac.mp4",
    ],
)
def test_pictures_of_real_cameras_come_back(name: str, corpus: Path, tmp_path: Path) -> None:
    """GPS and sound lie between the GoPro's pictures; the phone pads its own with zeros."""
    lent = reference(corpus / name)
    samples = lent.track.samples
    begin, size = int(samples.offset.min()), int(samples.end.max() * 0.9)
    with (corpus / name).open("rb") as file:
        file.seek(begin)
        body = file.read(size - begin)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"\0\0\0\x08wide" + (len(body) + 8).to_bytes(4, "big") + b"mdat" + body)
    count = int((samples.end <= size).sum())

    made = brought_back(damaged, lent, tmp_path)

    assert made.frames == count
    assert packets(made.path) == packets(corpus / name)[:count]


def test_another_camera_is_no_reference(corpus: Path, tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "whole.mp4", frames=120, size=(640, 360), bframes=2)
    without_index(whole, 0.8, tmp_path / "damaged.mp4")

    with pytest.raises(Unplayable):
        brought_back(tmp_path / "damaged.mp4", reference(corpus / "phone_android9_gps_vfr_1080p.mp4"), tmp_path)


def test_bytes_that_are_no_pictures_give_none(tmp_path: Path) -> None:
    lent = reference(make_footage(tmp_path / "a.mp4", frames=60))
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"\0\0\0\0mdat" + np.random.default_rng(1).bytes(3_000_000))

    with pytest.raises(Unplayable, match="no picture"):
        brought_back(damaged, lent, tmp_path)


def test_a_reference_without_h264_is_none(tmp_path: Path) -> None:
    lent = reference(make_footage(tmp_path / "a.mp4", frames=60, codec="mpeg4"))

    with pytest.raises(Unplayable, match=r"no H\.264"):
        brought_back(tmp_path / "a.mp4", lent, tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\0\0\0\x08ftyp\0\0\0\0mdat" + bytes(84), (16, 100)),  # never closed: to the end
        (b"\0\0\0\x08ftyp\0\0\0\x08mdat" + bytes(84), (16, 100)),  # closed as empty
        (b"\0\0\0\x08ftyp\0\0\0\x28mdat" + bytes(32) + b"\0\0\x10\0moov" + bytes(44), (16, 48)),
        (bytes(100), (0, 100)),
    ],
)
def test_media_bytes_lie_where_the_box_says_or_to_the_end(
    content: bytes, expected: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)

    assert body_of(path) == expected
