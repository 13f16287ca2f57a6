"""
Make and read what a witness says about a log: that it saw this head, when, and none that contradicts it. Pure.

Source: C2SP tlog-cosignature (Ed25519), tlog-witness (the request of `add-checkpoint`); the signature for draws is ours
(design 18): over the leaf of a draw's definition and a head, without a time, so that it can be made only once.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from services.custody.canonical import decode, decode_hashes
from services.custody.checkpoint import Checkpoint, read_checkpoint, read_size
from services.custody.note import COSIGNATURE, PLAIN, TIME_BYTES, Note, Signature, VerifierKey, read_note
from services.custody.signingkey import SigningKey
from services.errors import NoteRefused

DRAW_PREFIX: Final = b"huisu/draw-witness/v1\n"
AHEAD: Final = timedelta(minutes=5)
"""How far a witness's clock may be ahead of ours; a time far ahead would hide its later silence."""
MOST_PROOF_LINES: Final = 63
"""Most hashes of a consistency proof. Source: C2SP tlog-witness."""


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A checked cosignature: whose, of when, and its line."""

    key: VerifierKey
    at: datetime
    signature: Signature


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log shows to a witness: that its new head continues the one of `old` leaves."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @property
    def content(self) -> bytes:
        """Write the request's body."""
        lines = [f"old {self.old}", *(b64encode(one).decode() for one in self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note


@dataclass(frozen=True, slots=True)
class DrawRequest:
    """What a witness of a draw signs: the leaf of the draw's definition and a head that holds it, by its note."""

    definition: bytes
    note: bytes

    @property
    def content(self) -> bytes:
        """Write the request's body."""
        return f"draw {b64encode(self.definition).decode()}\n\n".encode() + self.note


def cosign(key: SigningKey, body: bytes, at: datetime) -> Signature:
    """Sign a checkpoint's text as a witness, at this time."""
    read_checkpoint(body, may_extend=True)
    return key.of_type(COSIGNATURE).sign(body, int(at.timestamp()))


def cosignatures(note: Note, keys: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """
    Give the cosignatures of these witnesses under a note, checked, with their times.

    Raises:
        NoteRefused: a line in the name of one of them is not its own.
    """
    found = note.verified(key for key in keys if key.type == COSIGNATURE)
    return tuple(Cosignature(key, cosigned_at(signature), signature) for key, signature in found)


def cosigned_at(signature: Signature) -> datetime:
    """Read the time of a cosignature. Raises `NoteRefused` where it is none that a calendar has."""
    try:
        return datetime.fromtimestamp(int.from_bytes(signature.value[:TIME_BYTES], "big"), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise NoteRefused(f"the cosignature of {signature.name} has no time") from error


def read_submission(content: bytes) -> Submission:
    """
    Read what a log shows to a witness.

    Raises:
        NoteRefused: it has another form.
    """
    lines, note = _parts(content, "old ")
    proof = decode_hashes(lines[1:], "the consistency proof", MOST_PROOF_LINES)
    return Submission(read_size(lines[0].removeprefix("old ")), proof, note)


def draw_message(definition: bytes, checkpoint: Checkpoint) -> bytes:
    """Give what a witness signs for a draw: its definition's leaf hash and the head, under a prefix of their own."""
    return DRAW_PREFIX + b64encode(definition) + b"\n" + checkpoint.body


def sign_draw(key: SigningKey, definition: bytes, checkpoint: Checkpoint) -> Signature:
    """Sign a draw's definition and head; the same again for the same, because Ed25519 has no chance in it."""
    return key.of_type(PLAIN).sign(draw_message(definition, checkpoint))


def check_draw(key: VerifierKey, definition: bytes, checkpoint: Checkpoint, signature: Signature) -> None:
    """
    Check a witness's signature for a draw; the key may be given as the policy has it.

    Raises:
        NoteRefused: it is none over this definition and head.
    """
    plain = VerifierKey(key.name, PLAIN, key.public)
    if not plain.signed(signature):
        raise NoteRefused(f"this signature is one of {signature.name}, not of {key.name}")
    plain.check(draw_message(definition, checkpoint), signature)


def read_draw_request(content: bytes) -> DrawRequest:
    """
    Read what an archive asks a witness of a draw to sign.

    Raises:
        NoteRefused: it has another form.
    """
    lines, note = _parts(content, "draw ")
    if len(lines) != 1:
        raise NoteRefused(f"one line stands before the checkpoint, not {len(lines)}")
    definition = decode(lines[0].removeprefix("draw "), "the leaf of the definition")
    if len(definition) != 32:
        raise NoteRefused(f"the leaf of a definition has 32 bytes, not {len(definition)}")
    return DrawRequest(definition, note)


def _parts(content: bytes, begins: str) -> tuple[Sequence[str], bytes]:
    head, gap, note = content.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise NoteRefused("the lines before the checkpoint are not ASCII") from error
    if not gap or not lines[0].startswith(begins):
        raise NoteRefused(f"the first line begins with {begins!r}, and an empty line stands before the checkpoint")
    read_note(note)
    return lines, note
