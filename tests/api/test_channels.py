"""One file with several sounds: a listener chooses which one plays beside the pictures."""

import io
import re
import subprocess
from pathlib import Path

import av
import httpx
import imageio_ffmpeg
import numpy as np
import pytest

from tests.api.theatre import Theatre
from tests.footage import make_footage, numbers

TONES = {1: 440, 2: 1000, 3: 2500}
"""Streams of sound by their number in the file, each with a tone of its own."""


@pytest.fixture(scope="module")
def interview(theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tracks")
    film, made = make_footage(folder / "film.mp4", frames=150, audio=False), folder / "访谈.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film)]
    for tone in TONES.values():
        command += ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=16000:duration=5"]
    maps = [word for number in range(len(TONES) + 1) for word in ("-map", str(number))]
    subprocess.run([*command, *maps, "-c:v", "copy", "-c:a", "aac", str(made)], check=True)
    upload = theatre.dock.send(made, officer="900001", kind="interview")
    assert upload.recording_id is not None
    return upload.recording_id


def played(theatre, recording, **query):
    told = theatre.reviewer.get(theatre.path("hls/index.m3u8", recording), params=query)
    assert told.status_code == 200, told.text
    (init,) = re.findall(r'URI="([^"]+)"', told.text)
    names = [init, *re.findall(r"^[^#\n]+$", told.text, re.MULTILINE)]
    return b"".join(theatre.reviewer.get(told.url.join(name)).raise_for_status().content for name in names)


def tone(footage):
    with av.open(io.BytesIO(footage)) as container:
        assert len(container.streams.audio) == 1
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    strength = np.abs(np.fft.rfft(sound[16_000 : 3 * 16_000]))
    return float(np.argmax(strength)) / 2


@pytest.mark.parametrize("audio", list(TONES))
def test_a_listener_chooses_a_sound(theatre: Theatre, interview: str, audio: int) -> None:
    film = played(theatre, interview, audio=audio)

    assert abs(tone(film) - TONES[audio]) < 2
    assert numbers(film) == list(range(150))


def test_without_a_choice_the_first_is_heard(theatre: Theatre, interview: str) -> None:
    assert abs(tone(played(theatre, interview)) - TONES[1]) < 2


def test_the_same_segment_with_another_sound_has_another_name(theatre: Theatre, interview: str) -> None:
    def first(audio: int) -> httpx.Response:
        told = theatre.reviewer.get(theatre.path("hls/index.m3u8", interview), params={"audio": audio})
        return theatre.reviewer.get(told.url.join(re.findall(r"^[^#\n]+$", told.text, re.MULTILINE)[0]))

    assert first(1).headers["etag"] != first(2).headers["etag"]
    assert first(2).headers["etag"] == first(2).headers["etag"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"audio": 0}, 422, "invalid"),
        ({"audio": 9}, 422, "invalid"),
        ({"audio": 2, "rendition": "proxy"}, 409, "not-playable"),
    ],
)
def test_what_is_no_sound_cannot_be_chosen(theatre, interview, query, status, code):
    answer = theatre.reviewer.get(theatre.path("hls/index.m3u8", interview), params=query)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_verbatim_clip_holds_all_sounds(theatre: Theatre, interview: str, tmp_path: Path) -> None:
    clip = theatre.reviewer.get(theatre.path("clip", interview), params={"start": 1, "end": 3, "mode": "verbatim"})

    with av.open(io.BytesIO(clip.content)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio", "audio", "audio"]
