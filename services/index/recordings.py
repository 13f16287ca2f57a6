"""Find the recordings that one who asks may see: filters, pages in wall-clock order, renditions."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session

from services.accounts.models import Unit
from services.accounts.rights import Principal
from services.errors import Invalid
from services.index.keyset import LIMIT_DEFAULT, Key, Page
from services.index.keyset import page as keyset_page
from services.index.models import Case, Incident, Link, Recording, Rendition
from services.index.recording_facts import RecordingItem, items
from services.index.search import matches
from services.index.visible import is_id, visible

Order = Literal["newest", "oldest"]
"""Wall clock of the recordings' starts, latest or earliest first."""


@dataclass(frozen=True, slots=True)
class Filter:
    """
    What a list of recordings is narrowed to; None: not by this.

    `case`, `incident`, `officer` and `device` are numbers; `unit` is a number or an id and includes
    everything below it; `from_` and `to` keep what overlaps [from_, to) by the wall clock.
    """

    case: str | None = None
    incident: str | None = None
    officer: str | None = None
    device: str | None = None
    unit: str | None = None
    kind: str | None = None
    state: str | None = None
    flag: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    q: str | None = None


def page(
    session: Session,
    who: Principal,
    filter_: Filter,
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
    order: Order = "newest",
) -> Page[RecordingItem]:
    """
    Give the recordings that `who` may see and the filter keeps.

    Raises:
        Invalid: a limit, cursor or filter value of the wrong form.
    """
    _check(filter_)
    query = select(Recording).where(visible(who), *_conditions(session, filter_))
    latest_first = order == "newest"
    keys = [Key(Recording.started_at, descending=latest_first), Key(Recording.id, descending=latest_first)]
    found: Page[Recording] = keyset_page(session, query, keys, limit=limit, cursor=cursor, of=filter_)
    return found.map(lambda rows: items(session, rows))


def _check(filter_: Filter) -> None:
    for each in fields(filter_):
        value = getattr(filter_, each.name)
        if isinstance(value, str) and "\0" in value:
            raise Invalid(f"filter {each.name.rstrip('_')} holds a NUL, which no text here has")
    if filter_.from_ is not None and filter_.to is not None and filter_.from_ >= filter_.to:
        raise Invalid(f"filter from {filter_.from_.isoformat()} is not before to {filter_.to.isoformat()}")


def _conditions(session: Session, filter_: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (Recording.officer, filter_.officer),
        (Recording.device, filter_.device),
        (Recording.kind, filter_.kind),
        (Recording.state, filter_.state),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if filter_.case is not None:
        conditions.append(_linked_to("case", Case, filter_.case))
    if filter_.incident is not None:
        conditions.append(_linked_to("incident", Incident, filter_.incident))
    if filter_.unit is not None:
        conditions.append(_in_unit(session, filter_.unit))
    if filter_.flag is not None:
        conditions.append(Recording.flag_kinds.contains(f" {filter_.flag} ", autoescape=True))
    if filter_.to is not None:
        conditions.append(Recording.started_at < filter_.to)
    if filter_.from_ is not None:
        conditions.append(or_(Recording.started_at >= filter_.from_, Recording.ended_at > filter_.from_))
    if filter_.q is not None and filter_.q.strip():
        conditions.append(matches(session, filter_.q))
    return conditions


def _linked_to(target_type: str, table: type[Case] | type[Incident], number: str) -> ColumnElement[bool]:
    target = select(table.id).where(table.number == number).scalar_subquery()
    live = and_(Link.target_type == target_type, Link.target_id == target, Link.ended_at.is_(None))
    return Recording.id.in_(select(Link.recording_id).where(live))


def _in_unit(session: Session, unit: str) -> ColumnElement[bool]:
    named = or_(Unit.number == unit, Unit.id == unit) if is_id(unit) else Unit.number == unit
    path = session.scalars(select(Unit.path).where(named)).first()
    if path is None:
        return false()
    return Recording.unit_id.in_(select(Unit.id).where(Unit.path.startswith(path, autoescape=True)))


def rendition(session: Session, recording_id: str, kind: str) -> Rendition | None:
    """Give the newest rendition of a kind, if one was made."""
    query = select(Rendition).where(Rendition.recording_id == recording_id, Rendition.kind == kind)
    return session.scalars(query.order_by(Rendition.made_at.desc(), Rendition.id.desc()).limit(1)).first()


def etag(version: int) -> str:
    """Name a version of a thing for `ETag` and `If-Match`."""
    return f'"{version}"'
