"""
Nobody sees footage without an entry: every route that gives bytes, every method, every way to ask or to leave.

Requests are put to the app itself, so that the ledger can be read at the very moment the answer begins.
"""

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from services.accounts.rights import ACTIONS
from services.api.looks import looks_of
from services.api.routes import FILES, LAST
from services.bootstrap import new_id
from services.custody.ledger import check_chain
from services.index.models import Object, SessionMember, SessionRow, Viewing
from tests.api.theatre import Theatre

REASON = {"x-access-reason": "why"}

GIVES_BYTES: Mapping[str, tuple[str, dict[str, int]]] = {
    "/recordings/{id}/original": ("original", {"rec.view.start": 1, "rec.original": 1}),
    "/recordings/{id}/hls/index.m3u8": ("hls/index.m3u8", {"rec.view.start": 1}),
    "/recordings/{id}/hls/init.mp4": ("hls/init.mp4", {"rec.view.start": 1}),
    "/recordings/{id}/hls/{first}-{end}.m4s": ("hls/0-1.m4s", {"rec.view.start": 1}),
    "/recordings/{id}/hls/media.mp4": ("hls/media.mp4", {"rec.view.start": 1}),
    "/recordings/{id}/hls/silent.mp4": ("hls/silent.mp4", {"rec.view.start": 1}),
    "/sessions/{id}/hls/index.m3u8": ("/api/v1/sessions/evasion/hls/index.m3u8", {"rec.view.start": 1}),
    "/sessions/{id}/clip": ("/api/v1/sessions/evasion/clip?start=1&end=2", {"rec.view.start": 1, "rec.clip": 1}),
    "/recordings/{id}/clip": ("clip?start=1&end=2", {"rec.view.start": 1, "rec.clip": 1}),
    "/recordings/{id}/frame": ("frame?t=1", {"rec.view.start": 1}),
    "/recordings/{id}/frames": ("frames?at=1", {"rec.view.start": 1}),
    "/recordings/{id}/thumbnails.vtt": ("thumbnails.vtt", {"rec.preview": 1}),
    "/recordings/{id}/storyboard.jpg": ("storyboard.jpg", {"rec.preview": 1}),
    "/recordings/{id}/poster": ("poster", {"rec.preview": 1}),
    "/recordings/{id}/peaks": ("peaks", {"rec.preview": 1}),
}
"""Every route that shows footage, with what one look by it enters."""

FOOTAGE = {"recording.play", "recording.clip", "recording.original", "recording.export"}
PACKAGES = "/exports/{id}/package"
"""Gives what was entered with each recording when it was made: tests/api/test_exports_evasion.py."""
TABLE = [row for file in (*FILES, *LAST) for row in file.table]
ASKED = [
    (method, path, way)
    for path in GIVES_BYTES
    for method in sorted({row.method for row in TABLE if row.path.endswith(path)})
    for way in ("normal", "range", "beyond", "known", "gone", "broken")
]


@pytest.fixture(scope="module", autouse=True)
def session(theatre: Theatre) -> Iterator[None]:
    """Put the film into a session for these tests."""
    made, film = new_id(), theatre.film
    with theatre.archive.work() as work:
        work.session.add(SessionRow(id=made, number="evasion", kind="body", method="given", created_at=work.at))
        work.append("session.make", made, kind="body", method="given")
        work.session.flush()
        work.session.add(
            SessionMember(session_id=made, recording_id=film, starts_at=work.at, method="given", uncertainty_s=0.0)
        )
        work.append("rec.session", film, session=made, method="given", uncertainty=0.0)
    yield
    with theatre.archive.work() as work:
        work.session.delete(work.session.get_one(SessionMember, (made, film)))
        work.append("rec.session", film, session=made, method="given", uncertainty=0.0)


def address_of(theatre: Theatre, rest: str) -> str:
    """Give the address of something of the film, or of its session where the whole is named."""
    return rest if rest.startswith("/api/") else theatre.path(rest)


@dataclass
class Answer:
    """What came, and how many entries there were when it began."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    entries_then: int = -1


def put(theatre: Theatre, client: httpx.Client, method: str, rest: str, way: str = "normal", **more: str) -> Answer:
    """Put a request to the app; `gone`: the line is dead before the first byte, `broken`: it dies with it."""
    answer, sent = Answer(), {**dict(client.headers), **REASON, **more}
    target = urlsplit(address_of(theatre, rest))
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": target.path, "raw_path": target.path.encode(), "root_path": "",
        "query_string": target.query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
    }  # fmt: skip
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if way != "gone":
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.entries_then = len(theatre.entries())
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        if way == "broken" and message.get("body"):
            raise OSError("the line is dead")
        answer.body += message.get("body", b"")

    async def run() -> None:
        await theatre.site.app(scope, receive, send)  # type: ignore[arg-type]

    try:
        with ThreadPoolExecutor(1) as aside:  # a browser under test keeps a loop running in this thread
            aside.submit(asyncio.run, run()).result()
    except Exception:
        if way != "broken":
            raise
    return answer


def headers_for(theatre: Theatre, client: httpx.Client, rest: str, way: str) -> dict[str, str]:
    if way == "range":
        return {"range": "bytes=0-9"}
    if way == "beyond":
        return {"range": "bytes=99999999-"}
    if way == "known":
        return {"if-none-match": "*"}
    return {}


def test_the_list_above_is_all_that_gives_footage() -> None:
    shows = {
        row.path.removeprefix("/api/v1") for row in TABLE if row.action in FOOTAGE and row.method in ("GET", "HEAD")
    }

    assert shows == {*GIVES_BYTES, PACKAGES}
    assert FOOTAGE <= ACTIONS


@pytest.mark.parametrize(("method", "path", "way"), ASKED)
def test_the_entry_is_there_before_the_answer_begins(theatre: Theatre, method: str, path: str, way: str) -> None:
    rest, expected = GIVES_BYTES[path]
    client = theatre.newcomer()
    before = len(theatre.entries())
    answer = put(theatre, client, method, rest, way, **headers_for(theatre, client, rest, way))
    made = [one.entry.type for one in theatre.entries()[before:]]

    assert Counter(made) == expected
    if way != "gone":
        assert answer.entries_then == before + sum(expected.values())
    if way == "normal" and method == "GET":
        assert (answer.status, bool(answer.body)) == (200, True)
    if method == "HEAD":
        assert answer.body == b""


@pytest.mark.parametrize("path", GIVES_BYTES)
@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PROPFIND"])
def test_no_other_method_gives_a_byte_of_footage(theatre: Theatre, path: str, method: str) -> None:
    before = len(theatre.entries())
    answer = put(theatre, theatre.reviewer, method, GIVES_BYTES[path][0])

    assert answer.status in (404, 405)
    assert b'"code"' in answer.body
    assert len(theatre.entries()) == before


@pytest.mark.parametrize("path", GIVES_BYTES)
def test_the_same_look_again_is_no_second_entry(theatre: Theatre, path: str) -> None:
    rest, expected = GIVES_BYTES[path]
    client = theatre.newcomer()
    before = len(theatre.entries())
    for _ in range(3):
        put(theatre, client, "GET", rest, "normal", range="bytes=0-0")
    made = Counter(one.entry.type for one in theatre.entries()[before:])

    assert made == expected


@pytest.mark.parametrize("path", GIVES_BYTES)
def test_who_may_not_see_gets_no_byte_and_leaves_a_trail(theatre: Theatre, path: str) -> None:
    rest = GIVES_BYTES[path][0]
    before = len(theatre.entries())
    stranger = theatre.newcomer(unit="st2")
    told = put(theatre, stranger, "GET", rest)
    auditor = put(theatre, theatre.auditor, "GET", rest)
    nobody = put(theatre, theatre.site.open(), "GET", rest)

    assert (told.status, auditor.status, nobody.status) == (404, 403, 401)
    assert len(theatre.entries()) == before
    denied = theatre.entries(stranger.get("/api/v1/me").json()["id"], "account.deny")
    assert [json.loads(one.values["action"]) for one in denied]


def test_all_under_one_viewing_is_one_look(theatre: Theatre) -> None:
    client = theatre.newcomer()
    before = len(theatre.entries())
    told = client.post(theatre.path("viewings"), json={"reason": "复核"})
    viewing = told.json()["id"]
    for rest, _ in GIVES_BYTES.values():
        mark = "&" if "?" in rest else "?"
        assert put(theatre, client, "GET", f"{rest}{mark}viewing={viewing}").status == 200
    made = Counter(one.entry.type for one in theatre.entries()[before:])

    assert made == {"rec.view.start": 1, "rec.original": 1, "rec.clip": 2}  # of the recording, and of its session
    client.patch(theatre.path(f"viewings/{viewing}"), json={"watched": [], "ended": True})
    end = theatre.entries(None, "rec.view.end")[-1]
    sizes = {what: ranges for what, *ranges in json.loads(end.values["byte_ranges"])}
    assert sizes["original"] == [[0, len(theatre.film_bytes)]]
    assert set(sizes) == {"original", "original:play", "original:clip", "proxy"}
    assert json.loads(end.values["time_ranges"]) == [[1, 2]]
    assert json.loads(end.values["bytes_sent"]) > len(theatre.film_bytes)


def test_ten_thousand_ranges_are_refused_not_lost(theatre: Theatre) -> None:
    client = theatre.newcomer()
    before = len(theatre.entries())
    many = "bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(10_000))
    told = put(theatre, client, "GET", "original", range=many)

    assert (told.status, told.body[:1]) == (416, b"{")
    assert Counter(one.entry.type for one in theatre.entries()[before:]) == {"rec.view.start": 1, "rec.original": 1}


@pytest.mark.parametrize("reason", ["a%0Ab", "%00", "%F0%9F%8E%A5", "%E2%80%AE", '"},{"actor":"nobody"', "x" * 501])
def test_a_reason_cannot_forge_an_entry(theatre: Theatre, reason: str) -> None:
    client = theatre.newcomer()
    before = len(theatre.entries())
    answer = put(theatre, client, "GET", "original", **{"x-access-reason": reason})
    made = theatre.entries()[before:]

    assert check_chain(theatre.entries()) == []
    if answer.status == 200:
        assert [one.entry.type for one in made] == ["rec.view.start", "rec.original"]
        assert all(json.loads(one.values["actor"]).startswith("reviewer-") for one in made)
    else:
        assert (answer.status, made) == (422, [])


def test_a_clock_set_back_neither_reopens_nor_hides_a_look(theatre: Theatre) -> None:
    client, now = theatre.newcomer(), theatre.clock.now
    viewing = client.post(theatre.path("viewings"), json={}).json()["id"]
    client.patch(theatre.path(f"viewings/{viewing}"), json={"ended": True})
    theatre.clock.advance(-300)
    try:
        assert put(theatre, client, "GET", f"hls/index.m3u8?viewing={viewing}").status == 410
        before = len(theatre.entries())
        assert put(theatre, client, "GET", "hls/index.m3u8").status == 200
        assert len(theatre.entries()) == before + 1
        assert check_chain(theatre.entries()) == []
    finally:
        theatre.clock.now = now


def test_lost_rights_end_a_viewing_in_the_middle(theatre: Theatre) -> None:
    client = theatre.newcomer()
    viewing = client.post(theatre.path("viewings"), json={}).json()["id"]
    assert put(theatre, client, "GET", f"hls/media.mp4?viewing={viewing}").status == 200
    tag = theatre.reviewer.get(theatre.path("")[:-1]).headers["etag"]
    graded = theatre.reviewer.patch(theatre.path("")[:-1], json={"grade": 4}, headers={"If-Match": tag})
    try:
        assert graded.status_code == 200, graded.text
        assert put(theatre, client, "GET", f"hls/media.mp4?viewing={viewing}").status == 404
        without = put(theatre, theatre.reviewer, "GET", "poster", **{"x-access-reason": "why"})
        assert without.status == 428
    finally:
        back = theatre.reviewer.patch(theatre.path("")[:-1], json={"grade": 1}, headers={"If-Match": "*"})
        assert back.status_code == 200


def stored_file(theatre: Theatre, sha256: str | None) -> Path:
    with theatre.archive.reading() as session:
        key = session.scalars(select(Object.key).where(Object.sha256 == sha256)).one()
    found = [path for path in Path(theatre.archive.settings.paths.store).rglob(Path(key).name) if path.is_file()]
    assert len(found) == 1
    return found[0]


def test_a_store_cut_short_breaks_the_line_and_the_entry_stands(theatre: Theatre) -> None:
    content = bytes(range(256)) * 4096 * 96
    sent = theatre.dock.send(content, filename="large.mp4", officer="900001")
    recording = sent.recording_id or ""
    file = stored_file(theatre, sent.sha256)
    with (
        pytest.raises(httpx.RemoteProtocolError),
        theatre.reviewer.stream("GET", theatre.path("original", recording), headers=REASON) as told,
    ):
        assert int(told.headers["content-length"]) == len(content)
        blocks = told.iter_raw(1 << 16)
        next(blocks)
        file.chmod(0o600)
        with file.open("r+b") as opened:
            opened.truncate(len(content) // 2)
        for _ in blocks:
            pass

    assert Counter(one.entry.type for one in theatre.entries(recording, "rec.view.start", "rec.original")) == {
        "rec.view.start": 1,
        "rec.original": 1,
    }


def test_ending_the_viewing_does_not_hide_a_running_download(theatre: Theatre) -> None:
    content = bytes(range(255, -1, -1)) * 4096 * 64
    recording = theatre.dock.send(content, filename="larger.mp4", officer="900001").recording_id or ""
    client = theatre.newcomer()
    viewing = client.post(theatre.path("viewings", recording), json={"reason": "copy"}).json()["id"]
    with client.stream("GET", theatre.path("original", recording), params={"viewing": viewing}) as told:
        blocks = told.iter_raw(1 << 16)
        next(blocks)
        address = theatre.path(f"viewings/{viewing}", recording)
        other = theatre.site.open(**{name.replace("-", "_"): value for name, value in client.headers.items()})
        assert other.patch(address, json={"ended": True}).status_code == 204
        assert sum(len(block) for block in blocks) > 0
    looks_of(theatre.archive).write(theatre.archive.engine, theatre.clock())
    ends = theatre.entries(recording, "rec.view.end")

    assert {json.loads(one.values["outcome"]) for one in ends} == {"ended", "after the end"}
    assert sum(json.loads(one.values["bytes_sent"]) for one in ends) == len(content)


def test_a_client_that_leaves_is_sent_no_more(theatre: Theatre) -> None:
    content = b"leaves early " * 8_000_000
    recording = theatre.dock.send(content, filename="long.mp4", officer="900001").recording_id or ""
    client = theatre.newcomer()
    url = urlsplit(theatre.site.url)
    with socket.create_connection((url.hostname or "", url.port or 0)) as line:
        head = "".join(f"{name}: {value}\r\n" for name, value in {**dict(client.headers), **REASON}.items())
        line.sendall(f"GET {theatre.path('original', recording)} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 200")
    deadline, sent = time.monotonic() + 20, -1
    while (now := written(theatre, recording)) != sent and time.monotonic() < deadline:
        sent = now
        time.sleep(0.5)

    assert len(theatre.entries(recording, "rec.view.start")) == 1
    assert 0 < sent < len(content)


def written(theatre: Theatre, recording: str) -> int:
    looks_of(theatre.archive).write(theatre.archive.engine, theatre.clock())
    with theatre.archive.reading() as session:
        return session.scalars(select(Viewing.bytes_sent).where(Viewing.recording_id == recording)).one()


def test_many_lists_at_once_leave_one_preview_each(theatre: Theatre) -> None:
    client = theatre.newcomer()
    headers = {name.replace("-", "_"): value for name, value in client.headers.items()}
    before = len(theatre.entries())
    seen: list[int] = []

    def glance(name: str) -> None:
        seen.append(theatre.site.open(**headers).get(theatre.path(name)).status_code)

    names = ["poster", "storyboard.jpg", "peaks", "thumbnails.vtt"] * 3
    threads = [threading.Thread(target=glance, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert seen == [200] * 12
    assert [one.entry.type for one in theatre.entries()[before:]] == ["rec.preview"]
