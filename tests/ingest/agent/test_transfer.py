"""What the agent says to an archive and how it reads the answers; addresses, pauses."""

import base64
import random
import threading

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import AskedToWait, Invalid, Unavailable
from services.ingest.agent.options import BARE, GUARDED, Options, default_state_folder, endpoint_of, pieces_for
from services.ingest.agent.patience import Patience, Timing
from services.ingest.agent.transfer import Gate, encode_metadata, open_client, retry_after_s
from tests.ingest.agent.door import TOKEN, Answer

values = st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text(st.characters(codec="utf-8")))


@settings(max_examples=40, deadline=None)
@given(values)
def test_metadata_can_be_read_back(metadata):
    pairs = [pair.partition(" ") for pair in encode_metadata(metadata).split(",") if pair]

    assert {key: base64.b64decode(value, validate=True).decode() for key, _, value in pairs} == metadata


@pytest.mark.parametrize(
    ("given_url", "endpoint"),
    [
        ("http://a:8080", "http://a:8080/api/v1/uploads"),
        ("https://a/", "https://a/api/v1/uploads"),
        ("https://a/archive/", "https://a/archive/api/v1/uploads"),
        ("https://a/api/v1", "https://a/api/v1/uploads"),
        ("https://a/api/v1/uploads/", "https://a/api/v1/uploads"),
    ],
)
def test_the_address_of_the_uploads_follows_from_the_archives(given_url, endpoint):
    assert endpoint_of(given_url) == endpoint


@pytest.mark.parametrize(
    "url", ["", "archive:8080", "ftp://a", "http://", "http://me:word@a", "http://a/?x=1", "http://[::1"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(Invalid, match="--url"):
        Options(url, TOKEN)


@pytest.mark.parametrize(("token", "parallel"), [("", 4), ("a b", 4), ("a\n", 4), ("令牌", 4), (TOKEN, 0), (TOKEN, 5)])
def test_options_that_cannot_work_are_refused_before_the_first_file(token, parallel):
    with pytest.raises(Invalid):
        Options("http://a", token, parallel=parallel)


def test_the_token_is_in_no_text_of_the_options():
    assert TOKEN not in repr(Options("http://a", TOKEN))


@pytest.mark.parametrize(
    ("url", "pieces"),
    [
        ("https://a", GUARDED),
        ("http://127.0.0.1:1", GUARDED),
        ("http://[::1]:1", GUARDED),
        ("http://localhost", GUARDED),
        ("http://10.0.0.1", BARE),
        ("http://localhost.example", BARE),
        ("http://127.0.0.1.example", BARE),
    ],
)
def test_bare_lines_get_small_checked_pieces(url, pieces):
    assert pieces_for(endpoint_of(url)) == pieces


def test_the_state_folder_follows_xdg():
    assert str(default_state_folder({"XDG_STATE_HOME": "/x"})) == "/x/huisu-dock"
    assert str(default_state_folder({"XDG_STATE_HOME": "relative"})).endswith(".local/state/huisu-dock")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("0", 0), ("", None), ("-1", None), ("soon", None), ("99999999", 3600), ("٧", None),
     ("Sun, 01 Mar 2026 08:30:20 GMT", 20), ("Sun, 01 Mar 2026 08:29:00 GMT", 0)],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_by_the_archives_clock(said, seconds):
    headers = httpx.Headers({"Retry-After": said.encode(), "Date": "Sun, 01 Mar 2026 08:30:00 GMT"})

    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("location", "path"),
    [("/api/v1/uploads/g1.7", "/api/v1/uploads/g1.7"), ("g1.7?x=1", "/api/v1/g1.7?x=1"),
     ("https://elsewhere.example/api/v1/uploads/g1.7", "/api/v1/uploads/g1.7"), ("//elsewhere.example/u", "/u")],
)  # fmt: skip
def test_the_token_goes_to_no_host_but_the_one_given(served, door, location, path):
    door.script["POST"] = [Answer(201, {"Location": location})]
    endpoint = endpoint_of(served.url)
    with open_client(endpoint, TOKEN, 1) as client:
        place = Gate(client, endpoint).create(1, {"filename": "a"}, "attempt")

    assert place == served.url + path


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"state": "verified", "offset": "x"}'])
def test_an_answer_that_is_no_archives_is_asked_again(body):
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))

    with client, pytest.raises(Unavailable):
        Gate(client, "http://a").standing("http://a/1")


def patience(now: list[float], sleeps: list[float], stop: threading.Event) -> Patience:
    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        now[0] += seconds

    return Patience(Timing(lambda: now[0], sleep, random.Random(1), stop, 1000), lambda _: None)


def test_progress_makes_patience_new():
    sleeps: list[float] = []
    waiting = patience([0.0], sleeps, threading.Event())
    for _ in range(8):
        waiting.wait(Unavailable("no"))

    waiting.progressed()
    waiting.wait(Unavailable("no"))

    assert sleeps[-1] <= 0.5 < sleeps[-2]


def test_a_wish_beyond_all_patience_is_not_waited_for():
    sleeps: list[float] = []

    with pytest.raises(AskedToWait):
        patience([0.0], sleeps, threading.Event()).wait(AskedToWait("later", 1001))
    assert sleeps == []


def test_a_stopped_run_waits_for_nothing():
    stop = threading.Event()
    stop.set()
    sleeps: list[float] = []

    with pytest.raises(Unavailable, match="interrupted"):
        patience([0.0], sleeps, stop).wait(Unavailable("no"))
    assert sleeps == []
