"""Have the log's head stamped every hour, where an authority of time is set; in a thread that nothing waits for."""

import logging
import threading
import time
from typing import Final

from services.bootstrap import Archive
from services.custody.timestamping import Stamping, load_roots
from services.errors import HuisuError, Misconfigured

log = logging.getLogger(__name__)

LOOK_S: Final = 60.0
"""Time between two looks whether a stamp is due."""


def start_stamping(archive: Archive, stop: threading.Event) -> None:
    """Begin to ask for stamps until `stop`; nothing is begun without an authority that can be checked."""
    settings = archive.settings
    if settings.tsa_url is None:
        return
    try:
        roots = load_roots(settings.tsa_roots)
    except Misconfigured as error:
        log.error("heads are not stamped", extra={"error": str(error)})  # noqa: TRY400  (the message says the mend)
        return
    stamping = Stamping(archive.engine, archive.store, settings.tsa_url, roots)
    threading.Thread(target=_stamp, args=(stamping, stop), name="timestamps", daemon=True).start()


def _stamp(stamping: Stamping, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            stamping.stamp_newest(time.monotonic())
        except HuisuError as error:
            log.warning("head was not stamped", extra={"code": error.code, "error": str(error)})
        except Exception:
            log.exception("stamping broke")
        stop.wait(LOOK_S)
