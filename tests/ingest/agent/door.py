"""A small real tus server with faults, and real sockets to run it (or the archive's own door) on."""

import asyncio
import base64
import hashlib
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console

from services.ingest.agent.options import Options
from services.ingest.agent.outcome import Report
from services.ingest.agent.send import send

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "dock-1"
PREFIX = "/api/v1/uploads"
AGENT = "from services.ingest.agent.command import dock_app; dock_app()"


@dataclass
class Upload:
    number: int
    length: int
    metadata: dict[str, str]
    headers: dict[str, str]
    data: bytearray = field(default_factory=bytearray)
    whole: Any = field(default_factory=hashlib.sha256)
    offset: int = 0
    state: str = "receiving"
    reason: str | None = None
    looks: int = 0

    @property
    def name(self) -> str:
        return self.metadata["filename"]


@dataclass(frozen=True)
class Answer:
    """Instead of doing what is asked."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    problem: dict[str, str] | None = None


@dataclass(frozen=True)
class Cut:
    """Keep so many bytes of the body, then break the line."""

    after_bytes: int


STARTED: list[subprocess.Popen[str]] = []
"""Agents of the running test; a failing one must not leave any behind."""


class Broken(Exception):
    pass


class Door:
    """Just enough of an archive: `script` holds faults by method, used up in order."""

    def __init__(self, *, keeps_bytes: bool = True, honours_attempts: bool = False) -> None:
        self.uploads: list[Upload] = []
        self.script: dict[str, list[Answer | Cut]] = {}
        self.endings: dict[str, tuple[str, str]] = {}
        self.digests: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.order: list[str] = []
        self.running = 0
        self.most_running = 0
        self.received_bytes = 0
        self.pause_s = 0.0
        self.looks_until_verified = 2
        self.on_create: Callable[[], object] = lambda: None
        self.on_bytes: Callable[[Upload], None] = lambda _: None
        self._keeps_bytes, self._honours_attempts = keeps_bytes, honours_attempts

    async def __call__(self, scope, receive, send) -> None:
        headers = {key.decode().lower(): value.decode("latin-1") for key, value in scope["headers"]}
        method = scope["method"]
        self.requests.append((method, headers))
        faults = self.script.get(method)
        fault = faults.pop(0) if faults else None
        if headers.get("authorization") != f"Bearer {TOKEN}":
            fault = Answer(401, problem={"code": "unauthenticated", "detail": "unknown token"})
        if isinstance(fault, Answer):
            await _answer(send, fault.status, fault.headers, fault.problem)
            return
        if method == "POST":
            await self._create(headers, send)
            return
        upload = next((u for u in self.uploads if scope["path"] == f"{PREFIX}/g1.{u.number}"), None)
        if upload is None or upload.state == "gone":
            await _answer(send, 404, {}, {"code": "not-found", "detail": "no such upload"})
        elif method == "HEAD":
            await _answer(send, 200, {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length)})
        elif method == "PATCH":
            await self._append(upload, headers, receive, send, fault)
        else:
            await self._tell(upload, send)

    async def _create(self, headers, send) -> None:
        metadata = {}
        for pair in headers["upload-metadata"].split(","):
            key, _, value = pair.partition(" ")
            metadata[key] = base64.b64decode(value).decode()
        same = [u for u in self.uploads if u.headers["idempotency-key"] == headers["idempotency-key"]]
        if same and self._honours_attempts:
            upload = same[0]
        else:
            upload = Upload(len(self.uploads), int(headers["upload-length"]), metadata, headers)
            self.uploads.append(upload)
            self._complete(upload)
        self.on_create()
        await _answer(send, 201, {"Location": f"{PREFIX}/g1.{upload.number}"})

    async def _append(self, upload, headers, receive, send, fault) -> None:
        if int(headers["upload-offset"]) != upload.offset:
            await _answer(send, 409, {}, {"code": "offset-mismatch", "detail": f"goes on at {upload.offset}"})
            return
        self.order.append(upload.name)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        begun, piece = upload.offset, hashlib.sha256()
        try:
            while True:
                message = await receive()
                block = message.get("body", b"")
                if isinstance(fault, Cut):
                    block = block[: max(begun + fault.after_bytes - upload.offset, 0)]
                piece.update(block)
                self._keep(upload, block)
                if isinstance(fault, Cut) and upload.offset - begun >= fault.after_bytes:
                    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
                    raise Broken
                if message["type"] == "http.disconnect":
                    return
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
                if not message.get("more_body"):
                    break
        finally:
            self.running -= 1
        if "upload-checksum" in headers and headers["upload-checksum"] != _sum(piece.digest()):
            await _answer(send, 460, {}, {"code": "checksum-mismatch", "detail": "bytes differ"})
            return
        self._complete(upload)
        await _answer(send, 204, {"Upload-Offset": str(upload.offset)})

    def _keep(self, upload, block) -> None:
        upload.whole.update(block)
        if self._keeps_bytes:
            upload.data += block
        upload.offset += len(block)
        self.received_bytes += len(block)
        self.on_bytes(upload)

    def _complete(self, upload) -> None:
        if upload.offset == upload.length:
            upload.state, upload.reason = self.endings.get(upload.name, ("received", None))

    async def _tell(self, upload, send) -> None:
        upload.looks += 1
        if upload.state in ("received", "stored"):
            upload.state = "verified" if upload.looks >= self.looks_until_verified else "stored"
        sha256 = self.digests.get(upload.name, upload.whole.hexdigest())
        told = {
            "id": str(upload.number), "state": upload.state, "reason": upload.reason, "offset": upload.offset,
            "size": upload.length, "sha256": sha256 if upload.state in ("verified", "quarantined") else None,
            "recording": f"rec-{upload.number}" if upload.state == "verified" else None, "duplicate": False,
        }  # fmt: skip
        await _answer(send, 200, {}, told)

    def of(self, name: str) -> list[Upload]:
        return [upload for upload in self.uploads if upload.name == name]


def _sum(digest: bytes) -> str:
    return f"sha256 {base64.b64encode(digest).decode()}"


async def _answer(send, status, headers, told=None) -> None:
    body = json.dumps(told).encode() if told else b""
    pairs = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    if status != 204:
        pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


class Served:
    """An application on a real socket; stopped and started again it has the same port."""

    def __init__(self, app) -> None:
        self._app, self.port = app, 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(self._app, log_config=None, http="h11", ws="none", lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()


class FakeTime:
    """Time that passes when somebody sleeps; remembers how long each sleep was."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        time.sleep(min(seconds, 0.002))


@dataclass
class Run:
    report: Report
    lines: list[str]

    def state(self, name: str) -> str:
        return next(outcome.state for outcome in self.report.outcomes if outcome.path.name == name)

    def reason(self, name: str) -> str:
        return next(outcome.reason for outcome in self.report.outcomes if outcome.path.name == name)


def run_send(paths, url, state_folder, *, fake=None, is_real_time: bool = False, stop=None, **options) -> Run:
    """Run the agent in this process, in time that passes by sleeping."""
    fake = fake or FakeTime()
    written = StringIO()
    console = Console(file=written, width=60)
    times = {"clock": fake.clock, "sleep": fake.sleep} if not is_real_time else {}
    asked = Options(**{"url": url, "token": TOKEN, "state_folder": state_folder, **options})
    report = send(paths, asked, console=console, random=random.Random(7), stop=stop, **times)
    return Run(report, written.getvalue().splitlines())


def start_agent(paths, url, state_folder, *more: str, script: str = AGENT, **environment: str) -> subprocess.Popen[str]:
    """Run the agent as its own process."""
    command = [
        sys.executable,
        "-c",
        script,
        "send",
        *map(str, paths),
        "--url",
        url,
        "--state",
        str(state_folder),
        *more,
    ]
    agent = subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HUISU_DOCK_TOKEN": TOKEN, "PYTHONUTF8": "1", **environment},
    )
    STARTED.append(agent)
    return agent


def write(path: Path, size_bytes: int, seed: int = 1) -> bytes:
    """Make a file of random bytes."""
    content = random.Random(seed).randbytes(size_bytes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return content
