"""Bring one file across: read it, recall or create its upload, append until the archive has every byte."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.digest import digest_blocks
from services.errors import ChecksumMismatch, Gone, NotAllowed, OffsetMismatch, Refused, Unavailable
from services.ingest.agent.journal import Claim, Entry, Journal, Key
from services.ingest.agent.options import Pieces
from services.ingest.agent.patience import Patience, Timing
from services.ingest.agent.progress import Display
from services.ingest.agent.steady import SteadyFile
from services.ingest.agent.transfer import Gate, checksum_of
from services.ingest.agent.walk import Footage, describe

MOST_CREATIONS = 3
"""Uploads made for one file in one go before its vanishing counts as the archive's answer."""
CLAIM_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Dock:
    """What the threads of one run share."""

    gate: Gate
    endpoint: str
    pieces: Pieces
    journal: Journal
    display: Display
    timing: Timing
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Sent:
    """A file whose every byte the archive has; what becomes of it is not known yet."""

    footage: Footage
    key: Key
    location: str
    claim: Claim


def carry(footage: Footage, dock: Dock) -> Sent:
    """
    Bring one file across, however often the line breaks.

    Raises:
        OSError: the file cannot be read.
        Unauthenticated, NotAllowed: the token is not good (any more), for no file.
        Refused: final for this file; `Conflict` when it changed meanwhile.
        Unavailable: stopped, or patience is over.
    """
    with SteadyFile(footage.path) as file:
        dock.display.stage(footage.path, "reading", file.size_bytes)
        digest, _ = digest_blocks(_watched(file, footage, dock, 0, file.size_bytes))
        file.check()
        key = Key(dock.endpoint, footage.path, file.size_bytes, file.mtime_ns, digest)
        claim = _claim(key, footage, dock)
        try:
            return Sent(footage, key, _Passage(footage, file, key, dock).complete(), claim)
        except BaseException:
            claim.release()
            raise


def _claim(key: Key, footage: Footage, dock: Dock) -> Claim:
    deadline = dock.timing.clock() + dock.timing.give_up_after_s
    while (claim := dock.journal.claim(key)) is None:
        dock.display.stage(footage.path, "another agent is sending it", key.size_bytes)
        if dock.timing.clock() > deadline:
            raise Unavailable("another agent on this machine kept sending it")
        dock.timing.rest(CLAIM_RETRY_S)
    return claim


def _watched(file: SteadyFile, footage: Footage, dock: Dock, start: int, end: int) -> Iterator[bytes]:
    """Read, show how far it is, and end at once when the run is stopped."""
    at = start
    for block in file.blocks(start, end):
        dock.timing.check()
        yield block
        at += len(block)
        dock.display.reached(footage.path, at)


class _Passage:
    """One file on its way; its upload may have to be made more than once."""

    def __init__(self, footage: Footage, file: SteadyFile, key: Key, dock: Dock) -> None:
        self._footage, self._file, self._key, self._dock = footage, file, key, dock
        self._patience = Patience(dock.timing, self._tell)
        self._creations = 0

    def complete(self) -> str:
        """Give the address of the upload that has every byte."""
        while True:
            location = self._recalled() or self._created()
            try:
                self._append_all(location)
                self._file.check()
                return location
            except (Gone, NotAllowed) as error:  # a token that was renewed may not know the old one's uploads
                self._dock.journal.forget(self._key)
                if self._creations >= MOST_CREATIONS:
                    raise Refused(f"the archive dropped {self._creations} uploads of it: {error}") from error

    def _recalled(self) -> str | None:
        entry = self._dock.journal.recall(self._key)
        return entry.location if entry else None

    def _created(self) -> str:
        known = self._dock.journal.recall(self._key)
        attempt = known.attempt if known else self._dock.new_id()
        self._dock.journal.write(self._key, Entry(attempt, None))
        metadata = describe(self._footage, self._file.mtime_ns, self._key.digest.hex)
        while True:
            try:
                location = self._dock.gate.create(self._file.size_bytes, metadata, attempt)
                break
            except Unavailable as error:
                self._patience.wait(error)
        self._dock.journal.write(self._key, Entry(attempt, location))
        self._creations += 1
        return location

    def _append_all(self, location: str) -> None:
        size, highest = self._file.size_bytes, 0
        offset: int | None = None
        while True:
            try:
                if offset is None:
                    offset = self._dock.gate.offset(location, size)
                if offset > highest:
                    highest = offset
                    self._patience.progressed()
                self._dock.display.stage(self._footage.path, "sending", size)
                self._dock.display.reached(self._footage.path, offset)
                if offset >= size:
                    return
                after = self._append(location, offset)
                if not offset < after <= size:
                    raise Unavailable(f"the archive answered offset {after} after {offset}")
                offset = after
            except (Unavailable, OffsetMismatch, ChecksumMismatch) as error:
                self._patience.wait(error)
                offset = None

    def _append(self, location: str, offset: int) -> int:
        pieces, size = self._dock.pieces, self._file.size_bytes
        end = min(offset + pieces.length_bytes, size)
        checksum = checksum_of(self._file.blocks(offset, end)) if pieces.checksummed else ""
        body = _watched(self._file, self._footage, self._dock, offset, end)
        return self._dock.gate.append(location, offset, end - offset, body, checksum)

    def _tell(self, text: str) -> None:
        self._dock.display.stage(self._footage.path, text, self._file.size_bytes)
