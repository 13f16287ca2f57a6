"""Read the log back out of the object store, where it was published, with nothing but the store."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from services.custody.bundles import read_bundle
from services.custody.publish import published_head, remainders
from services.custody.tiles import ENTRIES, WIDTH, tile_path
from services.errors import NotFound, ProofRefused
from services.storage import keys
from services.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class PublishedLog:
    """The log as it lies in the store: whole bundles, then the widest remainder of the one that is not whole yet."""

    store: ObjectStore

    def entries(self, first: int = 0) -> Iterator[bytes]:
        """
        Give all published entries from the place `first` on, in their order.

        Raises:
            ProofRefused: a bundle is not as it was published.
        """
        index, skipped = divmod(first, WIDTH)
        while (content := self._whole(index)) is not None:
            texts = read_bundle(content)
            if len(texts) != WIDTH:
                raise ProofRefused(f"published bundle {index} holds {len(texts)} entries, not {WIDTH}")
            yield from texts[skipped:]
            index, skipped = index + 1, 0
        yield from self._remainder(index)[skipped:]

    def notes(self) -> Iterator[bytes]:
        """Give the published heads: those kept for good, then the newest."""
        for kept in list(self.store.keys("custody/checkpoint/")):
            yield b"".join(self.store.read(kept.key, kept.version))
        newest = published_head(self.store)
        if newest is not None:
            yield newest.encode()

    def _whole(self, index: int) -> bytes | None:
        try:
            return b"".join(self.store.read(keys.log_object(tile_path(ENTRIES, index))))
        except NotFound:
            return None

    def _remainder(self, index: int) -> list[bytes]:
        found = [(tile.width, key) for key, tile in remainders(self.store) if tile.index == index]
        for width, key in sorted(found, reverse=True):
            with suppress(NotFound):
                texts = read_bundle(b"".join(self.store.read(key)))
                if len(texts) != width:
                    raise ProofRefused(f"published remainder {key} holds {len(texts)} entries, not {width}")
                return texts
        return []
