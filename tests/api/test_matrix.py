"""Every declared route, for every role, for things of one's own unit and of another: as the table of rights says."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.accounts.rights import ROLES, allows
from services.api.admission import ME, PUBLIC, Declared
from services.api.registry import DOOR
from services.api.routes import FILES, LAST
from services.ingest.door import CatalogueRegister
from services.ingest.staging import Staging
from services.ingest.tus import router
from tests.api.site import Site, serve
from tests.api.things import MAKERS, Params, Scene, Side, allowed, knows, set_scene
from tests.archive_fixture import Empty, HeldClock, open_for_test

TABLE = [row for file in (*FILES, *LAST) for row in file.table]

POLICY = {("POST", "/api/v1/users"): 403}
"""Routes that refuse everybody whose role may, and say the way that is open instead."""


def name_of(row: Declared) -> str:
    return f"{row.method} {row.path}"


@pytest.fixture(scope="module")
def scene(empty_served: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("matrix")
    with open_for_test(home, empty_served.fresh(home), HeldClock()) as archive:
        staging = Staging(home / "staging", reserve_bytes=0)
        door = router(staging, CatalogueRegister(archive), gate="g1", max_size_bytes=1 << 20, clock=archive.clock)
        with serve(archive, door=door) as site:
            yield set_scene(site)
        staging.close()


def call(client: httpx.Client, row: Declared, params: Params) -> int:
    """Call a route with a valid body and the headers that any route may want; give the status of its answer."""
    path = row.path
    for name, value in params.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path.replace("{path:path}", ""), f"{path}: tests/api/things.py must give all names of the path"
    headers = {"If-Match": "*", "X-Access-Reason": "test"}
    body: dict[str, Any] = {} if row.example is None else {"json": dict(row.example)}
    with client.stream(row.method, path, headers=headers, **body) as answer:
        return answer.status_code


def test_every_route_is_in_the_table_that_is_served(scene: Scene) -> None:
    served = scene.site.app.state.table

    assert {(row.method, row.path) for row in TABLE} | set(DOOR) == set(served)


def test_every_kind_of_thing_has_its_maker() -> None:
    assert {row.about for row in TABLE if row.about} <= set(MAKERS)


@pytest.mark.parametrize("row", [row for row in TABLE if row.action not in (PUBLIC, ME)], ids=name_of)
def test_nobody_enters_without_a_name(scene: Scene, row: Declared) -> None:
    params = MAKERS[row.about](scene, "own") if row.about else {}

    assert call(scene.site.open(), row, params) == 401


@pytest.mark.parametrize("side", ["own", "other"])
@pytest.mark.parametrize("row", [row for row in TABLE if row.action not in (PUBLIC, ME)], ids=name_of)
def test_each_role_may_what_the_table_says(scene: Scene, row: Declared, side: Side) -> None:
    wrong = []
    for role in ROLES:
        params = MAKERS[row.about](scene, side) if row.about else {}
        status = call(scene.clients[role], row, params)
        expected = expectation(scene, role, row, side, params)
        if (status if status in (401, 403, 404) else "admitted") != expected:
            wrong.append(f"{role}: {status}, expected {expected}")

    assert wrong == []


def expectation(scene: Scene, role: str, row: Declared, side: Side, params: Params) -> int | str:
    """Say what the declared action and the law demand, knowing nothing of the route's code."""
    if not allows(scene.who[role], row.action):
        return 403
    if (row.method, row.path) in POLICY:
        return POLICY[row.method, row.path]
    if row.about is None:
        return "admitted"
    if not knows(scene, role, row.about, side, params):
        return 404
    if row.about == "recording" and not allowed(scene, role, row.action, params["id"]):
        return 403
    return "admitted"


@pytest.mark.parametrize("row", [row for row in TABLE if row.action == PUBLIC], ids=name_of)
def test_what_is_public_asks_nobody_who_they_are(site: Site, row: Declared) -> None:
    status = call(site.open(), row, {"path": ""} if "{path" in row.path else {})

    assert status in (200, 401) if row.path == "/api/v1/login" else status in (200, 503)


# --- the dock's door, which asks by itself ------------------------------------------------------------------------

TUS = {"Tus-Resumable": "1.0.0"}
KNOCKS: dict[str, dict[str, str]] = {
    "HEAD": {},
    "PATCH": {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    "POST": {"X-HTTP-Method-Override": "HEAD"},
    "DELETE": {},
}


def begin(client: httpx.Client) -> str:
    answer = client.post("/api/v1/uploads", headers=TUS | {"Upload-Length": "3"})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize("role", ROLES)
def test_the_door_lets_in_those_who_send(scene: Scene, role: str) -> None:
    client, may_send = scene.clients[role], allows(scene.who[role], "upload.send")
    if not may_send:
        assert client.post("/api/v1/uploads", headers=TUS | {"Upload-Length": "3"}).status_code == 403
    others = begin(scene.site.as_token("dock", "E"))
    for method, headers in KNOCKS.items():
        status = client.request(method, others, headers=TUS | headers).status_code
        assert status == (404 if may_send else 403), method
    if may_send:
        mine = begin(client)
        for method, headers in KNOCKS.items():
            assert client.request(method, mine, headers=TUS | headers).status_code in (200, 204), method


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "POST", "DELETE"])
def test_the_door_is_closed_to_those_without_a_name(scene: Scene, method: str) -> None:
    address = begin(scene.clients["dock"])

    assert scene.site.open().request(method, address, headers=TUS | KNOCKS[method]).status_code == 401


def test_an_upload_on_its_way_is_shown_with_what_its_gate_has(scene: Scene) -> None:
    dock = scene.clients["dock"]
    address = begin(dock)
    dock.patch(address, headers=TUS | KNOCKS["PATCH"], content=b"ab")
    mine, reviewers = dock.get(address), scene.clients["reviewer"].get(address)

    assert (mine.json()["state"], mine.json()["offset"], mine.json()["size"]) == ("receiving", 2, 3)
    assert reviewers.json()["state"] == "receiving"
    assert scene.site.as_token("dock", "E").get(address).status_code == 404


def test_a_persons_upload_needs_the_token_beside_the_cookie(scene: Scene) -> None:
    client = scene.site.as_user("m-officer")
    del client.headers["x-csrf-token"]

    assert client.post("/api/v1/uploads", headers=TUS | {"Upload-Length": "3"}).status_code == 403
