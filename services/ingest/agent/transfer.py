"""
Speak tus 1.0.0 with an archive's gate: create, ask the offset, append, ask the state.

Source: https://tus.io/protocols/resumable-upload (core, creation, checksum). Every answer becomes a value or one
of our errors: `Unavailable` (ask again), `AskedToWait` (ask again then), `Unauthenticated` and `NotAllowed` (the
token), `Gone` (start again), `OffsetMismatch` and `ChecksumMismatch` (ask the offset), any other `Refused` (final).
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from services.errors import (
    AskedToWait,
    ChecksumMismatch,
    Gone,
    HuisuError,
    NotAllowed,
    OffsetMismatch,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from services.ingest.agent.options import is_loopback

LONGEST_WAIT_S = 3600.0
_TRY_AGAIN = frozenset({408, 421, 423, 425, 429})
"""Besides 5xx. 421: a proxy brought us to another gate than the one that has the bytes."""
_REFUSALS: Mapping[int, type[Refused]] = {
    401: Unauthenticated,
    403: NotAllowed,
    404: Gone,
    409: OffsetMismatch,
    410: Gone,
    413: TooLarge,
    460: ChecksumMismatch,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the archive says of an upload; `offset_bytes` counts what it has kept durably."""

    state: str
    reason: str
    offset_bytes: int
    sha256: str
    recording: str
    is_duplicate: bool


def open_client(endpoint: str, token: str, connections: int) -> httpx.Client:
    """
    Open the one pooled HTTP/1.1 client of a run.

    Proxies of the environment never stand between two programs of one machine.
    """
    url = httpx.URL(endpoint)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.Client(
        headers={"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", "User-Agent": "huisu-dock"},
        timeout=httpx.Timeout(60.0, connect=10.0, read=120.0, pool=None),
        limits=limits,
        transport=httpx.HTTPTransport(limits=limits) if is_loopback(url.host) else None,
    )


class Gate:
    """An archive's address for uploads, spoken to through one client; safe to share among threads."""

    def __init__(self, client: httpx.Client, endpoint: str) -> None:
        self._client, self._endpoint = client, httpx.URL(endpoint)

    def create(self, size_bytes: int, metadata: Mapping[str, str], attempt: str) -> str:
        """
        Announce a file and give its upload's address. An empty file is complete with it.

        Only the path of the answered Location is used: the token goes to no host but the one given.
        """
        headers = {
            "Upload-Length": str(size_bytes),
            "Upload-Metadata": encode_metadata(metadata),
            "Idempotency-Key": attempt,
        }
        answer = self._ask("POST", self._endpoint, headers)
        if answer.status_code != 201 or not answer.headers.get("Location"):
            raise _error(answer, "creating the upload")
        try:
            place = self._endpoint.join(answer.headers["Location"])
        except httpx.InvalidURL as error:
            raise Refused(f"the archive gave no usable Location: {error}") from error
        return str(self._endpoint.copy_with(raw_path=place.raw_path))

    def offset(self, location: str, size_bytes: int) -> int:
        """
        Give how many bytes the archive has; the whole size once it has them all, whatever came of them.

        Raises:
            Gone: there is no such upload any more, or it is one of another size.
        """
        answer = self._ask("HEAD", httpx.URL(location), {})
        if answer.status_code in (200, 204):
            kept, length = _count(answer, "Upload-Offset"), answer.headers.get("Upload-Length", str(size_bytes))
            if length != str(size_bytes) or not 0 <= kept <= size_bytes:
                raise Gone(f"the upload is another one: {kept} of {length} bytes, the file has {size_bytes}")
            return kept
        if answer.status_code not in (403, 404, 410):
            raise _error(answer, "asking the offset")
        standing = self.standing(location)  # its staging may be gone because it came through
        if standing.state in ("receiving", "expired"):
            raise Gone(f"the upload is {standing.state} and takes no more")
        return size_bytes

    def append(self, location: str, offset: int, length: int, body: Iterable[bytes], checksum: str = "") -> int:
        """Send [offset, offset + length) in one PATCH and give the offset that the archive answers."""
        headers = {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        if checksum:
            headers["Upload-Checksum"] = checksum
        answer = self._ask("PATCH", httpx.URL(location), headers, body)
        if answer.status_code not in (200, 204):
            raise _error(answer, "sending")
        return _count(answer, "Upload-Offset")

    def standing(self, location: str) -> Standing:
        """Ask what became of an upload."""
        answer = self._ask("GET", httpx.URL(location), {"Accept": "application/json"})
        if answer.status_code != 200:
            raise _error(answer, "asking the state")
        try:
            facts = answer.json()
            return Standing(
                state=str(facts["state"]),
                reason=str(facts.get("reason") or ""),
                offset_bytes=int(facts.get("offset") or 0),
                sha256=str(facts.get("sha256") or "").removeprefix("sha256:").lower(),
                recording=str(facts.get("recording") or ""),
                is_duplicate=bool(facts.get("duplicate")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable("the answer to the state is no archive's") from error

    def _ask(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], body: Iterable[bytes] | None = None
    ) -> httpx.Response:
        try:
            return self._client.request(method, url, headers=headers, content=body)
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Unavailable(f"no answer: {type(error).__name__} {error}".strip()) from error


def encode_metadata(metadata: Mapping[str, str]) -> str:
    """Write metadata as tus wants it: `key base64(UTF-8)`, joined by commas; an empty value has no second part."""
    return ",".join(
        f"{key} {base64.b64encode(value.encode('utf-8', 'replace')).decode()}".rstrip()
        for key, value in metadata.items()
    )


def checksum_of(blocks: Iterator[bytes]) -> str:
    """Give the `Upload-Checksum` of one piece."""
    whole = hashlib.sha256()
    for block in blocks:
        whole.update(block)
    return f"sha256 {base64.b64encode(whole.digest()).decode()}"


def _count(answer: httpx.Response, header: str) -> int:
    text = answer.headers.get(header, "")
    if not (text.isascii() and text.isdigit()):
        raise Unavailable(f"the answer's {header} is {text!r}, no archive's")
    return int(text)


def _error(answer: httpx.Response, doing: str) -> HuisuError:
    """Choose the error for an answer that is not the hoped-for one."""
    status, said = answer.status_code, f"{_problem(answer)} ({doing}, status {answer.status_code})"
    if status in _TRY_AGAIN or status >= 500:
        wait_s = retry_after_s(answer.headers)
        return Unavailable(said) if wait_s is None else AskedToWait(said, wait_s)
    if answer.is_success:
        return Unavailable(f"the answer is no archive's: {said}")
    if answer.is_redirect:
        return Refused(f"the archive has another address: {answer.headers.get('Location', 'unknown')!r}")
    make: Callable[[str], HuisuError] = _REFUSALS.get(status, Refused)
    return make(said)


def _problem(answer: httpx.Response) -> str:
    """Give code and detail of an RFC 9457 problem, else the status in words."""
    try:
        facts = answer.json()
        parts = [str(facts[name]) for name in ("code", "detail") if facts.get(name)]
    except (ValueError, TypeError, AttributeError, KeyError):
        parts = []
    return ": ".join(parts)[:400] or answer.reason_phrase or "refused"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """
    Read Retry-After as seconds, or nothing. A date counts from the answer's own Date: a dock's clock may be wrong.

    Source: RFC 9110 section 10.2.3.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT_S)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT_S)
