"""Stand between a client and a server, and be as bad as a line can be."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, Self

Trouble = Literal["none", "refused", "silent", "broken", "error"]
"""Nobody listens · no answer ever comes · answers break off · every request is answered 500."""

_SAID = b"<Error><Code>InternalError</Code><Message>no luck</Message></Error>"
ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_SAID), _SAID)
)
BROKEN_AFTER_BYTES = 40


@dataclass(slots=True)
class Line:
    """Carry connections to a server; `trouble` and `delay_s` may change at any time."""

    target: tuple[str, int]
    address: tuple[str, int] = ("127.0.0.1", 0)
    delay_s: float = 0.0
    good_for: int | None = None
    """After so many more pieces from clients the trouble named in `then` begins."""
    then: Trouble = "error"
    pieces: int = 0
    _trouble: Trouble = "none"
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"{self.address[0]}:{self.address[1]}"

    @property
    def trouble(self) -> Trouble:
        """What is wrong now."""
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: Trouble) -> None:
        self._trouble = trouble
        for line in list(self._open):  # clients keep connections: those were made before
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if trouble == "refused":
            self._close()
        elif self._listener is None:
            self._listen()

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.trouble = "refused"

    def _listen(self) -> None:
        self._listener = socket.create_server(self.address, reuse_port=False)
        self.address = self._listener.getsockname()[:2]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with self._known(client), suppress(OSError):
            if self._trouble in {"none", "broken"}:
                with socket.create_connection(self.target) as server, self._known(server):
                    back = threading.Thread(target=self._bring_back, args=(server, client), daemon=True)
                    back.start()
                    self._bring(client, server)
                    back.join()
            else:
                self._bring(client, None)

    def _bring(self, client: socket.socket, server: socket.socket | None) -> None:
        while block := client.recv(1 << 16):
            self.pieces += 1
            if self.good_for is not None:
                self.good_for -= 1
                if self.good_for < 0:
                    self.good_for = None
                    self.trouble = self.then
                    return
            time.sleep(self.delay_s)
            if server is not None:
                server.sendall(block)
            elif self._trouble == "error":
                client.sendall(ERROR)
                return
        if server is not None:
            server.shutdown(socket.SHUT_WR)

    def _bring_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while block := server.recv(1 << 16):
                if self._trouble == "broken":
                    client.sendall(block[:BROKEN_AFTER_BYTES])
                    break
                client.sendall(block)
            client.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _known(self, line: socket.socket) -> Iterator[None]:
        self._open.add(line)
        try:
            yield
        finally:
            self._open.discard(line)
            line.close()
