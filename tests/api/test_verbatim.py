"""A verbatim clip over HTTP: its packets are the camera's, its length is known, any range of it can be had."""

import contextlib
import hashlib
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from services.api import sending
from services.storage.filesystem import FolderStore
from services.storage.store import Blocks
from tests.api.theatre import FRAMES, Theatre
from tests.footage import numbers
from tests.media.written import packets

RANGE = {"start": "2.5", "end": "4.1", "mode": "verbatim"}


def verbatim(theatre: Theatre, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return theatre.reviewer.request(method, theatre.path("clip"), params=RANGE, headers=named)


def test_it_is_whole_groups_of_pictures_and_says_so(theatre: Theatre) -> None:
    told = verbatim(theatre)

    assert told.status_code == 200
    assert int(told.headers["content-length"]) == len(told.content)
    assert told.headers["huisu-clip-kind"] == "verbatim"
    assert told.headers["huisu-clip-range"] == "2.000000-5.000000"
    assert told.headers["huisu-clip-frames"] == told.headers["huisu-clip-copied"] == "60-150"
    assert told.headers["accept-ranges"] == "bytes"
    assert told.headers["content-type"] == "video/mp4"
    assert "_2.000000-5.000000.mp4" in told.headers["content-disposition"]
    assert numbers(told.content) == list(range(60, 150))
    cameras = {index: {digest for digest, _ in found} for index, found in packets(theatre.film_bytes).items()}
    for index, found in packets(told.content).items():
        assert {digest for digest, _ in found} <= cameras[index]


def test_any_range_of_it_is_those_bytes(theatre: Theatre) -> None:
    whole = verbatim(theatre)
    size, tag = len(whole.content), whole.headers["etag"]

    for wanted, start, end in (
        ("bytes=0-", 0, size),
        ("bytes=0-99", 0, 100),
        (f"bytes={size // 2}-", size // 2, size),
        ("bytes=-500", size - 500, size),
        ("bytes=1000-200000000", 1000, size),
    ):
        part = verbatim(theatre, Range=wanted, If_Range=tag)
        assert (part.status_code, part.content) == (206, whole.content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["etag"] == tag
    several = verbatim(theatre, Range="bytes=0-9,2000-2019")
    assert several.status_code == 206
    assert whole.content[2000:2020] in several.content
    assert verbatim(theatre, Range="bytes=0-9", If_Range='"other"').status_code == 200
    assert verbatim(theatre, If_None_Match=tag).status_code == 304


def test_its_tag_names_its_bytes(theatre: Theatre) -> None:
    first, again = verbatim(theatre), verbatim(theatre)
    other = theatre.reviewer.get(theatre.path("clip"), params=RANGE | {"end": "5.5"})

    assert first.headers["etag"] == again.headers["etag"] != other.headers["etag"]
    assert not first.headers["etag"].startswith("W/")
    assert hashlib.sha256(first.content).digest() == hashlib.sha256(again.content).digest()


def test_what_is_asked_for_beyond_reason_is_refused(theatre: Theatre) -> None:
    size = len(verbatim(theatre).content)
    beyond = verbatim(theatre, Range=f"bytes={size}-")
    many = verbatim(theatre, Range="bytes=" + ",".join(f"{n}-{n}" for n in range(0, 20000, 2)))

    assert beyond.status_code == many.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"


def test_head_tells_of_it_without_a_byte(theatre: Theatre) -> None:
    head, whole = verbatim(theatre, "HEAD"), verbatim(theatre)

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "huisu-clip-range", "huisu-clip-frames", "content-type"):
        assert head.headers[name] == whole.headers[name]


def test_its_own_range_gives_the_same_clip_again(theatre: Theatre) -> None:
    first = verbatim(theatre)
    start, end = first.headers["huisu-clip-range"].split("-")
    again = theatre.reviewer.get(theatre.path("clip"), params={"start": start, "end": end, "mode": "verbatim"})

    assert again.headers["etag"] == first.headers["etag"]


def test_without_range_it_is_the_whole_recording(theatre: Theatre) -> None:
    told = theatre.reviewer.get(theatre.path("clip"), params={"mode": "verbatim"})

    assert told.headers["huisu-clip-frames"] == f"0-{FRAMES}"
    assert numbers(told.content) == list(range(FRAMES))


def test_other_containers_are_refused_in_words(theatre: Theatre) -> None:
    before = len(theatre.entries(theatre.sound))
    told = theatre.reviewer.get(theatre.path("clip", theatre.sound), params={"mode": "verbatim"})

    assert (told.status_code, told.json()["code"]) == (422, "verbatim-not-possible")
    assert "wav" in told.json()["detail"]
    assert len(theatre.entries(theatre.sound)) == before


def test_a_clip_is_one_entry_however_many_ranges_a_player_asks_for(theatre: Theatre) -> None:
    viewing = theatre.open()
    before = len(theatre.entries(None, "rec.clip"))
    params = RANGE | {"viewing": viewing}
    for wanted in ("bytes=0-", "bytes=1000-", "bytes=5000-9999"):
        theatre.reviewer.get(theatre.path("clip"), params=params, headers={"Range": wanted})
    players = len(theatre.entries(None, "rec.clip"))
    theatre.reviewer.get(theatre.path("clip"), params=params)

    assert players == before + 1
    assert len(theatre.entries(None, "rec.clip")) == before + 2
    entry = theatre.entries(None, "rec.clip")[-1]
    assert entry.values["mode"] == '"verbatim"'
    assert (entry.values["start"], entry.values["end"]) == ('"2.000000"', '"5.000000"')
    assert (entry.values["first_frame"], entry.values["end_frame"]) == ("60", "150")


def test_the_originals_bytes_are_noted_and_it_is_not_taken(theatre: Theatre) -> None:
    reviewer = theatre.newcomer()
    told = reviewer.post(theatre.path("viewings"), json={"reason": "复核"})
    viewing = told.json()["id"]
    clip = reviewer.get(theatre.path("clip"), params=RANGE | {"viewing": viewing})
    reviewer.patch(theatre.path(f"viewings/{viewing}"), json={"ended": True})
    end = next(one for one in theatre.entries(None, "rec.view.end") if one.values["viewing"] == f'"{viewing}"')

    ranges = re.findall(r"\[(\d+)(?:\.0)?,\s*(\d+)(?:\.0)?\]", str(end.values["byte_ranges"]))
    left = b"".join(theatre.film_bytes[int(a) : int(b)] for a, b in ranges)
    assert "original:clip" in str(end.values["byte_ranges"])
    assert clip.content.endswith(left)
    assert len(clip.content) > len(left) > 10_000
    assert end.values["bytes_sent"] == str(len(clip.content))
    # a clip is not the original: taking that afterwards is an entry of its own
    fresh = reviewer.post(theatre.path("viewings"), json={"reason": "复核"}).json()["id"]
    reviewer.get(theatre.path("clip"), params=RANGE | {"viewing": fresh})
    before = len(theatre.entries(None, "rec.original"))
    reviewer.get(theatre.path("original"), params={"viewing": fresh})
    assert len(theatre.entries(None, "rec.original")) == before + 1


@pytest.mark.parametrize("name", ["clip?mode=verbatim", "hls/0-1.m4s"])
def test_a_store_that_gives_half_breaks_the_line(theatre: Theatre, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    reads = FolderStore.read

    def half(self: FolderStore, key: str, version: str | None = None, **more: int) -> Blocks:
        whole = reads(self, key, version, **more)
        if not key.startswith("originals/"):
            return whole
        rest = [b"".join(whole)[: whole.size_bytes // 2]]
        return Blocks(key, whole.size_bytes, lambda _: rest.pop() if rest else b"", whole.close)

    theatre.reviewer.get(theatre.path(name))
    monkeypatch.setattr(FolderStore, "read", half)

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        theatre.reviewer.get(theatre.path(name))


def test_a_client_that_stops_reading_is_let_go(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "STALL_S", 0.5)
    long = theatre.film_bytes + (24 << 20).to_bytes(4, "big") + b"free" + bytes((24 << 20) - 8)
    sent = theatre.dock.send(long, filename="长.mp4", officer="900001")
    url, credential = theatre.reviewer.base_url, theatre.reviewer.headers["cookie"]
    path = theatre.path("original", sent.recording_id)
    asked = f"GET {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nCookie: {credential}\r\nX-Access-Reason: x\r\n\r\n"
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((url.host, url.port or 80))
        line.sendall(asked.encode())
        wait_until(lambda: open_objects(sent.sha256))
        wait_until(lambda: not open_objects(sent.sha256))
        line.settimeout(10)
        got = b"".join(iter(lambda: line.recv(1 << 20), b""))

    assert b"content-length: %d" % len(long) in got.lower()
    assert len(got) < len(long)


def open_objects(sha256: str | None) -> list[str]:
    """List the handles that this process, which also serves, has on an original."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(handle.readlink()))
    return [name for name in found if str(sha256) in name]


def wait_until(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
