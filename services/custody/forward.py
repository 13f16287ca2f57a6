"""
Bring the log of a database that was set back forward to what was published and signed.

Nothing is believed: the published entries must have the root that the signer remembers, and begin with the database's
own log. Their values are lost, for only what commits to them was published. What was written after the restore, in
places of its chains that the log had given away before, keeps its event, time and values and takes the next places; as
it was, it is kept in `displaced`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from services.custody.checkpoint import open_checkpoint
from services.custody.cosignature import AHEAD, Cosignature, cosignatures
from services.custody.entry import FIRST_PREV, Entry, entry_bytes, leaf_hash, read_entry
from services.custody.frontier import Frontier
from services.custody.heads import SignedHead, head_of, keep_cosignature, keep_head, require_continues
from services.custody.logtree import log_size, log_tree
from services.custody.note import Note, VerifierKey
from services.custody.published import PublishedLog
from services.custody.sequencer import fill_tiles, sequencing_turn
from services.custody.tables import displaced, entry, object_head, pending
from services.db import Watch, busy_is_named, reading, watched_session
from services.errors import HeadRefused, IntegrityError, NoteRefused

PORTION: Final = 256

Place = tuple[int, bytes]
"""The number and leaf hash of the last entry of a chain."""


@dataclass(frozen=True, slots=True)
class Missing:
    """
    Entries [first, end) of the published log that the database lacks; those from `signed` on are not signed yet.

    `root` is of the log with them, as it was compared.
    """

    first: int
    end: int
    signed: int
    root: bytes

    @property
    def unsigned(self) -> int:
        """How many of them stand behind the last signed head."""
        return max(0, self.end - max(self.first, self.signed))


def find_missing(engine: Engine, published: PublishedLog, signed: int, root: bytes) -> Missing:
    """
    Compare the published log with the signed head and with the database; changes nothing.

    Args:
        engine: the database that was set back.
        published: what the store has.
        signed: entries of the last signed head.
        root: of that head.

    Raises:
        HeadRefused: the published log is not the signed one, is shorter, or is not what the database's begins.
        ProofRefused: a published bundle is damaged.
    """
    with reading(engine) as session:
        has = log_size(session)
        own = log_tree(session, has).root
        if has >= signed:
            require_continues(session, signed, root, "the signer's memory")
    frontier = Frontier()
    _compare(frontier, has, own, signed, root)
    for text in published.entries():
        frontier.push(leaf_hash(text))
        _compare(frontier, has, own, signed, root)
    if frontier.size < signed and has < signed:
        raise HeadRefused(f"the store has {frontier.size} entries of the {signed} that were signed: restore it first")
    return Missing(has, max(has, frontier.size), signed, frontier.root if frontier.size > has else own)


def _compare(frontier: Frontier, has: int, own: bytes, signed: int, root: bytes) -> None:
    if frontier.size == has and frontier.root != own:
        raise HeadRefused(
            f"the first {has} published entries have root {frontier.root.hex()}, the database's {own.hex()}: "
            "they are two histories, and nothing was changed"
        )
    if frontier.size == signed and signed and frontier.root != root:
        raise HeadRefused(
            f"the first {signed} published entries have root {frontier.root.hex()}, {root.hex()} was signed: "
            "what was published was altered"
        )


def bring_forward(session: Session, published: PublishedLog, missing: Missing, at: datetime) -> int:
    """
    Enter the missing entries and fill their tiles, in the caller's transaction, which may write the ledger.

    Gives how many entries written after the restore were displaced to later places of their chains.

    Raises:
        HeadRefused: the log grew meanwhile, or the store changed since it was compared.
        IntegrityError: an entry does not follow the one before it.
    """
    sequencing_turn(session)
    if log_size(session) != missing.first:
        raise HeadRefused(f"the log grew to {log_size(session)} entries while {missing.first} were compared: repeat it")
    places: dict[str, Place] = {}
    texts, at_place = published.entries(missing.first), missing.first
    while at_place < missing.end and (portion := list(islice(texts, min(PORTION, missing.end - at_place)))):
        _enter(session, at_place, portion, places)
        at_place += len(portion)
    if at_place != missing.end:
        raise HeadRefused(f"the store had {missing.end} entries when it was compared, and now {at_place}")
    fill_tiles(session, missing.first, missing.end)
    found = log_tree(session, missing.end).root
    if found != missing.root:
        raise HeadRefused(
            f"the log of {missing.end} entries had root {missing.root.hex()} when it was compared, now {found.hex()}: "
            "what was published changed meanwhile, and nothing was entered"
        )
    return _settle(session, places, at)


def _enter(session: Session, first: int, texts: Sequence[bytes], places: dict[str, Place]) -> None:
    said = [_read(text) for text in texts]
    places |= _log_places(session, {one.obj for one in said} - places.keys())
    rows = []
    for number, (one, text) in enumerate(zip(said, texts, strict=True), first):
        n, prev = places.get(one.obj, (-1, FIRST_PREV))
        if (one.n, one.prev) != (n + 1, prev):
            raise IntegrityError(f"published entry {number}, {one.n} of {one.obj}, does not follow its entry {n}")
        leaf = leaf_hash(text)
        places[one.obj] = one.n, leaf
        rows.append({"idx": number, "event_id": one.id, "obj": one.obj, "n": one.n, "entry": text, "leaf_hash": leaf})
    session.execute(insert(entry), rows)


def _read(text: bytes) -> Entry:
    try:
        return read_entry(text)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"published bytes {text[:80]!r} are no entry: {error}") from error


def _log_places(session: Session, objects: set[str]) -> dict[str, Place]:
    """Give the last entry in the log of each of these chains; none for one that the log does not know."""
    last = (
        select(entry.c.obj, func.max(entry.c.n).label("n"))
        .where(entry.c.obj.in_(sorted(objects)))
        .group_by(entry.c.obj)
        .subquery()
    )
    query = select(entry.c.obj, entry.c.n, entry.c.leaf_hash).join(
        last, (last.c.obj == entry.c.obj) & (last.c.n == entry.c.n)
    )
    return {obj: (n, bytes(leaf)) for obj, n, leaf in session.execute(query)}


def _settle(session: Session, places: dict[str, Place], at: datetime) -> int:
    """Let pending rows go that came back as entries, give others their next places, and move the heads of chains."""
    upsert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    count = 0
    for objects in _portions(sorted(places)):
        session.execute(
            upsert(object_head).on_conflict_do_nothing(),
            [{"obj": obj, "n": -1, "leaf_hash": FIRST_PREV} for obj in objects],
        )
        query = select(object_head).where(object_head.c.obj.in_(objects)).order_by(object_head.c.obj).with_for_update()
        heads = {row.obj: (row.n, bytes(row.leaf_hash)) for row in session.execute(query)}
        for obj, rows in _waiting(session, objects).items():
            moved, places[obj] = _rechain(session, obj, rows, places[obj], at)
            count += moved
        for obj in objects:
            _move_head(session, obj, heads[obj], places[obj])
    return count


def _portions(objects: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(objects), PORTION):
        yield objects[start : start + PORTION]


def _waiting(session: Session, objects: Sequence[str]) -> dict[str, list[Any]]:
    """Give what is still pending of these chains, after letting go what the log has now."""
    query = select(pending).where(pending.c.obj.in_(objects)).order_by(pending.c.obj, pending.c.n)
    rows = session.execute(query).all()
    ids = [row.event_id for row in rows]
    found = session.execute(select(entry.c.event_id, entry.c.entry).where(entry.c.event_id.in_(ids)))
    known = {event_id: bytes(text) for event_id, text in found}
    back = [row.id for row in rows if known.get(row.event_id) == bytes(row.entry)]
    if back:
        session.execute(delete(pending).where(pending.c.id.in_(back)))
    gone, waiting = set(back), dict[str, list[Any]]()
    for row in rows:
        if row.id not in gone:
            waiting.setdefault(row.obj, []).append(row)
    return waiting


def _rechain(session: Session, obj: str, rows: list[Any], place: Place, at: datetime) -> tuple[int, Place]:
    """Put what is pending of one chain behind its last place in the log; gives how many moved, and the new last."""
    first = _read(bytes(rows[0].entry))
    if (first.n, first.prev) == (place[0] + 1, place[1]):
        return 0, (rows[-1].n, bytes(rows[-1].leaf_hash))
    session.execute(
        insert(displaced),
        [
            {
                "event_id": row.event_id,
                "n": row.n,
                "obj": obj,
                "entry": row.entry,
                "leaf_hash": row.leaf_hash,
                "displaced_at": at,
            }
            for row in rows
        ],
    )
    session.execute(delete(pending).where(pending.c.id.in_([row.id for row in rows])))
    moved, (n, leaf) = [], place
    for row in rows:
        text = entry_bytes(replace(_read(bytes(row.entry)), n=n + 1, prev=leaf))
        n, leaf = n + 1, leaf_hash(text)
        moved.append({"event_id": row.event_id, "obj": obj, "n": n, "entry": text, "leaf_hash": leaf})
    session.execute(insert(pending), moved)
    return len(moved), (n, leaf)


def _move_head(session: Session, obj: str, has: Place, wanted: Place) -> None:
    if has == wanted:
        return
    if has[0] >= wanted[0]:
        raise IntegrityError(f"the chain of {obj} ends at {has[0]} here and at {wanted[0]} in the log")
    change = update(object_head).where(object_head.c.obj == obj)
    session.execute(change.values(n=wanted[0], leaf_hash=wanted[1]))


def keep_published_heads(
    engine: Engine,
    published: PublishedLog,
    keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey],
    now: datetime,
) -> int:
    """
    Keep the published heads that the database lacks, with the lines of these witnesses; gives how many.

    A witness's line counts only once it was checked, and one of each is kept for good: what is not its own, or of a
    time to come, stays in the store alone.

    Raises:
        NoteRefused: one is not signed by the log's keys.
        HeadRefused: one is not of this log.
    """
    count = 0
    for content in published.notes():
        checkpoint, note = open_checkpoint(content, keys)
        own = tuple(signature for _, signature in note.verified(keys))
        with reading(engine) as session:
            require_continues(session, checkpoint.size, checkpoint.root, "a published head")
            is_new = checkpoint.size > 0 and head_of(session, checkpoint.size) is None
            text = session.scalar(select(entry.c.entry).where(entry.c.idx == checkpoint.size - 1))
        if text is None:
            continue
        if is_new:
            made_at = read_entry(bytes(text)).at  # when it was signed is not published; not before this
            body = Note(note.text, own).content.decode()
            keep_head(engine, SignedHead(checkpoint.size, checkpoint.root, body, made_at))
            count += 1
        for one in _of_witnesses(note, witnesses):
            if one.at <= now + AHEAD:
                keep_cosignature(engine, checkpoint.size, one.key.name, one.at, one.signature.line)
    return count


def _of_witnesses(note: Note, witnesses: Sequence[VerifierKey]) -> Iterator[Cosignature]:
    for signature in note.signatures:
        with suppress(NoteRefused):
            yield from cosignatures(Note(note.text, (signature,)), witnesses)


@contextmanager
def recovering(engine: Engine) -> Iterator[Session]:
    """Open a transaction that may write the ledger's tables and plain ones: for a recovery alone."""
    with busy_is_named(), watched_session(engine, Watch("plain", ledger_open=True)) as session, session.begin():
        yield session
