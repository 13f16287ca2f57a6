"""Run a witness: the program of another house, which knows nothing of an archive but its log's keys."""

import logging
import secrets
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from services.custody.note import PLAIN, parse_vkey
from services.custody.witness.serving import WitnessServer, serve
from services.custody.witness.witness import Witness, open_witness
from services.errors import Misconfigured, NoteRefused
from services.up.logs import log_as_json

log = logging.getLogger(__name__)


def opened_witness(folder: Path, name: str | None, logs: Sequence[str]) -> Witness:
    """
    Open a witness that trusts these logs' keys, and those that it was told before.

    Raises:
        Misconfigured: a new witness without a name, or a key that is none of a log.
    """
    witness = open_witness(folder.expanduser().absolute(), name, lambda: secrets.token_bytes(32), _now)
    for vkey in logs:
        try:
            key = parse_vkey(vkey.strip())
        except NoteRefused as error:
            raise Misconfigured(f"--log: {error}") from error
        if key.type != PLAIN:
            raise Misconfigured(f"--log: the key of {key.name} is a witness's, not a log's")
        witness.memory.trust(key)
    return witness


def run_witness(witness: Witness, listen: str, say: Callable[[str], None]) -> None:
    """Answer logs until SIGTERM or Ctrl-C; `say` prints a line for the person."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise Misconfigured(f"--listen takes HOST:PORT, not {listen}")
    try:
        server = WitnessServer((host.strip("[]"), int(port)), witness)
    except (OSError, OverflowError) as error:
        raise Misconfigured(f"cannot listen on {listen}: {error}") from error
    log_as_json("info")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    say(f"witness {witness.verifier.vkey}")
    say(f"answers at http://{listen}")
    serve(server, stop)


def _now() -> datetime:
    return datetime.now(UTC)
