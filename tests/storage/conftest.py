"""The stores under test: one server for the whole run, fresh buckets and folders for each test."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.storage.filesystem import FolderStore
from services.storage.open import open_place
from services.storage.places import FolderPlace, Place, S3Place
from services.storage.store import ObjectStore
from tests.servers import S3Server, ceph, seaweedfs

OWN_SERVER = "HUISU_TEST_S3"
"""`http(s)://host:port,key,secret` of one more S3 server (Ceph RGW, for example) to run the contract against."""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Run a real S3 server for the whole run."""
    with seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def ceph_server() -> Iterator[S3Server]:
    """Run a second, independent S3 server for the whole run."""
    with ceph() as server:
        yield server


def own_s3_server() -> S3Server:
    """Read where the tester's own server is."""
    url, key, secret = os.environ[OWN_SERVER].split(",")
    scheme, _, endpoint = url.partition("://")
    return S3Server(endpoint, key, secret, secure=scheme == "https")


def place_on(server: S3Server, spool: Path, **changes: object) -> S3Place:
    """Give fresh buckets on a server."""
    tag = uuid.uuid4().hex[:12]
    values: dict[str, object] = {
        "endpoint": server.endpoint,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "secure": server.secure,
        "spool_path": spool,
        "originals_bucket": f"originals-{tag}",
        "derived_bucket": f"derived-{tag}",
        "part_bytes": 5 << 20,
    }
    return S3Place(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def s3_place(s3_server: S3Server, tmp_path: Path) -> S3Place:
    """Fresh buckets on the server of this run, not yet made."""
    return place_on(s3_server, tmp_path / "spool")


@pytest.fixture
def s3_store(s3_place: S3Place) -> ObjectStore:
    """A prepared store in fresh buckets."""
    store = open_place(s3_place)
    store.prepare()
    return store


@pytest.fixture
def folder_store(tmp_path: Path) -> FolderStore:
    """A prepared store in a fresh folder."""
    store = FolderStore(tmp_path / "store")
    store.prepare()
    return store


KINDS = [
    "folder",
    "s3",
    *(["own-s3"] if os.environ.get(OWN_SERVER) else []),
    *(["ceph"] if os.environ.get("HUISU_SOAK") else []),
]
"""Ceph takes long to start: only a soak, which runs full counts, has the contract run against it."""

SERVERS = {"s3": "s3_server", "ceph": "ceph_server"}


@pytest.fixture(params=[kind if kind == "folder" else pytest.param(kind, marks=pytest.mark.s3) for kind in KINDS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Every kind of place in turn: the contract suite runs against each."""
    if request.param == "folder":
        return FolderPlace(tmp_path / "store")
    server = request.getfixturevalue(SERVERS[request.param]) if request.param in SERVERS else own_s3_server()
    return place_on(server, tmp_path / "spool")


@pytest.fixture
def store(place: Place) -> ObjectStore:
    """A prepared store at each place in turn."""
    found = open_place(place)
    found.prepare()
    return found


@pytest.fixture
def footage(tmp_path: Path) -> Callable[[int], Path]:
    """Write a file of so many random bytes, a new one at each call."""

    def write(size_bytes: int) -> Path:
        path = tmp_path / f"证据-{uuid.uuid4().hex}.mp4"
        path.write_bytes(os.urandom(size_bytes))
        return path

    return write
