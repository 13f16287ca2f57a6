"""Accounts are made, changed and disabled, each with its entry."""

import pytest
from sqlalchemy import select

from services.accounts import people, sessions
from services.accounts.models import LoginLink, User
from services.accounts.passwords import hash_password, matches
from services.accounts.people import AccountChange
from services.bootstrap import Archive
from services.custody.ledger import check_chain, history
from services.errors import Conflict, Invalid, LoginRefused, NotFound, PreconditionFailed, Unauthenticated
from tests.accounts.conftest import PASSWORD


def events(archive: Archive, obj: str) -> list[str]:
    with archive.reading() as session:
        lines = list(history(session, obj))
    assert check_chain(lines) == []
    return [line.entry.type for line in lines]


def user_id(archive: Archive, name: str) -> str:
    with archive.reading() as session:
        return people.find_user(session, name).id


def test_an_account_is_an_entry_and_keeps_no_password_in_the_open(archive: Archive, wang: str) -> None:
    with archive.reading() as session:
        user = people.find_user(session, wang)
        lines = list(history(session, user.id))

    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    assert [line.entry.type for line in lines] == ["user.add"]
    assert not any(PASSWORD in value for line in lines for value in line.values.values())


def test_a_name_and_a_badge_number_are_one_accounts(archive: Archive, wang: str) -> None:
    with archive.work() as work:
        people.add_user(work, name="li", role="officer", unit="B1", number="0042", actor="test")

    for name, number in (("wang", None), ("zhao", "0042")):
        with pytest.raises(Conflict), archive.work() as work:
            people.add_user(work, name=name, role="officer", unit="B1", number=number, actor="test")


@pytest.mark.parametrize(
    "wrong",
    [{"role": "emperor"}, {"unit": "nowhere"}, {"name": "  "}, {"name": "a\nb"}, {"password": "short"},
     {"language": "fr"}, {"number": "a/b"}],
)  # fmt: skip
def test_values_of_the_wrong_form_are_refused(archive: Archive, station: str, wrong: dict[str, str]) -> None:
    given = {"name": "li", "role": "officer", "unit": station, "actor": "test"} | wrong

    with pytest.raises(Invalid), archive.work() as work:
        people.add_user(work, **given)


def test_disabling_ends_sessions_and_links_at_once(archive: Archive, wang: str) -> None:
    login = sessions.log_in_with_password(archive.engine, wang, PASSWORD, "192.0.2.1", archive.clock())
    with archive.work() as work:
        link = people.make_login_link(work, wang, actor="test")
    with archive.work() as work:
        people.disable_user(work, wang, actor="test")

    with archive.reading() as session, pytest.raises(Unauthenticated):
        sessions.look_up_session(session, login.secret, archive.clock())
    with pytest.raises(LoginRefused):
        sessions.log_in_with_link(archive.engine, link, "192.0.2.1", archive.clock())
    with pytest.raises(LoginRefused):
        sessions.log_in_with_password(archive.engine, wang, PASSWORD, "192.0.2.1", archive.clock())
    with pytest.raises(Conflict), archive.work() as work:
        people.make_login_link(work, wang, actor="test")


def test_a_change_needs_the_version_that_was_read(archive: Archive, wang: str) -> None:
    with archive.work() as work:
        changed = people.change_user(
            work, people.find_user(work.session, wang), AccountChange(role="head"), actor="test", version=1
        )

    assert changed.version == 2
    assert events(archive, changed.id) == ["user.add", "user.change"]
    with pytest.raises(PreconditionFailed), archive.work() as work:
        people.change_user(
            work, people.find_user(work.session, wang), AccountChange(role="officer"), actor="test", version=1
        )


def test_changing_nothing_records_nothing(archive: Archive, wang: str) -> None:
    with archive.work() as work:
        people.change_user(work, people.find_user(work.session, wang), AccountChange(role="reviewer"), actor="test")

    assert events(archive, user_id(archive, wang)) == ["user.add"]


def test_only_the_hash_of_a_link_is_kept(archive: Archive, wang: str) -> None:
    with archive.work() as work:
        link = people.make_login_link(work, wang, actor="test")

    with archive.reading() as session:
        kept = session.scalars(select(LoginLink.secret_hash)).all()
    assert len(kept) == 1
    assert link not in kept


def test_a_new_password_ends_what_was_open(archive: Archive, wang: str) -> None:
    login = sessions.log_in_with_password(archive.engine, wang, PASSWORD, "192.0.2.1", archive.clock())
    with archive.work() as work:
        people.set_password(work, wang, "another good one", actor="test")

    with archive.reading() as session, pytest.raises(Unauthenticated):
        sessions.look_up_session(session, login.secret, archive.clock())
    assert sessions.log_in_with_password(
        archive.engine, wang, "another good one", "192.0.2.1", archive.clock()
    ).user == user_id(archive, wang)


def test_lists_go_on_behind_a_name(archive: Archive, station: str) -> None:
    with archive.work() as work:
        for name in ("c", "a", "b"):
            people.add_user(work, name=name, role="officer", unit=station, actor="test")

    with archive.reading() as session:
        assert [account.name for account in people.list_users(session, None, after="a")] == ["b", "c"]
        with pytest.raises(NotFound):
            people.find_user(session, "d")


def test_a_password_is_one_whatever_the_input_method_composes() -> None:
    kept = hash_password("é1234567")

    assert matches(kept, "é1234567")
    assert not matches(kept, "e1234567")
    assert not matches(None, "the password of nobody")


def test_there_is_no_account_in_a_fresh_archive(archive: Archive) -> None:
    with archive.reading() as session:
        assert session.scalars(select(User)).all() == []
