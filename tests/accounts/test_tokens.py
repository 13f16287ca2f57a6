"""Tokens reach what they are given for, until they end or are revoked."""

import pytest
from sqlalchemy import select

from services.accounts import tokens
from services.accounts.credentials import authenticate
from services.accounts.models import Token
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import Conflict, Invalid, NotFound, Unauthenticated
from tests.archive_fixture import HeldClock


def issue(archive: Archive, name: str = "dock-1", role: str = "dock", unit: str | None = "B1", days: int = 30) -> str:
    with archive.work() as work:
        return tokens.issue_token(work, name, role, unit, days, actor="test")


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_token_stands_for_a_program_in_its_units(archive: Archive, station: str) -> None:
    secret = issue(archive)
    who = authenticate(archive.engine, bearer(secret), archive.clock()).who

    assert secret.startswith("huisu_")
    assert (who.kind, who.name, who.role, who.reaches_all) == ("token", "dock-1", "dock", False)
    assert who.units == {who.unit}
    with archive.reading() as session:
        kept = session.scalars(select(Token.secret_hash)).all()
        told = next(history(session, who.id))
    assert secret not in kept
    assert told.entry.type == "token.issue"
    assert not any(secret in value for value in told.values.values())


def test_a_token_without_a_unit_reaches_all(archive: Archive) -> None:
    who = authenticate(archive.engine, bearer(issue(archive, unit=None)), archive.clock()).who

    assert who.reaches_all
    assert who.unit is None


def test_a_token_ends_by_its_date_and_by_revoking(archive: Archive, station: str, clock: HeldClock) -> None:
    short, long = issue(archive, days=1), issue(archive, "dock-2", days=9)
    clock.advance(86400)
    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, bearer(short), clock())
    authenticate(archive.engine, bearer(long), clock())
    with archive.work() as work:
        tokens.revoke_token(work, "dock-2", actor="test", reason="lost")

    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, bearer(long), clock())
    with pytest.raises(NotFound), archive.work() as work:
        tokens.revoke_token(work, "dock-2", actor="test")


def test_a_live_name_is_one_tokens(archive: Archive, station: str, clock: HeldClock) -> None:
    issue(archive, days=1)

    with pytest.raises(Conflict):
        issue(archive)
    clock.advance(86400)
    assert issue(archive)


@pytest.mark.parametrize("wrong", [{"role": "king"}, {"unit": "nowhere"}, {"days": 0}, {"days": 99999}, {"name": ""}])
def test_values_of_the_wrong_form_are_refused(archive: Archive, station: str, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        issue(archive, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("shown", ["Bearer ", "Bearer huisu_x", "Basic YTpi", "huisu_x", "Bearer nothing"])
def test_what_is_no_token_is_nobody(archive: Archive, shown: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, {"authorization": shown}, archive.clock())


def test_a_wrong_token_is_not_saved_by_a_good_cookie(archive: Archive, wang: str) -> None:
    from services.accounts.sessions import log_in_with_password
    from tests.accounts.conftest import PASSWORD

    login = log_in_with_password(archive.engine, wang, PASSWORD, "192.0.2.1", archive.clock())

    with pytest.raises(Unauthenticated):
        authenticate(archive.engine, bearer("huisu_x") | {"cookie": f"huisu={login.secret}"}, archive.clock())


def test_lists_show_no_secret(archive: Archive, station: str) -> None:
    secret = issue(archive)

    with archive.reading() as session:
        listed = tokens.list_tokens(session)
        assert tokens.token_of(session, secret) == listed[0]
    assert [(token.name, token.role, token.unit.number if token.unit else None) for token in listed] == [
        ("dock-1", "dock", "B1")
    ]
    assert secret not in repr(listed)
