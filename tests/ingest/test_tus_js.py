"""The client that the pages send with, under Node, against the whole archive: broken lines and broken programs."""

import hashlib
import json
import random
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.up.program import PATIENCE_S, Up, huisu, up, wait_until

WEB = ROOT / "services" / "web"
SCRIPT = Path(__file__).parent / "tus_js" / "send.mjs"
SIZE_BYTES = 6_000_000
CUT_AFTER_BYTES = 2_000_000
PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Dock:
    """An archive that runs, and the token of a dock."""

    archive: Up
    token: str

    def ask(self, url: str) -> dict[str, Any]:
        with httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, trust_env=False, timeout=60) as client:
            told: dict[str, Any] = client.get(url).raise_for_status().json()
            return told


@pytest.fixture(scope="module")
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("no Node here")
    if not (WEB / "node_modules" / "tus-js-client").is_dir():
        pytest.skip("tus-js-client is not installed in services/web/node_modules (make web)")
    return program


@pytest.fixture(scope="module")
def dock(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dock]:
    home = tmp_path_factory.mktemp("archive") / "home"
    with up(home) as archive:
        token = huisu("token", "issue", "--name", "dock-1", "--role", "dock", "--unit", "root", "--home", str(home))
        yield Dock(archive, token.strip())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "现场 录像.bin"
    path.write_bytes(random.Random(path.name).randbytes(SIZE_BYTES))
    return path


def send(node: str, dock: Dock, file: Path, **wish: Any) -> dict[str, Any]:
    wish = {
        "package": str(WEB / "package.json"),
        "endpoint": f"{dock.archive.address}/api/v1/uploads",
        "token": dock.token,
        "file": str(file),
        "metadata": {"filename": file.name},
    } | wish
    done = subprocess.run(
        [node, str(SCRIPT)],
        input=json.dumps(wish),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def wait_for_verified(dock: Dock, url: str, file: Path) -> None:
    upload = url.rpartition("/")[2]
    address = f"{dock.archive.address}/api/v1/uploads/{upload}"
    wait_until("the upload is verified", lambda: dock.ask(address)["state"] == "verified")
    assert dock.ask(address)["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


class Cutter:
    """A line to the archive that breaks once, after so many bytes went up."""

    def __init__(self, target: int, after_bytes: int) -> None:
        self.after_bytes = after_bytes
        self.has_cut = False
        self._target = target
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, sink, is_up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._carry, args=(source, sink, is_up), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        try:
            while piece := source.recv(PIECE_BYTES):
                sink.sendall(piece)
                if is_up and self._spend(len(piece)):
                    for end in (source, sink):  # reset, as a line that breaks: no goodbye is said
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
        except OSError:
            pass
        source.close()
        sink.close()

    def _spend(self, count: int) -> bool:
        with self._lock:
            self.after_bytes -= count
            is_now = self.after_bytes <= 0 and not self.has_cut
            self.has_cut |= is_now
            return is_now

    def close(self) -> None:
        self._listener.close()


def test_a_broken_line_is_taken_up_where_the_archive_says(node: str, dock: Dock, file: Path) -> None:
    line = Cutter(int(dock.archive.address.rpartition(":")[2]), CUT_AFTER_BYTES)

    told = send(node, dock, file, endpoint=f"http://127.0.0.1:{line.port}/api/v1/uploads", retry=True)

    line.close()
    assert line.has_cut
    assert told["ending"] == "sent"
    assert [one["method"] for one in told["asked"]] == ["POST", "PATCH", "HEAD", "PATCH"]
    broken, resumed = told["asked"][1], told["asked"][3]
    assert (broken["offset"], broken["status"]) == (0, None)
    assert 0 < resumed["offset"] <= CUT_AFTER_BYTES + PIECE_BYTES
    wait_for_verified(dock, told["url"], file)


def test_a_program_that_ended_is_followed_by_one_that_goes_on(node: str, dock: Dock, file: Path) -> None:
    file.write_bytes(file.read_bytes()[::-1])
    first = send(node, dock, file, chunkSize=1_500_000, stopAt=3_000_000)
    assert first["ending"] == "aborted"
    address = f"{dock.archive.address}/api/v1/uploads/{first['url'].rpartition('/')[2]}"
    assert (dock.ask(address)["state"], dock.ask(address)["offset"]) == ("receiving", 3_000_000)

    second = send(node, dock, file, url=first["url"])

    assert [one["method"] for one in second["asked"]] == ["HEAD", "PATCH"]
    assert second["asked"][1]["offset"] == 3_000_000
    wait_for_verified(dock, first["url"], file)
