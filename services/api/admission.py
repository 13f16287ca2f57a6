"""
Ask who calls and whether the role may, before a body is read or a parameter is judged.

Whether they may do it *with this thing* is the action's question: it knows the thing.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message

from services.accounts.credentials import Caller, authenticate
from services.accounts.rights import Principal, require
from services.api.idempotency import KEY_HEADER, once
from services.bootstrap import Archive
from services.errors import BodyStalled, TooLarge, Unauthenticated

PUBLIC: Final = "public"
"""Anybody may: what tells nothing about footage or people."""

ME: Final = "me"
"""Anybody who is somebody may: what concerns only themselves."""

BODY_BYTES: Final = 1 << 20
"""Longest body of a route that does not say otherwise; a batch of incidents does."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Declared:
    """One row of the table of routes."""

    method: str
    path: str
    action: str
    about: str | None
    tag: str
    endpoint: Callable[..., Any]
    example: Mapping[str, Any] | None = None
    tells_secret: bool = False
    body_bytes: int = BODY_BYTES
    options: Mapping[str, Any] = field(default_factory=dict)


def over_tls(archive: Archive) -> bool:
    """Say whether people reach this archive over TLS, by itself or by a proxy in front."""
    return archive.settings.behind_proxy or archive.settings.tls_cert is not None


class AdmittedRoute(APIRoute):
    """A route that is entered only by those who may."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the questions before the route's own handler."""
        answer = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            declared: Declared = request.app.state.table[request.method, self.path]
            if declared.action != PUBLIC:
                caller = await run_in_threadpool(_ask, request)
                request.state.caller = caller
                if declared.action != ME:
                    require(caller.who, declared.action)
            if request.method not in SAFE:
                request = await _read(request, declared.body_bytes)
                if KEY_HEADER in request.headers and _repeats(request, declared):
                    return await once(request, request.state.caller.who.id, answer)
            return await answer(request)

        return admitted


def _repeats(request: Request, declared: Declared) -> bool:
    return request.method == "POST" and declared.action != PUBLIC and not declared.tells_secret


async def _read(request: Request, longest: int) -> Request:
    """Read the body now, so that one that is too long is refused in our form and before it takes memory."""
    given = request.headers.get("content-length", "")
    if given.isdecimal() and int(given) > longest:
        raise TooLarge(f"the body has {int(given):,} bytes, this address takes {longest:,}")
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > longest:
            raise TooLarge(f"the body has more than the {longest:,} bytes that this address takes")
        return message

    bounded = Request(request.scope, receive)
    try:
        await bounded.body()
    except ClientDisconnect as error:  # a page that is closed breaks off what it was sending: nobody need look
        raise BodyStalled(f"the caller left after {taken:,} bytes of the body") from error
    return bounded


def _ask(request: Request) -> Caller:
    archive: Archive = request.app.state.archive
    return authenticate(archive.engine, request.headers, archive.clock(), secure=over_tls(archive))


async def archive_of(request: Request) -> Archive:
    """Give the archive that this process serves."""
    archive: Archive = request.app.state.archive
    return archive


async def caller_of(request: Request) -> Caller:
    """Give the one who was admitted, with their session."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise Unauthenticated("this route admits anybody, so nobody is known")
    return caller


async def who_of(request: Request) -> Principal:
    """Give the one who was admitted."""
    return (await caller_of(request)).who


ArchiveDep = Annotated[Archive, Depends(archive_of)]
CallerDep = Annotated[Caller, Depends(caller_of)]
Who = Annotated[Principal, Depends(who_of)]
