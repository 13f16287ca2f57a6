"""
Keep the signed heads of the log, and the lines of witnesses under them.

Every head that the signer released is kept; nothing here is ever changed. A head says what the whole log was
at its size, so it is written only after what it covers is in the store (`services.custody.publish`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine, Row, Select, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from services.custody.logtree import log_size, log_tree
from services.custody.proof import prove_consistency
from services.custody.tables import checkpoint, cosig
from services.db import Watch, busy_is_named, reading, watched_session
from services.errors import HeadRefused


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head of the log as it was signed; `note` carries the log's own signatures only."""

    size: int
    root: bytes
    note: str
    made_at: datetime


class HeadSigner(Protocol):
    """Signs a head only if it extends the last one that it signed, which it remembers by itself."""

    def head(self) -> tuple[int, bytes]:
        """Tell size and root of the last head it signed; size 0: none yet."""

    def sign(self, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        """Sign a head; `proof` shows that it extends the last one. The same head again gives the same note."""


def newest_head(session: Session) -> SignedHead | None:
    """Give the head of greatest size; None: nothing was signed yet."""
    return _head(session.execute(select(checkpoint).order_by(checkpoint.c.size.desc()).limit(1)).first())


def head_of(session: Session, size: int) -> SignedHead | None:
    """Give the head of exactly this size, if one was signed."""
    return _head(session.execute(select(checkpoint).where(checkpoint.c.size == size)).first())


def head_at_least(session: Session, size: int) -> SignedHead | None:
    """Give the smallest head that covers the first `size` entries, if one was signed."""
    query: Select[Any] = select(checkpoint).where(checkpoint.c.size >= size).order_by(checkpoint.c.size).limit(1)
    return _head(session.execute(query).first())


def _head(row: Row[Any] | None) -> SignedHead | None:
    return None if row is None else SignedHead(row.size, bytes(row.root), row.note, row.made_at)


def cosigned_note(session: Session, head: SignedHead) -> str:
    """Give a head's note with the lines of all witnesses that signed it."""
    query = select(cosig.c.line).where(cosig.c.size == head.size).order_by(cosig.c.witness)
    return head.note + "".join(f"{line.rstrip()}\n" for line in session.scalars(query))


def last_cosigned(session: Session) -> datetime | None:
    """Tell when a witness signed last, by its own clock; None: none ever did."""
    return session.scalar(select(cosig.c.ts).order_by(cosig.c.ts.desc()).limit(1))


def keep_head(engine: Engine, head: SignedHead) -> None:
    """
    Keep a signed head; the same again changes nothing.

    Raises:
        HeadRefused: another root was signed for this size.
    """
    _insert(engine, checkpoint, {"size": head.size, "root": head.root, "note": head.note, "made_at": head.made_at})
    with reading(engine) as session:
        kept = head_of(session, head.size)
    if kept is None or kept.root != head.root:
        found = "none" if kept is None else kept.root.hex()
        raise HeadRefused(f"the signed head of {head.size} entries has root {found}, not {head.root.hex()}")


def keep_cosignature(engine: Engine, size: int, witness: str, at: datetime, line: str) -> None:
    """
    Keep a witness's line under the head of this size, whose row must be there; a second one of it changes nothing.

    Args:
        engine: the archive's database.
        size: of the head.
        witness: the name of its key.
        at: the time that it signed.
        line: its signature line, checked by the caller.
    """
    _insert(engine, cosig, {"size": size, "witness": witness, "ts": at, "line": line})


def _insert(engine: Engine, table: Table, row: dict[str, object]) -> None:
    insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    with busy_is_named(), watched_session(engine, Watch("plain", ledger_open=True)) as session, session.begin():
        session.execute(insert(table).values(row).on_conflict_do_nothing())


def require_continues(session: Session, size: int, root: bytes, whose: str) -> None:
    """
    See that the log begins with the tree of a head.

    Raises:
        HeadRefused: it is shorter or another one: the database was set back, or history rewritten.
    """
    has = log_size(session)
    if has < size:
        raise HeadRefused(f"the log has {has} entries, {whose} {size}: was an old database restored?")
    found = log_tree(session, size).root
    if size and found != root:
        raise HeadRefused(f"the first {size} entries have root {found.hex()}, in {whose} {root.hex()}")


def require_memory(session: Session, signer: HeadSigner) -> int:
    """
    See that the log continues what the signer remembers and what is kept as signed; gives the size that it remembers.

    A signer that was resumed from an older head remembers less than was signed: it comes forward by the next one.

    Raises:
        HeadRefused: the log was set back, or the signer is new to a log that has been signed.
    """
    known, root = signer.head()
    require_continues(session, known, root, "the signer's memory")
    newest = newest_head(session)
    if newest is not None:
        require_continues(session, newest.size, newest.root, "the newest signed head")
        if known == 0:
            raise HeadRefused(f"the signer remembers nothing, a head of {newest.size} entries was signed: is it new?")
    return known


def sign_head(engine: Engine, signer: HeadSigner, size: int, at: datetime) -> SignedHead:
    """
    Have the head of the first `size` entries signed, and keep it.

    Raises:
        HeadRefused: the log does not continue what was signed before.
        HuisuError: the signer refused or does not answer; nothing is kept.
    """
    with reading(engine) as session:
        known = require_memory(session, signer)
        # What it signed and could not be kept, because the plug was pulled between, is signed again.
        size = max(size, known)
        tree = log_tree(session, size)
        root = tree.root
        proof = prove_consistency(tree, known, size) if 0 < known < size else []
    head = SignedHead(size, root, signer.sign(size, root, proof), at)
    keep_head(engine, head)
    return head
