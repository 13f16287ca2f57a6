"""Say how the log stands: how far it is signed, who watches it, and whether its signer lives apart."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.custody.entry import read_entry
from services.custody.heads import SignedHead, newest_head
from services.custody.logtree import log_size
from services.custody.policy import Policy
from services.custody.sequencer import waiting_since
from services.custody.signer_client import Signer, SignerFacts
from services.custody.tables import entry, pending
from services.custody.watched import Watched, watched
from services.errors import HuisuError


@dataclass(frozen=True, slots=True)
class Standing:
    """Entries in the log and before it, the newest head, how long an entry has waited for one, and who watches."""

    size: int
    pending: int
    head: SignedHead | None
    lag: timedelta
    watched: Watched


@dataclass(frozen=True, slots=True)
class SignerPlace:
    """
    The signer as the archive sees it; `facts` None: it does not answer, `trouble` says why it does not sign.

    `shares_disk` None: the database is a server whose disk cannot be seen from here.
    """

    facts: SignerFacts | None
    trouble: str
    shares_user: bool | None
    shares_disk: bool | None


def standing(session: Session, policy: Policy, now: datetime) -> Standing:
    """Look at the log and its heads."""
    size, waiting = log_size(session), session.scalar(select(func.count()).select_from(pending)) or 0
    head = newest_head(session)
    since = unsigned_since(session, head)
    lag = max(now - since, timedelta(0)) if since else timedelta(0)
    return Standing(size, waiting, head, lag, watched(session, policy, now))


def unsigned_since(session: Session, head: SignedHead | None) -> datetime | None:
    """Tell the time of the first entry that no signed head covers; None: all are covered."""
    first = session.scalar(select(entry.c.entry).where(entry.c.idx == (head.size if head else 0)))
    return waiting_since(session) if first is None else read_entry(bytes(first)).at


def signer_place(signer: Signer, database: Path | None) -> SignerPlace:
    """Ask the signer where it runs; compare that with this process and the database's file (None: a server)."""
    try:
        facts = signer.public()
        disk = database.stat().st_dev if database is not None else None
    except (HuisuError, OSError) as error:
        return SignerPlace(None, str(error), None, None)
    shares_disk = None if disk is None else facts.disk == disk
    return SignerPlace(facts, facts.trouble, facts.user == os.getuid(), shares_disk)
