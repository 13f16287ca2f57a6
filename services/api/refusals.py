"""Record every refusal of the API, whoever answered it: a route, the border or the dock's door."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.accounts.credentials import Caller, authenticate
from services.accounts.denials import Denial, Denials
from services.api.admission import Declared, over_tls
from services.api.asking import asking
from services.bootstrap import Archive
from services.errors import HuisuError, Unauthenticated

log = logging.getLogger(__name__)

KINDS: Final[Mapping[int, str]] = {401: "unauthenticated", 403: "not-allowed", 404: "not-found"}
LOGIN: Final = "/api/v1/login"
"""Refused logins are recorded where they are judged."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """
    Note a 401, a 403, and a 404 about a thing, before the answer leaves.

    A thing that one may not know of and one that does not exist answer alike, so both are noted: who
    tries addresses leaves a trail.
    """

    app: ASGIApp
    archive: Archive
    denials: Denials
    table: Mapping[tuple[str, str], Declared]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch the status of one answer."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in KINDS:
                await self._note(scope, message["status"])
            await send(message)

        await self.app(scope, receive, sent)

    async def _note(self, scope: Scope, status: int) -> None:
        path = getattr(scope.get("route"), "path", None)
        declared = self.table.get((scope["method"], path)) if path else None
        if path == LOGIN or (status == 404 and (declared is None or declared.about is None)):
            return
        denial = Denial(
            kind=KINDS[status],
            action=declared.action if declared else "unknown",
            target=scope["path"],
            method=scope["method"],
            address=asking().address,
        )
        await run_in_threadpool(self._record, scope, status, denial)

    def _record(self, scope: Scope, status: int, denial: Denial) -> None:
        try:
            caller = None if status == 401 else self._caller(scope)
            self.denials.note(caller.who if caller else None, denial, self.archive.clock())
        except HuisuError as error:
            log.warning("refusal could not be recorded", extra={"code": error.code, "request": asking().id})

    def _caller(self, scope: Scope) -> Caller | None:
        known: Caller | None = scope.get("state", {}).get("caller")
        if known is not None:
            return known
        try:  # the border and the dock's door answer before or beside our own admission
            headers = Headers(scope=scope)
            secure = over_tls(self.archive)
            return authenticate(self.archive.engine, headers, self.archive.clock(), secure=secure, touch=False)
        except Unauthenticated:
            return None
