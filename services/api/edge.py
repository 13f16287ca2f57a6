"""
Guard the border of every request: whose it is, where it comes from, what leaves beside the answer.

Plain ASGI, and only `send` is wrapped: the dock's door needs the server's own `receive`.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from services.accounts.credentials import bearer_of, cookie_of
from services.accounts.secrets import csrf_of
from services.api import asking, problems
from services.api.admission import SAFE, over_tls
from services.api.metrics import Requests
from services.bootstrap import Archive
from services.errors import HuisuError, Invalid, NotAllowed

CSP: Final = "; ".join((
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip
"""Nothing from elsewhere. Inline styles only: the pages' kit places its pop-ups with them. Source: ux_ecosystem 5."""

ALWAYS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

FORWARDED: Final = frozenset({b"forwarded", b"x-real-ip", b"x-user", b"x-remote-user"})
CSRF_HEADER: Final = "x-csrf-token"
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
HIDDEN_SLASH: Final = re.compile(rb"%(?:2f|5c|[01][0-9a-f]|7f)", re.IGNORECASE)
"""A slash, backslash or control that only percent-encoding brought past the router."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The outermost ring: request id, the caller's address, headers of every answer, counting, the last catch."""

    app: ASGIApp
    archive: Archive
    requests: Requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = self._cleaned(scope)
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        name = given if REQUEST_ID.fullmatch(given) else str(uuid7())
        client = scope["client"][0] if scope.get("client") else "unknown"
        asking.begin(asking.Asking(name, asking.language_of(headers.get("accept-language", "")), client))
        status, began = 0, monotonic()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(MutableHeaders(scope=message), name, scope["path"])
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            if status:
                raise  # an answer that has begun can only be broken off
            await problems.internal(error)(scope, receive, sent)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self.requests.count(scope["method"], route, status, monotonic() - began)

    def _cleaned(self, scope: Scope) -> Scope:
        """Take out what only a proxy of ours may say; behind one, believe its last word."""
        kept, said = [], {}
        for name, value in scope["headers"]:
            if name.startswith(b"x-forwarded-") or name in FORWARDED:
                said[name] = value.decode("latin-1")
            else:
                kept.append((name, value))
        cleaned = {**scope, "headers": kept, "state": dict(scope.get("state") or {})}
        if self.archive.settings.behind_proxy:
            if address := said.get(b"x-forwarded-for", "").rpartition(",")[2].strip():
                cleaned["client"] = (address, 0)
            cleaned["scheme"] = said.get(b"x-forwarded-proto", "https")
        return cleaned

    def _mark(self, headers: MutableHeaders, name: str, path: str) -> None:
        for header, value in ALWAYS.items():
            headers.setdefault(header, value)
        headers["X-Request-Id"] = name
        if path.startswith("/api/") or not path.startswith("/assets/"):
            headers.setdefault("Cache-Control", "private, no-store" if path.startswith("/api/") else "no-cache")
        if over_tls(self.archive):
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")


@dataclass(frozen=True, slots=True)
class SameOrigin:
    """Let no other site act with a person's cookie, and no address hide a slash."""

    app: ASGIApp
    archive: Archive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse before any route sees the request."""
        if scope["type"] == "http":
            try:
                refuse_hidden(scope)
                refuse_foreign(scope["method"], Headers(scope=scope), secure=over_tls(self.archive))
            except HuisuError as error:
                await problems.answer(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def refuse_hidden(scope: Scope) -> None:
    """Raise `Invalid` for a path with an encoded slash or control."""
    raw: bytes = scope.get("raw_path") or b""
    if HIDDEN_SLASH.search(raw):
        raise Invalid(
            f"a name in an address has no '/', backslash or control character: {raw.decode('latin-1')[:200]!r}"
        )


def refuse_foreign(method: str, headers: Mapping[str, str], *, secure: bool) -> None:
    """
    Raise `NotAllowed` for a change that another site asks a browser to make.

    Bearer tokens are never sent by a browser on its own, so they need neither origin nor CSRF token.
    """
    if method in SAFE or bearer_of(headers) is not None:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        raise NotAllowed(f"this change was asked for by another site (Sec-Fetch-Site: {site[:40]})")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise NotAllowed(f"this change was asked for by another origin: {origin[:200]}")
    secret = cookie_of(headers, secure=secure)
    if secret is not None and not hmac.compare_digest(
        csrf_of(secret).encode(), headers.get(CSRF_HEADER, "").encode("latin-1", "replace")
    ):
        raise NotAllowed("a change with a session's cookie needs its token in X-CSRF-Token (see /me)")
