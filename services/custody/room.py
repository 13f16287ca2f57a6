"""Room for so many connections at once and no more, for servers with a thread a connection."""

import socketserver
import threading
from typing import Any


class RoomFor(socketserver.ThreadingMixIn):
    """
    Mix this into a socket server, set `room` before it listens.

    `patience_s` is how long a further connection waits for room before it is ended; None: until there is some.
    """

    daemon_threads = True
    block_on_close = False
    room: threading.BoundedSemaphore
    patience_s: float | None = None

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection when there is room for it."""
        if not self.room.acquire(timeout=self.patience_s):
            self.shutdown_request(request)  # type: ignore[attr-defined]  # the server's, which this is mixed into
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.room.release()  # no thread began, so none makes room
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()
