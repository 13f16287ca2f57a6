r"""
Draw: from a frozen population and a seed, the same tickets for everybody who repeats it. Pure.

Each ticket has key SHA-256("huisu/draw-key/v1\n" || seed || ticket); the n smallest of a stratum are its sample, the
next m its reserve, in order. Source: knowledge integrity 6.4.
"""

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.errors import Invalid
from services.oversight.tickets import LEAF_BYTES, TICKET_BYTES

KEY_PREFIX: Final = b"huisu/draw-key/v1\n"


@dataclass(frozen=True, slots=True)
class Share:
    """How many tickets of a stratum are drawn, and how many more stand behind them in reserve."""

    size: int
    reserve: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The tickets of one stratum in the order of their keys."""

    sample: tuple[bytes, ...]
    reserve: tuple[bytes, ...]


def allot(counts: Sequence[int], wanted: Sequence[int | None], size: int, reserve: int) -> tuple[Share, ...]:
    """
    Say how many tickets to draw from each stratum.

    A stratum with a number of its own gets it; the others share what is left of `size` in proportion to their
    tickets (largest remainder first), each that has a ticket at least one. None gets more than it has.

    Raises:
        Invalid: nothing would be drawn.
    """
    fixed = sum(number for number in wanted if number is not None)
    open_ = [n for n, number in enumerate(wanted) if number is None and counts[n] > 0]
    shared = _proportional([counts[n] for n in open_], max(0, size - fixed))
    of_open = dict(zip(open_, shared, strict=True))
    sizes = [
        min(count, of_open.get(n, 0) if own is None else own)
        for n, (count, own) in enumerate(zip(counts, wanted, strict=True))
    ]
    if sum(sizes) == 0:
        raise Invalid(f"nothing can be drawn: {sum(counts)} tickets match and {size} are asked for")
    return tuple(Share(size, min(reserve, count - size)) for size, count in zip(sizes, counts, strict=True))


def _proportional(counts: Sequence[int], size: int) -> list[int]:
    """Share `size` by largest remainder; who would get nothing gets one, from whoever has most."""
    total = sum(counts)
    if total <= size:
        return list(counts)
    shares = [size * count // total for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda n: (-(size * counts[n] % total), n))
    for n in by_remainder[: size - sum(shares)]:
        shares[n] += 1
    for n, share in enumerate(shares):
        if share == 0:
            most = max(range(len(shares)), key=lambda other: (shares[other], -other))
            shares[most] -= shares[most] > 1
            shares[n] = 1
    return shares


def draw(leaves: bytes, seed: bytes, shares: Sequence[Share]) -> tuple[Drawn, ...]:
    """
    Choose the tickets of each stratum; the same ones for the same seed, whoever asks.

    `leaves` are those of a population that was checked: each in one of as many strata as there are `shares`.
    """
    keyed: dict[bytes, list[tuple[bytes, bytes]]] = {number.to_bytes(4, "big"): [] for number in range(len(shares))}
    prefix, sha256 = KEY_PREFIX + seed, hashlib.sha256
    for at in range(0, len(leaves), LEAF_BYTES):
        ticket = leaves[at : at + TICKET_BYTES]
        keyed[leaves[at + TICKET_BYTES : at + LEAF_BYTES]].append((sha256(prefix + ticket).digest(), ticket))
    return tuple(_smallest(keys, share) for keys, share in zip(keyed.values(), shares, strict=True))


def _smallest(keys: list[tuple[bytes, bytes]], share: Share) -> Drawn:
    first = [ticket for _, ticket in heapq.nsmallest(share.size + share.reserve, keys)]
    return Drawn(tuple(first[: share.size]), tuple(first[share.size :]))
