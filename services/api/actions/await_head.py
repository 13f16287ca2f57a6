"""Wait until the log holds an export's entries, its head is signed, and the witnesses answered or had their time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from services.bootstrap import Archive
from services.custody.heads import SignedHead, cosigned_note, head_at_least, newest_head
from services.custody.package.history import Placed, places_of
from services.custody.policy import Policy
from services.custody.tables import checkpoint, cosig
from services.errors import NoteRefused, NotReady

LOOK_S: Final = 0.1
MOST_HEADS: Final = 200
"""Heads behind the entries that are looked at for the quorum: one a second while the log grows."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """The head to prove by, what the witnesses did (docs/formats/package.md), their names, the entries' places."""

    head: SignedHead
    witnessed: str
    names: tuple[str, ...]
    places: dict[str, Placed]


def await_head(archive: Archive, events: Sequence[str], policy: Policy, report: Callable[[], None]) -> Awaited:
    """
    Give a head that holds these entries.

    Raises:
        NotReady: the log did not take them, or its head was not signed, in time; try again later.
    """
    settings = archive.settings
    until = time.monotonic() + settings.log_patience_s
    while (places := _places(archive, events)) is None or (head := _head(archive, _size(places))) is None:
        if time.monotonic() > until:
            why = "the sequencer has not taken the entries" if places is None else "no signed head holds the entries"
            raise NotReady(f"{why} in {settings.log_patience_s:g} s: do the sequencer and the signer run?")
        report()
        time.sleep(LOOK_S)
    if policy.quorum is None:
        return Awaited(head, "no-quorum", (), places)
    until = time.monotonic() + settings.witness_patience_s
    while (found := _witnessed(archive, _size(places), policy)) is None:
        if time.monotonic() > until:
            with archive.reading() as session:
                newest = newest_head(session) or head
            return Awaited(newest, "none-in-time", (), places)
        report()
        time.sleep(LOOK_S)
    return Awaited(found[0], "quorum", found[1], places)


def _size(places: dict[str, Placed]) -> int:
    return max(place.index for place in places.values()) + 1


def _places(archive: Archive, events: Sequence[str]) -> dict[str, Placed] | None:
    with archive.reading() as session:
        found = places_of(session, events)
    return found if len(found) == len(set(events)) else None


def _head(archive: Archive, size: int) -> SignedHead | None:
    with archive.reading() as session:
        return head_at_least(session, size)


def _witnessed(archive: Archive, size: int, policy: Policy) -> tuple[SignedHead, tuple[str, ...]] | None:
    """Find the smallest head of at least `size` entries that the quorum signed."""
    with archive.reading() as session:
        signed = select(cosig.c.size).where(cosig.c.size == checkpoint.c.size).exists()
        query = (
            select(checkpoint).where(checkpoint.c.size >= size, signed).order_by(checkpoint.c.size).limit(MOST_HEADS)
        )
        for row in session.execute(query):
            head = SignedHead(row.size, bytes(row.root), row.note, row.made_at)
            try:
                judged = policy.examine(cosigned_note(session, head).encode())
            except NoteRefused:
                continue  # the policy names other keys than this head's
            if judged.verdict.is_met:
                return head, tuple(sorted(judged.cosignatures))
    return None
