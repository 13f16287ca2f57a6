"""
Answer for the signer on a Unix socket: one JSON object a line each way, one question a connection.

Who may connect may ask for signatures; the signer's own memory decides which it gives. The socket lies in the signer's
folder, for its own user alone; elsewhere it is for its group too, so that the archive may run as another user.
"""

import json
import logging
import os
import socketserver
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from services.custody.canonical import decode
from services.custody.room import RoomFor
from services.custody.signer import LogSigner
from services.errors import HuisuError, Invalid
from services.storage.durable import translated

log = logging.getLogger(__name__)

LINE_MAX_BYTES: Final = 1 << 19
"""Longest question: the list of a package of 1,000 files has 200 KB in base64, a proof of 63 hashes 3 KB."""
PATIENCE_S: Final = 10.0
"""How long a connection may say nothing."""
AT_ONCE: Final = 64


def serve(signer: LogSigner, socket: Path, stop: threading.Event, *, alone: bool) -> None:
    """
    Answer until `stop`, or until the signer could not write its memory; then no signature leaves any more.

    `alone` keeps the socket to this user. Raises `StoreUnavailable` where the socket cannot be made.
    """
    with translated(f"the signer's socket {socket}"):
        socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        socket.unlink(missing_ok=True)
        folder = os.open(socket.parent, os.O_RDONLY | os.O_DIRECTORY)
        # a socket's path has at most 107 bytes; by way of its folder every path is short enough
        server = _Server(f"/proc/self/fd/{folder}/{socket.name}", signer, stop)
        socket.chmod(0o600 if alone else 0o660)
    try:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        socket.unlink(missing_ok=True)
        os.close(folder)


def answer(signer: LogSigner, line: bytes) -> dict[str, Any]:
    """Answer one question; a refusal is an answer too."""
    try:
        asked = _asked(line)
        act = _ACTS.get(str(asked.get("ask")))
        if act is None:
            raise Invalid(f"the signer does not answer {str(asked.get('ask'))[:40]!r}")
        return {"ok": act(signer, asked)}
    except HuisuError as error:
        return {"error": error.code, "message": str(error)}


def _asked(line: bytes) -> Mapping[str, Any]:
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Invalid("a question is one JSON object on one line") from error
    if not isinstance(asked, dict):
        raise Invalid("a question is one JSON object on one line")
    return asked


def _public(signer: LogSigner, _asked: Mapping[str, Any]) -> dict[str, Any]:
    told = signer.public()
    return {
        "origin": told.origin,
        "keys": [key.vkey for key in told.keys],
        "upcoming": told.upcoming.vkey if told.upcoming else None,
        "draw_key": b64encode(told.draw_key).decode(),
        "size": told.size,
        "root": b64encode(told.root).decode(),
        "trouble": told.trouble,
        "user": os.getuid(),
        "disk": signer.disk,
    }


def _sign(signer: LogSigner, asked: Mapping[str, Any]) -> dict[str, Any]:
    proof = asked.get("proof")
    if not isinstance(proof, list) or len(proof) > 63:
        raise Invalid("a proof is a list of at most 63 hashes")
    note = signer.sign(_number(asked, "size"), _octets(asked, "root", 32), [_text(one, 32) for one in proof])
    return {"note": note.decode()}


def _receipt(signer: LogSigner, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"receipt": signer.receipt(_octets(asked, "leaf_hash", 32), _number(asked, "accepted_ms")).text}


def _package(signer: LogSigner, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"note": signer.package(_octets(asked, "text")).decode()}


def _vrf(signer: LogSigner, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"proof": b64encode(signer.vrf(_octets(asked, "alpha"))).decode()}


def _rotate(signer: LogSigner, _asked: Mapping[str, Any]) -> dict[str, Any]:
    old, new = signer.rotate()
    return {"old": old.vkey, "new": new.vkey}


def _finish(signer: LogSigner, asked: Mapping[str, Any]) -> dict[str, Any]:
    path = asked.get("path")
    if not isinstance(path, list) or len(path) > 63:
        raise Invalid("a path is a list of at most 63 hashes")
    entry, index = _octets(asked, "entry"), _number(asked, "index")
    return {"key": signer.finish_rotation(entry, index, [_text(one, 32) for one in path], _fields(asked)).vkey}


def _fields(asked: Mapping[str, Any]) -> list[tuple[str, bytes, str]]:
    rows = asked.get("fields")
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == 3 and all(isinstance(one, str) for one in row) for row in rows
    ):
        raise Invalid("fields are rows of name, salt and value")
    try:
        return [(name.encode().decode(), _text(salt, 16), value.encode().decode()) for name, salt, value in rows]
    except UnicodeEncodeError as error:
        raise Invalid("fields are rows of text") from error


_ACTS: Final[Mapping[str, Callable[[LogSigner, Mapping[str, Any]], dict[str, Any]]]] = {
    "public": _public,
    "sign": _sign,
    "receipt": _receipt,
    "package": _package,
    "vrf": _vrf,
    "rotate": _rotate,
    "finish_rotation": _finish,
}


def _number(asked: Mapping[str, Any], name: str) -> int:
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise Invalid(f"{name} is a number from 0 on")
    return value


def _octets(asked: Mapping[str, Any], name: str, length: int | None = None) -> bytes:
    return _text(asked.get(name), length)


def _text(value: object, length: int | None) -> bytes:
    if not isinstance(value, str):
        raise Invalid("octets are written in base64")
    octets = decode(value, "a value")
    if length is not None and len(octets) != length:
        raise Invalid(f"{length} octets are needed, not {len(octets)}")
    return octets


class _Server(RoomFor, socketserver.UnixStreamServer):
    """Listens for the signer, a thread a connection, so many at once and no more."""

    request_queue_size = 128

    def __init__(self, address: str, signer: LogSigner, stop: threading.Event) -> None:
        self.signer, self.stop = signer, stop
        self.room = threading.BoundedSemaphore(AT_ONCE)
        before = os.umask(0o177)
        try:
            super().__init__(address, _Connection)
        finally:
            os.umask(before)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (the interface's)
        """Note what broke in a connection; the others go on."""
        log.exception("signer connection broke")


class _Connection(socketserver.StreamRequestHandler):
    """One question and its answer."""

    timeout = PATIENCE_S

    def handle(self) -> None:
        """Read a line, answer it, end."""
        server = self.server
        if not isinstance(server, _Server):
            return
        try:
            line = self.rfile.readline(LINE_MAX_BYTES + 1)
            if not line.endswith(b"\n"):
                if line:
                    self._tell({"error": Invalid.code, "message": f"a question has at most {LINE_MAX_BYTES} bytes"})
                return
            self._tell(answer(server.signer, line))
        except OSError as error:
            log.info("signer connection ended early", extra={"error": str(error)})
        if server.signer.is_broken:
            log.error("signer could not write its memory")
            server.stop.set()

    def _tell(self, said: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(said).encode() + b"\n")
