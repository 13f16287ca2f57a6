"""
Bring the disk, the register and the turns together for one gate: what the verbs of the door are made of.

The event loop carries bodies and nothing else: disk and register work in threads, each with places
of its own, so that a hanging disk delays neither other docks' questions nor the rest of the process.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
from starlette.requests import Request

from services.errors import (
    BodyStalled,
    ChecksumMismatch,
    Conflict,
    Gone,
    HuisuError,
    Invalid,
    NotFound,
    TooLarge,
    WrongGate,
)
from services.ingest.register import Register, Sender, UploadState
from services.ingest.shelf import UPLOAD_ID, Manifest
from services.ingest.staging import Staged, Staging
from services.ingest.tus_body import Ending, pour
from services.ingest.tus_headers import Body
from services.ingest.tus_turns import Turn, Turns

log = logging.getLogger(__name__)

TURN_S = 60.0
"""Longest wait for another request to make its bytes durable, in seconds."""

DISK_THREADS, REGISTER_THREADS = 16, 8

Given = TypeVarTuple("Given")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Gate:
    """One staging folder with its register; `stall_s` is the longest silence inside a body, in seconds."""

    name: str
    staging: Staging
    register: Register
    clock: Callable[[], datetime]
    stall_s: float
    turns: Turns = field(default_factory=lambda: Turns(TURN_S))
    disk_threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(DISK_THREADS))
    register_threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(REGISTER_THREADS))

    async def disk(self, work: Callable[[Unpack[Given]], Found], *args: *Given) -> Found:
        """Do disk work in a thread; the thread is always waited for."""
        return await anyio.to_thread.run_sync(work, *args, limiter=self.disk_threads)

    async def ask(self, work: Callable[[Unpack[Given]], Found], *args: *Given) -> Found:
        """Ask or tell the register in a thread."""
        return await anyio.to_thread.run_sync(work, *args, limiter=self.register_threads)

    async def admit(self, request: Request, *, is_anywhere: bool = False) -> tuple[Sender, UploadState]:
        """
        Check the credentials, then find the upload that the path names; `is_anywhere` takes other gates' too.

        Raises:
            Unauthenticated, NotAllowed, NotFound, Gone: as the register.
            WrongGate: the upload lies at another gate.
        """

        def admit() -> tuple[Sender, UploadState]:
            sender = self.register.authenticate(request.headers)
            gate, dot, upload = str(request.path_params["name"]).rpartition(".")
            if not UPLOAD_ID.match(upload):
                raise NotFound("this address names no upload")
            if dot and gate != self.name and not is_anywhere:
                raise WrongGate(f"upload {upload} lies at gate {gate[:80]!r}, this is {self.name!r}")
            return sender, self.register.look(sender, upload)

        return await self.ask(admit)

    async def look(self, sender: Sender, state: UploadState) -> Staged | UploadState:
        """Tell how far an upload came: from the disk while it is receiving, else its later state; in its turn only."""
        if state.state == "receiving":
            try:
                staged = await self.disk(self.staging.look, state.id)
            except NotFound:  # the gate's worker may have taken it away since the register was asked
                state = await self.ask(self.register.look, sender, state.id)
            else:
                if not staged.is_complete and self.clock() >= staged.manifest.expires_at:
                    raise Gone(f"upload {state.id} expired at {staged.manifest.expires_at.isoformat()}")
                return staged
        if state.state in {"receiving", "expired"}:
            raise Gone(f"the bytes of upload {state.id} are not kept any more")
        return state

    async def peek(self, state: UploadState) -> int:
        """Tell a receiving upload's offset without disturbing a running PATCH: then the one it began at."""
        offset = self.turns.receiving_from(state.id)
        if offset is not None:
            return offset
        try:
            return (await self.disk(self.staging.look, state.id)).offset
        except (NotFound, Conflict):  # taken away, or a request was quicker
            return self.turns.receiving_from(state.id) or state.offset

    async def open(self, sender: Sender, manifest: Manifest) -> None:
        """Begin an upload: the disk first, so that the register never names what is not there."""
        upload, size_bytes = manifest.upload, manifest.size_bytes
        await self.disk(self.staging.begin, manifest)
        try:
            await self.ask(self.register.open, sender, upload, size_bytes, manifest.metadata, manifest.expires_at)
        except HuisuError:
            await self.disk(self.staging.discard, upload)
            raise
        log.info("upload opened", extra={"upload": upload, "bytes": size_bytes})

    async def take_first(self, request: Request, sender: Sender, manifest: Manifest, body: Body) -> int:
        """
        Take the body of a creation and give its durable offset.

        Raises:
            ChecksumMismatch, TooLarge: the upload is terminated, as the client never learns its address.
                Whatever else befalls the body, the upload stays open at its durable offset.
        """
        upload = manifest.upload
        async with self.turns.take(upload) as turn:
            try:
                return await self.take(request, upload, 0, body, turn)
            except (ChecksumMismatch, TooLarge):
                await self.ask(self.register.terminated, sender, upload)
                await self.disk(self.staging.discard, upload)
                request.state.headers = {}
                raise
            except HuisuError as error:
                log.info("first bytes broke off", extra={"upload": upload, "code": error.code})
                return (await self.disk(self.staging.look, upload)).offset

    async def take(self, request: Request, upload: str, offset: int, body: Body, turn: Turn) -> int:
        """
        Append a body and give the new durable offset, also as the header `Upload-Offset` of an error's answer.

        Raises:
            Conflict, BodyStalled, Invalid: the body did not come whole; what came is kept where it can count.
            ChecksumMismatch, TooLarge, Unavailable: as `Append`.
        """
        part = await self.disk(self.staging.append, upload, offset, body.checksum)
        try:
            with turn.receiving(offset):
                ending = await pour(
                    request.receive, lambda blocks: self.disk(part.write, blocks), turn, stall_s=self.stall_s
                )
                request.state.is_read = ending is Ending.WHOLE
                await self.disk(part.keep if ending is Ending.WHOLE else part.leave)
        finally:
            with anyio.CancelScope(shield=True):
                await self.disk(part.leave)  # nothing is left to do but after an error
            request.state.headers = {"Upload-Offset": str(part.offset)}
        if ending is not Ending.WHOLE:
            log.info("upload broke off", extra={"upload": upload, "bytes": part.offset, "ending": ending.name})
            _raise_unfinished(upload, ending, part.offset)
        return part.offset

    async def received(self, upload: str) -> None:
        """Tell the register that all bytes are durable; repeating is harmless."""
        await self.ask(self.register.received, upload)
        log.info("upload received", extra={"upload": upload})


def _raise_unfinished(upload: str, ending: Ending, offset: int) -> None:
    told = f"upload {upload}: {ending.value}; it goes on at byte {offset}"
    if ending is Ending.SUPERSEDED:
        raise Conflict(told)
    if ending is Ending.STALLED:
        raise BodyStalled(told)
    raise Invalid(told)
