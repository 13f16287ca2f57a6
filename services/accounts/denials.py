"""
Record what was refused: on the chain of the account or token that asked, never on the recording.

Without an identity, or past `SINGLY` a minute from one, refusals are counted and written as one entry
per minute, address block and kind, so that no flood of requests becomes a flood of entries.
"""

import ipaddress
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from services.accounts.models import DenialCount
from services.accounts.rights import Principal
from services.custody.events import SYSTEM
from services.custody.work import work
from services.db import plain

SINGLY: Final = 30
"""Refusals a minute from one identity that are entries of their own. Source: design 2.12."""

COUNTERS: Final = 4096
"""Counters held in memory; past these, addresses of a flood are counted together."""

MANY: Final = "many"


class Opened(Protocol):
    """What is needed of an archive here: its database and its clock."""

    @property
    def engine(self) -> Engine:
        """The database."""

    def clock(self) -> datetime:
        """Give aware UTC now."""


@dataclass(frozen=True, slots=True)
class Denial:
    """One refused request: what was wanted (`action`), of what (`target`, an address' path), how and from where."""

    kind: str
    action: str
    target: str
    method: str
    address: str


@dataclass(slots=True)
class Denials:
    """Note refusals in one process. Anonymous ones rest in memory until `write`, at most seconds."""

    engine: Engine
    singles: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    counted: Counter[tuple[datetime, str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, who: Principal | None, denial: Denial, at: datetime) -> bool:
        """Enter a refusal, or count it; True when it became an entry. Durable on return when it did."""
        if who is None or not self._has_room(who, at):
            self._count(denial, at)
            return False
        event = "token.deny" if who.kind == "token" else "account.deny"
        with work(self.engine, at) as done:
            done.append(
                event,
                who.id,
                action=denial.action,
                target=denial.target[:300],
                method=denial.method,
                address=denial.address,
            )
        return True

    def write(self) -> None:
        """Move what was counted in memory to the database."""
        with self.lock:
            taken, self.counted = self.counted, Counter()
        if not taken:
            return
        try:
            count_denials(self.engine, [(minute, block, kind, n) for (minute, block, kind), n in taken.items()])
        except BaseException:
            with self.lock:
                self.counted.update(taken)  # the next write takes them along
            raise

    def _has_room(self, who: Principal, at: datetime) -> bool:
        minute = _minute(at)
        with self.lock:
            for stale in [key for key in self.singles if key[1] != minute]:
                del self.singles[stale]
            self.singles[who.id, minute] += 1
            return self.singles[who.id, minute] <= SINGLY

    def _count(self, denial: Denial, at: datetime) -> None:
        key = (_minute(at), block_of(denial.address), denial.kind[:64])
        with self.lock:
            if key not in self.counted and len(self.counted) >= COUNTERS:
                key = (key[0], MANY, key[2])
            self.counted[key] += 1


def count_denials(engine: Engine, counts: Iterable[tuple[datetime, str, str, int]]) -> None:
    """Add (minute, address, kind, count) to the counters in the database."""
    with plain(engine) as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        for at, address, kind, count in sorted(counts):
            row = {"minute": _minute(at), "address": block_of(address), "kind": kind, "count": count}
            more = insert(DenialCount).values(row)
            session.execute(
                more.on_conflict_do_update(
                    index_elements=["minute", "address", "kind"],
                    set_={"count": DenialCount.count + more.excluded.count},
                )
            )


def flush_denials(archive: Opened) -> int:
    """Write each ended minute's counters as entries, and give their number. Run it every few seconds."""
    now = archive.clock()
    with work(archive.engine, now) as done:
        ended = select(DenialCount).where(DenialCount.minute < _minute(now)).order_by(DenialCount.minute).limit(1000)
        rows = done.session.scalars(ended.with_for_update(skip_locked=True)).all()
        for row in rows:
            minute = row.minute.isoformat()
            done.append("sys.deny", SYSTEM, minute=minute, address=row.address, kind=row.kind, count=row.count)
            done.session.delete(row)
    return len(rows)


def block_of(address: str) -> str:
    """Give the /24 or /64 that an address lies in; anything else stays as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    width = 24 if parsed.version == 4 else 64
    return str(ipaddress.ip_network(f"{parsed}/{width}", strict=False))


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
