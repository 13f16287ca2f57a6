"""
Bring a log forward until a named moment, and fail there: exit at once, raise, or hang until killed.

usage: python -m tests.custody.log_victim, then one order a line, `{"home": …, "point": …, "how": …}`; two lines come
back, the process id and the exit status of a child that is forked to carry it out. `point` is `STEP:before` or
`STEP:after`, or `none`; a step may carry the number of its turn, as in `put-2`. Before a child hangs it makes `hangs`
in the home.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from services.bench.logs import OwnSigner
from services.bootstrap import Archive, open_archive
from services.custody import heads, sequencer
from services.custody.heads import newest_head, sign_head
from services.custody.publish import Publisher
from services.custody.sequencer import integrate, leading
from services.errors import HuisuError
from services.settings import load_settings
from services.storage.filesystem import FolderStore

BATCH = 50
PUTS = 4
POINTS = [
    *(f"{step}:{moment}" for step in ("take", "enter", "fill", "clear", "commit", "sign", "keep")
      for moment in ("before", "after")),
    *(f"put-{number}:{moment}" for number in range(1, PUTS + 1) for moment in ("before", "after")),
    "remove:before", "remove:after",
]  # fmt: skip
"""Every step of sequencing, publishing and signing: before it, and right after it."""


class Pulled(Exception):
    """What `raise` raises: nothing of ours, as a bug would."""


def fail(home: Path, how: str) -> None:
    """End here."""
    if how == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        (home / "hangs").touch()
        time.sleep(600)
    raise Pulled


def arm(home: Path, point: str, how: str) -> None:
    """Lay the trap."""
    name, moment = point.split(":")
    step, _, number = name.partition("-")
    left = int(number or 1)

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            fail(home, how)

    if step == "commit":
        # of the transaction that moves entries: those before it only read
        inner = sequencer._clear

        def cleared(session: Session, rows: Any) -> None:
            inner(session, rows)
            event.listen(session, "before_commit" if moment == "before" else "after_commit", count)

        sequencer._clear = cleared
        return
    place: dict[str, tuple[Any, str]] = {
        "take": (sequencer, "_take"),
        "enter": (sequencer, "_enter"),
        "fill": (sequencer, "fill_tiles"),
        "clear": (sequencer, "_clear"),
        "sign": (OwnSigner, "sign"),
        "keep": (heads, "keep_head"),
        "put": (FolderStore, "put_bytes"),
        "remove": (FolderStore, "remove_derived"),
    }
    owner, called = place[step]
    _wrap(owner, called, before=count if moment == "before" else None, after=count if moment == "after" else None)


def _wrap(
    owner: Any, name: str, *, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> None:
    inner = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before()
        done = inner(*args, **kwargs)
        if after is not None:
            after()
        return done

    setattr(owner, name, outer)


def bring_forward(archive: Archive, batch: int = BATCH) -> None:
    """Do all that there is to do: sequence, publish, sign, publish the head."""
    signer = OwnSigner(archive.settings.paths.signer)
    with leading(archive.engine) as lead:
        assert lead.is_mine(), "another process leads"
        with archive.reading() as session:
            newest = newest_head(session)
        publisher = Publisher(archive.engine, archive.store, newest.size if newest else 0)
        while integrate(archive.engine, batch):
            pass
        size = publisher.publish()
        publisher.clear()
        if size:
            sign_head(archive.engine, signer, size, archive.clock())
            publisher.publish_head()
    signer.close()


def obey(home: Path, point: str, how: str) -> None:
    """Bring the log forward, or fail on the way; what is caught is caught as the process does it."""
    if point != "none":
        arm(home, point, how)
    archive = open_archive(load_settings({}, home=home))
    try:
        bring_forward(archive)
    except HuisuError:
        os._exit(3)
    finally:
        archive.close()


def main() -> None:
    """Carry out orders until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                obey(Path(order["home"]), order["point"], order["how"])
                status = 0
            except Pulled:
                status = 2
            finally:
                os._exit(status)
        print(child, flush=True)
        _, raw = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(raw), flush=True)


if __name__ == "__main__":
    main()
