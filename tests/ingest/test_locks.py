"""Locks follow retention: at most 90 days ahead, never shorter, stricter once it is evidence."""

from datetime import UTC, datetime, timedelta

import pytest

from services.custody.ledger import history
from services.index.models import Object
from services.ingest.locks import aim, roll_locks
from services.storage.store import LockMode
from tests.flows.pipeline import Dock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("ends", "days"),
    [([NOW + 30 * DAY], 30), ([NOW + 30 * DAY, NOW + 60 * DAY], 60), ([NOW + 400 * DAY], 90), ([None], 90), ([], 90),
     ([NOW + 30 * DAY, None], 90), ([NOW - DAY], 1)],
)  # fmt: skip
def test_the_aim_is_the_retention_within_ninety_days(ends, days):
    assert aim(ends, evidence=False, now=NOW) == (LockMode.GOVERNANCE, NOW + days * DAY)


def test_evidence_is_locked_for_everybody():
    assert aim([None], evidence=True, now=NOW)[0] is LockMode.COMPLIANCE


def test_locks_roll_forward_and_are_entered(sqlite_archive, clock):
    dock = Dock(sqlite_archive)
    plain = dock.send(b"x" * 5000)
    evidence = dock.send(b"y" * 5000, case="AJ-1")

    first = roll_locks(sqlite_archive)
    again = roll_locks(sqlite_archive)
    clock.advance(40 * 86400)
    later = roll_locks(sqlite_archive)

    with sqlite_archive.reading() as session:
        locks = {obj.sha256: (obj.lock_mode, obj.lock_until) for obj in session.query(Object)}
        events = [line.entry.type for line in history(session, plain.recording_id)]
    assert (first, again, later) == (2, 0, 2)
    assert locks[plain.sha256] == ("GOVERNANCE", clock() + 90 * DAY)
    assert locks[evidence.sha256][0] == "COMPLIANCE"
    assert events.count("rec.lock") == 3
    dock.close()
