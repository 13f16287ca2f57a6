"""Pages of long lists: nothing skipped, nothing twice, and cursors that fit one list only."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.bootstrap import Archive, new_id
from services.errors import Invalid
from services.index.keyset import Key, page
from services.index.models import Case
from tests.archive_fixture import NOON

DAYS = [None, NOON, NOON + timedelta(days=1), NOON + timedelta(days=2)]
ROWS = [(DAYS[n % 4], f"U{n % 3}") for n in range(23)]
ORDERS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@pytest.fixture
def cases(archive: Archive) -> list[tuple[datetime | None, str, str]]:
    rows = []
    with archive.work() as work:
        for accepted_at, unit in ROWS:
            case = new_id()
            work.session.add(Case(id=case, number=case, unit=unit, accepted_at=accepted_at, created_at=NOON))
            work.append("case.put", case, number=case)
            rows.append((accepted_at, unit, case))
    return rows


def keys(accepted: bool, unit: bool, ident: bool) -> list[Key]:
    return [
        Key(Case.accepted_at, descending=accepted, nullable=True),
        Key(Case.unit, descending=unit, nullable=True),
        Key(Case.id, descending=ident),
    ]


def walk(archive: Archive, order: list[Key], limit: int) -> list[str]:
    seen: list[str] = []
    cursor = None
    with archive.reading() as session:
        while True:
            found = page(session, select(Case), order, limit=limit, cursor=cursor, of="cases")
            assert len(found.items) <= limit
            seen += [case.id for case in found.items]
            cursor = found.next
            if cursor is None:
                return seen


def test_pages_of_any_size_and_order_give_the_whole_list_once(
    archive: Archive, cases: list[tuple[datetime | None, str, str]]
) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ORDERS, st.integers(1, 24))
    def holds(order: tuple[bool, bool, bool], limit: int) -> None:
        expected = sorted(cases, key=lambda row: row[2], reverse=order[2])
        expected.sort(key=lambda row: row[1], reverse=order[1])
        far = datetime.min.replace(tzinfo=UTC) if order[0] else datetime.max.replace(tzinfo=UTC)
        expected.sort(key=lambda row: row[0] or far, reverse=order[0])

        assert walk(archive, keys(*order), limit) == [row[2] for row in expected]

    holds()


@pytest.mark.parametrize("descending", [True, False])
def test_columns_that_always_have_a_value_are_compared_as_one_row(
    archive: Archive, cases: list[tuple[datetime | None, str, str]], descending: bool
) -> None:
    order = [Key(Case.created_at, descending=descending), Key(Case.id, descending=descending)]

    assert walk(archive, order, 4) == sorted((row[2] for row in cases), reverse=descending)


def test_a_row_that_comes_between_two_pages_shifts_nothing(
    archive: Archive, cases: list[tuple[datetime | None, str, str]]
) -> None:
    order = [Key(Case.created_at, descending=True), Key(Case.id, descending=True)]
    with archive.reading() as session:
        first = page(session, select(Case), order, limit=10, of="cases")
        seen = [case.id for case in first.items]
    with archive.work() as work:
        late = new_id()
        work.session.add(Case(id=late, number=late, created_at=NOON + timedelta(hours=1)))
        work.append("case.put", late, number=late)

    with archive.reading() as session:
        second = page(session, select(Case), order, limit=100, cursor=first.next, of="cases")
    seen += [case.id for case in second.items]
    assert sorted(seen) == sorted(row[2] for row in cases)
    assert second.next is None


def forged(mark: str, values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([mark, values]).encode()).decode().rstrip("=")


@pytest.mark.usefixtures("cases")
def test_a_cursor_fits_only_the_list_that_made_it(archive: Archive) -> None:
    order = [Key(Case.accepted_at, nullable=True), Key(Case.id)]
    with archive.reading() as session:
        cursor = page(session, select(Case), order, limit=3, of="cases").next
        assert cursor is not None
        mark = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
        wrong = [
            "",
            "x",
            "é",
            "a" * 5000,
            forged(mark, []),
            forged(mark, ["2026-01-01T00:00:00", new_id()]),
            forged(mark, ["9999-12-31T23:59:59-23:59", new_id()]),
            forged(mark, [NOON.isoformat(), "' OR 1=1"]),
            forged(mark, [NOON.isoformat(), None]),
            forged(mark, [7, new_id()]),
            forged("0" * 16, [NOON.isoformat(), new_id()]),
        ]

        for text in wrong:
            with pytest.raises(Invalid):
                page(session, select(Case), order, limit=3, cursor=text, of="cases")
        with pytest.raises(Invalid, match="another list"):
            page(session, select(Case), order, limit=3, cursor=cursor, of="other cases")
        with pytest.raises(Invalid, match="another list"):
            page(session, select(Case), list(reversed(order)), limit=3, cursor=cursor, of="cases")


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_one_to_two_hundred_items(sqlite_archive: Archive, limit: int) -> None:
    with sqlite_archive.reading() as session, pytest.raises(Invalid, match="limit"):
        page(session, select(Case), [Key(Case.id)], limit=limit, of="cases")
