"""Speak to a witness over HTTP, and have it sign a draw."""

from typing import Final

from services.custody import posting
from services.custody.checkpoint import read_checkpoint
from services.custody.cosignature import DrawRequest, check_draw
from services.custody.note import Signature, read_note, read_signatures
from services.custody.policy import Witness
from services.custody.posting import Answer
from services.errors import NoteRefused, Unavailable

PATIENCE_S: Final = 5.0
"""How long a witness may take to answer."""


def post(witness: Witness, act: str, content: bytes, patience_s: float) -> Answer:
    """Post to a witness, following no redirects, and take no longer and no longer an answer than is due."""
    url = f"{(witness.url or '').rstrip('/')}/{act}"
    return posting.post(url, content, "text/plain", patience_s, f"{witness.name} at {witness.url}")


def ask_for_draw(witness: Witness, definition: bytes, note: bytes, patience_s: float = PATIENCE_S) -> Signature:
    """
    Have a witness sign a draw's definition (its leaf hash) and a head that it cosigned (`note` with its line).

    Raises:
        Unavailable: it did not answer, or not as a witness does.
        NoteRefused: it refused, or its line is not its own over these.
    """
    asked = DrawRequest(definition, note)
    answer = post(witness, "sign-draw", asked.content, patience_s)
    if answer.status in {403, 404, 409}:
        raise NoteRefused(f"{witness.name} does not sign this draw: {answer.told}")
    if answer.status != 200:
        raise Unavailable(f"{witness.name} answered {answer.told}")
    return take_draw_line(witness, asked, answer.body)


def take_draw_line(witness: Witness, asked: DrawRequest, line: bytes) -> Signature:
    """Check the line that a witness gave for a draw. Raises `NoteRefused`."""
    signatures = read_signatures(line)
    if len(signatures) != 1:
        raise NoteRefused(f"{witness.name} signs a draw with one line, not {len(signatures)}")
    head = read_checkpoint(read_note(asked.note).text)
    check_draw(witness.key, asked.definition, head, signatures[0])
    return signatures[0]
