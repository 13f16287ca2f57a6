"""An original that browsers play is played from its own bytes: playlist, init segment, segments, and what is noted."""

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from services.custody.work import Work
from services.index.models import Recording, Rendition
from tests.api.theatre import FRAMES, Theatre
from tests.footage import make_footage, numbers
from tests.media.written import packets


def playlist(theatre: Theatre, recording: str | None = None, **params: str) -> httpx.Response:
    return theatre.reviewer.get(theatre.path("hls/index.m3u8", recording), params=params)


def addresses(told: httpx.Response) -> list[httpx.URL]:
    """Give where the init segment and the segments are, in order."""
    (init,) = re.findall(r'#EXT-X-MAP:URI="([^"]+)"\n', told.text)
    return [told.url.join(name) for name in [init, *re.findall(r"^[^#\n]+$", told.text, re.MULTILINE)]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture(scope="module")
def odd(theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Send originals that are not played in place: open groups of pictures, and another container."""
    folder = tmp_path_factory.mktemp("odd")
    opening = ["-x264-params", "open-gop=1:keyint=30:min-keyint=30:scenecut=0:bframes=2"]
    made = {
        "open": make_footage(folder / "open.mp4", frames=90, bframes=2, options=opening),
        "mkv": make_footage(folder / "a.mkv", frames=90, audio="aac"),
    }
    sent = {}
    for name, path in made.items():
        upload = theatre.dock.receive(path, officer="900001", kind="body")
        theatre.dock.work(["gate.g1", "examine"])
        sent[name] = str(theatre.dock.row(upload).recording_id)
    yield sent
    theatre.dock.work()


def test_the_originals_own_packets_are_played(theatre: Theatre) -> None:
    told = playlist(theatre)
    init, *parts = [theatre.reviewer.get(address) for address in addresses(told)]

    assert told.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert [answer.status_code for answer in (init, *parts)] == [200] * (len(parts) + 1)
    assert all(int(answer.headers["content-length"]) == len(answer.content) for answer in (init, *parts))
    film = init.content + b"".join(part.content for part in parts)
    assert numbers(film) == list(range(FRAMES))
    assert [d for d, _ in packets(film)[0]] == [d for d, _ in packets(theatre.film_bytes)[0]]
    assert sum(map(float, re.findall(r"#EXTINF:([\d.]+),", told.text))) == pytest.approx(10, abs=0.05)
    assert "#EXT-X-PROGRAM-DATE-TIME:2026-03-02T02:00:00.000Z" in told.text
    assert told.text.rstrip().endswith("#EXT-X-ENDLIST")


def test_addresses_are_stable_and_carry_the_viewing(theatre: Theatre) -> None:
    viewing = theatre.open()
    first, again = (playlist(theatre, viewing=viewing) for _ in range(2))
    begun = playlist(theatre, viewing=viewing, start="00:00:07.2")

    assert first.text == again.text
    assert set(re.findall(r"viewing=([0-9a-f-]{36})", first.text)) == {viewing}
    assert f"/7-8.m4s?v={re.findall(r'v=([0-9.]+)', first.text)[0]}" in "/" + begun.text.replace("\n", "\n/")
    one, two = (theatre.reviewer.get(addresses(told)[1]) for told in (first, begun))
    assert one.content == two.content
    assert one.headers["etag"] == two.headers["etag"] != theatre.reviewer.get(addresses(first)[2]).headers["etag"]


def test_segments_answer_ranges_and_conditions(theatre: Theatre) -> None:
    address = addresses(playlist(theatre))[1]
    whole = theatre.reviewer.get(address)
    head = theatre.reviewer.head(address)
    part = theatre.reviewer.get(address, headers={"Range": "bytes=100-"})

    assert int(head.headers["content-length"]) == len(whole.content)
    assert (part.status_code, part.content) == (206, whole.content[100:])
    assert theatre.reviewer.get(address, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


def test_a_page_may_choose_between_original_and_proxy(theatre: Theatre) -> None:
    original, proxy = playlist(theatre, rendition="original"), playlist(theatre, rendition="proxy")

    assert "init.mp4" in original.text
    assert "media.mp4?rendition=" in proxy.text
    assert playlist(theatre).text.count(".m4s") == original.text.count(".m4s")
    assert problem(playlist(theatre, rendition="remux")) == (422, "invalid")
    assert problem(playlist(theatre, start="abc")) == (422, "invalid")


def test_what_is_not_there_says_why(theatre: Theatre, odd: dict[str, str]) -> None:
    waiting = playlist(theatre, odd["open"])
    assert problem(waiting) == (503, "not-ready")
    assert problem(playlist(theatre, odd["open"], rendition="proxy")) == (503, "not-ready")
    assert theatre.row(odd["open"]).state == "kept"
    copied = playlist(theatre, odd["mkv"])
    assert "media.mp4?rendition=" in copied.text
    assert theatre.row(odd["mkv"]).state == "playable"
    theatre.dock.work()

    told = playlist(theatre, odd["open"], rendition="original")
    assert problem(told) == (409, "not-playable")
    assert "lean on" in told.json()["detail"]
    assert "media.mp4?rendition=" in playlist(theatre, odd["open"]).text
    assert problem(theatre.reviewer.get(theatre.path("hls/0-1.m4s", odd["open"]))) == (409, "not-playable")
    assert problem(playlist(theatre, odd["mkv"], rendition="original")) == (409, "not-playable")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hls/0-999.m4s", (422, "range-outside")),
        ("hls/5-5.m4s", (422, "range-outside")),
        ("hls/7-3.m4s", (422, "range-outside")),
        ("hls/a-b.m4s", (422, "invalid")),
        ("hls/0-1.m4s?v=0.0.0", (410, "gone")),
        ("hls/init.mp4?v=7", (410, "gone")),
    ],
)
def test_segments_that_are_none_are_refused(theatre: Theatre, name: str, expected: tuple[int, str]) -> None:
    assert problem(theatre.reviewer.get(theatre.path(name))) == expected


def test_rights_and_the_viewing_are_asked_on_every_segment(theatre: Theatre) -> None:
    viewing = theatre.open()
    address = addresses(playlist(theatre, viewing=viewing))[2]
    assert theatre.reviewer.get(address).status_code == 200

    assert theatre.stranger.get(address).status_code == 404
    assert theatre.auditor.get(address).status_code == 403
    assert theatre.officer.get(address).status_code == 404  # the viewing is somebody else's
    theatre.reviewer.patch(theatre.path(f"viewings/{viewing}"), json={"ended": True})
    assert problem(theatre.reviewer.get(address)) == (410, "gone")


def test_the_bytes_that_left_are_noted_as_the_originals(theatre: Theatre) -> None:
    reviewer = theatre.newcomer()
    viewing = reviewer.post(theatre.path("viewings"), json={}).json()["id"]
    told = reviewer.get(theatre.path("hls/index.m3u8"), params={"viewing": viewing})
    _, *parts = [reviewer.get(address).content for address in addresses(told)]
    bodies = [part.split(b"mdat", 1)[1] for part in parts]
    reviewer.patch(theatre.path(f"viewings/{viewing}"), json={"ended": True})
    end = next(one for one in theatre.entries(None, "rec.view.end") if one.values["viewing"] == f'"{viewing}"')

    noted = str(end.values["byte_ranges"])
    ranges = re.findall(r"\[(\d+)(?:\.0)?,\s*(\d+)(?:\.0)?\]", noted)
    left = b"".join(theatre.film_bytes[int(a) : int(b)] for a, b in ranges)
    assert "original:play" in noted
    assert len(left) == sum(map(len, bodies))
    assert all(body[:1000] in left for body in bodies)


def test_recordings_of_an_older_version_still_play(theatre: Theatre, odd: dict[str, str]) -> None:
    """Such a recording has a copy in fragments, and no frame index."""
    recording = odd["mkv"]
    with theatre.archive.work() as work:
        forget_index(work, recording)

    assert "media.mp4?rendition=" in playlist(theatre, recording).text


def forget_index(work: Work, recording: str) -> None:
    of_it = Rendition.recording_id == recording, Rendition.kind == "frame-index"
    for row in work.session.scalars(select(Rendition).where(*of_it)):
        work.session.delete(row)
        work.append("rec.rendition.drop", recording, rendition=row.id, kind=row.kind, reason="test")
    work.session.get_one(Recording, recording).version += 1
