"""Hold what one run of the agent was asked for, checked before the first file is touched."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from services.errors import Invalid

KINDS = ("body", "vehicle", "facility", "interview")
LONGEST_PARALLEL = 4
"""Transfers at once. Source: issue 2, item 5 (the archive takes at most ten per station: domain rule 9)."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """How a file is cut into PATCH requests: their greatest length, and whether each carries its checksum."""

    length_bytes: int
    checksummed: bool


GUARDED = Pieces(1 << 30, checksummed=False)
"""Over TLS or inside one machine the line keeps bytes whole: few long requests."""
BARE = Pieces(16 << 20, checksummed=True)
"""Over plain HTTP a flipped bit costs 16 MiB instead of the whole file."""


def is_loopback(host: str) -> bool:
    """Tell whether a host of a URL is this machine, from its text alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def endpoint_of(url: str) -> str:
    """
    Give the address of the uploads for an archive's URL, with or without `/api/v1[/uploads]`.

    Raises:
        Invalid: not an http or https URL with a host.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Invalid(f"--url is not a URL: {url!r}: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Invalid(f"--url must be http://… or https://…, not {url!r}")
    if parsed.query or parsed.fragment or parsed.userinfo:
        raise Invalid("--url must have no query, fragment or user name")
    path = parsed.path.rstrip("/")
    for ending in ("/api/v1/uploads", "/api/v1"):
        path = path.removesuffix(ending)
    return str(parsed.copy_with(path=f"{path}/api/v1/uploads"))


def pieces_for(endpoint: str) -> Pieces:
    """Choose how to cut files for this address."""
    parsed = httpx.URL(endpoint)
    return GUARDED if parsed.scheme == "https" or is_loopback(parsed.host) else BARE


def default_state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the folder of the resume memory. Source: XDG base directories, `XDG_STATE_HOME`."""
    base = environment.get("XDG_STATE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state") / "huisu-dock"


@dataclass(frozen=True, slots=True)
class Options:
    """
    Say where to send, as whom, with what metadata, and how patiently.

    `metadata` holds for every file of the run; a file's own sidecar wins over it, key by key.

    Raises:
        Invalid: the URL, the token or a number cannot be used.
    """

    url: str
    token: str = field(repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    state_folder: Path = field(default_factory=default_state_folder)
    parallel: int = LONGEST_PARALLEL
    watch: bool = False
    give_up_after_s: float = 24 * 3600.0
    settle_s: float = 5.0
    scan_every_s: float = 2.0
    cut: Pieces | None = None

    def __post_init__(self) -> None:
        endpoint_of(self.url)
        if not self.token or not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise Invalid("a token is needed: --token or HUISU_DOCK_TOKEN (printable, without spaces)")
        if not 1 <= self.parallel <= LONGEST_PARALLEL:
            raise Invalid(f"--parallel is 1 to {LONGEST_PARALLEL}, not {self.parallel}")

    @property
    def endpoint(self) -> str:
        """The address of the uploads."""
        return endpoint_of(self.url)

    @property
    def pieces(self) -> Pieces:
        """How files are cut: as asked, else by the address."""
        return self.cut or pieces_for(self.endpoint)
