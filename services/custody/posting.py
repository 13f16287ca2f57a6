"""Post to somebody outside who may be slow, gone or hostile: no redirects, no proxies, bounded in time and length."""

import time
from dataclasses import dataclass
from typing import Final

import httpx

from services.errors import Unavailable

ANSWER_MAX_BYTES: Final = 1 << 17
"""A stamp with its authority's certificates takes some KiB, a witness's line a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    type: str
    body: bytes

    @property
    def told(self) -> str:
        """Put it into a message."""
        return f"{self.status}: {self.body[:200].decode('utf-8', 'replace').strip()}"


def post(url: str, content: bytes, type_: str, patience_s: float, whose: str) -> Answer:
    """
    Post to `url` and give the whole answer; `whose` names the other side in messages.

    Raises:
        Unavailable: it does not answer, or not within `patience_s` and `ANSWER_MAX_BYTES`.
    """
    ends, headers = time.monotonic() + patience_s, {"Content-Type": type_, "Accept-Encoding": "identity"}
    try:
        with (
            httpx.Client(trust_env=False, timeout=patience_s) as client,
            client.stream("POST", url, content=content, headers=headers) as answer,
        ):
            body = b""
            for part in answer.iter_raw():  # nothing is unpacked: a few bytes of gzip can be gigabytes
                body += part
                if len(body) > ANSWER_MAX_BYTES or time.monotonic() > ends:
                    raise Unavailable(f"{whose} does not come to the end of its answer")
            return Answer(answer.status_code, answer.headers.get("content-type", ""), body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{whose} does not answer: {error}") from error
