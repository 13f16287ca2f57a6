"""
Open the dock's door: a tus 1.0.0 server over a gate's staging and the archive's register.

Order of things: version, credentials, headers, the upload's turn, the disk, and only then a body's
bytes; an answer names an offset only after the bytes below it are durable.

Do not put the router behind a middleware that wraps `receive`: the rescue of a broken line's last
bytes (`tus_body`) needs the server's own.

Source: tus resumable upload protocol 1.0.0: core, creation, creation-with-upload, checksum,
expiration, termination (https://tus.io/protocols/resumable-upload).
"""

import dataclasses
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import uuid_utils
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.errors import Conflict, HuisuError, Invalid, NotFound, OffsetMismatch, TooLarge
from services.ingest import tus_headers as said
from services.ingest.register import Register, UploadState
from services.ingest.shelf import Manifest
from services.ingest.staging import Staging
from services.ingest.tus_answers import Parting, Problem, error_headers, problem_answer, status_of
from services.ingest.tus_gate import Gate
from services.ingest.tus_headers import Body

log = logging.getLogger(__name__)

LIFE = timedelta(days=7)
"""How long an unfinished upload lives after its creation. Source: domain rule 4."""

STALL_S = 60.0
"""Longest silence inside a body, in seconds; what came before it is kept."""

Endpoint = Callable[[Request], Awaitable[Response]]


def router(
    staging: Staging,
    register: Register,
    *,
    gate: str,
    max_size_bytes: int,
    clock: Callable[[], datetime],
    prefix: str = "/api/v1/uploads",
    problem: Problem = problem_answer,
    stall_s: float = STALL_S,
    new_id: Callable[[], str] = lambda: str(uuid_utils.uuid7()),
) -> APIRouter:
    """
    Make the routes under `prefix`; `gate` names this gate in each upload's address.

    `problem` turns an error, its status and headers into the answer, so that all doors of the
    archive say no in one form. `clock` gives aware UTC times, `new_id` UUIDv7 text.
    """
    door = Door(Gate(gate, staging, register, clock, stall_s), max_size_bytes, prefix, problem, new_id)
    routes = APIRouter(prefix=prefix, tags=["uploads"])
    one = {"POST": door.override, "HEAD": door.head, "PATCH": door.patch, "DELETE": door.delete, "GET": door.get}
    for path, verbs in (("", {"POST": door.post}), ("/{name}", one)):
        for method, endpoint in {"OPTIONS": door.options, **verbs}.items():
            routes.add_api_route(
                path,
                door.answering(endpoint, is_tus=method not in {"GET", "OPTIONS"}),
                methods=[method],
                operation_id=f"{method.lower()}_upload{'' if path else 's'}",
                summary=(endpoint.__doc__ or "").strip(),
                response_class=Response,
            )
    return routes


@dataclass(frozen=True, slots=True)
class Door:
    """One gate's answers to tus requests; each of its verbs is a method."""

    gate: Gate
    max_size_bytes: int
    prefix: str
    problem: Problem
    new_id: Callable[[], str]

    def answering(self, endpoint: Endpoint, *, is_tus: bool) -> Endpoint:
        """Wrap a verb: check the version, answer errors, mark every answer, part from an unread body."""

        async def answer(request: Request) -> Response:
            try:
                if is_tus:
                    said.require_version(request.headers)
                response = await endpoint(request)
            except HuisuError as error:
                response = self._refuse(error, getattr(request.state, "headers", {}))
            response.headers["Tus-Resumable"] = said.VERSION
            if response.status_code == 412:
                response.headers["Tus-Version"] = said.VERSION
            if said.has_body(request.headers) and not getattr(request.state, "is_read", False):
                return Parting(response)
            return response

        return answer

    async def options(self, request: Request) -> Response:  # noqa: ARG002 -- one shape for all verbs
        """Tell what this server speaks; open to everyone."""
        return Response(
            status_code=204,
            headers={
                "Tus-Version": said.VERSION,
                "Tus-Extension": said.EXTENSIONS,
                "Tus-Max-Size": str(self.max_size_bytes),
                "Tus-Checksum-Algorithm": ",".join(said.CHECKSUMS),
            },
        )

    async def override(self, request: Request) -> Response:
        """Do what X-HTTP-Method-Override says, for clients that can only POST."""
        verb = request.headers.get("x-http-method-override", "").upper()
        verbs = {"HEAD": self.head, "PATCH": self.patch, "DELETE": self.delete}
        if verb not in verbs:
            raise Invalid(f"POST to an upload needs X-HTTP-Method-Override of {', '.join(verbs)}, not {verb[:20]!r}")
        return await verbs[verb](request)

    async def post(self, request: Request) -> Response:
        """Open an upload, and take its first bytes or all of them."""
        sender = await self.gate.ask(self.gate.register.authenticate, request.headers)
        manifest = self._declared(request)
        body = said.read_body(request.headers, is_optional=True)
        if body.length is not None and body.length > manifest.size_bytes:
            raise TooLarge(f"Upload-Length is {manifest.size_bytes}, the body has {body.length} bytes")
        await self.gate.open(sender, manifest)
        offset = 0 if body.is_empty else await self.gate.take_first(request, sender, manifest, body)
        if offset == manifest.size_bytes:
            await self.gate.received(manifest.upload)
        headers = {"Location": f"{self.prefix}/{self.gate.name}.{manifest.upload}"}
        return Response(status_code=201, headers=headers | _progress(manifest, offset))

    async def head(self, request: Request) -> Response:
        """Tell how many bytes are durable."""
        sender, state = await self.gate.admit(request)
        async with self.gate.turns.take(state.id):
            staged = await self.gate.look(sender, state)
            if isinstance(staged, UploadState):
                headers = _final(staged)
            else:
                headers = _progress(staged.manifest, staged.offset)
                if staged.manifest.metadata_header:
                    headers["Upload-Metadata"] = staged.manifest.metadata_header
                if staged.is_complete:
                    await self.gate.received(state.id)
        return Response(status_code=200, headers=headers | {"Cache-Control": "no-store"})

    async def patch(self, request: Request) -> Response:
        """Take the next bytes of an upload."""
        sender, state = await self.gate.admit(request)
        body = said.read_body(request.headers, is_optional=False)
        offset = said.read_number(request.headers, "Upload-Offset")
        async with self.gate.turns.take(state.id, is_patch=True) as turn:
            staged = await self.gate.look(sender, state)
            if isinstance(staged, UploadState):
                request.state.headers = _final(staged)
                _require_repeat(offset, body, staged.size)
                return Response(status_code=204, headers=_final(staged))
            manifest, size_bytes = staged.manifest, staged.manifest.size_bytes
            request.state.headers = {"Upload-Offset": str(staged.offset)}
            if staged.is_complete:
                _require_repeat(offset, body, size_bytes)
                offset = size_bytes
            elif staged.offset != offset:
                raise OffsetMismatch(f"upload {state.id} goes on at byte {staged.offset}, not at {offset}")
            elif offset + (body.length or 0) > size_bytes:
                raise TooLarge(f"{size_bytes} bytes were declared, this body ends at {offset + (body.length or 0)}")
            elif turn.is_outdone:
                raise Conflict(f"upload {state.id}: a newer request came before this one could begin")
            else:
                offset = await self.gate.take(request, state.id, offset, body, turn)
            if offset == size_bytes:
                await self.gate.received(state.id)
            return Response(status_code=204, headers=_progress(manifest, offset))

    async def delete(self, request: Request) -> Response:
        """Give an unfinished upload up and remove its bytes."""
        sender, state = await self.gate.admit(request)
        async with self.gate.turns.take(state.id):
            try:
                staged = await self.gate.disk(self.gate.staging.look, state.id)
            except NotFound:
                staged = None
            if staged is not None and staged.is_complete:
                await self.gate.received(state.id)  # perhaps the register had not heard of it yet
            await self.gate.ask(self.gate.register.terminated, sender, state.id)
            await self.gate.disk(self.gate.staging.discard, state.id)
        log.info("upload terminated", extra={"upload": state.id})
        return Response(status_code=204)

    async def get(self, request: Request) -> Response:
        """Tell what became of an upload, as JSON; never disturbs a running PATCH."""
        _, state = await self.gate.admit(request, is_anywhere=True)
        if state.state == "receiving":
            state = dataclasses.replace(state, offset=await self.gate.peek(state))
        return JSONResponse(dataclasses.asdict(state), headers={"Cache-Control": "no-store"})

    def _declared(self, request: Request) -> Manifest:
        header = request.headers.get("upload-metadata", "")
        now = self.gate.clock()
        return Manifest(
            upload=self.new_id(),
            size_bytes=said.read_length(request.headers, self.max_size_bytes),
            metadata=said.read_metadata(header),
            metadata_header=header,
            opened_at=now,
            expires_at=now + LIFE,
        )

    def _refuse(self, error: HuisuError, headers: dict[str, str]) -> Response:
        status = status_of(error)
        if status == 500:
            log.error("upload request failed", extra={"code": error.code}, exc_info=error)
        return self.problem(error, status, error_headers(error) | headers)


def _progress(manifest: Manifest, offset: int) -> dict[str, str]:
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(manifest.size_bytes)}
    if offset == manifest.size_bytes:
        return headers | {"Huisu-Upload-State": "received"}
    return headers | {"Huisu-Upload-State": "receiving", "Upload-Expires": said.http_date(manifest.expires_at)}


def _final(state: UploadState) -> dict[str, str]:
    size = str(state.size)
    return {"Upload-Offset": size, "Upload-Length": size, "Huisu-Upload-State": state.state}


def _require_repeat(offset: int, body: Body, size_bytes: int) -> None:
    """Let only the last PATCH of a complete upload come again: its answer may have been lost."""
    if offset > size_bytes or (body.length is not None and offset + body.length != size_bytes):
        raise OffsetMismatch(f"the upload is complete with {size_bytes} bytes; byte {offset} cannot be the next")
