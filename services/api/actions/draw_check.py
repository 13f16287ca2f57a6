"""Seed a spot check and draw; take in the outside inputs that its seed waits for; enter those that never came."""

import logging
from typing import Final

from sqlalchemy import select

from services.accounts.rights import Principal
from services.api.actions.define_check import signer_of
from services.bootstrap import Archive
from services.custody.heads import cosigned_note
from services.custody.witnessclient import ask_for_draw
from services.custody.witnessing import load_policy
from services.custody.work import Work
from services.errors import Conflict, DrawFailed, DrawNotReady, NoteRefused, Unavailable
from services.oversight.models import SpotCheck
from services.oversight.reach import fetch_check
from services.oversight.seeds import witness_key
from services.oversight.spotchecks import Fixed, fail, finish, fixed, is_overdue, missing, reveal, seed
from services.oversight.views import CheckFacts, facts

log = logging.getLogger(__name__)

ROUND: Final = "round"
"""Who fails draws that nobody touches."""


def draw_check(archive: Archive, who: Principal, check_id: str) -> CheckFacts:
    """
    Seed a frozen spot check from the first signed head that holds it, and draw where nothing else is awaited.

    Raises:
        NotFound, NotAllowed: as `fetch_check`.
        DrawNotReady: no signed head holds the definition yet, or an outside input is awaited still.
        DrawFailed: an outside input did not come in time.
        Conflict: it is drawn already.
        SignerUnavailable: try again later.
    """
    with archive.reading() as session:
        row = fetch_check(session, who, "spotcheck.define", check_id)
        was_late, was_frozen, at = is_overdue(row, archive.clock()), row.state == "FROZEN", fixed(session, row)
    if was_late:
        raise _failed(archive, row.id, who.name)
    _require_open(row)
    if at is None:
        raise DrawNotReady(f"no signed head holds the definition of {row.id} yet, with the lines of its witnesses")
    if was_frozen:
        proof = signer_of(archive).vrf(at.alpha)
        with archive.work() as work:
            seed(work, who, fetch_check(work.session, who, "spotcheck.define", check_id, to_change=True), at, proof)
    lines = _ask_witnesses(archive, row, at)
    with archive.work() as work:
        row = fetch_check(work.session, who, "spotcheck.define", check_id, to_change=True)
        _require_open(row)
        for line in lines:
            reveal(work, who, row, at, "witness", line)
        if not finish(work, who, row, at) and not was_frozen and not lines:
            names = ", ".join(f"{one.kind} of {one.by}" for one in missing(row))
            raise DrawNotReady(f"the draw waits for the {names} until {row.reveal_until:%F %T}Z")
        work.session.flush()
        return facts(work.session, row, work.at)


def _ask_witnesses(archive: Archive, row: SpotCheck, at: Fixed) -> list[str]:
    """
    Ask those awaited witnesses that the policy gives an address for; gives their lines.

    One that does not answer, or refuses, is waited for: its line can be carried by hand as well.
    """
    awaited = {witness_key(one.check) for one in missing(row) if one.kind == "witness"}
    if not awaited:
        return []
    policy = load_policy(archive.settings.policy_file)
    known = [one for one in policy.witnesses if one.url and witness_key(one.key.vkey) in awaited]
    with archive.reading() as session:
        note = cosigned_note(session, at.head).encode()
    lines = []
    for witness in known:
        try:
            lines.append(ask_for_draw(witness, at.leaf_hash, note).line)
        except (Unavailable, NoteRefused) as error:
            log.warning("a witness did not sign a draw", extra={"spot_check": row.id, "error": str(error)})
    return lines


def reveal_input(archive: Archive, who: Principal, check_id: str, kind: str, value: str) -> CheckFacts:
    """
    Take in an overseer's nonce or a witness's signature, and draw when it was the last.

    Raises:
        NotFound, NotAllowed: as `fetch_check`.
        DrawNotReady: the draw is not seeded yet; what is told now could be ground against.
        DrawFailed: it came too late.
        Conflict: it is not awaited.
        Invalid: it is not what the definition committed to.
    """
    with archive.reading() as session:
        row = fetch_check(session, who, "spotcheck.reveal", check_id)
        was_late = is_overdue(row, archive.clock())
    if was_late:
        raise _failed(archive, row.id, who.name)
    with archive.work() as work:
        row = fetch_check(work.session, who, "spotcheck.reveal", check_id, to_change=True)
        at = _fixed(work, row)
        reveal(work, who, row, at, kind, value)
        finish(work, who, row, at)
        work.session.flush()
        return facts(work.session, row, work.at)


def fail_overdue(archive: Archive) -> int:
    """Enter the failure of every draw whose outside inputs did not come in time; gives how many."""
    now = archive.clock()
    late = SpotCheck.state.in_(("FROZEN", "SEEDED")), SpotCheck.reveal_until <= now
    with archive.reading() as session:
        names = [row.id for row in session.scalars(select(SpotCheck).where(*late)) if is_overdue(row, now)]
    for name in names:
        _failed(archive, name, ROUND)
    return len(names)


def _failed(archive: Archive, check_id: str, actor: str) -> DrawFailed:
    """Enter the failure in a transaction of its own, so that it stays when the request is refused."""
    with archive.work() as work:
        row = work.session.get_one(SpotCheck, check_id, with_for_update=True)
        if is_overdue(row, work.at):
            fail(work, row, actor)
        return DrawFailed(f"spot check {row.id} failed: {row.failure}")


def _require_open(row: SpotCheck) -> None:
    if row.state == "FAILED":
        raise DrawFailed(f"spot check {row.id} failed: {row.failure}")
    if row.state == "DRAWN":
        raise Conflict(f"spot check {row.id} is drawn already")


def _fixed(work: Work, row: SpotCheck) -> Fixed:
    at = fixed(work.session, row)
    if at is None:
        raise DrawNotReady("no head is fixed for this definition yet: what is told now could be ground against")
    if row.state == "FAILED":
        raise DrawFailed(f"spot check {row.id} failed: {row.failure}")
    return at
