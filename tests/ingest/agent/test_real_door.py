"""The agent against the archive's own door."""

import hashlib
import json
import random
import signal
import threading
import time
from collections import Counter

import fastapi
import pytest

from services.ingest.agent.options import Pieces
from services.ingest.staging import Staging
from services.ingest.tus import router
from tests.ingest.agent.door import Served, run_send, start_agent, write
from tests.ingest.tus_door import Clock, SmallRegister


class Archive:
    """The real router over real staging, and a worker that verifies what has come."""

    def __init__(self, folder) -> None:
        self.staging, self.register = Staging(folder), SmallRegister()
        self.requests: Counter[str] = Counter()
        self._app = fastapi.FastAPI()
        self._app.include_router(
            router(self.staging, self.register, gate="g1", max_size_bytes=1 << 30, clock=Clock(), stall_s=5)
        )
        self._stop = threading.Event()
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()
        self.served = Served(self)

    async def __call__(self, scope, receive, send) -> None:
        self.requests[scope["method"]] += 1
        await self._app(scope, receive, send)

    def _work(self) -> None:
        while not self._stop.wait(0.05):
            for upload, state in list(self.register.states.items()):
                if state.state == "received":
                    digest = hashlib.sha256(self.bytes_of(upload)).hexdigest()
                    declared = self.register.metadata[upload]["sha256"]
                    end = ("verified", None) if declared == digest else ("quarantined", f"declared {declared}")
                    self.register.become(upload, state=end[0], reason=end[1], sha256=digest, recording=f"r-{upload}")

    def bytes_of(self, upload: str) -> bytes:
        return self.staging.complete_path(upload).read_bytes()

    def complete(self) -> list[tuple[str, bytes]]:
        return sorted(
            (self.register.metadata[upload]["filename"], self.bytes_of(upload))
            for upload, state in self.register.states.items()
            if state.state != "receiving"
        )

    def close(self) -> None:
        self._stop.set()
        self._worker.join()
        self.served.stop()
        self.staging.close()


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path / "staging")
    yield archive
    archive.close()


def test_every_kind_of_file_comes_to_its_end(archive, folder, state_folder):
    contents = {"空.mp4": b"", "a.mp4": write(folder / "a.mp4", 3_000_001)}
    (folder / "空.mp4").touch()
    contents["审讯 1.mkv"] = write(folder / "审讯 1.mkv", 70_000, 3)
    contents["spoiled.mp4"] = write(folder / "spoiled.mp4", 500, 4)
    (folder / "spoiled.mp4.huisu.json").write_text(json.dumps({"sha256": "00" * 32}))

    run = run_send([folder], archive.served.url, state_folder)
    again = run_send([folder], archive.served.url, state_folder)

    ends = {outcome.path.name: outcome.state for outcome in run.report.outcomes}
    assert ends == {**dict.fromkeys(contents, "verified"), "spoiled.mp4": "quarantined"}
    assert archive.complete() == sorted(contents.items())
    assert run.report == again.report
    assert archive.requests["PATCH"] == 3


def test_checked_pieces_are_taken(archive, folder, state_folder):
    content = write(folder / "a.mp4", 1_000_000)

    run = run_send([folder], archive.served.url, state_folder, cut=Pieces(300_000, checksummed=True))

    assert run.report.is_success
    assert archive.complete() == [("a.mp4", content)]
    assert archive.requests["PATCH"] == 4


def test_a_busy_database_is_waited_for(archive, folder, state_folder, fake):
    write(folder / "a.mp4", 1000)
    archive.register.is_busy = True
    threading.Timer(0.3, lambda: setattr(archive.register, "is_busy", False)).start()

    run = run_send([folder], archive.served.url, state_folder, fake=fake, give_up_after_s=1e9)

    assert run.report.is_success
    assert max(fake.sleeps) >= 5


def test_killed_at_any_moment_and_run_again_there_is_one_whole_upload_per_file(archive, folder, state_folder):
    contents = {f"{n}.mp4": write(folder / f"{n}.mp4", (n + 1) * 4_000_000, n) for n in range(6)}
    chance = random.Random(20260301)
    killed = 0
    for _ in range(5):
        before = sum(archive.requests.values())
        agent = start_agent([folder], archive.served.url, state_folder)
        while sum(archive.requests.values()) == before:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.25))
        agent.kill()
        agent.communicate()
        killed += agent.returncode == -signal.SIGKILL

    run = run_send([folder], archive.served.url, state_folder, is_real_time=True)

    assert killed >= 3
    assert run.report.is_success
    assert archive.complete() == sorted(contents.items())
    unfinished = [upload for upload, state in archive.register.states.items() if state.state == "receiving"]
    assert [archive.staging.look(upload).offset for upload in unfinished] == [0] * len(unfinished)


def test_the_archive_stops_in_the_middle_and_the_agent_goes_on(archive, folder, state_folder):
    contents = {f"{n}.mp4": write(folder / f"{n}.mp4", 20_000_000, n) for n in range(4)}
    agent = start_agent([folder], archive.served.url, state_folder)
    while archive.requests["PATCH"] == 0:
        time.sleep(0.002)

    archive.served.stop()
    archive.served.start()
    out, err = agent.communicate(timeout=60)

    assert agent.returncode == 0, out + err
    assert archive.complete() == sorted(contents.items())
