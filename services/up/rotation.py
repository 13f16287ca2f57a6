"""Change the log's key: two persons, one entry, and a head that both keys signed; then the new key signs alone."""

import json
import threading
import time
from typing import Final

from sqlalchemy import select

from services.accounts.models import User
from services.bootstrap import Archive
from services.custody.events import SYSTEM
from services.custody.kinds import of_kind
from services.custody.logtree import log_tree
from services.custody.note import VerifierKey
from services.custody.proof import prove_inclusion
from services.custody.signer_client import Signer
from services.custody.tables import entry, payload
from services.errors import NotReady, ProofRefused

STEP_S: Final = 0.2


def rotate(
    archive: Archive, signer: Signer, persons: tuple[User, User], *, patience_s: float, stop: threading.Event
) -> tuple[VerifierKey, VerifierKey]:
    """
    Have the log signed by a new key from now on; gives the old and the new one. Repeating it goes on where it ended.

    Raises:
        NotReady: no head that holds the entry was signed in time: does the sequencer run? Repeat it then.
        SignerUnavailable: the signer did not answer. Repeat it.
    """
    old, new = signer.rotate()
    event = _named(archive, new) or _name(archive, old, new, persons)
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends and not stop.is_set():
        try:
            if _finish(archive, signer, event):
                return old, new
        except ProofRefused:
            pass  # another head was signed meanwhile, or not yet one that holds the entry
        stop.wait(STEP_S)
    raise NotReady(f"the entry of the new key is written, but no signed head held it within {patience_s:.0f} s")


def _named(archive: Archive, new: VerifierKey) -> str | None:
    with archive.reading() as session:
        for line in of_kind(session, SYSTEM, "key.rotate"):
            if line.values.get("new") == json.dumps(new.vkey, ensure_ascii=False):
                return line.id
    return None


def _name(archive: Archive, old: VerifierKey, new: VerifierKey, persons: tuple[User, User]) -> str:
    first, second = persons
    with archive.work() as work:
        return work.append("key.rotate", SYSTEM, old=old.vkey, new=new.vkey, actor=first.name, approver=second.name)


def _finish(archive: Archive, signer: Signer, event: str) -> bool:
    """Show the entry to the signer under its last head; False: it is not in the log yet."""
    size, _ = signer.head()
    with archive.reading() as session:
        row = session.execute(select(entry.c.idx, entry.c.entry).where(entry.c.event_id == event)).one_or_none()
        if row is None or row.idx >= size:
            return False
        path = prove_inclusion(log_tree(session, size), row.idx, size)
        shown = session.execute(select(payload).where(payload.c.event_id == event))
        fields = [(one.name, bytes(one.salt), one.value) for one in shown if one.salt is not None]
    signer.finish_rotation(bytes(row.entry), row.idx, path, fields)
    return True
