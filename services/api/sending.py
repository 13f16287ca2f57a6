"""
Send bytes: whole, by ranges, or as they are made; each block is noted before it leaves.

A body that cannot be finished breaks the connection: never a short body that looks whole.
"""

import logging
import re
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

import anyio
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope, Send

from services.api import problems
from services.api.actions.look import Look
from services.api.ranges import lay_out, names_tag, read_ranges, still_same
from services.api.stored import Stored
from services.bootstrap import Archive
from services.errors import HuisuError, RangeOutside
from services.media.virtual import Extent, Flow, Piece, VirtualFile
from services.storage.store import Blocks

log = logging.getLogger(__name__)

STALL_S: Final = 120.0
"""A client that takes nothing for so long has its connection ended; a player that waited asks for the rest again."""

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

        async def sent(message: Message) -> None:
            with anyio.move_on_after(STALL_S) as waiting:
                await send(message)
            if waiting.cancelled_caught:
                raise _StalledError

        try:
            await super().__call__(scope, receive, sent)
        except _StalledError:
            log.info("stream stalled", extra={"seconds": STALL_S})
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._flow.close)


class _StalledError(Exception):
    """The client takes nothing any more."""


def _logged(flow: Flowing) -> Iterator[bytes]:
    try:
        yield from flow
    except HuisuError as error:
        log.warning("stream broke", extra={"code": error.code, "error": str(error)})
        raise


class Noting(Protocol):
    """Takes note of what leaves, before it does: a look, or what was entered as a whole."""

    @property
    def archive(self) -> Archive:
        """Where the bytes are kept."""

    def note_sent(self, count: int) -> None:
        """Note bytes that are no part of a stored file."""

    def note_ranges(self, what: str, ranges: Sequence[tuple[int, int]]) -> None:
        """Note ranges of a stored file."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a virtual file: where its bytes are kept, and under which look they leave."""

    stored: Stored
    look: Noting


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A file that may leave: what it is made of, from which sources, which bytes exactly, and its type.

    `etag` is strong: the same tag is the same bytes, for ever.
    """

    file: VirtualFile
    origins: Sequence[Origin]
    etag: str
    media_type: str


class NotedFlow(Iterator[bytes]):
    """
    Give the bytes of pieces, each block noted under its look before it leaves.

    What is read first is opened at once, so that what the store refuses is still an answer.
    """

    def __init__(self, origins: Sequence[Origin], pieces: Sequence[Piece]) -> None:
        self._origins = origins
        self._flow = Flow(pieces, self._open)

    def _open(self, source: int, offset: int, length: int) -> Blocks:
        origin = self._origins[source]
        return origin.stored.open(origin.look.archive.store, offset, length)

    def __next__(self) -> bytes:
        block = next(self._flow)
        if block.source is None:
            self._origins[0].look.note_sent(len(block.content))
        else:
            origin = self._origins[block.source]
            origin.look.note_ranges(origin.stored.what, block.ranges)
        return block.content

    def close(self) -> None:
        """Let the store's object go."""
        self._flow.close()


def send_stored(request: Request, stored: Stored, look: Look, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a GET or HEAD for a stored file, as `send`."""
    whole = VirtualFile.of(Extent(0, stored.size_bytes))
    return send(request, Sent(whole, [Origin(stored, look)], stored.etag, stored.media_type), headers)


def send(request: Request, sent: Sent, headers: Mapping[str, str] | None = None) -> Response:
    """
    Answer a GET or HEAD for a stored or virtual file, as RFC 9110 has it: conditions, ranges, parts.

    The look was entered before this is called, so also 304 and 416 have their entry.
    """
    given, size = request.headers, sent.file.size_bytes
    known = {"ETag": sent.etag, "Accept-Ranges": "bytes", **(headers or {})}
    if names_tag(given.get("if-none-match"), sent.etag):
        return Response(status_code=304, headers=known)
    if request.method == "HEAD":
        return Response(headers={**known, "Content-Length": str(size)}, media_type=sent.media_type)
    wanted = given.get("range") if still_same(given.get("if-range"), sent.etag) else None
    try:
        spans = read_ranges(wanted, size)
    except RangeOutside as error:
        return problems.answer(error, 416, {"Content-Range": f"bytes */{size}"})
    if spans is None:
        known["Content-Length"] = str(size)
        return Stream(NotedFlow(sent.origins, sent.file.pieces), 200, known, sent.media_type)
    if len(spans) == 1:
        known |= {"Content-Range": spans[0].content_range(size), "Content-Length": str(spans[0].length)}
        pieces = sent.file.slice(spans[0].start, spans[0].length)
        return Stream(NotedFlow(sent.origins, pieces), 206, known, sent.media_type)
    boundary = secrets.token_hex(16)
    parts, tail, length = lay_out(spans, size, sent.media_type, boundary)
    pieces = tuple(
        piece for part in parts for piece in (part.head, *sent.file.slice(part.span.start, part.span.length))
    )
    flow = NotedFlow(sent.origins, (*pieces, tail))
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
