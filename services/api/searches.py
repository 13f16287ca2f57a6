"""Enter who searched for what, many searches in one transaction, at most a second later."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.custody.work import work

WRITE_EVERY_S: Final = 1.0
"""How long a search may wait for its entry. Source: design 2.13."""

AT_ONCE: Final = 500
"""Searches that are entered without waiting any longer: memory is bounded, whatever is asked."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search: whose, for which words, by which filters, and how many results the page showed."""

    kind: str
    account: str
    query: str | None
    filters: Mapping[str, Any]
    results: int


@dataclass(slots=True)
class Searches:
    """The searches of this process that have no entry yet."""

    waiting: list[Search] = field(default_factory=list)
    written_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, engine: Engine, now: datetime) -> int:
        """Enter what waits; gives how many. What cannot be entered now waits for the next time."""
        with self.lock:
            taken, self.waiting = self.waiting, []
            self.written_at = now
        if not taken:
            return 0
        try:
            with work(engine, now) as done:
                for one in taken:
                    event = "token.search" if one.kind == "token" else "account.search"
                    done.append(event, one.account, query=one.query, filters=dict(one.filters), results=one.results)
        except BaseException:
            with self.lock:
                self.waiting = taken + self.waiting
            raise
        return len(taken)


def note_search(archive: Archive, who: Principal, query: str | None, filters: Mapping[str, Any], results: int) -> None:
    """Note a search; its entry follows within a second, in a round or with a later search."""
    searches, now = searches_of(archive), archive.clock()
    named = {name: value for name, value in filters.items() if value is not None}
    with searches.lock:
        searches.waiting.append(Search(who.kind, who.id, query, named, results))
        since = searches.written_at or now
        searches.written_at = since
        due = len(searches.waiting) >= AT_ONCE or (now - since).total_seconds() >= 5 * WRITE_EVERY_S
    if due:
        searches.write(archive.engine, now)


_KNOWN: WeakKeyDictionary[Engine, Searches] = WeakKeyDictionary()
_KNOWN_LOCK = threading.Lock()


def searches_of(archive: Archive) -> Searches:
    """Give the waiting searches of this process; the same for its routes and its rounds."""
    with _KNOWN_LOCK:
        return _KNOWN.setdefault(archive.engine, Searches())
