"""
Answer a POST with an Idempotency-Key once, and repeat that answer for a day.

A key belongs to one account or token and to one method, address and body. Refused requests free their
key: nothing was done. Answers that carry a secret are never kept, so those routes take no key.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.accounts import repeats
from services.bootstrap import Archive
from services.errors import HuisuError, IntegrityError, Invalid

KEY_HEADER: Final = "idempotency-key"
KEY_CHARACTERS: Final = 200
ANSWER_BYTES: Final = 1 << 20
"""Longest answer that is kept: one of a batch of a thousand incidents has 100 KB."""


async def once(request: Request, account: str, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Do the request's work unless it was done before under this key."""
    archive: Archive = request.app.state.archive
    key = request.headers[KEY_HEADER]
    if not 1 <= len(key) <= KEY_CHARACTERS or not key.isprintable():
        raise Invalid(f"an Idempotency-Key has 1 to {KEY_CHARACTERS} printable characters")
    what = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    body_hash = hashlib.sha256(what).hexdigest()
    known = await run_in_threadpool(repeats.begin, archive.engine, account, key, body_hash, archive.clock())
    if known is not None:
        headers = {"Idempotency-Replayed": "true"}
        return Response(known.text, known.status, headers, media_type="application/json")
    try:
        response = await answer(request)
    except IntegrityError:
        raise  # what was done before the contradiction showed is not known
    except (HuisuError, RequestValidationError, HTTPException):
        await run_in_threadpool(repeats.give_back, archive.engine, account, key)
        raise
    await run_in_threadpool(_keep, archive, account, key, response)
    return response


def _keep(archive: Archive, account: str, key: str, response: Response) -> None:
    body = getattr(response, "body", None)
    if response.status_code >= 400 or not isinstance(body, bytes) or len(body) > ANSWER_BYTES:
        repeats.give_back(archive.engine, account, key)
        return
    repeats.answer(archive.engine, account, key, repeats.Answer(response.status_code, body.decode()))
