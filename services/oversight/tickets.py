"""
Put every candidate's tickets into strata, and freeze the whole: what can be drawn is fixed before chance is. Pure.

```
ticket = kind (1: incident, 2: segment of a recording) || uuid (16) || u32be segment (0 for an incident)
leaf   = ticket || u32be stratum
root   = RFC 6962 tree over SHA-256(0x00 || leaf), leaves sorted by their bytes
```

Segment n of a recording is [n × 600 s, (n+1) × 600 s): a recording of ten hours is sixty tickets, not one.
Source: knowledge integrity 6, as design 2.18 changes it: the tickets are frozen at definition.
"""

import hashlib
import math
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final
from uuid import UUID

from services.custody.tree import root
from services.errors import Invalid, ProofRefused
from services.oversight.filters import Candidate, Rule

INCIDENT: Final = 1
SEGMENT: Final = 2
KIND_OF: Final = {"incident": INCIDENT, "segment": SEGMENT}
SEGMENT_S: Final = 600
TICKET_BYTES: Final = 21
LEAF_BYTES: Final = 25
MOST_TICKETS: Final = 1_000_000
"""More than a big city's quarter; the frozen list then takes 25 MB."""

MOST_SEGMENTS: Final = 31 * 24 * 6
"""Of one recording: a month. A damaged file that claims a thousand years must not fill a spot check by itself."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one draw of the lot stands for: an incident, or a segment of a recording."""

    kind: int
    subject: str
    segment: int

    @property
    def starts_s(self) -> int:
        """Where the segment begins in its recording, in seconds."""
        return self.segment * SEGMENT_S


@dataclass(frozen=True, slots=True)
class Population:
    """All tickets in their frozen order: `leaves` behind each other, and how many each stratum has."""

    leaves: bytes
    counts: tuple[int, ...]
    root: bytes

    @property
    def sha256(self) -> str:
        """The digest of the list itself: sooner compared than the root."""
        return hashlib.sha256(self.leaves).hexdigest()

    @property
    def size(self) -> int:
        """How many tickets there are."""
        return len(self.leaves) // LEAF_BYTES


def seconds_of(duration: str | None) -> float | None:
    """Read a recording's length as the catalogue keeps it: a fraction of seconds, or nothing."""
    if duration is None:
        return None
    numerator, _, denominator = duration.partition("/")
    return int(numerator) / int(denominator or 1)


def segments_of(length_s: float | None) -> int:
    """Count the segments of a recording; one whose length is not known, or nothing, is one."""
    return 1 if length_s is None else min(MOST_SEGMENTS, max(1, math.ceil(length_s / SEGMENT_S)))


def ticket_bytes(kind: int, subject: bytes, segment: int) -> bytes:
    """Write a ticket."""
    return bytes([kind]) + subject + segment.to_bytes(4, "big")


def read_ticket(ticket: bytes) -> Ticket:
    """
    Read a ticket back.

    Raises:
        ProofRefused: the bytes are none.
    """
    if len(ticket) != TICKET_BYTES or ticket[0] not in (INCIDENT, SEGMENT):
        raise ProofRefused(f"{ticket.hex()[:60]} is no ticket")
    return Ticket(ticket[0], str(UUID(bytes=ticket[1:17])), int.from_bytes(ticket[17:], "big"))


def stratify(kind: int, candidates: Iterable[Candidate], strata: Sequence[Rule]) -> list[bytes]:
    """
    Give the leaves of all tickets, unsorted: each candidate stands in the first stratum that takes it.

    What no stratum takes stands in one more behind them, the rest.
    """
    leaves: list[bytes] = []
    stratum_of, mark, first = _Sorter(strata), bytes([kind]), bytes(4)
    for one in candidates:
        stratum = stratum_of(one)
        if one.segments == 1:
            leaves.append(mark + one.subject + first + stratum)
        else:
            head = mark + one.subject
            leaves.extend(head + segment.to_bytes(4, "big") + stratum for segment in range(one.segments))
        if len(leaves) > MOST_TICKETS:
            raise Invalid(f"a spot check draws from at most {MOST_TICKETS:,} tickets: shorten its period")
    return leaves


class _Sorter:
    """
    Find a candidate's stratum; what strata ask apart from times and lengths is asked once for each kind of candidate.

    A city's month has 150,000 candidates and 40 strata, but few different ones: without this memory it takes seconds.
    """

    def __init__(self, strata: Sequence[Rule]) -> None:
        self._strata = strata
        self._can_remember = not any(
            rule.filter.min_length_s or rule.filter.starts_at or rule.filter.ends_at for rule in strata
        )
        self._known: dict[object, bytes] = {}

    def __call__(self, one: Candidate) -> bytes:
        if not self._can_remember:
            return self._find(one)
        alike = (one.unit, one.footage, one.is_linked, one.incident_types)
        found = self._known.get(alike)
        if found is None:
            found = self._known[alike] = self._find(one)
        return found

    def _find(self, one: Candidate) -> bytes:
        found = next((n for n, rule in enumerate(self._strata) if rule.takes(one)), len(self._strata))
        return found.to_bytes(4, "big")


def freeze(leaves: Iterable[bytes], strata: int) -> Population:
    """
    Sort the leaves, count each of the `strata` and hash the whole.

    Raises:
        Invalid: a ticket stands in it twice.
    """
    ordered = sorted(leaves)
    return _checked(ordered, strata)


def thaw(frozen: bytes, strata: int) -> Population:
    """
    Read a frozen population back, count and hash it anew.

    Raises:
        ProofRefused: it is not in its one form: sorted, no ticket twice, each in one of the `strata`.
    """
    if len(frozen) % LEAF_BYTES:
        raise ProofRefused(f"a list of tickets of {len(frozen)} bytes ends within one")
    ordered = [frozen[at : at + LEAF_BYTES] for at in range(0, len(frozen), LEAF_BYTES)]
    if any(one >= other for one, other in pairwise(ordered)):
        raise ProofRefused("the list of tickets is not sorted")
    if len({leaf[0] for leaf in ordered} | {INCIDENT, SEGMENT}) > 2:
        raise ProofRefused("the list of tickets has a ticket of no known kind")
    try:
        return _checked(ordered, strata)
    except Invalid as error:
        raise ProofRefused(str(error)) from error


def _checked(ordered: Sequence[bytes], strata: int) -> Population:
    tickets = [leaf[:TICKET_BYTES] for leaf in ordered]
    if any(map(operator.eq, tickets, islice(tickets, 1, None))):
        raise Invalid("a ticket stands twice in the list")
    found = Counter(leaf[TICKET_BYTES:] for leaf in ordered)
    counts = tuple(found.pop(number.to_bytes(4, "big"), 0) for number in range(strata))
    if found:
        raise Invalid(f"a ticket stands in stratum {int.from_bytes(next(iter(found)), 'big')} of {strata}")
    sha256 = hashlib.sha256
    return Population(b"".join(ordered), counts, root([sha256(b"\x00" + leaf).digest() for leaf in ordered]))
