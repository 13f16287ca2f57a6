"""`huisu up` as people meet it: start, link, Ctrl-C, the plug pulled, a part that dies."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.bootstrap import open_archive
from services.custody.heads import newest_head
from services.custody.publish import published_head
from services.settings import load_settings
from tests.servers import free_port
from tests.up.program import HUISU, PATIENCE_S, Up, environment, huisu, is_running, up, wait_until

FIRST = "first administrator"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive") / "档案"


@dataclass(frozen=True, slots=True)
class FirstLife:
    """What the first start left: its link, and which of its processes outlived it."""

    link: str
    parts: int
    outlived: list[str]


@pytest.fixture(scope="module")
def first_life(home: Path) -> FirstLife:
    """Start an empty archive, and kill its supervisor as a power cut of one process would."""
    with up(home) as archive:
        link = archive.wait_for_line(FIRST).split(": ", 1)[1]
        children = archive.children()
        archive.process.kill()
        archive.process.wait()
        deadline = time.monotonic() + PATIENCE_S
        while any(map(is_running, children)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return FirstLife(link, len(children), [command for child, command in children.items() if is_running(child)])


@pytest.fixture(scope="module")
def archive(home: Path, first_life: FirstLife) -> Iterator[Up]:
    """Start the same archive once more."""
    with up(home) as running:
        yield running


def log_in(archive: Up, link: str) -> httpx.Response:
    with httpx.Client(base_url=archive.address, trust_env=False, timeout=60) as client:
        return client.post("/api/v1/login", json={"link": link.partition("#link=")[2]})


def answers(archive: Up, path: str = "/readyz") -> bool:
    with httpx.Client(base_url=archive.address, trust_env=False, timeout=5) as client:
        try:
            return client.get(path).status_code == 200
        except httpx.HTTPError:
            return False


def child_with(archive: Up, words: str) -> int | None:
    found = [child for child, command in archive.children().items() if words in command]
    return found[0] if found else None


def test_when_the_supervisor_is_killed_none_of_its_parts_outlives_it(first_life: FirstLife) -> None:
    assert first_life.parts >= 4
    assert first_life.outlived == []


def test_the_first_link_works_once_and_the_second_start_prints_none(archive: Up, first_life: FirstLife) -> None:
    first, second = log_in(archive, first_life.link), log_in(archive, first_life.link)

    assert (first.status_code, first.json()["role"]) == (200, "admin")
    assert (second.status_code, second.json()["code"]) == (401, "login-refused")
    wait_until("it is ready", lambda: answers(archive))
    assert archive.said == [f"Huisu answers at {archive.address}"]
    assert archive.unread() == []


def test_a_login_link_made_beside_it_leads_to_where_it_answers(archive: Up, home: Path) -> None:
    link = huisu("login-link", "admin", "--home", str(home)).strip()

    assert link.startswith(f"{archive.address}/login#link=")
    assert log_in(archive, link).status_code == 200


def test_a_part_that_is_killed_is_started_again(archive: Up) -> None:
    for words in ("worker --queues render", "serve --with-gate", "services.cli signer", "services.cli sequencer"):
        before = child_with(archive, words)
        assert before is not None
        os.kill(before, signal.SIGKILL)

        def runs_again(words: str = words, before: int = before) -> bool:
            return child_with(archive, words) not in {None, before}

        wait_until(f"{words} runs again", runs_again)

    wait_until("it answers again", lambda: answers(archive))
    assert archive.complaints().count("part ended and is started again") == 4


def test_what_people_do_is_soon_in_the_signed_log(archive: Up, home: Path) -> None:
    opened = open_archive(load_settings({}, home=home))
    try:
        with opened.reading() as session:
            before = newest_head(session)
        log_in(archive, huisu("login-link", "admin", "--home", str(home)).strip())

        def has_grown() -> bool:
            with opened.reading() as session:
                now = newest_head(session)
                return now is not None and now.size > (before.size if before else 0)

        wait_until("the head has grown", has_grown)
        assert published_head(opened.store) is not None
    finally:
        opened.close()


def test_a_server_that_is_killed_before_its_first_answer_is_started_again(tmp_path: Path) -> None:
    starting = Up(tmp_path / "archive", free_port())
    try:
        wait_until("the server has begun", lambda: child_with(starting, "serve --with-gate") is not None)
        killed = child_with(starting, "serve --with-gate")
        assert killed is not None
        os.kill(killed, signal.SIGKILL)

        starting.wait_for_line("Huisu answers at")

        assert child_with(starting, "serve --with-gate") not in {None, killed}
        assert starting.complaints().count("part ended and is started again") == 1
    finally:
        starting.close()


def test_it_refuses_to_listen_to_a_network_in_the_clear(tmp_path: Path) -> None:
    done = subprocess.run(
        [*HUISU, "up", "--home", str(tmp_path / "home"), "--host", "0.0.0.0", "--port", str(free_port())],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("huisu: misconfigured: refusing to listen on 0.0.0.0 without TLS")
    assert not (tmp_path / "home").exists()


def test_a_port_that_is_taken_is_said_in_one_line(archive: Up, tmp_path: Path) -> None:
    port = int(archive.address.rpartition(":")[2])
    second = Up(tmp_path / "home", port)
    try:
        assert second.process.wait(120) != 0
    finally:
        second.close()
    assert second.said == [], "it must not claim to answer where another archive does"
    assert str(port) in second.complaints()


def test_ctrl_c_stops_all_of_it_with_success(archive: Up) -> None:
    children = archive.children()
    assert len(children) >= 4

    code = archive.stop()

    assert code == 0
    assert [command for child, command in children.items() if is_running(child)] == []
