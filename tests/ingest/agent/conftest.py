"""A running door for each test, on one socket for all of them."""

import pytest

from tests.ingest.agent.door import STARTED, Door, FakeTime, Served


class Switch:
    """Pass requests to the door of the running test."""

    def __init__(self) -> None:
        self.door = Door()

    async def __call__(self, scope, receive, send) -> None:
        await self.door(scope, receive, send)


@pytest.fixture(scope="session")
def switch():
    return Switch()


@pytest.fixture(scope="session")
def socket_of_all(switch):
    served = Served(switch)
    yield served
    served.stop()


@pytest.fixture
def door():
    return Door()


@pytest.fixture
def served(socket_of_all, switch, door):
    switch.door = door
    return socket_of_all


@pytest.fixture
def fake():
    return FakeTime()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "card").mkdir()
    return tmp_path / "card"


@pytest.fixture
def state_folder(tmp_path):
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def _no_agent_is_left_behind():
    yield
    while STARTED:
        agent = STARTED.pop()
        if agent.poll() is None:
            agent.kill()
            agent.communicate()
