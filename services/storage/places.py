"""Say in plain values where objects are kept."""

from dataclasses import dataclass, field
from pathlib import Path

from services.storage.spool import DEFAULT_CAPACITY_BYTES

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """Objects are files below `path`, on a local disk."""

    path: Path


@dataclass(frozen=True, slots=True)
class S3Place:
    """
    Objects are in two buckets of an S3 server: originals (versioned, locked) and derived (neither).

    A call that gets no answer ends after about `(1 + retries) * (connect_s + read_s)` seconds. A part of
    a multipart upload is held in memory about twice; long originals get longer parts (10,000 at most).
    """

    endpoint: str
    """`host:port`, without a scheme."""

    access_key: str
    secret_key: str = field(repr=False)
    spool_path: Path
    originals_bucket: str = "huisu-originals"
    derived_bucket: str = "huisu-derived"
    secure: bool = True
    region: str = "us-east-1"
    ca_file: Path | None = None
    spool_bytes: int = DEFAULT_CAPACITY_BYTES
    connect_s: float = 5.0
    read_s: float = 60.0
    retries: int = 2
    part_bytes: int = 16 * MIB


Place = FolderPlace | S3Place
