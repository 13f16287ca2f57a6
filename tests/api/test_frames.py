"""The exact frame with its citation, and the exact times of all frames."""

import hashlib
import io
from fractions import Fraction
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest

from services.media import stills
from services.media.picturefile import texts_of
from tests.api.theatre import FRAMES, RATE, Theatre
from tests.footage import make_footage, number_of

TICKS = 15360
"""What libav counts in at 30 frames a second."""


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ask(theatre: Theatre, recording: str | None = None, rest: str = "frame", **params: object) -> httpx.Response:
    return theatre.reviewer.get(theatre.path(rest, recording), params={k: str(v) for k, v in params.items()})


def grey(picture: bytes) -> np.ndarray:
    read = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert read is not None
    return read


def send(theatre: Theatre, path: Path) -> str:
    sent = theatre.dock.send(path, officer="900001", device="cam-1", kind="body")
    assert sent.recording_id is not None
    return sent.recording_id


@pytest.fixture(scope="module")
def uneven(theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Send 100 pictures of variable rate, with B-frames."""
    return send(theatre, make_footage(tmp_path_factory.mktemp("u") / "u.mp4", frames=100, bframes=2, vfr=True))


@pytest.fixture(scope="module")
def stream(theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Send a transport stream: no group of it can be decoded by itself from its bytes in the file."""
    return send(theatre, make_footage(tmp_path_factory.mktemp("t") / "t.ts", frames=90, bframes=2))


@pytest.mark.parametrize("form", ["jpeg", "png"])
@pytest.mark.parametrize("number", [0, 29, 30, 187, FRAMES - 1])
def test_a_frame_is_given_by_its_number(theatre: Theatre, number: int, form: str) -> None:
    told = ask(theatre, n=number, format=form)

    assert told.headers["content-type"] == f"image/{form}"
    assert number_of(grey(told.content)) == number
    assert told.headers["huisu-frame"] == str(number)


def test_a_frame_is_cited_so_that_anybody_can_find_it_in_the_original(theatre: Theatre) -> None:
    told = ask(theatre, t="00:00:04.117", format="png")
    with av.open(io.BytesIO(theatre.film_bytes), "r") as film:
        packet = next(p for p in film.demux(video=0) if p.pts == 123 * TICKS // RATE)

    assert number_of(grey(told.content)) == 123
    assert told.headers["huisu-frame"] == "123"
    assert told.headers["huisu-frame-time"] == "4.100000"
    assert told.headers["huisu-frame-pts"] == f"{123 * TICKS // RATE}/{TICKS}"
    assert told.headers["huisu-original"] == f"sha-256={hashlib.sha256(theatre.film_bytes).hexdigest()}"
    assert told.headers["huisu-frame-digest"] == f"sha-256={hashlib.sha256(bytes(packet)).hexdigest()}"
    texts = texts_of(told.content)
    assert texts["Huisu-Recording"] == theatre.film
    assert {name: told.headers[name] for name in texts} == texts


def test_all_frames_of_uneven_footage_are_found(theatre: Theatre, uneven: str) -> None:
    tile = ask(theatre, uneven, "frames").json()
    base = Fraction(tile["time_base"])
    wanted = range(0, 100, 9)

    found = [ask(theatre, uneven, t=f"{float(tile['pts'][n] * base) + 0.0005:.6f}") for n in wanted]

    assert [number_of(grey(told.content)) for told in found] == list(wanted)
    assert [int(told.headers["huisu-frame"]) for told in found] == list(wanted)


def test_what_is_no_mp4_is_opened_as_a_file(theatre: Theatre, stream: str) -> None:
    told = ask(theatre, stream, n=41, format="png")

    assert number_of(grey(told.content)) == 41
    assert texts_of(told.content)["Huisu-Frame"] == "41"
    assert "huisu-frame-digest" not in told.headers


def test_a_width_is_kept(theatre: Theatre) -> None:
    assert grey(ask(theatre, n=5, width=160).content).shape == (90, 160)


@pytest.mark.parametrize(
    "params",
    [
        {"n": FRAMES},
        {"n": -1},
        {"n": 1, "t": 1},
        {"t": 10},
        {"n": 1, "format": "gif"},
        {"n": 1, "width": 0},
        {"n": "x"},
    ],
    ids=str,
)
def test_there_is_no_frame_of_nothing(theatre, params):
    before = len(theatre.entries())

    assert ask(theatre, **params).status_code == 422
    assert len(theatre.entries()) == before


def test_sound_has_neither_frames_nor_times(theatre: Theatre) -> None:
    assert problem(ask(theatre, theatre.sound, n=0)) == (409, "not-playable")
    assert problem(ask(theatre, theatre.sound, "frames")) == (409, "not-playable")
    assert problem(ask(theatre, theatre.wreck, "frames")) == (409, "not-playable")


def test_a_recording_still_arriving_has_no_frames_yet(theatre: Theatre) -> None:
    upload = theatre.dock.row(theatre.dock.receive(theatre.film_bytes + b"\0" * 7, officer="900001", kind="body"))
    theatre.dock.work(["gate.g1"])
    fresh = theatre.dock.row(upload.id).recording_id

    assert problem(ask(theatre, fresh, n=0)) == problem(ask(theatre, fresh, "frames")) == (503, "not-ready")


def test_a_destroyed_frame_is_refused_and_its_neighbours_are_not(theatre: Theatre, tmp_path: Path) -> None:
    path = make_footage(tmp_path / "d.mp4", frames=90, audio=False)
    content = bytearray(path.read_bytes())
    with av.open(str(path), "r") as film:
        hurt = next(p for p in film.demux(video=0) if p.pts == 30 * TICKS // RATE)
    assert hurt.pos is not None
    content[hurt.pos : hurt.pos + hurt.size] = b"\xff" * hurt.size
    path.write_bytes(content)
    recording = send(theatre, path)

    assert problem(ask(theatre, recording, n=30)) == (422, "unplayable")
    assert number_of(grey(ask(theatre, recording, n=29).content)) == 29
    assert number_of(grey(ask(theatre, recording, n=61).content)) == 61


def test_a_frame_whose_decoder_is_ended_at_its_deadline_is_refused(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stills, "_WALL_S", 1e-6)
    answer = ask(theatre, n=3)
    monkeypatch.undo()

    assert problem(answer) == (422, "unplayable")
    assert "frame 3 of this recording cannot be decoded" in answer.json()["detail"]
    assert ask(theatre, n=3).status_code == 200


def test_times_come_in_tiles_and_are_exact(theatre: Theatre, uneven: str) -> None:
    told = ask(theatre, uneven, "frames", tile=0)

    tile = told.json()
    assert (tile["count"], tile["tile"], tile["tile_frames"], tile["first"]) == (100, 0, 4096, 0)
    seconds = [pts * Fraction(tile["time_base"]) for pts in tile["pts"]]
    assert seconds == [Fraction(n + n // 10 * 2, 30) for n in range(100)]
    again = theatre.reviewer.get(theatre.path("frames", uneven), headers={"If-None-Match": told.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert ask(theatre, rest="frames").headers["etag"] != told.headers["etag"]


def test_a_long_recording_has_several_tiles(theatre: Theatre, tmp_path: Path) -> None:
    path = make_footage(tmp_path / "l.mp4", frames=4200, rate="60", size=(64, 36), gop=600, audio=False)
    recording = send(theatre, path)

    last = ask(theatre, recording, "frames", tile=1).json()
    by_time = ask(theatre, recording, "frames", at=69).json()

    assert (last["count"], last["first"], len(last["pts"])) == (4200, 4096, 104)
    assert last["pts"][0] * Fraction(last["time_base"]) == Fraction(4096, 60)
    assert by_time == last
    assert problem(ask(theatre, recording, "frames", tile=2)) == (422, "range-outside")
    assert problem(ask(theatre, recording, "frames", at=70)) == (422, "range-outside")
    assert problem(ask(theatre, recording, "frames", at=1, tile=0)) == (422, "invalid")


def test_a_strangers_frame_is_not_there(theatre: Theatre) -> None:
    for rest in ("frame?n=1", "frames"):
        assert problem(theatre.stranger.get(theatre.path(rest))) == (404, "not-found")


def test_entries_are_where_a_verbatim_clip_begins_and_ends(theatre: Theatre, uneven: str) -> None:
    tile = ask(theatre, uneven, "frames").json()
    seconds = [Fraction(pts) * Fraction(tile["time_base"]) for pts in tile["pts"]]
    groups = list(zip(tile["entries"], [*tile["entries"][1:], tile["count"]], strict=True))

    for first, end in groups:
        start, stop = (f"{float(seconds[number]):.6f}" for number in (first + 1, end - 1))
        clip = ask(theatre, uneven, "clip", mode="verbatim", start=start, end=stop)
        assert clip.headers["huisu-clip-frames"] == f"{first}-{end}"
    assert len(groups) == 4


def test_a_recording_that_is_not_cut_verbatim_has_no_entries(theatre: Theatre, stream: str) -> None:
    assert ask(theatre, stream, "frames").json()["entries"] is None
