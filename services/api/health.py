"""Say whether this process can work: each part is asked, and each answers for itself."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from services.bootstrap import Archive
from services.custody.logtree import log_size
from services.custody.receipt import MERGE_DELAY_MS
from services.custody.sequencer import waiting_since
from services.digest import Digest
from services.errors import HuisuError, NotFound
from services.index.counts import heartbeats
from services.index.migrate import newest, present
from services.queue import reach
from services.storage import keys

log = logging.getLogger(__name__)

NOTHING: Final = Digest.from_hex("00" * 32)
"""A digest that no file has; asking for it proves that the store answers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One part's answer; without a `required` part the process cannot work."""

    name: str
    ok: bool
    detail: str
    required: bool = True


def checks(archive: Archive) -> list[Check]:
    """Ask database, schema, store, broker (where one is set) and the processes that show themselves."""
    found = [
        _check("database", lambda: _database(archive)),
        _check("schema", lambda: _schema(archive)),
        _check("store", lambda: _store(archive)),
    ]
    if archive.settings.broker_url is not None:
        found.append(_check("broker", lambda: _broker(archive)))
    return [*found, _log(archive), _workers(archive)]


def _check(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=ask())
    except HuisuError as error:
        log.warning("readiness check failed", extra={"check": name, "code": error.code, "error": str(error)})
        return Check(name, ok=False, detail=error.code)
    except _Behind as error:
        return Check(name, ok=False, detail=str(error))


class _Behind(Exception):
    """The database has another schema than this version of the program."""


def _database(archive: Archive) -> str:
    with archive.reading() as session:
        heartbeats(session, archive.clock())
    return archive.engine.dialect.name


def _schema(archive: Archive) -> str:
    has, wants = present(archive.engine), newest()
    if has != wants:
        raise _Behind(f"the database has {has or 'none'}, this version needs {wants}: run `huisu migrate`")
    return wants


def _store(archive: Archive) -> str:
    with suppress(NotFound):
        archive.store.stat(keys.original(NOTHING))
    return archive.settings.store


def _broker(archive: Archive) -> str:
    url = archive.settings.broker_url
    if url is not None:
        reach(url.get_secret_value())
    return "answers"


def _log(archive: Archive) -> Check:
    """Say whether what is committed comes into the log in time; who serves people can work without."""
    try:
        with archive.reading() as session:
            size, since = log_size(session), waiting_since(session)
    except HuisuError as error:
        return Check("log", ok=False, detail=error.code, required=False)
    late_ms = (archive.clock() - since).total_seconds() * 1000 if since else 0
    told = f"{size} entries" + (f", the oldest that waits for {late_ms / 1000:.0f} s" if since else "")
    return Check("log", ok=late_ms <= MERGE_DELAY_MS, detail=told, required=False)


def _workers(archive: Archive) -> Check:
    try:
        with archive.reading() as session:
            found = heartbeats(session, archive.clock())
    except HuisuError as error:
        return Check("processes", ok=False, detail=error.code, required=False)
    alive = [beat for beat in found if beat.is_alive]
    works = any(beat.kind == "worker" for beat in alive)
    kinds = sorted({beat.kind for beat in alive})
    told = ", ".join(f"{kind} {sum(beat.kind == kind for beat in alive)}" for kind in kinds) or "none shows itself"
    return Check("processes", ok=works, detail=told, required=False)
