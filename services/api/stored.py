"""Read stored files as they leave: in pieces, from a pinned version, and never silently short."""

from dataclasses import dataclass, replace

from services.errors import IntegrityError, NotFound, RangeOutside
from services.index.models import Object, Rendition
from services.storage.store import Blocks, ObjectStore


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store: where it is, what it is of (`original`, `proxy`, …), how long and which bytes."""

    what: str
    key: str
    version: str | None
    size_bytes: int
    sha256: str
    media_type: str

    @property
    def etag(self) -> str:
        """Name its bytes for caches: the digest itself."""
        return f'"{self.sha256}"'

    @classmethod
    def original(cls, obj: Object) -> "Stored":
        """Point at an original. Its type is unknown on purpose: a browser must never show or run it."""
        return cls("original", obj.key, obj.version_id, obj.size_bytes, obj.sha256, "application/octet-stream")

    def as_part(self, what: str) -> "Stored":
        """Name what leaves of it: whoever plays or cuts an original has not taken it."""
        return replace(self, what=what)

    @classmethod
    def rendition(cls, row: Rendition) -> "Stored":
        """Point at a rendition."""
        return cls(row.kind, row.key, row.version_id, row.size_bytes, row.sha256, row.media_type)

    def open(self, store: ObjectStore, offset: int = 0, length: int | None = None) -> Blocks:
        """
        Give the bytes [offset, offset + length) in blocks of at most 1 MiB.

        Raises, by the call itself:
            IntegrityError: the store has no such object, or a shorter one. Raise the alarm.
            StoreUnavailable: try again later.
        """
        try:
            return store.read(self.key, self.version, offset=offset, length=length)
        except (NotFound, RangeOutside) as error:
            raise IntegrityError(
                f"{self.key} of version {self.version} is not what the catalogue says: {error}"
            ) from error

    def whole(self, store: ObjectStore) -> bytes:
        """Read a small file at once."""
        return b"".join(self.open(store))
