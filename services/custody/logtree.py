"""
Read the log's tree out of the database, at its present size or any smaller one.

Whole tiles come from `tile`; the hashes of a ragged right edge are at most 255 rows a level, from `entry` on the lowest
and from the roots of whole tiles above. A tree remembers the tiles it has read, so that one proof reads each once:
make one for each proof, in one session.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.custody.bundles import pack_bundle
from services.custody.tables import entry, tile
from services.custody.tiles import WIDTH, Tile, TiledTree
from services.errors import IntegrityError, NotFound, ProofRefused


def log_size(session: Session) -> int:
    """Count the entries of the log; what is pending is not in it yet."""
    last = session.scalar(select(func.max(entry.c.idx)))
    return 0 if last is None else last + 1


def log_tree(session: Session, size: int | None = None) -> TiledTree:
    """
    Give the tree over the first `size` entries (None: all).

    Raises:
        ProofRefused: the log has fewer entries.
    """
    has = log_size(session)
    wanted = has if size is None else size
    if not 0 <= wanted <= has:
        raise ProofRefused(f"the log has {has} entries, no tree of {wanted}")
    known: dict[Tile, bytes] = {}

    def read(one: Tile) -> bytes:
        if one not in known:
            known[one] = read_tile(session, one)
        return known[one]

    return TiledTree(wanted, read)


def read_tile(session: Session, one: Tile) -> bytes:
    """
    Give a tile's hashes in a row, whole or as wide as it is named.

    Raises:
        NotFound: the log has not as many hashes there.
    """
    _require_possible(one.index)
    if one.width == WIDTH:
        content = session.scalar(select(tile.c.hashes).where(tile.c.level == one.level, tile.c.n == one.index))
        if content is None:
            raise NotFound(f"the log has no whole {one.path}")
        return bytes(content)
    hashes = hashes_at(session, one.level, one.index * WIDTH, one.width)
    if len(hashes) < one.width:
        raise NotFound(f"the log has no {one.path}")
    return b"".join(hashes)


def hashes_at(session: Session, level: int, first: int, count: int) -> list[bytes]:
    """
    Give up to `count` hashes of a level: leaves on the lowest, roots of the whole tiles below on the others.

    Raises:
        IntegrityError: there is a gap among them.
    """
    if level == 0:
        place, value = entry.c.idx, entry.c.leaf_hash
        query = select(place, value)
    else:
        place, value = tile.c.n, tile.c.root
        query = select(place, value).where(tile.c.level == level - 1)
    rows = session.execute(query.where(place >= first, place < first + count).order_by(place)).all()
    if [row[0] for row in rows] != list(range(first, first + len(rows))):
        raise IntegrityError(f"hashes of level {level} from {first} on have a gap")
    return [bytes(row[1]) for row in rows]


def read_bundle(session: Session, index: int, width: int = WIDTH) -> bytes:
    """
    Give a bundle of entries as others read it.

    Raises:
        NotFound: the log has not as many entries there.
    """
    _require_possible(index)
    first = index * WIDTH
    query = select(entry.c.entry).where(entry.c.idx >= first, entry.c.idx < first + width).order_by(entry.c.idx)
    entries = [bytes(text) for text in session.scalars(query)]
    if len(entries) < width:
        raise NotFound(f"the log has no {width} entries from {first} on")
    return pack_bundle(entries)


def _require_possible(index: int) -> None:
    """Refuse what the database could not even be asked for."""
    if index >= 1 << 54:
        raise NotFound(f"no log has a tile {index}")
