"""Speak tus over a bare socket, so that a test can break, halt or repeat anything, and read the answer exactly."""

import base64
import hashlib
import json
import socket
from dataclasses import dataclass
from typing import Any, Self

DOCK = {"Authorization": "Bearer dock-1", "Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
BASE = "/api/v1/uploads"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def offset(self) -> int:
        return int(self.headers["upload-offset"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["code"])


class Line:
    """One connection."""

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def head(self, method: str, path: str, headers: dict[str, str]) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: archive", *(f"{k}: {v}" for k, v in headers.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send(self, block: bytes) -> None:
        self.socket.sendall(block)

    def answer(self, *, is_head: bool = False) -> Answer:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        if status == 100:
            return self.answer(is_head=is_head)
        has_none = is_head or status == 204
        return Answer(status, headers, b"" if has_none else self.file.read(int(headers.get("content-length", 0))))


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
    """Send one whole request on a connection of its own; `headers` join or override those of a dock."""
    told = DOCK | {"Content-Length": str(len(body))} | (headers or {})
    with Line(port) as line:
        line.head(method, path, {name: value for name, value in told.items() if value != "-"})
        line.send(body)
        return line.answer(is_head=method == "HEAD")


def create(port: int, size: int, metadata: dict[str, str] | None = None) -> str:
    """Open an upload and give its path."""
    encoded = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in (metadata or {}).items())
    answer = ask(port, "POST", BASE, {"Upload-Length": str(size)} | ({"Upload-Metadata": encoded} if encoded else {}))
    assert answer.status == 201, answer
    return answer.headers["location"]


def patch(port: int, path: str, offset: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return ask(port, "PATCH", path, BYTES | {"Upload-Offset": str(offset)} | (headers or {}), body)


def head_offset(port: int, path: str) -> int:
    answer = ask(port, "HEAD", path)
    assert answer.status == 200, answer
    return answer.offset


def checksum(body: bytes, algorithm: str = "sha256") -> dict[str, str]:
    value = base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {value}"}


def id_of(path: str) -> str:
    return path.rpartition(".")[2]
