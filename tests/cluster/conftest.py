"""Clusters for tests: a database, a broker, and `huisu worker` and `huisu beat` as the processes that people run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.footage import make_footage
from tests.servers import Broker, S3Server, rabbitmq, redis, seaweedfs


@pytest.fixture(scope="session")
def redis_broker() -> Iterator[Broker]:
    """Run one Redis for all tests of this process, or skip and say why."""
    with redis() as broker:
        yield broker


@pytest.fixture(scope="session")
def rabbitmq_broker() -> Iterator[Broker]:
    """Run one RabbitMQ for all tests of this process, or skip and say why."""
    with rabbitmq() as broker:
        yield broker


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Run one S3 server for all tests of this process, or skip and say why."""
    with seaweedfs() as server:
        yield server


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Broker:
    """Give the broker that the test's parameter names."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found


@pytest.fixture
def cluster(broker: Broker, database: str, tmp_path: Path) -> Iterator[Cluster]:
    """Give a cluster without workers yet, on this broker and this kind of database."""
    with Cluster(tmp_path / "home", broker.url, database) as made:
        yield made


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """Make a short recording, another one for each number."""
    folder = tmp_path_factory.mktemp("film")

    def make(number: int, frames: int = 30) -> bytes:
        return make_footage(folder / f"{number}.mp4", frames=frames, size=(160, 90), first=number).read_bytes()

    return make
