"""Give the ledger to every account: its entries, without what they commit to."""

from services.api import schemas
from services.api.admission import ArchiveDep
from services.api.deps import LIMIT_DEFAULT, Cursor, Limit
from services.api.registry import Routes
from services.custody.pages import LogLine, log_page
from services.errors import Invalid
from services.index.visible import is_id

routes = Routes("custody")


@routes.declare("GET", "/custody/entries", action="ledger.see", response_model=schemas.PageOf[schemas.LedgerLine])
def list_entries(
    archive: ArchiveDep, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> schemas.PageOf[schemas.LedgerLine]:
    """List entries in the order of the log, without payload."""
    if cursor is not None and not is_id(cursor):
        raise Invalid(f"not a cursor of this list: {cursor[:80]!r}")
    with archive.reading() as session:
        lines, following = log_page(session, cursor, limit)
    return schemas.PageOf(items=[shape(line) for line in lines], next=following)


def shape(line: LogLine) -> schemas.LedgerLine:
    """Show an entry."""
    return schemas.LedgerLine(
        index=line.index,
        id=line.entry.id,
        type=line.entry.type,
        at=line.entry.at,
        obj=line.entry.obj,
        n=line.entry.n,
        entry=line.text.decode("ascii"),
        leaf_hash=line.leaf_hash.hex(),
    )
