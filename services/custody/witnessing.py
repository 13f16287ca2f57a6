"""
Ask the witnesses of the policy to sign the log's newest head, and say how long ago one of them did.

A witness that refuses because it saw another history is an alarm: it is the proof, from another house, that this log
was rewritten or set back. Source: C2SP tlog-witness.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services.custody.checkpoint import read_size
from services.custody.cosignature import AHEAD, Cosignature, Submission, cosignatures
from services.custody.events import SYSTEM
from services.custody.heads import SignedHead, head_of, keep_cosignature, newest_head
from services.custody.logtree import log_tree
from services.custody.note import Signature, VerifierKey, read_note, read_signatures
from services.custody.policy import Policy, Witness, read_policy
from services.custody.posting import Answer
from services.custody.proof import prove_consistency
from services.custody.tables import checkpoint, cosig
from services.custody.watched import seen_by
from services.custody.witnessclient import PATIENCE_S, post
from services.custody.work import work
from services.db import reading
from services.errors import HeadRefused, HuisuError, Misconfigured, NoteRefused, PolicyRefused, Unavailable

log = logging.getLogger(__name__)

REPEAT: Final = timedelta(hours=1)
"""Time after which an alarm that still holds is raised again."""
AT_ONCE: Final = 8
TRIES: Final = 3
"""How often one head is submitted before a witness that tells another size each time is left alone."""
HEADS_TRIED: Final = 5000
"""Heads among which the one is sought that a line from a file belongs to."""


def load_policy(path: Path | None, logs: Iterable[VerifierKey] = ()) -> Policy:
    """
    Read the archive's policy, for the keys of its own log; without a file no witness is known, and none needed.

    Raises:
        Misconfigured: the file cannot be read, or is no policy.
    """
    if path is None:
        return Policy().with_logs(logs)
    try:
        policy = read_policy(path.read_bytes()).with_logs(logs)
    except OSError as error:
        raise Misconfigured(f"HUISU_POLICY_FILE {path}: {error.strerror}") from error
    except PolicyRefused as error:
        raise Misconfigured(f"HUISU_POLICY_FILE {path}: {error}") from error
    names = [witness.key.name for witness in policy.witnesses]
    if alike := next((name for name in names if names.count(name) > 1), None):
        raise Misconfigured(
            f"HUISU_POLICY_FILE {path}: two witnesses have keys named {alike}; lines are kept by that name"
        )
    return policy


@dataclass(slots=True)
class Asking:
    """The archive's side of its witnesses: which there are, and how far each has seen."""

    engine: Engine
    policy: Policy
    clock: Callable[[], datetime]
    patience_s: float = PATIENCE_S
    _seen: dict[str, int] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _alarmed: dict[str, datetime] = field(default_factory=dict)

    def ask_all(self) -> int:
        """Ask every witness that has an address and did not sign the newest head yet; gives how many signed it now."""
        with reading(self.engine) as session:
            head = newest_head(session)
            done = _signers(session, head.size) if head else set()
        asked = [one for one in self.policy.witnesses if one.url and one.key.name not in done]
        if head is None or not asked:
            return 0
        with ThreadPoolExecutor(min(AT_ONCE, len(asked)), thread_name_prefix="witness") as pool:
            return sum(pool.map(lambda one: self._try(one, head), asked))

    def _try(self, witness: Witness, head: SignedHead) -> bool:
        try:
            self.ask(witness, head)
            self._silent.discard(witness.name)
            return True
        except HeadRefused as error:
            self._alarm(witness, head, str(error))
        except HuisuError as error:
            if witness.name not in self._silent:  # once for each silence
                self._silent.add(witness.name)
                log.warning("witness did not sign", extra={"witness": witness.name, "error": str(error)})
        return False

    def _alarm(self, witness: Witness, head: SignedHead, why: str) -> None:
        """Say it in the log and the ledger, once an hour for each witness: heads come every second."""
        now = self.clock()
        if witness.name in self._alarmed and now - self._alarmed[witness.name] < REPEAT:
            return
        self._alarmed[witness.name] = now
        log.error("witness saw another history", extra={"witness": witness.name, "size": head.size, "error": why})
        with work(self.engine, now) as done:
            done.append(
                "witness.refuse", SYSTEM, witness=witness.name, key=witness.key.vkey, size=head.size, reason=why
            )

    def ask(self, witness: Witness, head: SignedHead) -> Cosignature:
        """
        Have a head signed by a witness, and keep its line.

        Raises:
            HeadRefused: the witness saw a history that this log does not continue. Raise the alarm.
            Unavailable: it did not answer in time, or not as a witness does.
            NoteRefused: its line is not its own.
        """
        old = min(self._seen_by(witness), head.size)
        for _ in range(TRIES):
            asked = submission(self.engine, head, old)
            answer = post(witness, "add-checkpoint", asked.content, self.patience_s)
            if answer.status != 409 or not answer.type.startswith("text/x.tlog.size"):
                break
            old = self._seen[witness.name] = self._told_size(witness, head, old, answer)
        if answer.status == 422 or (answer.status == 409 and old == head.size):
            raise HeadRefused(f"{witness.name} holds that the log was rewritten between {old} and {head.size} entries")
        if answer.status != 200:
            raise Unavailable(f"{witness.name} answered {answer.told}")
        found = take_line(self.engine, witness, head, answer.body, self.clock())
        self._seen[witness.name] = head.size
        return found

    def _seen_by(self, witness: Witness) -> int:
        if witness.name not in self._seen:
            with reading(self.engine) as session:
                self._seen[witness.name] = seen_by(session, witness)
        return self._seen[witness.name]

    def _told_size(self, witness: Witness, head: SignedHead, old: int, answer: Answer) -> int:
        """Give the size that a conflict tells, where the log can prove that it continues it."""
        try:
            size = read_size(answer.body.decode("ascii", "replace").removesuffix("\n"))
        except NoteRefused as error:
            raise Unavailable(f"{witness.name} answered {answer.told}") from error
        if size == old == head.size:
            raise HeadRefused(f"{witness.name} saw {size} entries under another root: was the log rewritten?")
        if size > head.size:
            with reading(self.engine) as session:
                newest = newest_head(session)
            if newest is not None and newest.size >= size:
                raise Unavailable(f"{witness.name} has seen a newer head meanwhile")
            raise HeadRefused(
                f"{witness.name} saw {size} entries, the log has {head.size}: was an old database restored?"
            )
        return size


def submission(engine: Engine, head: SignedHead, old: int) -> Submission:
    """
    Make what a witness that saw `old` entries needs to sign a head.

    Raises:
        ProofRefused: it saw more than the head has.
    """
    if old in {0, head.size}:
        return Submission(old, (), head.note.encode())
    with reading(engine) as session:
        return Submission(
            old, tuple(prove_consistency(log_tree(session, head.size), old, head.size)), head.note.encode()
        )


def take_line(engine: Engine, witness: Witness, head: SignedHead, lines: bytes, now: datetime) -> Cosignature:
    """
    Check the lines that a witness gave for a head, and keep its own.

    Raises:
        NoteRefused: none is its own over this head, or it is of a time to come.
    """
    note = read_note(head.note.encode())
    found = cosignatures(note.with_signatures(read_signatures(lines)), [witness.key])
    if not found:
        raise NoteRefused(f"none of the lines is of {witness.name} ({witness.key.name})")
    one = max(found, key=lambda cosigned: cosigned.at)
    if one.at > now + AHEAD:
        raise NoteRefused(f"the clock of {witness.name} shows {one.at.isoformat()}, ours {now.isoformat()}")
    keep_cosignature(engine, head.size, witness.key.name, one.at, one.signature.line)
    return one


def take_file(engine: Engine, policy: Policy, lines: bytes, now: datetime) -> list[tuple[Witness, int]]:
    """
    Keep the lines of witnesses that came by file; gives whose they are and for how many entries.

    Raises:
        NoteRefused: a line is no signature line, or of no witness of the policy over any recent head.
    """
    kept = []
    for signature in read_signatures(lines):
        witness = next((one for one in policy.witnesses if one.key.signed(signature)), None)
        if witness is None:
            raise NoteRefused(f"{signature.name} is no witness of the policy, or signed with another key")
        head = _head_under(engine, witness, signature)
        take_line(engine, witness, head, signature.line.encode(), now)
        kept.append((witness, head.size))
    return kept


def _head_under(engine: Engine, witness: Witness, signature: Signature) -> SignedHead:
    with reading(engine) as session:
        sizes = session.scalars(select(checkpoint.c.size).order_by(checkpoint.c.size.desc()).limit(HEADS_TRIED)).all()
        for size in sizes:
            head = head_of(session, size)
            if head is None:
                continue
            try:
                witness.key.check(read_note(head.note.encode()).text, signature)
            except NoteRefused:
                continue
            return head
    raise NoteRefused(f"the line of {witness.name} is not over any of the last {HEADS_TRIED} heads")


def _signers(session: Session, size: int) -> set[str]:
    return set(session.scalars(select(cosig.c.witness).where(cosig.c.size == size)))
