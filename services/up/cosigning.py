"""Ask the log's witnesses after each new head, in a thread of its own: the log never waits for another house."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from services.bootstrap import Archive
from services.custody.witnessing import Asking, load_policy
from services.errors import HuisuError

log = logging.getLogger(__name__)

AGAIN_S: Final = 60.0
"""How often witnesses that did not sign the newest head are asked again."""
PAUSE_S: Final = 1.0
"""Shortest time between two rounds."""


def start_asking(archive: Archive, stop: threading.Event) -> Callable[[], None]:
    """Begin to ask the witnesses of the policy until `stop`; gives what to call after each new head."""
    bell = threading.Event()
    threading.Thread(target=_ask, args=(archive, bell, stop), name="witnesses", daemon=True).start()
    return bell.set


def _ask(archive: Archive, bell: threading.Event, stop: threading.Event) -> None:
    asking = Asking(archive.engine, load_policy(None), archive.clock)
    while not stop.is_set():
        bell.wait(AGAIN_S)
        bell.clear()
        try:
            asking.policy = load_policy(archive.settings.policy_file)
            asking.ask_all()
        except HuisuError as error:
            log.warning("witnesses were not asked", extra={"code": error.code, "error": str(error)})
        except Exception:
            log.exception("asking witnesses broke")
        stop.wait(PAUSE_S)
