"""People log in by password or link; silence, age, refusals and rates are bounded."""

import statistics
import threading
import time

import pytest
from sqlalchemy import func, select

from services.accounts import people, sessions
from services.accounts.credentials import authenticate
from services.accounts.models import DenialCount, LoginAttempt, LoginSession
from services.accounts.people import AccountChange
from services.accounts.units import UnitChange, change_unit, find_unit
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import HuisuError, LoginRefused, TooManyRequests, Unauthenticated
from tests.accounts.conftest import PASSWORD
from tests.archive_fixture import HeldClock

HERE = "192.0.2.7"


def log_in(archive: Archive, password: str = PASSWORD, name: str = "wang", address: str = HERE) -> sessions.Login:
    return sessions.log_in_with_password(archive.engine, name, password, address, archive.clock())


def who(archive: Archive, login: sessions.Login) -> sessions.OpenSession:
    with archive.reading() as session:
        return sessions.look_up_session(session, login.secret, archive.clock())


def test_a_person_logs_in_and_out(archive: Archive, wang: str) -> None:
    login = log_in(archive)
    found = who(archive, login)
    sessions.log_out(archive.engine, login.session, archive.clock())
    sessions.log_out(archive.engine, login.session, archive.clock())

    assert (found.who.name, found.who.role, found.who.kind) == ("wang", "reviewer", "user")
    assert found.csrf == login.csrf
    with pytest.raises(Unauthenticated):
        who(archive, login)
    with archive.reading() as session:
        told = [line.entry.type for line in history(session, found.who.id)]
        kept = session.scalars(select(LoginSession.secret_hash)).all()
    assert told == ["user.add", "auth.login", "auth.logout"]
    assert login.secret not in kept


def test_a_session_ends_after_half_an_hour_of_silence(archive: Archive, wang: str, clock: HeldClock) -> None:
    login = log_in(archive)
    cookie = {"cookie": f"a=b; huisu={login.secret}"}
    for _ in range(3):
        clock.advance(29 * 60)
        authenticate(archive.engine, cookie, clock())
    clock.advance(30 * 60)

    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, cookie, clock())


def test_a_session_ends_after_twelve_hours_whatever_happens(archive: Archive, wang: str, clock: HeldClock) -> None:
    login = log_in(archive)
    cookie = {"cookie": f"huisu={login.secret}"}
    for _ in range(35):
        clock.advance(20 * 60)
        authenticate(archive.engine, cookie, clock())
    clock.advance(20 * 60)

    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, cookie, clock())


def test_what_pages_do_by_themselves_keeps_no_session_alive(archive: Archive, wang: str, clock: HeldClock) -> None:
    cookie = {"cookie": f"huisu={log_in(archive).secret}"}
    clock.advance(20 * 60)
    authenticate(archive.engine, cookie, clock(), touch=False)
    clock.advance(10 * 60)

    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, cookie, clock())


def test_over_tls_only_the_cookie_bound_to_this_host_counts(archive: Archive, wang: str) -> None:
    login = log_in(archive)

    bound = authenticate(archive.engine, {"cookie": f"__Host-huisu={login.secret}"}, archive.clock(), secure=True)
    assert bound.who.name == "wang"
    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, {"cookie": f"huisu={login.secret}"}, archive.clock(), secure=True)


def test_role_and_units_are_read_anew_each_time(archive: Archive, wang: str) -> None:
    login = log_in(archive)
    with archive.work() as work:
        people.change_user(work, people.find_user(work.session, wang), AccountChange(role="officer"), actor="test")
        change_unit(work, find_unit(work.session, "B1"), UnitChange(parent=""), actor="test")

    assert who(archive, login).who.role == "officer"
    assert len(who(archive, login).who.units) == 1


def test_a_link_logs_in_once(archive: Archive, wang: str) -> None:
    with archive.work() as work:
        link = people.make_login_link(work, wang, actor="test")
    login = sessions.log_in_with_link(archive.engine, link, HERE, archive.clock())

    assert who(archive, login).who.name == "wang"
    with pytest.raises(LoginRefused):
        sessions.log_in_with_link(archive.engine, link, HERE, archive.clock())
    with archive.reading() as session:
        told = [line.entry.type for line in history(session, login.user)]
    assert told == ["user.add", "auth.link", "auth.login", "auth.refused"]


def test_a_link_used_twice_at_once_logs_in_once(archive: Archive, wang: str) -> None:
    with archive.work() as work:
        link = people.make_login_link(work, wang, actor="test")
    opened: list[sessions.Login] = []

    def use() -> None:
        try:
            opened.append(sessions.log_in_with_link(archive.engine, link, HERE, archive.clock()))
        except LoginRefused:
            return

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 1


def test_a_link_is_good_for_an_hour(archive: Archive, wang: str, clock: HeldClock) -> None:
    with archive.work() as work:
        link = people.make_login_link(work, wang, actor="test")
    clock.advance(3600)

    with pytest.raises(LoginRefused):
        sessions.log_in_with_link(archive.engine, link, HERE, archive.clock())


def test_refusals_are_entries_of_the_account_or_counted(archive: Archive, wang: str) -> None:
    with pytest.raises(LoginRefused):
        log_in(archive, "wrong password")
    with pytest.raises(LoginRefused):
        log_in(archive, name="nobody")

    with archive.reading() as session:
        user = people.find_user(session, wang)
        refused = [line for line in history(session, user.id) if line.entry.type == "auth.refused"]
        counts = session.execute(select(DenialCount.address, DenialCount.kind, DenialCount.count)).all()
    assert [line.values["address"] for line in refused] == [f'"{HERE}"']
    assert [tuple(row) for row in counts] == [("192.0.2.0/24", "login password", 1)]


def test_the_sixth_refusal_of_a_name_must_wait(archive: Archive, wang: str, clock: HeldClock) -> None:
    for minute in range(5):
        with pytest.raises(LoginRefused):
            log_in(archive, "wrong password", address=f"198.51.100.{minute}")
        clock.advance(60)

    with pytest.raises(TooManyRequests) as told:
        log_in(archive)
    assert told.value.retry_after_s == 10 * 60 + 1
    clock.advance(told.value.retry_after_s)
    assert log_in(archive).user


def test_the_limit_holds_for_attempts_at_once(archive: Archive, wang: str) -> None:
    outcomes: list[str] = []

    def guess() -> None:
        try:
            log_in(archive, "wrong password")
        except HuisuError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["login-refused"] * 5 + ["too-many-requests"] * 7


def test_an_address_may_be_refused_twenty_times(archive: Archive, station: str) -> None:
    for count in range(20):
        with pytest.raises(LoginRefused):
            log_in(archive, name=f"nobody {count}")

    with pytest.raises(TooManyRequests):
        log_in(archive, name="another")
    with pytest.raises(LoginRefused):
        log_in(archive, name="another", address="203.0.113.9")


def test_logging_in_rightly_counts_as_no_refusal(archive: Archive, wang: str) -> None:
    for _ in range(6):
        log_in(archive)

    with archive.reading() as session:
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 0


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_time_does_not_tell_which_names_exist(archive: Archive, wang: str, clock: HeldClock) -> None:
    def took(name: str) -> float:
        spent = []
        for _ in range(5):
            clock.advance(3600)
            began = time.perf_counter()
            with pytest.raises(LoginRefused):
                log_in(archive, "wrong password", name)
            spent.append(time.perf_counter() - began)
        return statistics.median(spent)

    known, unknown = took("wang"), took("nobody")

    assert unknown > known / 4  # without the check of nobody's password it is less than a tenth
    assert known > unknown / 4


def test_sweeping_removes_what_has_no_use(archive: Archive, wang: str, clock: HeldClock) -> None:
    log_in(archive)
    with pytest.raises(LoginRefused):
        log_in(archive, "wrong password")
    clock.advance(31 * 86400)
    with archive.plain() as session:
        sessions.sweep(session, clock())

    with archive.reading() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 0
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 0
