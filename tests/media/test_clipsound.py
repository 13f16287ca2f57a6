"""An encoded clip copies the coded sound wholly inside it, at its distance to the pictures, and encodes no other."""

import hashlib
import io
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from services.media import framefile
from services.media.clip import encode_exact, plan_exact
from services.media.clipsound import copied_sound
from services.media.frames import FrameIndex
from services.media.probe import Examination, examine
from services.media.programs import ffmpeg_path
from services.media.timecode import TimeRange
from tests.footage import make_footage, make_sound, numbers, two_joined

Packet = tuple[Fraction, str]


def run_ffmpeg(*arguments: str) -> None:
    subprocess.run([str(ffmpeg_path()), "-v", "error", "-y", *arguments], check=True)


def known(original: Path) -> tuple[Examination, FrameIndex]:
    examined = examine(original)
    assert examined.packed is not None
    return examined, framefile.unpack(examined.packed)


def encoded(original: Path, start: Fraction, end: Fraction) -> bytes:
    """Encode the pictures of [start, end), whatever could be copied of them."""
    examined, index = known(original)
    plan = plan_exact(examined.facts, examined.frame_times, TimeRange(start, end))
    with encode_exact(original, examined.facts, examined.frame_times, plan, index=index) as clip:
        return b"".join(clip.blocks())


def packets(film: Path | bytes, sound: int = 0) -> list[Packet]:
    """Give time and digest of each packet of a sound as a player gets them."""
    with av.open(io.BytesIO(film) if isinstance(film, bytes) else str(film), "r") as container:
        found = []
        for packet in container.demux(audio=sound):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                found.append((packet.pts * packet.time_base, hashlib.sha256(bytes(packet)).hexdigest()))
        return found


def remuxed(made: Path, ending: str) -> Path:
    target = made.with_suffix(ending)
    run_ffmpeg("-i", str(made), "-c", "copy", str(target))
    return target


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".ts", ".flv"])
def test_coded_sound_inside_the_clip_is_copied_at_its_distance_to_the_pictures(ending: str, tmp_path: Path) -> None:
    boxed = make_footage(tmp_path / "a.mp4", frames=300, bframes=2)
    original = boxed if ending == ".mp4" else remuxed(boxed, ending)
    start, end = Fraction(31, 10), Fraction(69, 10)

    made = encoded(original, start, end)

    first = packets_start(boxed)
    inside = [(time - first - start, name) for time, name in packets(boxed) if start <= time - first]
    inside = [one for one in inside if one[0] + Fraction(1024, 48000) <= end - start]
    copied = packets(made)
    assert [name for _, name in copied] == [name for _, name in inside]
    assert max(abs(ours - theirs) for (ours, _), (theirs, _) in zip(copied, inside, strict=True)) < Fraction(1, 1000)
    assert numbers(made) == list(range(93, 207))


def packets_start(film: Path) -> Fraction:
    """Give when the first picture is shown, on the file's clock."""
    with av.open(str(film), "r") as container:
        return min(p.pts * p.time_base for p in container.demux(video=0) if p.pts is not None and p.time_base)


def test_every_sound_track_is_in_the_clip(tmp_path: Path) -> None:
    film = make_footage(tmp_path / "a.mp4", frames=120, audio=False)
    low, high = (tmp_path / f"{pitch}.m4a" for pitch in (300, 900))
    for path in (low, high):
        run_ffmpeg("-f", "lavfi", "-i", f"sine=f={path.stem}:d=4", "-c:a", "aac", str(path))
    original = tmp_path / "谈话.mp4"
    inputs = [part for path in (film, low, high) for part in ("-i", str(path))]
    run_ffmpeg(*inputs, "-map", "0", "-map", "1", "-map", "2", "-c", "copy", str(original))

    made = encoded(original, Fraction(1), Fraction(3))

    for sound in (0, 1):
        of_original = {name for _, name in packets(original, sound)}
        copied = [name for _, name in packets(made, sound)]
        assert len(copied) > 80
        assert of_original.issuperset(copied)


def test_a_recording_of_sound_alone_is_copied(tmp_path: Path) -> None:
    original = make_sound(tmp_path / "a.m4a", seconds=8)

    made = encoded(original, Fraction(2), Fraction(5))

    frame = Fraction(1024, 16000)
    copied = packets(made)
    assert [name for _, name in copied] == [name for time, name in packets(original) if 2 <= time <= 5 - frame]
    assert 0 <= copied[0][0] < frame


def test_other_sound_is_encoded(tmp_path: Path) -> None:
    original = make_footage(tmp_path / "a.mov", frames=90, audio="pcm_s16le")
    _, index = known(original)

    assert copied_sound(index, index.sounds[0].index, Fraction(0), Fraction(2)) is None
    assert len(packets(encoded(original, Fraction(0), Fraction(2)))) > 80


def test_sound_with_a_gap_is_encoded_so_that_what_follows_is_in_step(tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "a.mp4", frames=240)
    original = tmp_path / "gap.mkv"
    gap = "noise=amount=0:drop='between(pts*tb\\,2\\,3)'"
    run_ffmpeg("-i", str(whole), "-c", "copy", "-bsf:a", gap, str(original))
    _, index = known(original)
    stream = index.sounds[0].index

    assert copied_sound(index, stream, Fraction(1), Fraction(5)) is None
    assert copied_sound(index, stream, Fraction(7, 2), Fraction(5)) is not None
    times = [time for time, _ in packets(encoded(original, Fraction(1), Fraction(5)))]
    assert max(b - a for a, b in pairwise(times)) <= Fraction(1025, 48000)


def test_sound_on_a_clock_that_starts_anew_is_encoded(tmp_path: Path) -> None:
    original = two_joined(tmp_path)
    examined, _ = known(original)
    assert examined.frame_times is not None

    made = encoded(original, examined.frame_times.time_of(140), examined.frame_times.time_of(171))

    assert numbers(made) == list(range(140, 171))
    of_original = {name for _, name in packets(original)}
    sound = [name for _, name in packets(made)]
    assert len(sound) > 40
    assert of_original.isdisjoint(sound)


def test_no_frame_reaches_over_an_end_of_the_clip(tmp_path: Path) -> None:
    _, index = known(make_footage(tmp_path / "a.mp4", frames=300))
    stream = index.sounds[0].index

    for n in range(1, 40):
        start, end = Fraction(n, 7), Fraction(n, 7) + Fraction(n, 11)
        copied = copied_sound(index, stream, start, end)
        assert copied is not None
        assert start <= copied.first < start + copied.frame
        assert end - copied.frame < copied.last + copied.frame <= end
        assert copied.count == (copied.last - copied.first) / copied.frame + 1
