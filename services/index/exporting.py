"""Find exports: one exists for those who may know of all its recordings, and for nobody else."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import ColumnElement, case, exists, false, select
from sqlalchemy.orm import Session

from services.accounts.rights import Principal, allows, require_on
from services.errors import Invalid, NotFound
from services.index.exports import Export, ExportItem, ExportPackage
from services.index.keyset import LIMIT_DEFAULT, Key, Page, page
from services.index.models import Recording
from services.index.visible import is_id, visible, what_of

STATES: Final = frozenset({"proposed", "queued", "entered", "made", "failed", "refused"})


def visible_exports(who: Principal) -> ColumnElement[bool]:
    """Give the condition on `Export` that holds for those that `who` may know of."""
    if not allows(who, "export.see"):
        return false()
    # where the unit is not known the rule is neither true nor false, and what is not true is hidden
    hidden = case((visible(who), 1), else_=0) == 0
    unknown = exists().where(ExportItem.export_id == Export.id, Recording.id == ExportItem.recording_id, hidden)
    return ~unknown.correlate(Export)


def fetch_export(session: Session, who: Principal, export_id: str) -> Export:
    """Give an export that `who` may know of; raises `NotFound`."""
    row = session.get(Export, export_id) if is_id(export_id) else None
    if row is None or not session.scalars(select(Export.id).where(Export.id == row.id, visible_exports(who))).first():
        raise NotFound("there is no such export")
    return row


def list_exports(
    session: Session, who: Principal, *, state: str | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[Export]:
    """
    List exports, the newest first.

    Raises:
        Invalid: there is no such state, or the cursor is not of this list.
    """
    query = select(Export).where(visible_exports(who))
    if state is not None:
        if state not in STATES:
            raise Invalid(f"an export's state is one of {', '.join(sorted(STATES))}, not {state[:40]!r}")
        query = query.where(Export.state == state)
    return page(session, query, [Key(Export.id, descending=True)], limit=limit, cursor=cursor, of=("exports", state))


def items_of(session: Session, export_id: str) -> list[ExportItem]:
    """Give the items of an export in their order."""
    query = select(ExportItem).where(ExportItem.export_id == export_id).order_by(ExportItem.n)
    return list(session.scalars(query))


def packages_of(session: Session, exports: Collection[str]) -> Mapping[str, list[ExportPackage]]:
    """Give the packages of exports that were released, by export, in the order of their copies."""
    query = select(ExportPackage).where(ExportPackage.export_id.in_(sorted(exports)))
    found: dict[str, list[ExportPackage]] = {}
    for row in session.scalars(query.order_by(ExportPackage.export_id, ExportPackage.copy_number)):
        found.setdefault(row.export_id, []).append(row)
    return found


def require_on_all(session: Session, who: Principal, action: str, recordings: Collection[str]) -> None:
    """
    Raise unless `who` may do `action` with each of these recordings.

    Raises:
        NotFound: who may not even know of one.
        NotAllowed: who may know of all, but not do this with one.
    """
    facts = what_of(session, recordings)
    for recording in sorted(set(recordings)):
        if recording not in facts:
            raise NotFound("there is no such recording")
        require_on(who, action, facts[recording])
