"""The original whole and by ranges, the playlist and its segments, pictures, peaks, stills: the bytes they must be."""

import hashlib
import io
import re
from base64 import b64decode
from email import message_from_bytes
from pathlib import Path
from urllib.parse import unquote

import av
import httpx
import pytest
from sqlalchemy import select

from services.index.models import Object, Rendition
from tests.api.theatre import FRAMES, Theatre
from tests.footage import number_of, numbers

REASON = {"X-Access-Reason": "%E5%A4%8D%E6%A0%B8"}


def original(theatre: Theatre, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return theatre.reviewer.get(theatre.path("original"), headers=REASON | named)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_original_is_the_camera_files_bytes(theatre: Theatre) -> None:
    whole = original(theatre)
    digest = hashlib.sha256(theatre.film_bytes)

    assert whole.status_code == 200
    assert whole.content == theatre.film_bytes
    assert whole.headers["etag"] == f'"{digest.hexdigest()}"'
    assert b64decode(whole.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":")) == digest.digest()
    assert whole.headers["content-type"] == "application/octet-stream"
    assert unquote(whole.headers["content-disposition"].partition("filename*=UTF-8''")[2]) == "现场 录像.mp4"
    assert int(whole.headers["content-length"]) == len(theatre.film_bytes)


def test_head_tells_of_it_without_a_byte(theatre: Theatre) -> None:
    head = theatre.reviewer.head(theatre.path("original"), headers=REASON)

    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(theatre.film_bytes)
    assert head.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "start", "end"), [("bytes=0-0", 0, 1), ("bytes=1000-1999", 1000, 2000), ("bytes=-100", -100, None)]
)
def test_a_range_is_those_bytes(theatre: Theatre, wanted: str, start: int, end: int | None) -> None:
    part = original(theatre, Range=wanted)
    expected = theatre.film_bytes[start:end]

    assert (part.status_code, part.content) == (206, expected)
    first = start if start >= 0 else len(theatre.film_bytes) + start
    told = f"bytes {first}-{first + len(expected) - 1}/{len(theatre.film_bytes)}"
    assert part.headers["content-range"] == told
    assert part.headers["repr-digest"] == original(theatre).headers["repr-digest"]


def test_several_ranges_are_parts(theatre: Theatre) -> None:
    told = original(theatre, Range="bytes=0-9,500-519,-5")
    message = message_from_bytes(f"Content-Type: {told.headers['content-type']}\r\n\r\n".encode() + told.content)
    parts = [part.get_payload(decode=True) for part in message.get_payload() if not isinstance(part, str)]

    film = theatre.film_bytes
    assert told.status_code == 206
    assert int(told.headers["content-length"]) == len(told.content)
    assert parts == [film[:10], film[500:520], film[-5:]]


def test_conditions_hold(theatre: Theatre) -> None:
    tag = original(theatre).headers["etag"]
    beyond = original(theatre, Range="bytes=999999999-")

    assert original(theatre, If_None_Match=tag).status_code == 304
    assert original(theatre, Range="bytes=0-1", If_Range=tag).status_code == 206
    assert original(theatre, Range="bytes=0-1", If_Range='"other"').status_code == 200
    assert problem(beyond) == (416, "range-outside")
    assert beyond.headers["content-range"] == f"bytes */{len(theatre.film_bytes)}"


def test_an_original_needs_its_right_and_a_reason(theatre: Theatre) -> None:
    path = theatre.path("original")

    assert problem(theatre.reviewer.get(path)) == (428, "reason-required")
    assert problem(theatre.reviewer.get(path, params={"viewing": theatre.open()})) == (428, "reason-required")
    assert theatre.reviewer.get(path, params={"viewing": theatre.open(reason="复核")}).status_code == 200
    assert problem(theatre.officer.get(path, headers=REASON)) == (403, "not-allowed")
    assert problem(theatre.auditor.get(path, headers=REASON)) == (403, "not-allowed")
    assert problem(theatre.stranger.get(path, headers=REASON)) == (404, "not-found")
    assert problem(theatre.reviewer.get(path, headers={"X-Access-Reason": "%FF"})) == (422, "invalid")


def test_broken_footage_is_downloaded_all_the_same(theatre: Theatre) -> None:
    told = theatre.reviewer.get(theatre.path("original", theatre.wreck), headers=REASON)

    assert told.content == b"no film at all\n" * 400


def test_the_proxys_playlist_and_its_ranges_play(theatre: Theatre) -> None:
    address = theatre.reviewer.base_url.join(theatre.path("hls/index.m3u8"))
    told = theatre.reviewer.get(address, params={"rendition": "proxy"})
    viewing = re.findall(r"viewing=([0-9a-f-]{36})", told.text)
    pieces = [re.search(r'URI="([^"]+)",BYTERANGE="(\d+)@(\d+)"', told.text).groups()]  # type: ignore[union-attr]
    pieces += [(uri, length, at) for length, at, uri in re.findall(r"BYTERANGE:(\d+)@(\d+)\n(\S+)", told.text)]
    film = b""
    for uri, length, at in pieces:
        span = {"Range": f"bytes={at}-{int(at) + int(length) - 1}"}
        part = theatre.reviewer.get(address.join(uri), headers=span)
        assert (part.status_code, len(part.content)) == (206, int(length))
        film += part.content

    assert told.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert "#EXT-X-PROGRAM-DATE-TIME:2026-03-02T02:00:00.000Z" in told.text
    assert len(set(viewing)) == 1
    assert numbers(film) == list(range(FRAMES))
    start = theatre.entries(None, "rec.view.start")[-1]
    assert start.values["viewing"] == f'"{viewing[0]}"'


def test_a_replaced_rendition_is_gone_not_another_ones_bytes(theatre: Theatre) -> None:
    params = {"rendition": "01920000-0000-7000-8000-000000000000"}

    assert problem(theatre.reviewer.get(theatre.path("hls/media.mp4"), params=params)) == (410, "gone")
    with theatre.archive.reading() as session:
        poster = session.scalars(select(Rendition).where(Rendition.kind == "poster")).first()
    assert poster is not None
    told = theatre.reviewer.get(theatre.path("hls/media.mp4"), params={"rendition": poster.id})
    assert problem(told) == (410, "gone")


def test_pictures_and_peaks_come(theatre: Theatre) -> None:
    viewing = theatre.open()
    told = {
        name: theatre.reviewer.get(theatre.path(name), params={"viewing": viewing})
        for name in ("poster", "storyboard.jpg", "thumbnails.vtt", "peaks")
    }

    assert {name: answer.status_code for name, answer in told.items()} == dict.fromkeys(told, 200)
    assert told["poster"].content[:2] == told["storyboard.jpg"].content[:2] == b"\xff\xd8"
    assert told["thumbnails.vtt"].text.startswith("WEBVTT")
    assert f"storyboard.jpg?viewing={viewing}#xywh=160,0,160,90" in told["thumbnails.vtt"].text
    assert told["peaks"].json()["length"] == 500
    assert all("no-store" in answer.headers["cache-control"] for answer in told.values())


@pytest.mark.parametrize(("t", "frame"), [("0", 0), ("3.5", 105), ("00:00:09.99", 299), ("1.0333", 30)])
def test_a_still_is_that_frame_of_the_original(theatre: Theatre, t: str, frame: int) -> None:
    told = theatre.reviewer.get(theatre.path("frame"), params={"t": t})
    with av.open(io.BytesIO(told.content), "r") as picture:
        found = number_of(next(picture.decode(video=0)).to_ndarray(format="gray"))

    assert told.headers["content-type"] == "image/jpeg"
    assert found == frame


@pytest.mark.parametrize("t", ["10", "99:00:00", "-1", "x", "0:61"])
def test_there_is_no_still_of_no_moment(theatre: Theatre, t: str) -> None:
    before = len(theatre.entries())
    told = theatre.reviewer.get(theatre.path("frame"), params={"t": t})

    assert told.status_code == 422
    assert len(theatre.entries()) == before


def test_what_has_no_pictures_says_so(theatre: Theatre) -> None:
    sound, wreck = theatre.sound, theatre.wreck

    assert theatre.reviewer.get(theatre.path("hls/index.m3u8", sound)).status_code == 200
    assert theatre.reviewer.get(theatre.path("peaks", sound)).status_code == 200
    for name in ("poster", "thumbnails.vtt", "storyboard.jpg", "frame"):
        assert problem(theatre.reviewer.get(theatre.path(name, sound))) == (409, "not-playable")
    for name in ("hls/index.m3u8", "hls/media.mp4", "poster", "peaks", "frame", "clip"):
        told = theatre.reviewer.get(theatre.path(name, wreck))
        assert problem(told) == (409, "not-playable")
    assert "not-media" in theatre.reviewer.get(theatre.path("hls/index.m3u8", wreck)).json()["detail"]


def test_what_is_not_made_yet_is_asked_for_again(theatre: Theatre) -> None:
    upload = theatre.dock.row(theatre.dock.receive(theatre.film_bytes + b"\0" * 9, officer="900001", kind="body"))
    theatre.dock.work(["gate.g1"])
    fresh = theatre.dock.row(upload.id).recording_id
    assert fresh is not None
    answers = [
        theatre.reviewer.get(theatre.path(name, fresh)) for name in ("hls/index.m3u8", "poster", "clip", "frame")
    ]

    assert [problem(told) for told in answers] == [(503, "not-ready")] * 4
    assert all(int(told.headers["retry-after"]) > 0 for told in answers)
    assert theatre.entries(fresh, "rec.view.start", "rec.preview") == []
    theatre.dock.work(["examine"])
    early = theatre.reviewer.get(theatre.path("hls/index.m3u8", fresh))
    assert early.status_code == 200  # the original's own bytes, of a file that browsers play, before there is a proxy
    assert theatre.row(fresh).state == "playable"
    with theatre.archive.reading() as session:
        kinds = set(session.scalars(select(Rendition.kind).where(Rendition.recording_id == fresh)))
    assert kinds == {"frame-index", "poster", "storyboard"}  # the last two of a first look, until there is a proxy


def test_a_missing_object_is_an_alarm_not_a_404(theatre: Theatre, expects_errors: list[str]) -> None:
    expects_errors.append("request failed")
    lost = theatre.dock.send(b"soon gone " * 1000, filename="x.mp4", officer="900001")
    with theatre.archive.reading() as session:
        key = session.scalars(select(Object.key).where(Object.sha256 == lost.sha256)).one()
    (file,) = Path(theatre.archive.settings.paths.store).rglob(Path(key).name)
    file.parent.chmod(0o755)
    file.rename(file.with_name("elsewhere"))
    told = theatre.reviewer.get(theatre.path("original", lost.recording_id), headers=REASON)
    file.with_name("elsewhere").rename(file)

    assert problem(told) == (500, "integrity")
