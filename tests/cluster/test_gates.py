"""Gates and nodes as processes: one gate per staging folder, every node tells of every upload, a full disk waits."""

import hashlib
import random
import subprocess
import sys
import time

import httpx
import pytest

from services.accounts.tokens import issue_token
from services.accounts.units import put_unit
from services.bootstrap import utc_now
from services.ingest.tasks import tasks
from services.jobs.worker import drain
from tests.archive_fixture import open_for_test
from tests.crash.station import ROOT, start
from tests.flows.pipeline import QUEUES
from tests.servers import free_port

BYTES = {"Content-Type": "application/offset+octet-stream"}
UPLOADS = "/api/v1/uploads"
PATIENCE_S = 60.0


class House:
    """An archive in one folder, and the processes that a test starts on it."""

    def __init__(self, home, archive, token):
        self.home, self.archive, self.token = home, archive, token
        self.processes = []
        self.clients = []

    def start(self, command, file_limit=None):
        """Start a part on a port of its own; gives a client of it and its process, once it answers."""
        port = free_port()
        arguments = [command, "--home", str(self.home), "--port", str(port)]
        process = start(arguments, self.home / "log", {"HUISU_STAGING_RESERVE_BYTES": "0"}, file_limit=file_limit)
        self.processes.append(process)
        told = {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"}
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=told, trust_env=False, timeout=30)
        self.clients.append(client)
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                client.get("/healthz")
            except httpx.HTTPError:
                assert process.poll() is None, (self.home / "log").read_text("utf-8")
                assert time.monotonic() < end
                time.sleep(0.1)
            else:
                return client, process

    def work(self):
        """Do what waits."""
        drain(self.archive.engine, QUEUES, tasks(self.archive), utc_now)


@pytest.fixture
def house(empty_sqlite, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with open_for_test(home, empty_sqlite.sqlite(home), utc_now) as archive:
        with archive.work() as work:
            put_unit(work, "root", name="总局", actor="test")
            token = issue_token(work, "dock-1", "dock", "root", 30, actor="test")
        house = House(home, archive, token)
        yield house
        for client in house.clients:
            client.close()
        for process in house.processes:
            process.kill()
            process.wait()


def create(gate, size):
    answer = gate.post(UPLOADS, headers={"Upload-Length": str(size), "Upload-Metadata": "filename YS5tcDQ="})
    assert answer.status_code == 201, answer.text
    return httpx.URL(answer.headers["Location"]).path


def patch(gate, path, offset, body):
    return gate.patch(path, headers=BYTES | {"Upload-Offset": str(offset)}, content=body)


def test_another_node_tells_what_became_of_an_upload(house, film):
    body = film(1)
    gate, _ = house.start("dock-gate")
    node, _ = house.start("serve")
    path = create(gate, len(body))

    seen = [node.get(path).json()["state"]]
    refused = patch(node, path, 0, body)
    patch(gate, path, 0, body)
    seen.append(node.get(path).json()["state"])
    house.work()
    told = node.get(path).json()

    assert path.startswith(f"{UPLOADS}/g1.")
    assert seen == ["receiving", "received"]
    assert refused.status_code in {404, 405, 421}
    assert (told["state"], told["sha256"], told["offset"]) == ("verified", hashlib.sha256(body).hexdigest(), len(body))
    assert told == gate.get(path).json()


def test_a_gate_beside_the_server_answers_docks_and_nothing_of_people(house):
    gate, _ = house.start("dock-gate")

    answers = {path: gate.get(path).status_code for path in ("/healthz", "/version", UPLOADS)}
    hidden = [gate.get(path) for path in ("/", "/api/v1/recordings", "/api/v1/me", "/api/v1/cases/1")]

    assert answers["/healthz"] == answers["/version"] == 200
    assert answers[UPLOADS] in {200, 403}
    assert {(answer.status_code, answer.json()["code"]) for answer in hidden} == {(404, "not-found")}


def test_a_second_gate_on_the_same_folder_is_refused(house):
    gate, _ = house.start("dock-gate")
    command = [sys.executable, "-m", "services.cli", "dock-gate", "--home", str(house.home), "--port", str(free_port())]

    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert second.returncode != 0
    assert "another gate receives into" in second.stderr
    assert "Traceback" not in second.stderr
    assert gate.get("/healthz").status_code == 200


def test_a_full_disk_while_receiving_keeps_what_came_and_goes_on_when_there_is_room(house):
    body = random.Random(7).randbytes(5_000_000)
    gate, process = house.start("dock-gate", file_limit=3_000_000)
    path = create(gate, len(body))

    full = patch(gate, path, 0, body)
    kept = int(gate.head(path).headers["Upload-Offset"])
    process.kill()
    process.wait()
    roomy, _ = house.start("dock-gate")
    came_through = int(roomy.head(path).headers["Upload-Offset"])
    patch(roomy, path, came_through, body[came_through:])
    house.work()
    told = roomy.get(path).json()

    assert (full.status_code, full.json()["code"]) == (503, "disk-full")
    assert 0 < kept <= 3_000_000
    assert came_through == kept
    assert (told["state"], told["sha256"]) == ("verified", hashlib.sha256(body).hexdigest())
