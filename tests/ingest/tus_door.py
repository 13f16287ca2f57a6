"""
A dock's door on a real socket, over a register that lives in memory or in one JSON file.

Also a program, for tests that kill it: `python -m tests.ingest.tus_door FOLDER [--file-limit N] …`
prints its port when it listens.
"""

import argparse
import contextlib
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import fastapi
import uvicorn

from services.errors import Conflict, DatabaseBusy, NotFound, Unauthenticated
from services.ingest.memory import reuse_freed_memory
from services.ingest.register import Sender, UploadState
from services.ingest.staging import Staging
from services.ingest.tus import router

MAX_SIZE_BYTES = 1 << 40


class SmallRegister:
    """Keep uploads in a dictionary, and in a file when one is given, so that a killed server finds them again."""

    def __init__(self, kept: Path | None = None) -> None:
        self.states: dict[str, UploadState] = {}
        self.owners: dict[str, str] = {}
        self.metadata: dict[str, Mapping[str, str]] = {}
        self.received_calls: list[str] = []
        self.is_busy = False
        self._kept = kept
        self._lock = threading.RLock()
        if kept is not None and kept.exists():
            for told in json.loads(kept.read_text()):
                self.owners[told["state"]["id"]] = told["owner"]
                self.states[told["state"]["id"]] = UploadState(**told["state"])

    def authenticate(self, headers: Mapping[str, str]) -> Sender:
        scheme, _, name = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not name.startswith("dock-"):
            raise Unauthenticated("this needs a dock's token")
        return Sender(account=name, name=name, units=frozenset({"一队"}), dock=name)

    def open(
        self, sender: Sender, upload: str, size_bytes: int, metadata: Mapping[str, str], expires_at: datetime
    ) -> None:
        with self._lock:
            self._require_free()
            self.owners[upload] = sender.account
            self.metadata[upload] = metadata
            self._set(UploadState(upload, "receiving", None, 0, size_bytes, None, None, duplicate=False))

    def look(self, sender: Sender, upload: str) -> UploadState:
        with self._lock:
            if upload not in self.states or self.owners[upload] != sender.account:
                raise NotFound(f"no upload {upload}")
            return self.states[upload]

    def received(self, upload: str) -> None:
        with self._lock:
            self._require_free()
            self.received_calls.append(upload)
            state = self.states[upload]
            if state.state == "receiving":
                self._set(replace(state, state="received", offset=state.size))

    def terminated(self, sender: Sender, upload: str) -> None:
        with self._lock:
            if self.look(sender, upload).state not in {"receiving", "expired"}:
                raise Conflict(f"upload {upload} is received")
            del self.states[upload]
            self._write()

    def expired(self, upload: str) -> None:
        with self._lock:
            if upload in self.states:
                self._set(replace(self.states[upload], state="expired"))

    def become(self, upload: str, **changes) -> None:
        with self._lock:
            self._set(replace(self.states[upload], **changes))

    def _require_free(self) -> None:
        if self.is_busy:
            raise DatabaseBusy("the database is locked")

    def _set(self, state: UploadState) -> None:
        self.states[state.id] = state
        self._write()

    def _write(self) -> None:
        if self._kept is not None:
            told = [{"owner": self.owners[state.id], "state": asdict(state)} for state in self.states.values()]
            fresh = self._kept.with_suffix(".new")
            fresh.write_text(json.dumps(told))
            fresh.rename(self._kept)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Running:
    """A server on a real socket in a thread of this process."""

    def __init__(self, staging: Staging, register: SmallRegister, clock: Clock, stall_s: float) -> None:
        self.staging, self.register, self.clock = staging, register, clock
        app = fastapi.FastAPI()
        app.include_router(
            router(staging, register, gate="g1", max_size_bytes=MAX_SIZE_BYTES, clock=clock, stall_s=stall_s)
        )

        @app.get("/ping")
        async def ping() -> str:
            return "pong"

        self.app = app
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.address = ("127.0.0.1", self.port)
        self.url = f"http://127.0.0.1:{self.port}/api/v1/uploads"
        config = uvicorn.Config(app, log_level="warning", http="httptools", ws="none", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)

    def start(self) -> None:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join(10)
        self.listener.close()


@contextlib.contextmanager
def running(folder: Path, *, stall_s: float = 20.0, **staging_options) -> Iterator[Running]:
    with Staging(folder, **staging_options) as staging:
        door = Running(staging, SmallRegister(), Clock(), stall_s)
        door.start()
        try:
            yield door
        finally:
            door.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--file-limit", type=int)
    options = parser.parse_args()
    if options.file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_limit, options.file_limit))
    reuse_freed_memory()
    options.folder.mkdir(parents=True, exist_ok=True)
    staging = Staging(options.folder / "staging")
    door = Running(staging, SmallRegister(options.folder / "register.json"), Clock(), 20.0)
    print(door.port, flush=True)
    door.server.run(sockets=[door.listener])


if __name__ == "__main__":
    main()
