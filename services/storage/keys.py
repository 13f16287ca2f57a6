"""
Name objects: the only place that knows how a key looks.

```
originals/sha256/ab/cd/<hex>                       an original, named by its digest
originals/sha256/ab/cd/<hex>.arrivals/<id>.json    one small object per arrival, beside it
derived/sha256/ab/cd/<hex>/<kind>/<recipe>/<name>  a rendition of that original
custody/tile/<level>/<n>                           a whole tile of the log, named as C2SP tlog-tiles does
custody/tile/entries/<n>                           the 256 entries below a whole tile of level 0
custody/checkpoint/<size>                          a signed head of the log; one an hour is kept so
custody/timestamp/<size>                           a time-stamp of that head by an outside authority (RFC 3161)
derived/custody/tile/entries/<n>.p/<width>         the entries that no whole bundle holds yet: gives way to a wider one
derived/custody/checkpoint                         the newest signed head with its witnesses' lines; replaced
derived/exports/<id>/<copy>-<digest>.zip           one copy of an export's package
derived/exports/<id>/items/<name>                  what the package will hold, between its entry and its release
probe/…                                            canaries of the write-once probe
```

Keys are ASCII on purpose: file names people gave (Chinese ones too) are facts in the catalogue, not names
of objects, so that no store's quoting, folding or listing can ever change one.
"""

import re
from enum import StrEnum
from typing import Final

from services.digest import Digest
from services.errors import Invalid

LONGEST_KEY = 512
"""Characters. S3 allows 1,024 bytes; a folder's path must stay well below 4,096 with its root before it."""

_SEGMENT = re.compile(r"[a-z0-9A-Z_][a-zA-Z0-9._=-]{0,127}\Z")
"""No leading dot (temporaries and locks of the folder store), no leading dash, no slash, nothing else."""

_ORIGINAL = re.compile(r"originals/sha256/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})\Z")
_ARRIVAL = re.compile(
    r"originals/sha256/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})\.arrivals/([a-zA-Z0-9_][a-zA-Z0-9_-]{0,63})\.json\Z"
)
_ID = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,63}\Z")


class Area(StrEnum):
    """Tell what may happen to the objects under a key's first word."""

    ORIGINALS = "originals"
    DERIVED = "derived"
    CUSTODY = "custody"
    PROBE = "probe"

    @property
    def is_write_once(self) -> bool:
        """Must other bytes under a kept key be refused? Everywhere but in *derived*."""
        return self is not Area.DERIVED


def original(digest: Digest) -> str:
    """Name the original with this digest."""
    return f"originals/{_fan_out(digest)}"


def arrival(digest: Digest, arrival_id: str) -> str:
    """Name the small object that tells how one upload of these bytes arrived. Raises `Invalid` on a bad id."""
    if not _ID.match(arrival_id):
        raise Invalid(f"an arrival id has 1 to 64 letters, digits, - or _, not {arrival_id!r}")
    return f"originals/{_fan_out(digest)}.arrivals/{arrival_id}.json"


def arrivals_of(digest: Digest) -> str:
    """Give the prefix under which all arrivals of one original are listed."""
    return f"originals/{_fan_out(digest)}.arrivals/"


def rendition(parent: Digest, kind: str, recipe_id: str, name: str) -> str:
    """Name one file made from the original `parent` by a recipe. Raises `Invalid` on a bad part."""
    return _checked(f"derived/{_fan_out(parent)}/{kind}/{recipe_id}/{name}", parts=8)


def renditions_of(parent: Digest) -> str:
    """Give the prefix under which everything made from one original is listed."""
    return f"derived/{_fan_out(parent)}/"


def export_package(export_id: str, copy: int, digest: Digest) -> str:
    """Name one copy of an export's package: a worker that is late never writes over another's. Raises `Invalid`."""
    return _checked(f"derived/exports/{export_id}/{copy}-{digest.hex[:16]}.zip", parts=4)


def export_item(export_id: str, name: str) -> str:
    """Name a file that a package will hold. Raises `Invalid` on a bad part."""
    return _checked(f"derived/exports/{export_id}/items/{name}", parts=5)


def export_files(export_id: str) -> str:
    """Give the prefix under which everything made for one export is listed."""
    return f"derived/exports/{export_id}/"


def log_object(path: str) -> str:
    """Name a whole tile or bundle of the log by its path (`tile/0/x001/234`). Raises `Invalid` on a bad one."""
    return _checked(f"custody/{path}")


def log_remainder(path: str) -> str:
    """Name entries that no whole bundle holds yet (`tile/entries/005.p/7`). Raises `Invalid` on a bad path."""
    return _checked(f"derived/custody/{path}")


LOG_REMAINDERS: Final = "derived/custody/tile/entries/"
"""The prefix under which what `log_remainder` names is listed."""

NEWEST_CHECKPOINT: Final = "derived/custody/checkpoint"
"""The newest signed head of the log."""


def log_checkpoint(size: int) -> str:
    """Name a signed head that is kept for good."""
    return f"custody/checkpoint/{size}"


LOG_TIMESTAMPS: Final = "custody/timestamp/"
"""The prefix under which what `log_timestamp` names is listed."""


def log_timestamp(size: int) -> str:
    """Name the time-stamp of the head of this size."""
    return f"{LOG_TIMESTAMPS}{size}"


def digest_of_original(key: str) -> Digest | None:
    """Read the digest in an original's key; None for any other key, also one in a wrong folder."""
    found = _ORIGINAL.match(key)
    return _consistent(found) if found else None


def arrival_of(key: str) -> tuple[Digest, str] | None:
    """Read digest and arrival id in an arrival's key; None for any other key."""
    found = _ARRIVAL.match(key)
    digest = _consistent(found) if found else None
    return (digest, found[4]) if found and digest else None


def area(key: str) -> Area:
    """Check a whole key and tell its area; every store calls it first. Raises `Invalid`."""
    return Area(_checked(key).partition("/")[0])


def area_of_prefix(prefix: str) -> Area:
    """Check a prefix, which may end inside a segment or with a slash, and tell its area. Raises `Invalid`."""
    return Area(_checked(prefix + "x" if prefix.endswith("/") else prefix).partition("/")[0])


def _fan_out(digest: Digest) -> str:
    return f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex[2:4]}/{digest.hex}"


def _consistent(found: re.Match[str]) -> Digest | None:
    return Digest.from_hex(found[3]) if found[3].startswith(found[1] + found[2]) else None


def _checked(key: str, parts: int | None = None) -> str:
    segments = key.split("/")
    if (
        len(key) > LONGEST_KEY
        or len(segments) < 2
        or (parts is not None and len(segments) != parts)
        or segments[0] not in set(Area)
        or not all(_SEGMENT.match(segment) for segment in segments)
    ):
        raise Invalid(f"not a key of this archive: {key[:80]!r}")
    return key
