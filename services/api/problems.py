"""
Say no in one form (RFC 9457): which status each error has, and what its body tells.

A class answers with the status of its nearest ancestor in the table, so that a new subclass is never
a surprise. `docs/errors.md` carries the same codes; a test compares the two.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services import errors
from services.api.asking import asking
from services.api.problem_words import WORDS
from services.errors import HuisuError

log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[HuisuError], int]] = {
    errors.HuisuError: 500,
    errors.Refused: 400,
    errors.Invalid: 422,
    errors.WrongContentType: 415,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.BodyStalled: 408,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.WrongGate: 421,
    errors.VerbatimNotPossible: 422,
    errors.PreconditionRequired: 428,
    errors.ReasonRequired: 428,
    errors.ChecksumMismatch: 460,
    errors.MediaError: 422,
    errors.Unavailable: 503,
    errors.TooManyRequests: 429,
    errors.DiskFull: 507,
}

TYPE: Final = "application/problem+json"
INTERNAL: Final = "internal"
"""The code of what nobody foresaw; its detail names the request, never the error."""

HTTP_CODES: Final[Mapping[int, str]] = {
    400: "invalid",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "wrong-content-type",
}


def status_of(error: HuisuError) -> int:
    """Find the status of an error by walking its class's ancestry."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def headers_of(error: HuisuError) -> dict[str, str]:
    """Give the headers that an error brings along."""
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="huisu"'}
    if isinstance(error, errors.Unavailable):
        return {"Retry-After": str(error.retry_after_s)}
    return {}


def answer(error: HuisuError, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """
    Turn an error into an answer; give this to the dock's door as its `problem`.

    `status` and `headers` are those that another protocol fixes, or None for those of the table.
    """
    status = status_of(error) if status is None else status
    if status >= 500 and not isinstance(error, errors.Unavailable):
        log.error("request failed", extra={"code": error.code, "request": asking().id}, exc_info=error)
        return problem(error.code, status, headers=headers)
    return problem(error.code, status, str(error), headers=headers_of(error) | dict(headers or {}))


def problem(
    code: str,
    status: int,
    detail: str = "",
    *,
    fields: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the body of a problem; an empty detail becomes the request's id, by which the log is found."""
    now = asking()
    body: dict[str, Any] = {
        "type": f"urn:huisu:problem:{code}",
        "title": WORDS.get(code, WORDS["error"])[now.language],
        "status": status,
        "detail": detail or f"request {now.id}",
        "instance": now.id,
        "code": code,
    }
    if fields:
        body["errors"] = list(fields)
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"} | dict(headers or {}), media_type=TYPE)


def internal(error: Exception) -> Response:
    """Answer for an error that nobody foresaw; says nothing of it outside the log."""
    log.error("request broke", extra={"request": asking().id}, exc_info=error)
    return problem(INTERNAL, 500)


def install(app: FastAPI) -> None:
    """Let every error raised in a route become a problem."""

    @app.exception_handler(HuisuError)
    async def _ours(_request: Request, error: HuisuError) -> Response:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def _wrong_form(_request: Request, error: RequestValidationError) -> Response:
        fields = [{"pointer": _pointer(one["loc"]), "detail": str(one["msg"])} for one in error.errors()[:50]]
        detail = "; ".join(f"{field['pointer']}: {field['detail']}" for field in fields[:3])
        return problem(errors.Invalid.code, 422, detail, fields=fields)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = HTTP_CODES.get(error.status_code, "refused" if error.status_code < 500 else INTERNAL)
        detail = f"{request.method} {request.url.path}: {HTTPStatus(error.status_code).phrase}"
        return problem(code, error.status_code, detail, headers=error.headers)


def _pointer(place: Sequence[str | int]) -> str:
    """Write where a value stands: a JSON Pointer (RFC 6901) below `body`, `query`, `path` or `header`."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in place)
    return "/" + "/".join(steps)
