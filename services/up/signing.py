"""Run the signer: the one process that holds the log's key. It loads little and opens neither database nor store."""

import logging
import secrets
import signal
import threading

from services.custody.signer import LogSigner
from services.custody.signerhome import SignerHome
from services.custody.signersocket import serve
from services.settings import Settings
from services.up.logs import log_as_json

log = logging.getLogger(__name__)


def sign(settings: Settings) -> int:
    """
    Sign heads of the log until stopped; gives the exit code.

    The first start makes the log's name and keys.
    """
    log_as_json(settings.log_level)
    paths, stop = settings.paths, threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signer = LogSigner(
        SignerHome(paths.signer),
        settings.log_origin,
        make_origin=lambda: f"huisu.local/{secrets.token_hex(4)}",
        make_seed=lambda: secrets.token_bytes(32),
    )
    try:
        if trouble := signer.public().trouble:
            log.error("signer may not sign", extra={"trouble": trouble})
        serve(signer, paths.signer_socket, stop, alone=paths.signer_socket.parent == paths.signer)
        return 1 if signer.is_broken else 0
    finally:
        signer.close()
