"""
Find out whether a store really keeps what is locked: young S3 servers accept lock headers and ignore them.

Plants canaries locked for two minutes and tries what an intruder would: delete the version, delete it
with the bypass header, shorten the date. What counts is never the answer but whether the version is still
there afterwards. Canaries of earlier probes whose locks have ended are cleared first.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from services.errors import Misconfigured, NotFound
from services.storage.keys import Area
from services.storage.store import Kept, LockMode, ObjectStore, WormReport

LOCKED_FOR = timedelta(minutes=2)
"""Long enough for a slow server's probe, short enough that canaries go with the next one."""


class LockingStore(ObjectStore, Protocol):
    """A store whose locks can be tried: two attempts that no other code may make."""

    def attempt_removal(self, canary: Kept, *, bypass: bool) -> None:
        """Try to delete a canary's version; a refusal is no error."""

    def attempt_shortening(self, canary: Kept, until: datetime) -> None:
        """Try to give a canary a GOVERNANCE lock that ends earlier; a refusal is no error."""


def probe(store: LockingStore, now: datetime) -> WormReport:
    """Try every way round a lock that the archive relies on; `enforced` only if none led anywhere."""
    for canary in list(store.keys(f"{Area.PROBE}/")):
        store.attempt_removal(canary, bypass=False)
    prefix, until = f"{Area.PROBE}/{now:%Y%m%dT%H%M%S.%f}", now + LOCKED_FOR
    try:
        broken = [
            *_compliance(store, store.put_bytes(f"{prefix}/compliance", b"canary\n"), until),
            *_governance(store, store.put_bytes(f"{prefix}/governance", b"canary\n"), until),
            *_held(store, store.put_bytes(f"{prefix}/hold", b"canary\n")),
        ]
    except (NotFound, Misconfigured) as error:
        broken = [f"the probe could not be made: {error}"]
    return WormReport(enforced=not broken, findings=tuple(broken) or ("locks and holds were enforced",))


def _compliance(store: LockingStore, canary: Kept, until: datetime) -> Iterator[str]:
    if not store.lock(canary.key, canary.version, mode=LockMode.COMPLIANCE, until=until).covers(
        LockMode.COMPLIANCE, until
    ):
        yield "a COMPLIANCE lock was not kept"
        return
    store.attempt_shortening(canary, until - LOCKED_FOR / 2)
    if not store.lock_state(canary.key, canary.version).covers(LockMode.COMPLIANCE, until):
        yield "a COMPLIANCE lock could be shortened or weakened"
    store.attempt_removal(canary, bypass=False)
    store.attempt_removal(canary, bypass=True)
    if not _is_there(store, canary):
        yield "a version under a COMPLIANCE lock could be deleted"


def _governance(store: LockingStore, canary: Kept, until: datetime) -> Iterator[str]:
    if not store.lock(canary.key, canary.version, mode=LockMode.GOVERNANCE, until=until).covers(
        LockMode.GOVERNANCE, until
    ):
        yield "a GOVERNANCE lock was not kept"
        return
    store.attempt_removal(canary, bypass=False)
    if not _is_there(store, canary):
        yield "a version under a GOVERNANCE lock could be deleted without the bypass right"


def _held(store: LockingStore, canary: Kept) -> Iterator[str]:
    if not store.hold(canary.key, canary.version, on=True).hold:
        yield "a hold was not kept"
        return
    store.attempt_removal(canary, bypass=True)
    if not _is_there(store, canary):
        yield "a version under a hold could be deleted"
        return
    if store.hold(canary.key, canary.version, on=False).hold:
        yield "a hold could not be lifted"


def _is_there(store: LockingStore, canary: Kept) -> bool:
    try:
        store.stat(canary.key, canary.version)
    except NotFound:
        return False
    return True
