"""Make a log of any size for benchmarks: real entries in real chains, entered without the work that they came from."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, insert
from uuid_utils import uuid7

from services.custody.entry import FIRST_PREV, Entry, entry_bytes, leaf_hash
from services.custody.heads import HeadSigner, sign_head
from services.custody.logtree import log_size
from services.custody.note import VerifierKey
from services.custody.sequencer import fill_tiles
from services.custody.signer import LogSigner
from services.custody.signerhome import SignerHome
from services.custody.tables import entry
from services.db import Watch, open_engine, watched_session
from services.index.migrate import migrate

BATCH: Final = 20_480
EACH: Final = 20
"""Entries of one object: a recording's life has about so many."""

BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def make_log(url: str, size: int) -> Engine:
    """Give a migrated database with a log of `size` entries, twenty for each object, their chains laid into another."""
    engine = open_engine(url)
    migrate(engine)
    objects = [str(uuid7()) for _ in range(max(1, size // EACH))]
    heads = [FIRST_PREV] * len(objects)
    for first in range(0, size, BATCH):
        rows = []
        for place in range(first, min(size, first + BATCH)):
            n, which = divmod(place, len(objects))
            ident, obj = str(uuid7()), objects[which]
            at = BEGAN + timedelta(seconds=place)
            text = entry_bytes(Entry("rec.view.start", ident, at, obj, n, heads[which], os.urandom(32)))
            heads[which] = leaf_hash(text)
            rows.append({"idx": place, "event_id": ident, "obj": obj, "n": n, "entry": text, "leaf_hash": heads[which]})
        with watched_session(engine, Watch("plain", ledger_open=True)) as session, session.begin():
            before = log_size(session)
            session.execute(insert(entry), rows)
            fill_tiles(session, before, before + len(rows))
    return engine


class OwnSigner:
    """A signer in this process, its key and memory in a folder of the benchmark's."""

    def __init__(self, folder: Path) -> None:
        self._signer = LogSigner(
            SignerHome(folder), None, make_origin=lambda: "huisu.local/bench", make_seed=lambda: os.urandom(32)
        )

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """Give the log's keys."""
        return self._signer.public().keys

    def head(self) -> tuple[int, bytes]:
        """Tell what was signed last."""
        told = self._signer.public()
        return told.size, told.root

    def sign(self, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        """Sign a head."""
        return self._signer.sign(size, root, proof).decode()

    def close(self) -> None:
        """Let another process take the folder."""
        self._signer.close()


def sign_some(engine: Engine, signer: HeadSigner, size: int, count: int) -> None:
    """Have `count` heads signed, evenly over the log."""
    for number in range(1, count + 1):
        sign_head(engine, signer, size * number // count, BEGAN)
