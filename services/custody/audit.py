"""
Audit the ledger as a stranger would who has the whole database: trust no stored hash, make every one anew.

In log order: places without a gap, each entry's hash, each whole tile, the root and the signatures of each signed head.
In the order of chains: each entry in its one form, under its own object and number, behind the one before it. Both walk
streams in one snapshot; memory does not grow with the log. Source: knowledge integrity 2.4.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Result, Select, String, select, type_coerce, union_all
from sqlalchemy.orm import Session

from services.custody.checkpoint import read_checkpoint
from services.custody.entry import FIRST_PREV, leaf_hash, read_entry
from services.custody.frontier import Frontier, WholeTile
from services.custody.note import VerifierKey, read_note
from services.custody.tables import checkpoint, entry, pending, tile
from services.custody.tiles import Tile
from services.db import hold_snapshot
from services.errors import ProofRefused

PORTION: Final = 1000
"""Rows read at once."""

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it was recorded."""

    thing: str
    expected: str
    found: str


def audit(
    session: Session, keys: Sequence[VerifierKey] = (), progress: Progress = lambda _name, _count: None
) -> Iterator[Flaw]:
    """
    Give everything that is wrong with log and chains; nothing, when all of it holds.

    Args:
        session: reads only; its transaction is ended and begun anew.
        keys: of the log, oldest first; without any, signatures are not checked.
        progress: told how far it is.
    """
    yield from audit_log(session, keys, progress)
    yield from audit_chains(session, progress)


# --- the log ------------------------------------------------------------------------------------------------------


def audit_log(
    session: Session, keys: Sequence[VerifierKey] = (), progress: Progress = lambda _name, _count: None
) -> Iterator[Flaw]:
    """Walk the log in its order and rebuild its tree: entries, tiles, signed heads."""
    hold_snapshot(session)
    with ExitStack() as streams:

        def stream(query: Select[*tuple[Any, ...]], portion: int = PORTION) -> Result[*tuple[Any, ...]]:
            return streams.enter_context(session.execute(query, execution_options={"yield_per": portion}))

        yield from _walk(stream, keys, progress)
    session.rollback()


Stream = Callable[..., Result[*tuple[Any, ...]]]
"""Gives the rows of a query bit by bit."""


def _walk(stream: Stream, keys: Sequence[VerifierKey], progress: Progress) -> Iterator[Flaw]:
    frontier, tiles, heads = Frontier(), _Tiles(stream), _Heads(stream, keys)
    yield from heads.reached(frontier)
    rows = stream(select(entry.c.idx, entry.c.entry, entry.c.leaf_hash).order_by(entry.c.idx))
    for portion in rows.partitions(PORTION):
        for place, text, kept in portion:
            if place != frontier.size:
                yield Flaw(f"place {frontier.size} of the log", "an entry", f"the one of place {place} next")
                return  # nothing behind a gap can be where it was
            leaf = leaf_hash(text)
            if leaf != kept:
                yield Flaw(f"entry at {place} of the log", f"bytes with leaf hash {kept.hex()}", leaf.hex())
            for whole in frontier.push(leaf):
                yield from tiles.compare(whole)
            if frontier.size == heads.next_size:
                yield from heads.reached(frontier)
        progress("log", frontier.size)
    yield from tiles.rest()
    yield from heads.rest(frontier.size)


class _Tiles:
    """The stored tiles, each level as a stream beside the walk."""

    def __init__(self, stream: Stream) -> None:
        self._open = stream
        self._streams: dict[int, Iterator[Any]] = {}

    def compare(self, whole: WholeTile) -> Iterator[Flaw]:
        """Compare the next stored tile of a level with what the entries make."""
        row = next(self._stream(whole.level), None)
        name = Tile(whole.level, whole.index).path
        if row is None or row.n != whole.index:
            yield Flaw(name, "a whole tile", "none" if row is None else f"number {row.n}")
        elif row.root != whole.root:
            yield Flaw(name, f"root {whole.root.hex()}", row.root.hex())
        elif row.hashes != whole.hashes:
            yield Flaw(name, "the hashes below it", "others")

    def rest(self) -> Iterator[Flaw]:
        """Name tiles that no entries make."""
        known = self._open(select(tile.c.level).distinct().order_by(tile.c.level)).all()
        for (level,) in known:
            for row in self._stream(level):
                yield Flaw(Tile(level, row.n).path, "no whole tile", "one")

    def _stream(self, level: int) -> Iterator[Any]:
        if level not in self._streams:
            query = select(tile.c.n, tile.c.root, tile.c.hashes).where(tile.c.level == level).order_by(tile.c.n)
            self._streams[level] = iter(self._open(query, 64))
        return self._streams[level]


class _Heads:
    """The signed heads in the order of their sizes, beside the walk."""

    def __init__(self, stream: Stream, keys: Sequence[VerifierKey]) -> None:
        self._keys = keys
        query = select(checkpoint.c.size, checkpoint.c.root, checkpoint.c.note).order_by(checkpoint.c.size)
        self._rows = iter(stream(query))
        self._next: Any = next(self._rows, None)

    @property
    def next_size(self) -> int | None:
        """Tell the size of the next head; None: there is no other."""
        return None if self._next is None else self._next.size

    def reached(self, frontier: Frontier) -> Iterator[Flaw]:
        """Compare the heads of this size with the tree that the walk has come to."""
        while self._next is not None and self._next.size == frontier.size:
            row, self._next = self._next, next(self._rows, None)
            name = f"signed head of {row.size}"
            if bytes(row.root) != frontier.root:
                yield Flaw(name, f"root {frontier.root.hex()}", bytes(row.root).hex())
            try:
                note = read_note(row.note.encode())
                said = read_checkpoint(note.text)
                if (said.size, said.root) != (row.size, bytes(row.root)):
                    yield Flaw(name, "a note about it", f"one of {said.size} entries with root {said.root.hex()}")
                if self._keys and not note.verified(self._keys):
                    yield Flaw(name, "a signature of the log's key", "none")
            except ProofRefused as error:
                yield Flaw(name, "a signed note", str(error))

    def rest(self, size: int) -> Iterator[Flaw]:
        """Name what was signed over more than there is: the log was cut short, or walked past it with a gap."""
        while self._next is not None:
            yield Flaw(f"signed head of {self._next.size}", "as many entries in the log", f"{size}")
            self._next = next(self._rows, None)


# --- the chains ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry's bytes say, as far as chains go; `prev` in base64."""

    type: str
    id: str
    obj: str
    n: int
    prev: str


_UUID: Final = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_HASH: Final = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
_ENTRY: Final = re.compile(
    rb'\{"v":1,"t":"([a-z][a-z0-9.-]*)","id":"(' + _UUID + rb')",'
    rb'"ts":"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3})Z",'
    rb'"obj":"(' + _UUID + rb')","n":(0|[1-9][0-9]{0,17}),"prev":"(' + _HASH + rb')","pc":"' + _HASH + rb'"\}'
)
"""The one form of an entry. Reading it as JSON and writing it again takes eight times as long, for each of millions."""


def said_by(text: bytes) -> Said:
    """
    Read what chains need from an entry's bytes.

    Raises:
        ValueError: they are not in the one form that an entry has.
    """
    found = _ENTRY.fullmatch(text)
    if found is None:
        read = read_entry(text)  # says what is wrong, in the words of the one who wrote it
        raise ValueError(f"an entry of {read.type} in another form than entries have")
    kind, ident, at, obj, n, prev = (part.decode() for part in found.groups())
    _require_day(at[:10])
    return Said(kind, ident, obj, int(n), prev)


_known_days: set[str] = set()


def _require_day(day: str) -> None:
    """See that a day exists; entries lie together by days, so that few are ever asked about."""
    if day not in _known_days:
        datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        _known_days.add(day)


@dataclass(slots=True)
class Chain:
    """How far one object's chain has been followed."""

    obj: str
    next_n: int = 0
    prev: bytes = FIRST_PREV

    def follow(self, event_id: str, n: int, text: bytes, kept: bytes) -> Iterator[Flaw]:
        """Go on by one entry as it is stored, and say what is wrong with it; `kept` is its stored hash."""
        name, leaf = f"entry {n}", leaf_hash(text)
        if leaf != kept:
            yield Flaw(name, f"bytes with leaf hash {kept.hex()}", leaf.hex())
        if n != self.next_n:
            yield Flaw(f"entry {self.next_n}", "the next of its chain", name)
        try:
            said = said_by(text)
        except (ValueError, KeyError, TypeError) as error:
            yield Flaw(name, "an entry in its one form", str(error))
        else:
            if (said.obj, said.n, said.id) != (self.obj, n, event_id):
                itself = f"{said.obj} {said.n} {said.id} as it says itself"
                yield Flaw(name, itself, f"{self.obj} {n} {event_id}")
            if said.prev != b64encode(self.prev).decode():
                yield Flaw(name, f"to follow {b64encode(self.prev).decode()}", said.prev)
        self.next_n, self.prev = n + 1, leaf


def audit_chains(session: Session, progress: Progress = lambda _name, _count: None) -> Iterator[Flaw]:
    """Walk every object's chain, in the log and behind it."""
    hold_snapshot(session)
    both = union_all(
        *(
            select(
                type_coerce(table.c.obj, String).label("obj"),
                table.c.n,
                type_coerce(table.c.event_id, String).label("event_id"),
                table.c.entry,
                table.c.leaf_hash,
            )
            for table in (entry, pending)
        )
    ).subquery()
    query, count = select(both).order_by(both.c.obj, both.c.n), 0
    with session.execute(query, execution_options={"yield_per": PORTION}) as rows:
        for stored, links in groupby((row for portion in rows.partitions(PORTION) for row in portion), itemgetter(0)):
            chain = Chain(_dashed(stored))
            for _, n, event_id, text, kept in links:
                for flaw in chain.follow(_dashed(event_id), n, text, kept):
                    yield Flaw(f"{flaw.thing} of {chain.obj}", flaw.expected, flaw.found)
                count += 1
            progress("chains", count)
    session.rollback()


def _dashed(stored: Any) -> str:
    """Write an id as entries do; SQLite keeps 32 digits, PostgreSQL gives a UUID."""
    text = str(stored)
    return text if len(text) == 36 else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
