"""Write the proof of a draw: everything that a stranger needs to repeat it, and nothing that opens footage."""

from base64 import b64encode
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.custody.heads import cosigned_note
from services.custody.logtree import log_tree
from services.custody.proof import prove_inclusion
from services.custody.tables import entry, payload, pending
from services.errors import Conflict, DrawFailed, DrawNotReady, IntegrityError
from services.oversight.models import SpotCheck, SpotPopulation
from services.oversight.replay import FORMAT
from services.oversight.spotchecks import fixed, sources_of


def proof_of(session: Session, row: SpotCheck) -> dict[str, Any]:
    """
    Write the proof document of a draw, as `replay` reads it.

    It names the tickets by their ids alone; an id opens nothing to anybody.

    Raises:
        DrawNotReady: nothing is drawn yet.
        DrawFailed: nothing will be.
        IntegrityError: what the draw rests on is not in the log.
    """
    if row.state == "FAILED":
        raise DrawFailed(f"spot check {row.id} failed: {row.failure}")
    if row.result_event is None:
        raise DrawNotReady(f"spot check {row.id} is {row.state}: nothing is drawn yet")
    at = fixed(session, row)
    if at is None:
        raise IntegrityError(f"the definition of {row.id} is in no signed head")
    path = prove_inclusion(log_tree(session, at.head.size), at.index, at.head.size)
    leaves = session.get_one(SpotPopulation, row.id).leaves
    return {
        "format": FORMAT,
        "id": row.id,
        "define": {
            **_opened(session, row.define_event),
            "index": at.index,
            "inclusion": [b64encode(one).decode() for one in path],
        },
        "checkpoint": cosigned_note(session, at.head),
        "vrf": {"key": row.definition["vrf_key"], "proof": row.vrf_proof},
        "inputs": [{"kind": one.kind, "by": one.by, "value": row.inputs[one.check]} for one in sources_of(row)],
        "tickets": b64encode(leaves).decode(),
        "result": _opened(session, row.result_event),
    }


def _opened(session: Session, event: str) -> dict[str, Any]:
    """Give an entry with all its values and salts."""
    for table in (pending, entry):  # in this order: what the sequencer moves between the two is found in the second
        text = session.scalar(select(table.c.entry).where(table.c.event_id == event))
        if text is not None:
            break
    else:
        raise IntegrityError(f"entry {event} is neither in the log nor before it")
    fields = session.execute(select(payload).where(payload.c.event_id == event).order_by(payload.c.name)).all()
    if any(field.salt is None for field in fields):
        raise Conflict(f"values of entry {event} were expunged: the draw can be repeated no more")
    return {
        "entry": bytes(text).decode("ascii"),
        "disclosure": [
            {"name": field.name, "salt": b64encode(field.salt).decode(), "value": field.value} for field in fields
        ],
    }
