"""Read what addresses and headers carry into values of ours; anything else is refused with its place."""

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Final
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

from services.accounts.names import check_number
from services.api.asking import asking
from services.errors import Invalid, NotFound, PreconditionFailed, PreconditionRequired
from services.index.keyset import LIMIT_DEFAULT, LIMIT_MAX
from services.media.timecode import parse_clock

ID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
REASON_CHARACTERS: Final = 500
REASON_HEADER: Final = "x-access-reason"
ETAG: Final = re.compile(r'"([0-9]{1,9})"')


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise NotFound(f"there is nothing with the id {text[:80]!r}")
    return text.lower()


def _number(text: str) -> str:
    return check_number(text, "thing's", 128)


def _clock(text: Any) -> Fraction:
    return parse_clock(str(text))


ThingId = Annotated[str, Path(alias="id", description="a UUIDv7"), AfterValidator(_id)]
"""`{id}` of a path; what has another form than an id is not found."""

Number = Annotated[str, Path(description="percent-encoded"), AfterValidator(_number)]
"""`{number}` of a path: no `/`, no control characters, not ending in `:batch`."""

Clock = Annotated[
    Fraction,
    PlainValidator(_clock),
    PlainSerializer(float),
    WithJsonSchema({"type": "string", "examples": ["00:12:31.500", "751.5"]}),
]
"""A position inside a recording: seconds, or HH:MM:SS[.nnn]."""

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="most items of one page")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before")]

__all__ = [
    "LIMIT_DEFAULT", "AccessReason", "Address", "Clock", "Cursor", "IfMatch", "Limit", "MaybeIfMatch", "Number",
    "ThingId", "etag", "read_reason", "read_version",
]  # fmt: skip


def etag(version: int) -> dict[str, str]:
    """Give the header that names a thing's version."""
    return {"ETag": f'"{version}"'}


def read_version(headers: Mapping[str, str]) -> int | None:
    """
    Read `If-Match`; None when it is absent or `*` (any version).

    Raises:
        PreconditionFailed: it names no version that this archive ever gave.
    """
    given = headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    found = ETAG.fullmatch(given.strip())
    if found is None:
        raise PreconditionFailed(f"If-Match names one version in quotes, not {given[:80]!r}")
    return int(found[1])


async def _required_version(request: Request) -> int | None:
    if "if-match" not in request.headers:
        raise PreconditionRequired("send If-Match with the ETag that you read, or * for any")
    return read_version(request.headers)


async def _maybe_version(request: Request) -> int | None:
    return read_version(request.headers)


IfMatch = Annotated[int | None, Depends(_required_version)]
"""The version that a change expects: PATCH and changes of state. None: any (`*`)."""

MaybeIfMatch = Annotated[int | None, Depends(_maybe_version)]
"""The version that a PUT may expect."""


def read_reason(headers: Mapping[str, str]) -> str | None:
    """
    Read `X-Access-Reason`: percent-encoded UTF-8 of 1 to 500 characters; None when absent.

    Raises:
        Invalid: not UTF-8, empty, too long, or with control characters.
    """
    given = headers.get(REASON_HEADER)
    if given is None:
        return None
    try:
        reason = unquote_to_bytes(given).decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Invalid("X-Access-Reason is percent-encoded UTF-8") from error
    if not 1 <= len(reason) <= REASON_CHARACTERS:
        raise Invalid(f"X-Access-Reason has 1 to {REASON_CHARACTERS} characters, this one {len(reason)}")
    if any(unicodedata.category(letter) == "Cc" for letter in reason):
        raise Invalid("X-Access-Reason has no control characters")
    return reason


async def _reason(request: Request) -> str | None:
    return read_reason(request.headers)


AccessReason = Annotated[str | None, Depends(_reason)]
"""Why someone looks, where they say it with the request."""


async def _address(request: Request) -> str:  # noqa: ARG001  (the edge knows it; the shape is a dependency's)
    return asking().address


Address = Annotated[str, Depends(_address)]
"""Where the caller calls from: behind a proxy what it says, else the line's other end."""
