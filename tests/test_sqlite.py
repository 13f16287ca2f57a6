"""How writers of SQLite wait for each other."""

import pytest

from services import sqlite
from services.db import Watch, busy_is_named, watched_session
from services.errors import DatabaseBusy


class Clock:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sqlite, "time", clock)
    return clock


def waits_in_vain(archive, *, eager: bool) -> None:
    with watched_session(archive.engine, Watch("plain")) as holder:
        holder.connection()
        with (
            pytest.raises(DatabaseBusy, match="locked"),
            busy_is_named(),
            watched_session(archive.engine, Watch("plain"), eager=eager) as session,
        ):
            session.connection()


def test_who_has_waited_long_asks_most_often(sqlite_archive, clock):
    waits_in_vain(sqlite_archive, eager=False)

    patient = clock.slept[: clock.slept.index(sqlite.EAGER_S, 3)]
    assert patient[:4] == [0.001, 0.001, 0.002, 0.004]
    assert max(patient) == 0.025
    assert sqlite.PATIENT_S <= sum(patient) < sqlite.PATIENT_S + 0.025
    assert set(clock.slept[len(patient) :]) == {sqlite.EAGER_S}
    assert clock.now == pytest.approx(sqlite.BUSY_TIMEOUT_MS / 1000, abs=0.01)


def test_an_eager_writer_asks_most_often_from_the_beginning(sqlite_archive, clock):
    waits_in_vain(sqlite_archive, eager=True)

    assert set(clock.slept) == {sqlite.EAGER_S}


def test_who_waits_has_the_lock_when_it_is_free(sqlite_archive, clock):
    with watched_session(sqlite_archive.engine, Watch("plain")) as holder:
        holder.connection()
        sleep = clock.sleep

        def release_at_last(seconds: float) -> None:
            sleep(seconds)
            if clock.now > 1:
                holder.rollback()

        clock.sleep = release_at_last
        with watched_session(sqlite_archive.engine, Watch("plain")) as session:
            session.connection()

    assert 1 < clock.now < 1.01
