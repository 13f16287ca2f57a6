"""Give out drawn items, review them, leave them out for a listed reason, confirm what was handed in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.accounts.rights import Principal
from services.api.looks import looks_of
from services.bootstrap import Archive
from services.custody.work import Work
from services.oversight import items
from services.oversight.items import Review
from services.oversight.models import SpotCheck, SpotItem
from services.oversight.reach import fetch_check
from services.oversight.views import ItemFacts, item_facts


def assign_item(archive: Archive, who: Principal, check_id: str, n: int, reviewer: str) -> ItemFacts:
    """Give an item to a reviewer; raises as `items.assign`, and NotFound, NotAllowed as `fetch_check`."""
    with _item(archive, who, "spotcheck.define", check_id, n) as (work, row, item):
        items.assign(work, who, row, item, reviewer)
        return item_facts(work.session, who, row, item, work.at)


def review_item(archive: Archive, who: Principal, check_id: str, n: int, said: Review) -> ItemFacts:
    """Keep or hand in a review; raises as `items.review`, and NotFound, NotAllowed as `fetch_check`."""
    looks_of(archive).write(archive.engine, archive.clock())  # what this process still has of what was watched
    with _item(archive, who, "spotcheck.review", check_id, n) as (work, row, item):
        items.review(work, who, row, item, said)
        return item_facts(work.session, who, row, item, work.at)


def skip_item(archive: Archive, who: Principal, check_id: str, n: int, reason: str, note: str | None) -> ItemFacts:
    """Leave an item out; raises as `items.skip`, and NotFound, NotAllowed as `fetch_check`."""
    with _item(archive, who, "spotcheck.review", check_id, n) as (work, row, item):
        items.skip(work, who, row, item, reason, note)
        return item_facts(work.session, who, row, item, work.at)


def confirm_reviews(archive: Archive, who: Principal, check_id: str, numbers: Sequence[int] | None) -> list[int]:
    """Confirm handed-in reviews; raises as `items.confirm`, and NotFound, NotAllowed as `fetch_check`."""
    with archive.work() as work:
        row = fetch_check(work.session, who, "spotcheck.define", check_id, to_change=True)
        return items.confirm(work, who, row, numbers)


@contextmanager
def _item(
    archive: Archive, who: Principal, action: str, check_id: str, n: int
) -> Iterator[tuple[Work, SpotCheck, SpotItem]]:
    with archive.work() as work:
        row = fetch_check(work.session, who, action, check_id, to_change=True)
        yield work, row, items.fetch_item(work.session, row, n, to_change=True)
