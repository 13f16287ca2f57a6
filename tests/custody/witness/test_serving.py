"""The witness over HTTP: the addresses and headers of the specification, and no harm from anything else."""

import http.client
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.custody.cosignature import DrawRequest, cosignatures
from services.custody.note import read_note, read_signatures
from services.custody.witness import serving
from services.custody.witness.serving import WitnessServer, serve
from services.custody.witness.witness import Witness
from tests.custody.notes import LEAVES, ORIGIN
from tests.custody.witness.test_witness import make, submission


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make(tmp_path / "w")


@pytest.fixture
def address(witness: Witness) -> Iterator[str]:
    server, stop = WitnessServer(("127.0.0.1", 0), witness), threading.Event()
    thread = threading.Thread(target=serve, args=(server, stop))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    stop.set()
    thread.join(20)


def test_a_head_is_cosigned_over_one_open_connection(witness: Witness, address: str) -> None:
    with httpx.Client(base_url=address, trust_env=False) as client:
        asked = submission(0, 5)
        answer = client.post("/prefix/add-checkpoint", content=asked.content)
        lines = read_signatures(answer.content)
        note = read_note(asked.note).with_signatures(lines)
        draw = client.post("/sign-draw", content=DrawRequest(LEAVES[0], note.content).content)
        conflict = client.post("/add-checkpoint", content=submission(0, 9).content)
        shown = client.get("/")

    assert answer.status_code == 200
    assert cosignatures(note, [witness.verifier])
    assert draw.status_code == 200
    assert (conflict.status_code, conflict.text, conflict.headers["content-type"]) == (409, "5\n", "text/x.tlog.size")
    assert shown.text.split() == [witness.verifier.vkey, ORIGIN, "5"]


def test_other_requests_get_their_statuses(address: str) -> None:
    host = address.removeprefix("http://")

    def status(method: str, path: str, body: bytes | None, **headers: str) -> int:
        link = http.client.HTTPConnection(host, timeout=20)
        link.putrequest(method, path)
        for name, value in headers.items():
            link.putheader(name.replace("_", "-"), value)
        link.endheaders(body)
        answer = link.getresponse().status
        link.close()
        return answer

    assert status("POST", "/add-checkpoint", b"hello", Content_Length="5") == 400
    assert status("POST", "/elsewhere", b"", Content_Length="0") == 404
    assert status("POST", "/add-checkpoint", None) == 411
    assert status("POST", "/add-checkpoint", None, Content_Length="-1") == 411
    assert status("POST", "/add-checkpoint", b"0\r\n\r\n", Content_Length="5", Transfer_Encoding="chunked") == 411
    assert status("POST", "/add-checkpoint", None, Content_Length="99999999999999999999") == 413
    assert status("DELETE", "/", None) == 501


def test_garbage_and_silence_hold_up_nobody(address: str) -> None:
    host, _, port = address.removeprefix("http://").rpartition(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(10)]
    with socket.create_connection((host, int(port))) as garbage:
        garbage.sendall(b"\xff" * 5000 + b"\r\n\r\n")
        garbage.recv(100)

    assert httpx.post(f"{address}/add-checkpoint", content=submission(0, 5).content, trust_env=False).status_code == 200
    for link in silent:
        link.close()


def test_no_more_connections_are_held_than_there_is_room_for(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "AT_ONCE", 3)
    server, stop = WitnessServer(("127.0.0.1", 0), witness), threading.Event()
    thread = threading.Thread(target=serve, args=(server, stop))
    thread.start()
    links = [socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) for _ in range(4)]
    try:
        assert links[3].recv(1) == b"", "the fourth is ended"
        links[0].sendall(b"GET / HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n")
        assert links[0].recv(100).startswith(b"HTTP/1.1 200")
    finally:
        for link in links:
            link.close()
        stop.set()
        thread.join(20)


def test_a_request_that_drips_is_ended_in_time(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_S", 0.5)
    host, _, port = address.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as link:
        link.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 1000\r\n\r\n")
        sent = 0
        while not select.select([link], [], [], 0.1)[0]:
            link.sendall(b"a")
            sent += 1
            assert sent < 500, "it goes on as long as it drips"
        assert link.recv(100).startswith(b"HTTP/1.1 400")
