"""Open the store that plain values describe; this floor knows no settings."""

from pathlib import Path

from services.errors import Misconfigured
from services.storage.filesystem import FolderStore
from services.storage.places import FolderPlace, Place, S3Place
from services.storage.spool import DEFAULT_CAPACITY_BYTES, Spool
from services.storage.store import ObjectStore


def open_store(
    *,
    kind: str,
    path: Path | None = None,
    endpoint: str | None = None,
    access_key: str | None = None,
    secret_key: str | None = None,
    originals: str = "huisu-originals",
    derived: str = "huisu-derived",
    secure: bool = True,
    region: str = "us-east-1",
    ca_file: Path | None = None,
    spool: Path | None = None,
    spool_bytes: int = DEFAULT_CAPACITY_BYTES,
) -> ObjectStore:
    """
    Open the store of one `kind`: `folder` needs `path`; `s3` needs `endpoint`, both keys and `spool`.

    Touches no disk and no network until `prepare` or the first call.

    Raises:
        Misconfigured: a needed value is missing, or there is no such kind.

    """
    if kind == "folder" and path:
        return open_place(FolderPlace(path))
    if kind == "s3" and endpoint and access_key and secret_key and spool:
        return open_place(
            S3Place(
                endpoint=endpoint,
                access_key=access_key,
                secret_key=secret_key,
                spool_path=spool,
                originals_bucket=originals,
                derived_bucket=derived,
                secure=secure,
                region=region,
                ca_file=ca_file,
                spool_bytes=spool_bytes,
            )
        )
    raise Misconfigured(
        f"object store {kind!r}: a folder needs its path; s3 needs endpoint, access key, secret key and spool folder"
    )


def open_place(place: Place) -> ObjectStore:
    """Open the store at a place."""
    if isinstance(place, FolderPlace):
        return FolderStore(place.path)
    from services.storage.s3 import S3Store  # noqa: PLC0415 (archives in a folder start without the S3 client)

    return S3Store(place, Spool(place.spool_path, place.spool_bytes))
