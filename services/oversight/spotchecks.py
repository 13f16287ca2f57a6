"""
Take a spot check from its definition to its draw; nothing that counts for the draw is decided after the definition.

FROZEN (defined) → SEEDED (the first signed head with the definition, and the draw's key's number for it) → DRAWN, or
FAILED where an outside input did not come in time. What was seeded and given up stays listed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.models import Unit
from services.accounts.rights import Principal
from services.custody import vrf
from services.custody.checkpoint import Checkpoint, read_checkpoint
from services.custody.heads import SignedHead, head_at_least, head_of
from services.custody.note import VerifierKey, read_note, read_signatures
from services.custody.tables import cosig, entry
from services.custody.work import Work
from services.db import lock_name
from services.errors import Conflict, DrawNotReady, IntegrityError, Invalid, ProofRefused, SecondDefinition
from services.oversight.definitions import Definition, programme_key
from services.oversight.draw import Drawn, Share, allot, draw
from services.oversight.filters import text_of
from services.oversight.models import SpotCheck, SpotItem, SpotPopulation
from services.oversight.population import population, unit_in_reach
from services.oversight.replay import as_told
from services.oversight.seeds import (
    Source,
    alpha_of,
    check_input,
    cosigning_key,
    label_of,
    parse_sources,
    seed_of,
)
from services.oversight.tickets import read_ticket

KINDS: Final = {1: "incident", 2: "segment"}


@dataclass(frozen=True, slots=True)
class Fixed:
    """Where a definition stands in the log: its place, its hash and the first signed head that holds it."""

    index: int
    leaf_hash: bytes
    head: SignedHead

    @property
    def alpha(self) -> bytes:
        """The input of the draw's key."""
        return alpha_of(self.leaf_hash, self.head.root)

    @property
    def checkpoint(self) -> Checkpoint:
        """The head as it is signed."""
        return read_checkpoint(read_note(self.head.note.encode()).text)


def define(work: Work, who: Principal, definition: Definition, draw_key: bytes) -> SpotCheck:
    """
    Freeze a definition and its population in this transaction.

    Raises:
        Invalid: a unit that is not in reach, or nothing to draw from.
        SecondDefinition: this programme has a definition of an overlapping period and unit, and this one is by the same
            person or without a reason.
    """
    session, key = work.session, programme_key(definition.programme)
    unit = unit_in_reach(session, who, definition.unit)
    lock_name(session, f"spot-check:{key}")
    before = _overlapping(session, key, unit, definition)
    if before:
        _require_another(who, definition, before)
    frozen = population(session, who, definition, unit)
    shares = allot(frozen.counts, definition.wanted, definition.size, definition.reserve)
    made, number = str(uuid7()), _next_number(session, key, unit)
    told = definition.told(frozen, shares) | {
        "actor": who.name,
        "number": number,
        "vrf_key": draw_key.hex(),
        "reveal_until": text_of(work.at + definition.reveal_within),
        "second_of": sorted(one.id for one in before),
        "reason": definition.reason,
    }
    event = work.append("draw.define", made, **told)
    row = SpotCheck(
        id=made, number=number, programme=definition.programme, programme_key=key, unit_id=unit.id,
        starts_at=definition.starts_at, ends_at=definition.ends_at, definition=told, define_event=event,
        definer_id=who.id, definer=who.name, defined_at=work.at, reveal_until=work.at + definition.reveal_within,
        state="FROZEN", inputs={}, version=1,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add(SpotPopulation(spot_check_id=made, leaves=frozen.leaves))
    return row


def _overlapping(session: Session, key: str, unit: Unit, definition: Definition) -> Sequence[SpotCheck]:
    """Find definitions of this programme whose period and unit touch this one's: its own unit, one above, one below."""
    above = unit.path.strip("/").split("/")
    touched = or_(Unit.id.in_(above), Unit.path.startswith(unit.path, autoescape=True))
    query = select(SpotCheck).join(Unit, Unit.id == SpotCheck.unit_id).where(
        SpotCheck.programme_key == key,
        SpotCheck.starts_at < definition.ends_at,
        SpotCheck.ends_at > definition.starts_at,
        touched,
    )  # fmt: skip
    return session.scalars(query.order_by(SpotCheck.id)).all()


def _require_another(who: Principal, definition: Definition, before: Sequence[SpotCheck]) -> None:
    said = f"programme {definition.programme!r} was defined {len(before)} times for overlapping periods"
    if who.kind != "user" or any(one.definer_id == who.id for one in before):
        raise SecondDefinition(f"{said}: another person must define it again, and say why")
    if definition.reason is None:
        raise SecondDefinition(f"{said}: say the reason for another one")


def _next_number(session: Session, key: str, unit: Unit) -> int:
    query = select(func.count()).where(SpotCheck.programme_key == key, SpotCheck.unit_id == unit.id)
    return int(session.scalar(query) or 0) + 1


def fixed(session: Session, row: SpotCheck) -> Fixed | None:
    """
    Find the first signed head that holds a definition; None while there is none.

    Where the definition names witnesses it is the first that all of them cosigned: a log grows by the second, they see
    some of its heads only, and sign a draw with one of those. Which one they will see tells nobody what they will sign.

    Raises:
        IntegrityError: a seeded draw rests on another head than the first.
    """
    found = session.execute(select(entry.c.idx, entry.c.leaf_hash).where(entry.c.event_id == row.define_event)).first()
    if found is None:
        return None
    witnesses = [cosigning_key(one) for one in sources_of(row) if one.kind == "witness"]
    if witnesses and row.head_size is not None:
        head = head_of(session, row.head_size)  # a line that came later under an earlier head moves nothing
    else:
        head = _first_head(session, found.idx + 1, witnesses)
    if row.head_size is not None and (head is None or head.size != row.head_size or head.size <= found.idx):
        raise IntegrityError(f"spot check {row.id} was seeded by a head of {row.head_size}, the first is {head}")
    return Fixed(found.idx, bytes(found.leaf_hash), head) if head is not None else None


def _first_head(session: Session, least: int, witnesses: Sequence[VerifierKey]) -> SignedHead | None:
    """Give the smallest head of so many entries under which each of these keys signed; a name alone is no key."""
    if not witnesses:
        return head_at_least(session, least)
    names = [one.name for one in witnesses]
    query = select(cosig.c.size, cosig.c.line).where(cosig.c.size >= least, cosig.c.witness.in_(names))
    for size, lines in groupby(session.execute(query.order_by(cosig.c.size)), key=lambda one: one.size):
        if _are_of([one.line for one in lines], witnesses):
            return head_of(session, size)
    return None


def _are_of(lines: Sequence[str], keys: Sequence[VerifierKey]) -> bool:
    """Say whether each of these keys has one of the kept lines, by its id: a name may have had another key before."""
    signatures = [one for line in lines for one in read_signatures(f"{line.rstrip()}\n".encode())]
    return all(any(key.signed(one) for one in signatures) for key in keys)


def seed(work: Work, who: Principal, row: SpotCheck, at: Fixed, vrf_proof: bytes) -> None:
    """
    Enter the head and the key's number that fix the draw from the archive's side.

    Raises:
        DrawNotReady: the proof is not one of the draw's key that the definition names, or another head than `at` is the
            first by now: the line of a witness under an earlier one came meanwhile.
        Conflict: it is seeded already.
    """
    if row.state != "FROZEN":
        raise Conflict(f"spot check {row.id} is {row.state}, no longer FROZEN")
    if (now := fixed(work.session, row)) != at:
        found = "none" if now is None else f"the one of {now.head.size}"
        raise DrawNotReady(f"the first head was the one of {at.head.size}, by now it is {found}: draw again")
    try:
        vrf.check(bytes.fromhex(row.definition["vrf_key"]), at.alpha, vrf_proof)
    except ProofRefused as error:
        raise DrawNotReady(f"the signer has another draw's key than the definition names: {error}") from error
    row.state, row.head_size, row.vrf_proof = "SEEDED", at.head.size, vrf_proof.hex()
    row.version += 1
    work.append(
        "draw.seed", row.id, actor=who.name, size=at.head.size, root=at.head.root.hex(), index=at.index,
        vrf_proof=row.vrf_proof,
    )  # fmt: skip


def sources_of(row: SpotCheck) -> tuple[Source, ...]:
    """Give the outside inputs that a definition names."""
    return parse_sources(row.definition["seed_sources"])


def missing(row: SpotCheck) -> list[Source]:
    """Give the outside inputs that a draw still waits for."""
    return [one for one in sources_of(row) if one.check not in row.inputs]


def is_overdue(row: SpotCheck, now: datetime) -> bool:
    """Say whether an outside input did not come in time: this draw has failed, entered or not."""
    return row.state in ("FROZEN", "SEEDED") and now >= row.reveal_until and bool(missing(row))


def reveal(work: Work, who: Principal, row: SpotCheck, at: Fixed, kind: str, value: str) -> None:
    """
    Take in an outside input: a nonce, or a witness's signature.

    Before the head is fixed nothing is taken: whoever runs the log could then choose the head after the nonce.

    Raises:
        DrawNotReady: the draw is not seeded yet.
        Conflict: it is drawn, or the input is known already.
        Invalid: the value is none that the definition committed to.
    """
    if row.state == "FROZEN":
        raise DrawNotReady("no head is fixed for this definition yet: what is told now could be ground against")
    if row.state != "SEEDED":
        raise Conflict(f"spot check {row.id} is {row.state}: it waits for no input")
    waiting = [one for one in missing(row) if one.kind == kind]
    if not waiting:
        raise Conflict(f"spot check {row.id} waits for no {kind}")
    for source in waiting:
        try:
            check_input(source, value, at.leaf_hash, at.checkpoint)
        except ProofRefused as error:
            refusal = error
            continue
        row.inputs = {**row.inputs, source.check: value.strip()}
        row.version += 1
        work.append("draw.reveal", row.id, actor=who.name, kind=source.kind, by=source.by, value=value.strip())
        return
    raise Invalid(str(refusal))


def fail(work: Work, row: SpotCheck, actor: str) -> None:
    """Enter that a draw failed because an outside input did not come in time."""
    names = [f"{one.kind} of {one.by}" for one in missing(row)]
    row.state, row.failure = "FAILED", f"not told in time: {', '.join(names)}"
    row.version += 1
    work.append("draw.fail", row.id, actor=actor, missing=names, reveal_until=text_of(row.reveal_until))


def finish(work: Work, who: Principal, row: SpotCheck, at: Fixed) -> bool:
    """Draw, if nothing is missing any more; gives whether it did."""
    if row.state != "SEEDED" or missing(row):
        return False
    strata = row.definition["strata"]
    leaves = work.session.get_one(SpotPopulation, row.id).leaves
    found, frozen = hashlib.sha256(leaves).hexdigest(), row.definition["tickets_sha256"]
    if found != frozen:
        raise IntegrityError(f"the tickets of {row.id} have the digest {found}, frozen was {frozen}")
    drawn = draw(leaves, _seed(row, at), [Share(one["size"], one["reserve"]) for one in strata])
    row.state, row.drawn_at = "DRAWN", work.at
    row.version += 1
    row.result_event = work.append(
        "draw.result", row.id, actor=who.name, seed=_seed(row, at).hex(), drawn=as_told(drawn),
        label=label_of(sources_of(row)),
    )  # fmt: skip
    work.session.add_all(_items(row.id, drawn))
    return True


def _seed(row: SpotCheck, at: Fixed) -> bytes:
    key, head = bytes.fromhex(row.definition["vrf_key"]), at.head
    beta = vrf.check(key, at.alpha, bytes.fromhex(row.vrf_proof or ""))
    inputs = [check_input(one, row.inputs[one.check], at.leaf_hash, at.checkpoint) for one in sources_of(row)]
    return seed_of(at.leaf_hash, head.size, head.root, beta, inputs)


def _items(check: str, drawn: Sequence[Drawn]) -> list[SpotItem]:
    """Number the sample of all strata first, then all reserves: the order in which people see them."""
    sample = [("DRAWN", stratum, ticket) for stratum, part in enumerate(drawn) for ticket in part.sample]
    reserve = [("RESERVE", stratum, ticket) for stratum, part in enumerate(drawn) for ticket in part.reserve]
    items = []
    for number, (state, stratum, ticket) in enumerate([*sample, *reserve], 1):
        read = read_ticket(ticket)
        items.append(
            SpotItem(
                spot_check_id=check, n=number, stratum=stratum, in_reserve=state == "RESERVE", kind=KINDS[read.kind],
                subject_id=read.subject, segment=read.segment, state=state, version=1,
            )
        )  # fmt: skip
    return items
