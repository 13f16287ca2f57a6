"""
Put the log into the object store, so that it can be read and recovered with nothing but the store.

Whole tiles and whole bundles of entries go where nothing is ever changed. What is left of the entries goes beside, as a
remainder that a wider one replaces: written first, the narrower removed after. Tiles that are not whole follow from
these and are not stored. All of it is there before the head that covers it is signed.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from services.custody.heads import SignedHead, cosigned_note, newest_head
from services.custody.logtree import log_size, read_bundle, read_tile
from services.custody.note import NOTE_MAX_BYTES
from services.custody.tables import checkpoint
from services.custody.tiles import ENTRIES, WIDTH, Tile, parse_tile, tile_path, tiles_of
from services.db import reading
from services.errors import NoteRefused, NotFound
from services.storage import keys
from services.storage.store import ObjectStore


@dataclass(slots=True)
class Publisher:
    """Publishes what the log has gained; `published` counts the entries that are in the store."""

    engine: Engine
    store: ObjectStore
    published: int = 0

    def publish(self) -> int:
        """
        Put everything into the store that the log has now; gives its size.

        Raises:
            ObjectConflict: another log was published under these names. Nothing was changed.
            StoreUnavailable, DiskFull: not all of it is there; ask again.
        """
        with reading(self.engine) as session:
            size = log_size(session)
        before = self.published
        for tile in tiles_of(size, since=before):
            self._put(tile)
        self.published = size
        if size > before and before % WIDTH:
            self.store.remove_derived(remainder(before))
        return size

    def _put(self, tile: Tile) -> None:
        is_whole = tile.width == WIDTH
        if is_whole:
            with reading(self.engine) as session:
                hashes = read_tile(session, tile)
            self.store.put_bytes(keys.log_object(tile.path), hashes)
        if tile.level == 0:
            path = tile_path(ENTRIES, tile.index, tile.width)
            with reading(self.engine) as session:
                bundle = read_bundle(session, tile.index, tile.width)
            self.store.put_bytes(keys.log_object(path) if is_whole else keys.log_remainder(path), bundle)

    def clear(self) -> None:
        """Remove remainders that a wider one or a whole bundle stands for: what a crash left behind."""
        for kept, tile in remainders(self.store):
            if tile.index * WIDTH + tile.width < self.published:
                self.store.remove_derived(kept)

    def publish_head(self) -> None:
        """Put the newest signed head into the store with its witnesses' lines; keep the last one of each past hour."""
        with reading(self.engine) as session:
            head = newest_head(session)
            if head is None:
                return
            note = cosigned_note(session, head)
            earlier = session.scalar(
                select(checkpoint.c.size)
                .where(checkpoint.c.size < head.size, checkpoint.c.made_at < hour_of(head.made_at))
                .order_by(checkpoint.c.size.desc())
                .limit(1)
            )
        self.store.put_bytes(keys.NEWEST_CHECKPOINT, note.encode())
        if earlier is not None:
            self._keep_head(earlier)

    def _keep_head(self, size: int) -> None:
        key = keys.log_checkpoint(size)
        with suppress(NotFound):
            self.store.stat(key)
            return
        with reading(self.engine) as session:
            row = session.execute(select(checkpoint).where(checkpoint.c.size == size)).one()
            note = cosigned_note(session, SignedHead(row.size, bytes(row.root), row.note, row.made_at))
        self.store.put_bytes(key, note.encode())


def hour_of(at: datetime) -> datetime:
    """Give the beginning of an instant's hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def remainder(size: int) -> str:
    """Name the entries that no whole bundle holds in a log of this size, which must not be a multiple of 256."""
    index, width = divmod(size, WIDTH)
    return keys.log_remainder(tile_path(ENTRIES, index, width))


def remainders(store: ObjectStore) -> Iterator[tuple[str, Tile]]:
    """List the remainders in the store, each as its key and as the tile of level 0 that it lies below."""
    for kept in list(store.keys(keys.LOG_REMAINDERS)):
        parsed = parse_tile(kept.key.removeprefix("derived/custody/"))
        if parsed is not None and parsed[0] == ENTRIES:
            yield kept.key, Tile(0, parsed[1], parsed[2])


def published_past(store: ObjectStore, size: int) -> int:
    """Tell how many entries are published, where that is more than `size`; else `size`. Signed they need not be."""
    index, found = size // WIDTH, size
    with suppress(NotFound):
        while store.stat(keys.log_object(tile_path(ENTRIES, index))):
            index += 1
            found = index * WIDTH
    rest = (index * WIDTH + tile.width for _, tile in remainders(store) if tile.index == index)
    return max(found, *rest, 0)


def published_head(store: ObjectStore) -> str | None:
    """
    Give the text of the newest head that was published; None: none was.

    Raises:
        NoteRefused: what lies there is too long for one, or no text.
    """
    try:
        kept = store.stat(keys.NEWEST_CHECKPOINT)
        if kept.size_bytes > NOTE_MAX_BYTES:
            raise NoteRefused(f"the published head has {kept.size_bytes:,} bytes, a note at most {NOTE_MAX_BYTES:,}")
        return b"".join(store.read(keys.NEWEST_CHECKPOINT)).decode()
    except NotFound:
        return None
    except UnicodeDecodeError as error:
        raise NoteRefused("the published head is not UTF-8") from error
