"""A clip holds exactly the frames asked for, says so, and never looks whole when it is not."""

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.api.theatre import FRAMES, RATE, Theatre
from tests.footage import make_footage, numbers, times


def test_a_clip_is_exactly_its_frames(theatre: Theatre) -> None:
    told = theatre.reviewer.get(theatre.path("clip"), params={"start": "00:00:02.5", "end": "4.1"})

    assert told.status_code == 200
    assert numbers(told.content) == list(range(75, 123))
    assert times(told.content)[:2] == [0, Fraction(1, RATE)]
    assert told.headers["huisu-clip-range"] == "2.500000-4.100000"
    assert told.headers["huisu-clip-frames"] == "75-123"
    assert (told.headers["huisu-clip-kind"], told.headers["huisu-clip-copied"]) == ("smart", "90-120")
    assert told.headers["content-type"] == "video/mp4"
    assert "_2.500000-4.100000.mp4" in told.headers["content-disposition"]


def test_its_own_range_gives_the_same_clip_again(theatre: Theatre) -> None:
    first = theatre.reviewer.get(theatre.path("clip"), params={"start": "1.01", "end": "1.99"})
    start, end = first.headers["huisu-clip-range"].split("-")
    again = theatre.reviewer.get(theatre.path("clip"), params={"start": start, "end": end})

    assert again.headers["huisu-clip-frames"] == first.headers["huisu-clip-frames"] == "31-60"
    assert numbers(again.content) == numbers(first.content)


def test_without_range_it_is_all(theatre: Theatre) -> None:
    told = theatre.reviewer.get(theatre.path("clip"))

    assert numbers(told.content) == list(range(FRAMES))


def test_sound_alone_is_clipped_too(theatre: Theatre) -> None:
    told = theatre.reviewer.get(theatre.path("clip", theatre.sound), params={"start": "1", "end": "3"})
    with av.open(io.BytesIO(told.content), "r") as media:
        seconds = sum(frame.samples / frame.sample_rate for frame in media.decode(audio=0))

    assert told.headers["huisu-clip-frames"] == "none"
    assert told.headers["huisu-clip-range"] == "1.000000-3.000000"
    assert seconds == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"start": "5", "end": "5"}, "range-outside"),
        ({"start": "6", "end": "5"}, "range-outside"),
        ({"start": "10", "end": "11"}, "range-outside"),
        ({"start": "1.001", "end": "1.002"}, "range-outside"),
        ({"start": "a", "end": "5"}, "invalid"),
        ({"start": "1", "end": "5", "mode": "fast"}, "invalid"),
        ({"start": "5", "end": "5", "mode": "verbatim"}, "range-outside"),
        ({"start": "10", "end": "11", "mode": "verbatim"}, "range-outside"),
    ],
)
def test_what_cannot_be_is_refused_before_any_look(theatre: Theatre, params: dict[str, str], code: str) -> None:
    before = len(theatre.entries())
    told = theatre.reviewer.get(theatre.path("clip"), params=params)

    assert (told.status_code, told.json()["code"]) == (422, code)
    assert len(theatre.entries()) == before


def test_a_long_clip_is_copied_and_only_a_long_encoding_refused(theatre: Theatre, tmp_path: Path) -> None:
    copied, encoded = (
        str(theatre.dock.send(film, officer="900001").recording_id)
        for film in (
            make_footage(tmp_path / "长.mp4", frames=6500, rate="10", gop=50, audio=False),
            make_footage(tmp_path / "长444.mp4", frames=6500, rate="10", gop=50, audio=False, pixel_format="yuv444p"),
        )
    )
    asked = {"start": "1.5", "end": "641.5"}
    told = theatre.reviewer.get(theatre.path("clip", copied), params=asked)

    before = len(theatre.entries())
    refused = theatre.reviewer.get(theatre.path("clip", encoded), params=asked)

    assert (told.status_code, told.headers["huisu-clip-kind"]) == (200, "smart")
    assert told.headers["huisu-clip-frames"] == "15-6415"
    assert len(numbers(told.content)) == 6400
    assert (refused.status_code, refused.json()["code"]) == (422, "clip-too-long")
    assert len(theatre.entries()) == before


def test_a_clip_is_an_entry_with_its_range(theatre: Theatre) -> None:
    viewing = theatre.open()
    before = len(theatre.entries(None, "rec.view.start"))
    theatre.reviewer.get(theatre.path("clip"), params={"start": "1", "end": "2", "viewing": viewing})

    last = theatre.entries(None, "rec.clip")[-1]
    assert dict(last.values) == {
        "actor": '"li"',
        "viewing": f'"{viewing}"',
        "mode": '"exact"',
        "start": '"1.000000"',
        "end": '"2.000000"',
        "first_frame": "30",
        "end_frame": "60",
    }
    assert len(theatre.entries(None, "rec.view.start")) == before


def test_who_may_not_clip_gets_none(theatre: Theatre) -> None:
    params = {"start": "1", "end": "2"}

    assert theatre.officer.get(theatre.path("clip"), params=params).status_code == 200  # their own recording
    assert theatre.auditor.get(theatre.path("clip"), params=params).status_code == 403
    assert theatre.stranger.get(theatre.path("clip"), params=params).status_code == 404
