"""
Repair a damaged original from a good copy: one person proposes it, another approves, and the damaged one stays.

A copy is good only if its SHA-256, its size and its chunk root are those that the ledger recorded when the footage came
in. What is approved is exactly what was proposed, and both are entries of the recording.
"""

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import User
from services.bootstrap import Archive, new_id
from services.custody import tree
from services.custody.ledger import history
from services.custody.work import Work
from services.digest import fingerprint_file
from services.errors import Conflict, DigestMismatch, Gone, IntegrityError, NotAllowed, NotFound
from services.index.fixity import original
from services.index.models import Object, Recording
from services.index.upkeep import FixityObject, Repair
from services.ingest.locks import note_lock
from services.ingest.upkeep.reading import EQUAL, Pace, read_whole
from services.storage.durable import source_size, translated
from services.storage.store import Kept, Lock, LockMode

log = logging.getLogger(__name__)

VALID: Final = timedelta(hours=72)
"""Time in which a proposal can be approved."""

UNPACED: Final = Pace(float("inf"))
"""Somebody waits for a repair."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """What the ledger says of an original's bytes, or what a file has."""

    sha256: str
    size_bytes: int
    chunk_root: str


def propose_repair(archive: Archive, recording_id: str, path: Path, who: User) -> str:
    """
    Propose a file as the good copy of a recording's original; gives the proposal's id.

    Raises:
        NotFound: there is no such recording.
        DigestMismatch: the file is not what the ledger says.
        Conflict: the original is whole as it is.
        IntegrityError: the ledger has no values to compare with.
    """
    with archive.reading() as session:
        recording = session.get(Recording, recording_id)
        if recording is None:
            raise NotFound(f"there is no recording {recording_id}")
        wanted, known = _recorded(session, recording_id), original(session, recording.object_id)
        if known is None:
            raise Conflict(f"recording {recording_id} was disposed of")
    _require_good(path, wanted)
    if read_whole(archive.store, known, UNPACED).outcome == EQUAL:
        raise Conflict(f"the stored original of {recording_id} is whole: there is nothing to repair")
    with archive.work() as work:
        row = Repair(
            id=new_id(), recording_id=recording_id, object_id=known.id, state="proposed", path=str(path.absolute()),
            sha256=wanted.sha256, size_bytes=wanted.size_bytes, chunk_root=bytes.fromhex(wanted.chunk_root),
            former_version=known.version, proposer_id=who.id, proposer=who.name, proposed_at=work.at,
        )  # fmt: skip
        row.proposal = proposal_of(row)
        work.session.add(row)
        work.append(
            "rec.repair.propose", recording_id, actor=who.name, repair=row.id, file=row.path, proposal=row.proposal,
            former_version=row.former_version, expires_at=(work.at + VALID).isoformat(), sha256=wanted.sha256,
            size=wanted.size_bytes, chunk_root=wanted.chunk_root,
        )  # fmt: skip
    return row.id


def approve_repair(archive: Archive, repair_id: str, who: User) -> Kept:
    """
    Put the proposed copy above the damaged original, read it back and pin it; gives the version kept.

    Repeating it after a kill goes on where it ended.

    Raises:
        NotFound: there is no such proposal.
        NotAllowed: the person who proposed it may not approve it.
        Gone: it was proposed too long ago; propose it again.
        Conflict: it is done, or another version was pinned since.
        DigestMismatch: the file is not what was proposed any more, or the store does not give back what it took.
        IntegrityError: the proposal is not the one that was entered.
    """
    with archive.reading() as session:
        row = _proposed(session, repair_id, who, archive.clock())
        key, version = session.execute(select(Object.key, Object.version_id).where(Object.id == row.object_id)).one()
        if version != row.former_version:
            raise Conflict(f"version {version} of {key} is pinned, the proposal is about {row.former_version}")
    _require_good(Path(row.path), Bytes(row.sha256, row.size_bytes, row.chunk_root.hex()))
    lock = _lock_of(archive, key, version)
    kept = archive.store.mend(key, Path(row.path))
    if lock.mode is not None and lock.until is not None and lock.until > archive.clock():
        lock = archive.store.lock(key, kept.version, mode=lock.mode, until=lock.until)
    if lock.hold:
        lock = archive.store.hold(key, kept.version, on=True)
    _read_back(archive, row, kept)
    with archive.work() as work:
        _pin(work, repair_id, kept, who)
    note_lock(archive, row.object_id, lock)
    return kept


def proposal_of(row: Repair) -> str:
    """Name exactly what is proposed: a digest over everything that the other person answers for."""
    told = {
        "repair": row.id,
        "recording": row.recording_id,
        "object": row.object_id,
        "file": row.path,
        "sha256": row.sha256,
        "size": row.size_bytes,
        "chunk_root": row.chunk_root.hex(),
        "former_version": row.former_version,
        "proposer": row.proposer_id,
        "proposed_at": row.proposed_at.isoformat(timespec="microseconds"),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _recorded(session: Session, recording_id: str) -> Bytes:
    for line in history(session, recording_id):
        if line.entry.type in {"rec.ingest", "rec.rebuild"} and {"sha256", "size", "chunk_root"} <= line.values.keys():
            said = {name: json.loads(line.values[name]) for name in ("sha256", "size", "chunk_root")}
            return Bytes(said["sha256"], said["size"], said["chunk_root"])
    raise IntegrityError(f"no entry of recording {recording_id} says what its bytes were")


def _require_good(path: Path, wanted: Bytes) -> None:
    with translated(str(path)):
        source_size(path)
        printed = fingerprint_file(path)
    found = Bytes(printed.digest.hex, printed.size_bytes, tree.root(printed.leaves).hex())
    if found != wanted:
        raise DigestMismatch(
            f"{path} has {found.size_bytes:,} bytes with SHA-256 {found.sha256} and chunk root {found.chunk_root}, "
            f"the ledger {wanted.size_bytes:,} with {wanted.sha256} and {wanted.chunk_root}"
        )


def _proposed(session: Session, repair_id: str, who: User, now: datetime) -> Repair:
    row = session.get(Repair, repair_id)
    if row is None:
        raise NotFound(f"there is no proposal {repair_id}")
    if row.state != "proposed":
        raise Conflict(f"repair {repair_id} is done; {row.approver} approved it")
    if row.proposer_id == who.id:
        raise NotAllowed(f"{who.name} proposed repair {repair_id}: another person approves it")
    if now > row.proposed_at + VALID:
        raise Gone(f"repair {repair_id} was proposed {row.proposed_at}, more than 72 hours ago: propose it again")
    entered = [
        line.values.get("proposal")
        for line in history(session, row.recording_id)
        if line.entry.type == "rec.repair.propose" and line.values.get("repair") == json.dumps(repair_id)
    ]
    if entered != [json.dumps(proposal_of(row))] or row.proposal != proposal_of(row):
        raise IntegrityError(f"repair {repair_id} is not what was entered when it was proposed")
    return row


def _lock_of(archive: Archive, key: str, version: str | None) -> Lock:
    """Tell what protects the damaged version; of one that is gone, what the catalogue says."""
    try:
        return archive.store.lock_state(key, version)
    except NotFound:
        with archive.reading() as session:
            row = session.execute(select(Object).where(Object.key == key)).scalar_one()
        return Lock(LockMode(row.lock_mode) if row.lock_mode else None, row.lock_until, row.hold)


def _read_back(archive: Archive, row: Repair, kept: Kept) -> None:
    with archive.reading() as session:
        known = original(session, row.object_id)
    if known is None:
        raise Conflict(f"the recording of repair {row.id} was disposed of meanwhile")
    found = read_whole(archive.store, replace(known, version=kept.version), UNPACED)
    if found.outcome != EQUAL:
        log.error("repaired original differs from its proposal", extra={"repair": row.id, "key": kept.key})
        raise DigestMismatch(f"{kept.key} of version {kept.version} is {found.outcome} after the repair: {found.found}")


def _pin(work: Work, repair_id: str, kept: Kept, who: User) -> None:
    row = work.session.get_one(Repair, repair_id, with_for_update=True)
    obj = work.session.get_one(Object, row.object_id, with_for_update=True)
    if row.state != "proposed" or obj.version_id != row.former_version:
        raise Conflict(f"repair {repair_id} was done meanwhile")
    row.state, row.version_id, row.approver, row.approved_at = "done", kept.version, who.name, work.at
    obj.version_id, obj.verified_at = kept.version, work.at
    state = work.session.get(FixityObject, obj.id)
    if state is not None:
        state.outcome, state.found, state.failed_at, state.checked_at = EQUAL, None, None, work.at
    of_it = select(Recording.id).where(Recording.object_id == obj.id).order_by(Recording.id)
    for recording in sorted({row.recording_id, obj.recording_id, *work.session.scalars(of_it)}):
        work.append(
            "rec.repair", recording, actor=row.proposer, approver=who.name, repair=row.id, proposal=row.proposal,
            object_key=kept.key, former_version=row.former_version, version_id=kept.version, sha256=row.sha256,
            size=row.size_bytes, chunk_root=row.chunk_root.hex(),
        )  # fmt: skip
