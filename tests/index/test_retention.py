"""Until when a recording is kept: rules 20 to 22 and 24, the latest date wins."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.index.retention import Keep, add_months, keep

END = datetime(2026, 8, 31, 10, tzinfo=UTC)


def test_six_calendar_months_and_not_180_days():
    assert keep(ends_at=END, kind="body", months=6) == Keep(datetime(2027, 2, 28, 10, tzinfo=UTC), "20-minimum")


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"in_case": True}, "21-evidence"),
        ({"category": "MASS_INCIDENT"}, "21-category"),
        ({"kind": "interview"}, "22-interview"),
        ({"category": "INTERROGATION"}, "22-interview"),
    ],
)
def test_evidence_major_events_and_interviews_have_no_end(facts, rule):
    assert keep(**({"ends_at": END, "kind": "body", "months": 6} | facts)) == Keep(None, rule)


def test_unlinking_gives_thirty_days_at_least():
    late = END + timedelta(days=400)

    assert keep(ends_at=END, kind="body", months=6, unlinked_at=late) == Keep(late + timedelta(days=30), "24-unlinked")
    assert keep(ends_at=END, kind="body", months=6, unlinked_at=END).rule == "20-minimum"


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(0, 60))
def test_months_are_calendar_months(moment, months):
    moment = moment.replace(tzinfo=UTC)
    later = add_months(moment, months)

    assert (later.year - moment.year) * 12 + later.month - moment.month == months
    assert later.day == moment.day or (later + timedelta(days=1)).day == 1
