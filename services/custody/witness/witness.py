"""
Answer a log that asks for a witness's signature, over HTTP or from a file alike.

Source: C2SP tlog-witness (`add-checkpoint`, its statuses); design 18 (`sign-draw`). Comparing a head with the last one
and remembering it are one transaction: two requests at once can never take the memory back.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from services.custody.checkpoint import Checkpoint, read_checkpoint
from services.custody.cosignature import (
    Submission,
    cosign,
    cosignatures,
    read_draw_request,
    read_submission,
    sign_draw,
)
from services.custody.note import COSIGNATURE, Note, VerifierKey, read_note
from services.custody.proof import check_consistency
from services.custody.signingkey import SigningKey
from services.custody.witness.memory import Memory, Turn
from services.errors import Misconfigured, NoteRefused, ProofRefused
from services.storage.durable import sync_file, sync_folder, translated

log = logging.getLogger(__name__)

Read = TypeVar("Read")

SIZE_TYPE: Final = "text/x.tlog.size"
"""Media type of the size that a conflict tells. Source: C2SP tlog-witness."""
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the log is told: an HTTP status, and a text for it."""

    status: int
    body: str
    type: str = TEXT


class Refused(Exception):
    """The request ends with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Witness:
    """A key, a memory and a clock."""

    key: SigningKey
    memory: Memory
    clock: Callable[[], datetime]

    @property
    def verifier(self) -> VerifierKey:
        """The key as policies name it."""
        return self.key.verifier

    def add_checkpoint(self, content: bytes) -> Answer:
        """Sign a head that continues the last one seen of its log, or say why not."""
        try:
            asked = _parsed(read_submission, content)
            head, note = self._admitted(asked.note)
            if asked.old > head.size:
                return Answer(400, f"old {asked.old} is greater than the checkpoint's {head.size}\n")
            at = self.clock()
            with self.memory.turn() as turn:
                refusal, contradicts = _judge(turn, asked, head)
                if refusal is None:
                    turn.keep(head, at)
                elif contradicts:
                    turn.keep_contradiction(head.origin, at, content)
            if contradicts:
                log.error("log did not show that it continues", extra={"origin": head.origin, "size": head.size})
            return refusal or Answer(200, cosign(self.key, note.text, at).line)
        except Refused as refused:
            return refused.answer

    def sign_draw(self, content: bytes) -> Answer:
        """
        Sign a draw's definition with a head that this witness cosigned; each definition with one head only.

        The same request again gives the same line.
        """
        try:
            asked = _parsed(read_draw_request, content)
            head, note = self._admitted(asked.note)
            if not self._is_own(note):
                return Answer(403, "this witness did not cosign this head: submit it first\n")
            line = sign_draw(self.key, asked.definition, head).line
            with self.memory.turn() as turn:
                before = turn.draw(head.origin, asked.definition)
                if before is None:
                    turn.keep_draw(head.origin, asked.definition, head.body, line)
                elif before[0] != head.body:
                    return Answer(409, "this definition was signed with another head\n")
            return Answer(200, line)
        except Refused as refused:
            return refused.answer

    def answer_file(self, content: bytes) -> Answer:
        """Answer a request that came as a file: what stands first says which it is."""
        return self.sign_draw(content) if content.startswith(b"draw ") else self.add_checkpoint(content)

    def _admitted(self, content: bytes) -> tuple[Checkpoint, Note]:
        """Give a head that a trusted key of its log signed; other answers end the request."""
        note = _parsed(read_note, content)
        head = _parsed(lambda text: read_checkpoint(text, may_extend=True), note.text)
        keys = self.memory.keys_of(head.origin)
        if not keys:
            raise Refused(Answer(404, f"this witness does not watch {head.origin}\n"))
        try:
            is_signed = bool(note.verified(keys))
        except NoteRefused as error:
            raise Refused(Answer(403, f"{error}\n")) from error
        if not is_signed:
            raise Refused(Answer(403, f"no key of {head.origin} that is trusted here signed this\n"))
        return head, note

    def _is_own(self, note: Note) -> bool:
        try:
            return bool(cosignatures(note, [self.verifier]))
        except NoteRefused:
            return False


def _judge(turn: Turn, asked: Submission, head: Checkpoint) -> tuple[Answer | None, bool]:
    """Compare a head with the last one; no answer: it continues it. Says too whether the log may have two histories."""
    size, root = turn.last(head.origin)
    if asked.old != size:
        return Answer(409, f"{size}\n", SIZE_TYPE), False
    if size == head.size and root != head.root:
        return Answer(409, f"{size}\n", SIZE_TYPE), True
    if size == 0:
        return (Answer(422, "from size 0 the proof is empty\n") if asked.proof else None), False
    try:
        check_consistency(size, root, head.size, head.root, asked.proof)
    except ProofRefused as error:
        return Answer(422, f"{error}\n"), True
    return None, False


def _parsed(read: Callable[[bytes], Read], content: bytes) -> Read:
    try:
        return read(content)
    except NoteRefused as error:
        raise Refused(Answer(400, f"{error}\n")) from error


def open_witness(
    home: Path, name: str | None, make_seed: Callable[[], bytes], clock: Callable[[], datetime]
) -> Witness:
    """
    Open a witness's folder; the first time, make its key under `name`.

    Raises:
        Misconfigured: no name was given the first time, or another one later.
    """
    path = home / "witness.key"
    with translated(f"the witness's folder {home}"):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            if name is None:
                raise Misconfigured("a new witness needs a name, such as court.example/witness: say --name")
            new = home / ".witness.key.new"
            new.unlink(missing_ok=True)
            new.touch(mode=0o600)
            new.write_text(f"{SigningKey(name, COSIGNATURE, make_seed()).secret_text}\n", encoding="utf-8")
            sync_file(new)
            new.replace(path)
            sync_folder(home)
        text = path.read_text(encoding="utf-8")
    key = SigningKey.parse(text)
    if key.type != COSIGNATURE or name not in {None, key.name}:
        raise Misconfigured(f"this witness is named {key.name}, not {name}: it has its name for life")
    return Witness(key, Memory(home / "witness.db"), clock)
