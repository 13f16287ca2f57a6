"""Check the log: its tree made anew, its signed heads, and what of it was published."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from sqlalchemy.orm import Session

from services.custody.audit import audit_log
from services.custody.checkpoint import read_checkpoint, read_size
from services.custody.heads import head_of, newest_head, require_continues
from services.custody.logtree import log_size, read_bundle, read_tile
from services.custody.note import VerifierKey, read_note
from services.custody.publish import published_head, remainders
from services.custody.tiles import ENTRIES, WIDTH, Tile, parse_tile, tile_path, tiles_of
from services.errors import HeadRefused, NoteRefused, NotFound
from services.index.fsck.finding import Finding
from services.storage import keys
from services.storage.store import ObjectStore

Step = Callable[[str, int], None]


def check_log(session: Session, trusted: Sequence[VerifierKey], progress: Step) -> Iterator[Finding]:
    """Rebuild the log's tree from its entries, and compare tiles and signed heads with it."""
    for flaw in audit_log(session, trusted, progress):
        yield Finding("error", "chain", flaw.thing, flaw.expected, flaw.found)


def check_published(session: Session, store: ObjectStore, progress: Step, *, deep: bool) -> Iterator[Finding]:
    """Look for everything in the store that the newest signed head covers; `deep` compares its bytes."""
    head = newest_head(session)
    # Where the database lacks what was signed, its audit says so; what it has is compared.
    size = min(head.size, log_size(session)) if head is not None else 0
    session.rollback()
    done = 0
    for tile in tiles_of(size):
        with suppress(NotFound):
            for key, content in _published_as(session, tile):
                yield from _compare(store, key, content, deep=deep)
                done += 1
                progress("published", done)
        session.rollback()
    with suppress(NotFound):
        yield from _remainder(session, store, size)
    session.rollback()


def check_continued(session: Session, store: ObjectStore) -> Iterator[Finding]:
    """Compare the log with the newest head in the store, which is not set back when an older database is restored."""
    try:
        text = published_head(store)
        if text is None:
            return
        head = read_checkpoint(read_note(text.encode()).text)
    except NoteRefused as error:
        yield Finding("error", "changed", "the newest published head", "a signed head", str(error))
        return
    try:
        require_continues(session, head.size, head.root, "the newest published head")
    except HeadRefused as error:
        yield Finding(
            "error", "chain", "the log", f"the {head.size} entries that were signed and published", str(error)
        )
    session.rollback()


def _published_as(session: Session, tile: Tile) -> Iterator[tuple[str, bytes]]:
    if tile.width < WIDTH:
        return
    yield keys.log_object(tile.path), read_tile(session, tile)
    if tile.level == 0:
        yield keys.log_object(tile_path(ENTRIES, tile.index)), read_bundle(session, tile.index)


def _compare(store: ObjectStore, key: str, content: bytes, *, deep: bool) -> Iterator[Finding]:
    try:
        size = store.stat(key).size_bytes
    except NotFound:
        yield Finding("error", "missing", f"published {key}", f"{len(content):,} bytes", "nothing")
        return
    if size != len(content):
        yield Finding("error", "changed", f"published {key}", f"{len(content):,} bytes", f"{size:,}")
    elif deep and b"".join(store.read(key)) != content:
        yield Finding("error", "changed", f"published {key}", "the bytes of the log", "others")


def _remainder(session: Session, store: ObjectStore, size: int) -> Iterator[Finding]:
    """The entries that no whole bundle holds: as many as the head covers at least, for the log grows meanwhile."""
    index, width = divmod(size, WIDTH)
    if width == 0:
        return
    wanted = read_bundle(session, index, width)
    session.rollback()
    for key, tile in remainders(store):
        if tile.index == index and tile.width >= width:
            with suppress(NotFound):  # removed since it was listed: a wider one is there
                if b"".join(store.read(key)).startswith(wanted):
                    return
    with suppress(NotFound):
        whole = keys.log_object(tile_path(ENTRIES, index))
        if b"".join(store.read(whole)).startswith(wanted):
            return
    expected = f"the entries {index * WIDTH} to {size - 1} of the log"
    yield Finding("error", "missing", f"published remainder {tile_path(ENTRIES, index, width)}", expected, "none")


def check_foreign(session: Session, store: ObjectStore, progress: Step) -> Iterator[Finding]:
    """Name what lies published and is not of this log: what a database that was set back no longer knows."""
    for done, kept in enumerate(store.keys("custody/"), 1):
        if not _is_ours(session, kept.key):
            yield Finding("error", "untracked", f"object {kept.key}", "a part of the log", "none")
        session.rollback()
        progress("published names", done)


def _is_ours(session: Session, key: str) -> bool:
    path = key.removeprefix("custody/")
    parsed = parse_tile(path)
    if parsed is None:
        # a head that was kept, or the time-stamp of one
        kind, _, name = path.partition("/")
        try:
            return kind in ("checkpoint", "timestamp") and head_of(session, read_size(name)) is not None
        except NoteRefused:
            return False
    level, index, width = parsed
    step = WIDTH if level == ENTRIES else WIDTH ** (int(level) + 1)
    return width == WIDTH and (index + 1) * step <= log_size(session)
