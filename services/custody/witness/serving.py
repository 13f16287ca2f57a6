"""Answer logs over HTTP: two addresses to post to, and one that shows the key."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from services.custody.room import RoomFor
from services.custody.witness.witness import Answer, Witness
from services.errors import HuisuError

log = logging.getLogger(__name__)

BODY_MAX_BYTES: Final = 1 << 18
"""Longest request: a head with a hundred signatures of the largest kinds is shorter."""
PATIENCE_S: Final = 15.0
"""How long a connection may say nothing."""
AT_ONCE = 1000
"""Connections at once, a thread each; further ones are ended, for whoever asks asks again."""
REQUEST_S = 30.0
"""How long a request may take to arrive, however steadily it drips."""


class WitnessServer(RoomFor, HTTPServer):
    """Listens for logs, a thread a connection."""

    patience_s = 0.1

    def __init__(self, place: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        self.room = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(place, _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (the interface's)
        """Note what broke in a connection, most often its other end; the others go on."""
        log.info("connection broke", exc_info=True)


def serve(server: WitnessServer, stop: threading.Event) -> None:
    """Answer until `stop`."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    stop.wait()
    server.shutdown()
    server.server_close()


class _Request(BaseHTTPRequestHandler):
    """One request; connections stay open for more."""

    protocol_version = "HTTP/1.1"
    server_version = "huisu-witness"
    sys_version = ""
    timeout = PATIENCE_S

    def do_POST(self) -> None:
        """Answer what a log submits."""
        witness = self._witness()
        acts: Mapping[str, Callable[[bytes], Answer]] = {
            "add-checkpoint": witness.add_checkpoint,
            "sign-draw": witness.sign_draw,
        }
        body = self._body()
        if body is None:
            return
        act = acts.get(self.path.rpartition("/")[2])
        if act is None:
            self._tell(Answer(404, "post to add-checkpoint or sign-draw\n"))
            return
        try:
            answer = act(body)
        except HuisuError as error:
            log.warning("request was not answered", extra={"error": str(error)})
            answer = Answer(503, "try again later\n")
        log.info("log was answered", extra={"act": self.path, "status": answer.status})
        self._tell(answer)

    def do_GET(self) -> None:
        """Show the key and how far each log was seen."""
        witness = self._witness()
        lines = [witness.verifier.vkey, *(f"{origin} {size}" for origin, size in witness.memory.logs())]
        self._tell(Answer(200, "".join(f"{line}\n" for line in lines)))

    def _body(self) -> bytes | None:
        told = self.headers.get("Content-Length", "")
        if not (told.isascii() and told.isdigit()) or "Transfer-Encoding" in self.headers:
            self._end(Answer(411, "say Content-Length\n"))
            return None
        if len(told) > 9 or int(told) > BODY_MAX_BYTES:
            self._end(Answer(413, f"at most {BODY_MAX_BYTES} bytes\n"))
            return None
        ends, body = time.monotonic() + REQUEST_S, b""
        while len(body) < int(told) and time.monotonic() < ends:
            part = self.rfile.read1(int(told) - len(body))
            if not part:
                break
            body += part
        if len(body) < int(told):
            self._end(Answer(400, "the body ended early\n"))
            return None
        return body

    def _end(self, answer: Answer) -> None:
        """Answer and close: what is left of the body would be read as the next request."""
        self.close_connection = True
        self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _witness(self) -> Witness:
        if not isinstance(self.server, WitnessServer):
            raise TypeError("this answers for a witness only")
        return self.server.witness

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the interface's)
        """Say nothing here: answers are logged as fields."""
