"""
Answer a tus client: which status each error has, the problem's body, and how to say no to a running body.
"""

import json
from collections.abc import Callable, Mapping

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services import errors

STATUS: Mapping[type[errors.HuisuError], int] = {
    errors.HuisuError: 500,
    errors.Refused: 400,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.BodyStalled: 408,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.WrongContentType: 415,
    errors.WrongGate: 421,
    errors.ChecksumMismatch: 460,
    errors.Unavailable: 503,
    errors.TooManyRequests: 429,
}
"""Statuses that the protocol fixes, and the nearest HTTP has for the rest; a class answers as its nearest ancestor."""

LINGER_BYTES, LINGER_S = 4 << 20, 2.0
"""How much of an unwanted body is thrown away, and how long, before the line is closed under it."""

Problem = Callable[[errors.HuisuError, int, Mapping[str, str]], Response]
"""Makes the answer to an error, of a status and with headers that the door has chosen."""


def status_of(error: errors.HuisuError) -> int:
    """Find the status of an error by walking its class's ancestry."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem_answer(error: errors.HuisuError, status: int, headers: Mapping[str, str]) -> Response:
    """Make an answer of RFC 9457: `code` is stable, `detail` is for people."""
    told = {
        "type": f"urn:huisu:problem:{error.code}",
        "title": error.code.replace("-", " ").capitalize(),
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    body = json.dumps(told, ensure_ascii=False).encode()
    return Response(body, status, headers, media_type="application/problem+json")


def error_headers(error: errors.HuisuError) -> dict[str, str]:
    """Give the headers that an error brings along."""
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.Unavailable):
        return {"Retry-After": str(error.retry_after_s)}
    return {}


class Parting(Response):
    """
    Send an answer while the client is still sending, throw away a little of its body, then close the line.

    Closing at once would reset the connection, and the client might never see the answer.
    """

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.body, answer.status_code)
        self.raw_headers = [*answer.raw_headers, (b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's shape
        """Send head and body, wait a little, and end the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        thrown = 0
        with anyio.move_on_after(LINGER_S):
            while thrown < LINGER_BYTES:
                message = await receive()
                thrown += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
        await send({"type": "http.response.body", "body": b"", "more_body": False})
