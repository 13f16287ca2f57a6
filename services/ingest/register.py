"""
Draw what the dock's door needs to know and to tell: who sends, and what became of an upload.

The door keeps bytes and nothing else; everything that must be proved about an upload lives behind
this port. Its implementation is floor-mate business of the archive (database and ledger).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

UploadStage = Literal["receiving", "received", "stored", "verified", "quarantined", "expired"]
"""The states of an upload. Source: the public contract of `/uploads/{id}`."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: opaque to the door, which only hands it back to the register."""

    account: str
    name: str
    units: frozenset[str]
    dock: str | None


@dataclass(frozen=True, slots=True)
class UploadState:
    """What became of an upload; `offset` and `size` in bytes. While `receiving` the door knows the offset better."""

    id: str
    state: UploadStage
    reason: str | None
    offset: int
    size: int
    sha256: str | None
    recording: str | None
    duplicate: bool


class Register(Protocol):
    """Keeps what is known of uploads. Called from worker threads; any call may raise any `HuisuError`."""

    def authenticate(self, headers: Mapping[str, str]) -> Sender:
        """
        Say who sends, from the request's headers (lower-case names); called before any byte of a body is read.

        Raises:
            Unauthenticated: no credential, or one that is not valid.
            NotAllowed: a valid credential that may not send uploads.
        """
        ...

    def open(
        self, sender: Sender, upload: str, size_bytes: int, metadata: Mapping[str, str], expires_at: datetime
    ) -> None:
        """Note a new upload as `receiving`; its staging folder exists already and goes again if this raises."""
        ...

    def look(self, sender: Sender, upload: str) -> UploadState:
        """
        Tell an upload's state.

        Raises:
            NotFound: no such upload, or another dock's.
            Gone: it was terminated.
        """
        ...

    def received(self, upload: str) -> None:
        """Note that all bytes are durable at the gate. Called at least once, maybe often, maybe after later states."""
        ...

    def terminated(self, sender: Sender, upload: str) -> None:
        """
        Note that the sender gave the upload up; its bytes are removed afterwards.

        Raises:
            Conflict: all bytes were received; nobody can take them back.
        """
        ...

    def expired(self, upload: str) -> None:
        """Note that an unfinished upload ran out of time. Harmless for one that is unknown, terminated or expired."""
        ...
