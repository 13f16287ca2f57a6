"""Grow a log for tests: entries of their own objects, through `work`, and the log as it must come out."""

from sqlalchemy import select

from services.bootstrap import Archive, new_id
from services.custody.entry import leaf_hash, read_entry
from services.custody.ledger import Recorded, check_chain
from services.custody.sequencer import BATCH, integrate
from services.custody.tables import entry, pending


def append(archive: Archive, count: int, *, objects: int = 7) -> list[str]:
    """Commit `count` entries in a few transactions, spread over some objects; gives the objects."""
    chosen = [new_id() for _ in range(objects)]
    for first in range(0, count, 500):
        with archive.work() as work:
            for number in range(first, min(count, first + 500)):
                work.append("sys.start", chosen[number % objects], version=str(number), schema="测试")
    return chosen


def grow(archive: Archive, count: int, *, objects: int = 7) -> list[bytes]:
    """Append entries and move them all into the log; gives every leaf of it."""
    append(archive, count, objects=objects)
    while integrate(archive.engine) == BATCH:
        pass
    return leaves(archive)


def leaves(archive: Archive) -> list[bytes]:
    """Hash the log's entries anew, in their order."""
    with archive.reading() as session:
        return [leaf_hash(bytes(text)) for text in session.scalars(select(entry.c.entry).order_by(entry.c.idx))]


def wrong_chains(archive: Archive) -> list[str]:
    """Say what is wrong with any chain of log and pending rows together: gaps, forks, doubles."""
    chains: dict[str, list[Recorded]] = {}
    with archive.reading() as session:
        for table in (entry, pending):
            for text, leaf in session.execute(select(table.c.entry, table.c.leaf_hash)):
                line = read_entry(bytes(text))
                chains.setdefault(line.obj, []).append(Recorded(line, bytes(text), bytes(leaf), {}, frozenset()))
    return [wrong for chain in chains.values() for wrong in check_chain(sorted(chain, key=lambda one: one.entry.n))]
