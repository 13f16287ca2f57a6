"""No byte of a package leaves without an entry before it, however it is asked for, and however its taker leaves."""

import hashlib
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import pytest

from services.custody.ledger import Recorded
from tests.api.site import Site
from tests.api.test_evasion import Answer, put
from tests.api.theatre import Theatre
from tests.archive_fixture import Empty
from tests.exporting import EXPORTS, Desk, fresh_desk

HEADERS = {"range": {"range": "bytes=0-9"}, "beyond": {"range": "bytes=99999999-"}, "known": {"if-none-match": "*"}}


@pytest.fixture(scope="module")
def desk(empty_sqlite: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with fresh_desk(empty_sqlite, tmp_path_factory) as opened:
        yield opened


@dataclass(frozen=True)
class Watched:
    """An export whose chain is read at the very moment that an answer begins, as the theatre's film is."""

    desk: Desk
    export: str

    @property
    def site(self) -> Site:
        return self.desk.site

    def entries(self) -> list[Recorded]:
        return self.desk.entries(self.export)

    def put(self, method: str, way: str = "normal", role: str = "reviewer", copy: int = 1) -> Answer:
        """Ask for a copy as somebody who took nothing yet."""
        client = self.desk.newcomer(role)
        address = f"{EXPORTS}/{self.export}/package?copy={copy}"
        return put(cast("Theatre", self), client, method, address, way, **HEADERS.get(way, {}))


@pytest.fixture(scope="module")
def watched(desk: Desk) -> Watched:
    made = desk.ask({"recording": desk.film, "kind": "original"}, copies=2)
    desk.work()
    assert desk.see(made)["state"] == "made"
    return Watched(desk, made)


@pytest.mark.parametrize("way", ["normal", "range", "beyond", "known", "gone", "broken"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_entry_is_there_before_the_answer_begins(watched: Watched, method: str, way: str) -> None:
    before = len(watched.entries())
    answer = watched.put(method, way, copy=2)
    made = watched.entries()[before:]

    assert Counter(one.entry.type for one in made) == {"export.take": 1}
    assert (made[0].values["copy"], made[0].values["method"]) == ("2", f'"{method}"')
    if way != "gone":
        assert answer.entries_then == before + 1
    if method == "HEAD":
        assert answer.body == b""


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PROPFIND"])
def test_no_other_method_gives_a_byte(watched: Watched, method: str) -> None:
    before = len(watched.entries())

    assert watched.put(method).status in (404, 405)
    assert len(watched.entries()) == before


def test_who_may_not_take_it_gets_no_byte_and_leaves_a_trail(watched: Watched) -> None:
    before = len(watched.entries())
    statuses = [watched.put("GET", role=role).status for role in ("auditor", "supervisor", "officer", "admin")]

    assert statuses == [403, 403, 403, 403]
    assert len(watched.entries()) == before


def test_every_copy_that_is_named_exists_or_is_not_found(watched: Watched) -> None:
    assert watched.put("GET", copy=3).status == 404
    assert watched.put("GET", copy=0).status == 422


def test_a_download_that_goes_on_is_one_entry_and_the_same_file(watched: Watched) -> None:
    client = watched.desk.newcomer("reviewer")
    address, before = f"{EXPORTS}/{watched.export}/package", len(watched.entries())
    whole = client.get(address)
    parts = b""
    while len(parts) < len(whole.content):
        told = client.get(address, headers={"Range": f"bytes={len(parts)}-{len(parts) + 9999}"})
        assert told.status_code == 206
        parts += told.content
    package = watched.desk.see(watched.export)["packages"][0]

    assert hashlib.sha256(whole.content).hexdigest() == package["sha256"] == hashlib.sha256(parts).hexdigest()
    assert int(whole.headers["content-length"]) == package["size"] == len(whole.content)
    digest = b64encode(bytes.fromhex(package["sha256"])).decode()
    assert whole.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert whole.headers["content-type"] == "application/zip"
    assert package["filename"] in whole.headers["content-disposition"]
    taken = watched.entries()[before:]
    assert [json.loads(one.values["sha256"]) for one in taken] == [package["sha256"]]


def test_parts_asked_for_hours_later_are_another_taking(watched: Watched) -> None:
    client = watched.desk.newcomer("reviewer")
    address, before = f"{EXPORTS}/{watched.export}/package", len(watched.entries())
    assert client.get(address).status_code == 200
    for _ in range(12):
        watched.desk.clock.advance(600)
        assert client.get("/api/v1/me").status_code == 200
    assert client.get(address, headers={"Range": "bytes=0-"}).status_code == 206

    assert Counter(one.entry.type for one in watched.entries()[before:]) == {"export.take": 2}
