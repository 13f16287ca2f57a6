"""
Send bytes: whole, by ranges, or as they are made; each block is noted before it leaves.

A body that cannot be finished breaks the connection: never a short body that looks whole.
"""

import logging
import re
import secrets
import unicodedata
from base64 import b64encode
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

import anyio
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from services.api import problems
from services.api.actions.look import Look
from services.api.ranges import Span, lay_out, names_tag, read_ranges, still_same
from services.api.stored import Stored
from services.errors import HuisuError, RangeOutside
from services.storage.store import Blocks, ObjectStore

log = logging.getLogger(__name__)

NAME_CHARACTERS: Final = 150
_UNSAFE = re.compile(r'[\\/:*?"<>|]')


class Flowing(Protocol):
    """Bytes as they come; `close` lets their source go, also when nothing was taken yet."""

    def __iter__(self) -> Iterator[bytes]:
        """Give itself."""

    def __next__(self) -> bytes:
        """Give the next block."""

    def close(self) -> None:
        """Let the source go."""


class Stream(StreamingResponse):
    """An answer whose source is let go when the line is gone, and whose breaking is logged."""

    def __init__(self, flow: Flowing, status_code: int, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(_logged(flow), status_code, headers, media_type)
        self._flow = flow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and let go."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._flow.close)


def _logged(flow: Flowing) -> Iterator[bytes]:
    try:
        yield from flow
    except HuisuError as error:
        log.warning("stream broke", extra={"code": error.code, "error": str(error)})
        raise


class StoredFlow(Iterator[bytes]):
    """
    Give pieces of a stored file, with heads between them where they are several parts.

    The first piece is opened at once, so that what the store refuses is still an answer.
    """

    def __init__(self, stored: Stored, store: ObjectStore, look: Look, pieces: Sequence[bytes | Span]) -> None:
        self._stored, self._store, self._look = stored, store, look
        self._pieces = deque(pieces)
        self._at = 0
        self._blocks: Blocks | None = None
        spans = [piece for piece in pieces if isinstance(piece, Span)]
        self._opened = self._open(spans[0]) if spans else None

    def __next__(self) -> bytes:
        while True:
            block = next(self._blocks, None) if self._blocks is not None else None
            if block is not None:
                self._look.note_bytes(self._stored.what, self._at, self._at + len(block))
                self._at += len(block)
                return block
            if not self._pieces:
                raise StopIteration
            piece = self._pieces.popleft()
            if isinstance(piece, bytes):
                self._blocks = None
                return piece
            self._blocks, self._opened = self._opened or self._open(piece), None
            self._at = piece.start

    def _open(self, span: Span) -> Blocks:
        return self._stored.open(self._store, span.start, span.length)

    def close(self) -> None:
        """Let the store's object go."""
        for blocks in (self._blocks, self._opened):
            if blocks is not None:
                blocks.close()


def send_stored(request: Request, stored: Stored, look: Look, headers: Mapping[str, str] | None = None) -> Response:
    """
    Answer a GET or HEAD for a stored file, as RFC 9110 has it: conditions, ranges, parts.

    The look was entered before this is called, so also 304 and 416 have their entry.
    """
    given, size = request.headers, stored.size_bytes
    known = {"ETag": stored.etag, "Accept-Ranges": "bytes", **(headers or {})}
    if names_tag(given.get("if-none-match"), stored.etag):
        return Response(status_code=304, headers=known)
    if request.method == "HEAD":
        return Response(headers={**known, "Content-Length": str(size)}, media_type=stored.media_type)
    wanted = given.get("range") if still_same(given.get("if-range"), stored.etag) else None
    try:
        spans = read_ranges(wanted, size)
    except RangeOutside as error:
        return problems.answer(error, 416, {"Content-Range": f"bytes */{size}"})
    store = look.archive.store
    if spans is None:
        whole = [Span(0, size)] if size else []
        flow = StoredFlow(stored, store, look, whole)
        return Stream(flow, 200, {**known, "Content-Length": str(size)}, stored.media_type)
    if len(spans) == 1:
        known |= {"Content-Range": spans[0].content_range(size), "Content-Length": str(spans[0].length)}
        return Stream(StoredFlow(stored, store, look, spans), 206, known, stored.media_type)
    boundary = secrets.token_hex(16)
    parts, tail, length = lay_out(spans, size, stored.media_type, boundary)
    pieces = [piece for part in parts for piece in (part.head, part.span)]
    flow = StoredFlow(stored, store, look, [*pieces, tail])
    return Stream(flow, 206, {**known, "Content-Length": str(length)}, f"multipart/byteranges; boundary={boundary}")


def repr_digest(sha256: str) -> dict[str, str]:
    """Give the digest of the whole file, whatever part is sent. Source: RFC 9530 section 3."""
    return {"Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"}


def attachment(filename: str) -> dict[str, str]:
    """
    Name a download: the given name in UTF-8, and an ASCII one for old clients. Source: RFC 6266.

    Path separators, controls and marks that turn the direction of writing (they disguise extensions) are left out.
    """
    shown = "".join(letter for letter in filename if unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    name = _UNSAFE.sub("_", shown).strip(" .") or "recording"
    stem, dot, ending = name.rpartition(".")
    if dot and len(ending) <= 8:
        name = f"{stem[: NAME_CHARACTERS - len(ending) - 1]}.{ending}"
    name = name[:NAME_CHARACTERS]
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
