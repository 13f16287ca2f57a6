"""Speak to a witness over HTTP, and have it sign a draw."""

import time
from dataclasses import dataclass
from typing import Final

import httpx

from services.custody.checkpoint import read_checkpoint
from services.custody.cosignature import DrawRequest, check_draw
from services.custody.note import Signature, read_note, read_signatures
from services.custody.policy import Witness
from services.errors import NoteRefused, Unavailable

PATIENCE_S: Final = 5.0
"""How long a witness may take to answer."""
ANSWER_MAX_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answered."""

    status: int
    type: str
    body: bytes

    @property
    def told(self) -> str:
        """Put it into a message."""
        return f"{self.status}: {self.body[:200].decode('utf-8', 'replace').strip()}"


def post(witness: Witness, act: str, content: bytes, patience_s: float) -> Answer:
    """Post to a witness, following no redirects, and take no longer and no longer an answer than is due."""
    ends = time.monotonic() + patience_s
    address = f"{(witness.url or '').rstrip('/')}/{act}"
    try:
        with (
            httpx.Client(trust_env=False, timeout=patience_s) as client,
            client.stream("POST", address, content=content, headers={"Content-Type": "text/plain"}) as answer,
        ):
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > ANSWER_MAX_BYTES or time.monotonic() > ends:
                    raise Unavailable(f"{witness.name} does not come to the end of its answer")
            return Answer(answer.status_code, answer.headers.get("content-type", ""), body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{witness.name} at {witness.url} does not answer: {error}") from error


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
