"""Answer what a stranger asks about the log: its head, an entry's place in it, and that it only grew."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.custody.heads import SignedHead, cosigned_note, head_of, newest_head
from services.custody.logproof import LogProof
from services.custody.logtree import log_size, log_tree
from services.custody.proof import prove_consistency, prove_inclusion
from services.custody.tables import entry
from services.db import hold_snapshot
from services.errors import Invalid, NotFound, NotReady


@dataclass(frozen=True, slots=True)
class Inclusion:
    """An entry's way to a root, from the leaf up; `note` is the signed head of that size with its witnesses, if any."""

    index: int
    size: int
    leaf_hash: bytes
    root: bytes
    path: tuple[bytes, ...]
    note: str | None

    @property
    def as_file(self) -> bytes:
        """
        Write it as a `tlog-proof` of its own.

        Raises:
            NotFound: no head of this size was signed, so nothing could be compared with it.
        """
        if self.note is None:
            raise NotFound(f"no head of exactly {self.size} entries was signed: ask for the size of one that was")
        return LogProof(self.index, self.path, self.note.encode()).content


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of `new` entries begins with the one of `old`."""

    old: int
    new: int
    old_root: bytes
    new_root: bytes
    path: tuple[bytes, ...]


def newest_note(session: Session) -> str:
    """
    Give the newest signed head with the lines of its witnesses.

    Raises:
        NotReady: nothing was signed yet.
    """
    hold_snapshot(session)
    return cosigned_note(session, _newest(session))


def prove_entry(session: Session, index: int, size: int | None = None) -> Inclusion:
    """
    Prove that the log of `size` entries (None: of the newest signed head) has an entry at `index`.

    Raises:
        Invalid: a log of this size has no such entry.
        NotFound: the log has fewer entries.
        NotReady: no size was given and nothing was signed yet.
    """
    hold_snapshot(session)
    head = _newest(session) if size is None else head_of(session, size)
    wanted = head.size if size is None and head is not None else size or 0
    if not 0 <= index < wanted:
        raise Invalid(f"a log of {wanted} entries has no entry {index}")
    _require_size(session, wanted)
    tree = log_tree(session, wanted)
    leaf = session.scalars(select(entry.c.leaf_hash).where(entry.c.idx == index)).one()
    note = cosigned_note(session, head) if head is not None else None
    return Inclusion(index, wanted, bytes(leaf), tree.root, tuple(prove_inclusion(tree, index, wanted)), note)


def prove_growth(session: Session, old: int, new: int | None = None) -> Consistency:
    """
    Prove that the log of `new` entries (None: of the newest signed head) begins with that of `old`.

    Raises:
        Invalid: `old` is 0, with which everything is consistent, or greater than `new`.
        NotFound: the log has fewer entries.
        NotReady: no size was given and nothing was signed yet.
    """
    hold_snapshot(session)
    wanted = _newest(session).size if new is None else new
    if not 0 < old <= wanted:
        raise Invalid(f"a log of {wanted} entries cannot be shown to continue one of {old}")
    _require_size(session, wanted)
    tree = log_tree(session, wanted)
    path = tuple(prove_consistency(tree, old, wanted))
    return Consistency(old, wanted, log_tree(session, old).root, tree.root, path)


def _newest(session: Session) -> SignedHead:
    head = newest_head(session)
    if head is None:
        raise NotReady("no head of the log was signed yet: do the sequencer and the signer run?")
    return head


def _require_size(session: Session, size: int) -> None:
    if (has := log_size(session)) < size:
        raise NotFound(f"the log has {has} entries, not {size}")
