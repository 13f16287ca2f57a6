"""Upload files as fast as this machine can: one tus creation and one PATCH each, sent by the kernel."""

import base64
import http.client
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.errors import Refused


@dataclass(frozen=True, slots=True)
class Door:
    """Where to upload to, and as whom."""

    port: int
    token: str
    path: str = "/api/v1/uploads"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload's address, and when its last byte was acknowledged (monotonic seconds)."""

    location: str
    acknowledged: float


def upload(door: Door, path: Path, metadata: Mapping[str, str]) -> Uploaded:
    """Send one file. Raises `Refused` when the door does not take it."""
    size = path.stat().st_size
    pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
    connection = door.connect()
    try:
        connection.request(
            "POST", door.path, headers={**door.headers, "Upload-Length": str(size), "Upload-Metadata": pairs}
        )
        location = _answer(connection, 201).headers["Location"] or ""
        connection.putrequest("PATCH", location)
        told = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": str(size)}
        for name, value in {**door.headers, **told}.items():
            connection.putheader(name, value)
        connection.endheaders()
        with path.open("rb") as file:
            connection.sock.sendfile(file)
        _answer(connection, 204)
        return Uploaded(location, time.monotonic())
    finally:
        connection.close()


def upload_all(door: Door, paths: Sequence[Path], metadata: Mapping[str, str]) -> list[Uploaded]:
    """Send files at the same time, each over its own connection."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda path: upload(door, path, {**metadata, "filename": path.name}), paths))


def ask(door: Door, path: str) -> Any:
    """GET JSON. Raises `Refused` for any answer but 200."""
    return json.loads(fetch(door, path))


def fetch(door: Door, path: str, byte_range: str = "") -> bytes:
    """GET bytes, or one range of them such as `0-99`. Raises `Refused` for any answer but 200 and 206."""
    headers = {"Authorization": f"Bearer {door.token}", **({"Range": f"bytes={byte_range}"} if byte_range else {})}
    connection = door.connect()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status not in {200, 206}:
        raise Refused(f"GET {path}: {answer.status} {content[:300]!r}")
    return content


def _answer(connection: http.client.HTTPConnection, wanted: int) -> http.client.HTTPResponse:
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != wanted:
        raise Refused(f"expected status {wanted}, the door said {answer.status}: {content[:300]!r}")
    return answer


def refresh(path: Path) -> None:
    """Give a file other bytes than ever before, by its first sixteen: an archive keeps the same bytes once."""
    with path.open("r+b") as file:
        file.write(os.urandom(16))
        os.fsync(file.fileno())


def append_free_box(path: Path) -> int:
    """Give an MP4 a last box that readers pass over, for `refresh_free_box`. Source: ISO/IEC 14496-12 section 8.1.2."""
    with path.open("ab") as file:
        return file.write((24).to_bytes(4, "big") + b"free" + bytes(16))


def refresh_free_box(path: Path) -> None:
    """Give an MP4 with such a last box other bytes than ever before; it plays as it did."""
    with path.open("r+b") as file:
        file.seek(-16, os.SEEK_END)
        file.write(os.urandom(16))
        os.fsync(file.fileno())
