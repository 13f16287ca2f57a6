"""
Remember the answer to a POST with an Idempotency-Key, so that asking twice does a thing once.

The key is taken before the work begins. A key whose work never answered (the process died) stays
taken: whether the thing was done is for the caller to look up, never to be guessed by doing it again.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from services.accounts.models import IdempotencyKey
from services.db import plain
from services.errors import Conflict, IdempotencyConflict


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was sent: its status and JSON text."""

    status: int
    text: str


def begin(engine: Engine, account: str, key: str, body_hash: str, now: datetime) -> Answer | None:
    """
    Take a key, or give the answer that it got before.

    Raises:
        IdempotencyConflict: the key came with another request.
        Conflict: the first request is not answered yet, or never was.
    """
    with plain(engine) as session:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        row = {"account_id": account, "key": key, "body_hash": body_hash, "created_at": now}
        taken = session.execute(
            insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
        ).first()
        if taken is not None:
            return None
        known = session.get_one(IdempotencyKey, (account, key))
        if known.body_hash != body_hash:
            raise IdempotencyConflict(f"Idempotency-Key {key!r} came before with another request")
        if known.status is None or known.answer is None:
            raise Conflict(f"the request of Idempotency-Key {key!r} has no answer yet: look whether it was done")
        return Answer(known.status, known.answer)


def answer(engine: Engine, account: str, key: str, given: Answer) -> None:
    """Keep the answer."""
    with plain(engine) as session:
        mine = update(IdempotencyKey).where(IdempotencyKey.account_id == account, IdempotencyKey.key == key)
        session.execute(mine.values(status=given.status, answer=given.text))


def give_back(engine: Engine, account: str, key: str) -> None:
    """Free a key whose request was refused: nothing was done."""
    with plain(engine) as session:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.account_id == account, IdempotencyKey.key == key))
