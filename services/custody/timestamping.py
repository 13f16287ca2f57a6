"""
Have the log's head stamped by an authority of time: everything under it existed no later.

The stamp is over the text of the head (its name, size and root), so that it holds whoever signed the head. It is kept
beside the log in the store, as the authority's whole answer, which `openssl ts -verify` reads too.
Source: RFC 3161; knowledge integrity 5.2.
"""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine

from services.custody.heads import SignedHead, newest_head
from services.custody.note import read_note
from services.custody.posting import post
from services.db import reading
from services.errors import Misconfigured, NoteRefused, Unavailable
from services.storage import keys
from services.storage.store import ObjectStore

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampRequest

log = logging.getLogger(__name__)

EVERY: Final = timedelta(hours=1)
PATIENCE_S: Final = 10.0
_QUERY: Final = "application/timestamp-query"
"""Media type of a question. Source: RFC 3161 section 3.4."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """An authority's word: the head of so many entries existed at this time; and its whole answer."""

    size: int
    at: datetime
    answer: bytes


def load_roots(path: Path | None) -> "tuple[Certificate, ...]":
    """Read the certificates that answers must lead to. Raises `Misconfigured` where there is none."""
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415  (few archives ask for stamps)

    if path is None:
        raise Misconfigured("HUISU_TSA_URL needs HUISU_TSA_ROOTS: a stamp that nobody checks dates nothing")
    try:
        return tuple(load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"HUISU_TSA_ROOTS {path}: {error}") from error


@dataclass(slots=True)
class Stamping:
    """Asks one authority for a stamp of the newest head, once an hour."""

    engine: Engine
    store: ObjectStore
    url: str
    roots: "tuple[Certificate, ...]"
    _last: tuple[int, float] | None = field(default=None)

    def stamp_newest(self, clock_s: float) -> Stamp | None:
        """
        Stamp the newest head, if it has no stamp and the last one is an hour old (`clock_s` goes on steadily).

        Raises:
            Unavailable: the authority did not answer, or not with a stamp.
            NoteRefused: its stamp is not over this head, or does not lead to a known certificate.
        """
        with reading(self.engine) as session:
            head = newest_head(session)
        if head is None or (self._last and clock_s - self._last[1] < EVERY.total_seconds()):
            return None
        if head.size in ({self._last[0]} if self._last else stamped(self.store)):
            return None
        made = ask_for_stamp(self.url, head, self.roots)
        self.store.put_bytes(keys.log_timestamp(head.size), made.answer)
        self._last = (head.size, clock_s)
        log.info("head was stamped", extra={"size": head.size, "stamped_at": made.at.isoformat()})
        return made


def stamped(store: ObjectStore) -> set[int]:
    """Give the sizes of the heads that have a stamp."""
    names = (kept.key.removeprefix(keys.LOG_TIMESTAMPS) for kept in store.keys(keys.LOG_TIMESTAMPS))
    return {int(name) for name in names if name.isdigit()}


def ask_for_stamp(url: str, head: SignedHead, roots: "tuple[Certificate, ...]") -> Stamp:
    """Have an authority stamp a head, and check its answer. Raises as `Stamping.stamp_newest`."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415

    text = read_note(head.note.encode()).text
    asked = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    told = post(url, asked.as_bytes(), _QUERY, PATIENCE_S, f"the time-stamp authority {url}")
    if told.status != 200:
        raise Unavailable(f"the time-stamp authority {url} answered {told.status}")
    answer = told.body
    return Stamp(head.size, check_stamp(answer, text, roots, asked), answer)


def check_stamp(
    answer: bytes, text: bytes, roots: "tuple[Certificate, ...]", asked: "TimeStampRequest | None" = None
) -> datetime:
    """
    Give the time at which an authority that leads to one of these certificates saw this text.

    Raises:
        NoteRefused: it is no stamp, of another text, of another authority, or no answer to what was asked.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response  # noqa: PLC0415

    verifier = VerifierBuilder(roots=list(roots), nonce=asked.nonce if asked else None).build()
    try:
        read = decode_timestamp_response(answer)
        verifier.verify_message(read, text)
        return read.tst_info.gen_time.astimezone(UTC)
    except (VerificationError, ValueError) as error:
        raise NoteRefused(f"the time-stamp does not hold: {error}") from error
