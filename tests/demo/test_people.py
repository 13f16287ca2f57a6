"""The demonstration's accounts and tokens, and what it refuses."""

import stat
import threading

import pytest
from sqlalchemy import func, select

from services.accounts.models import Token, Unit, User
from services.demo.check import answers
from services.demo.faults import PLANTED
from services.demo.people import began, dock_token, login_links, passing_token, settle_people
from services.demo.world import fill
from services.errors import NotFound
from tests.archive_fixture import add_recording, add_unit


@pytest.fixture
def archive(sqlite_archive):
    add_unit(sqlite_archive, "root")
    return sqlite_archive


def count(archive, table):
    with archive.reading() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def test_settling_again_changes_nothing(archive):
    settle_people(archive)
    first = count(archive, Unit), count(archive, User), began(archive)

    archive.clock.advance(3600)
    settle_people(archive)

    assert (count(archive, Unit), count(archive, User), began(archive)) == first


def test_there_is_a_link_for_each_role_of_people(archive):
    settle_people(archive)

    links = list(login_links(archive))

    assert [role for role, _, _ in links] == [
        "officer", "reviewer", "supervisor", "head", "custodian", "auditor", "admin",
    ]  # fmt: skip
    assert len({secret for _, _, secret in links}) == 7


def test_a_dock_keeps_its_token_over_restarts(archive, tmp_path):
    settle_people(archive)

    first, again = (dock_token(archive, "DEMO-DOCK-1", "DEMO-01", tmp_path / "dock") for _ in range(2))

    assert first == again
    assert stat.S_IMODE((tmp_path / "dock" / "token").stat().st_mode) == 0o600


def test_a_dock_whose_token_was_lost_gets_another(archive, tmp_path):
    settle_people(archive)
    first = dock_token(archive, "DEMO-DOCK-1", "DEMO-01", tmp_path / "dock")
    (tmp_path / "dock" / "token").unlink()

    assert dock_token(archive, "DEMO-DOCK-1", "DEMO-01", tmp_path / "dock") != first


def test_a_passing_token_ends_even_when_its_use_fails(archive):
    settle_people(archive)

    with pytest.raises(ZeroDivisionError), passing_token(archive, "passing", "admin", "DEMO"):
        raise ZeroDivisionError

    with archive.reading() as session:
        assert session.scalars(select(Token.revoked_at)).one() is not None


def test_invented_footage_is_never_put_among_real_footage(archive):
    add_recording(archive)
    said: list[str] = []

    fill(archive.settings, threading.Event(), say=said.append)

    assert began(archive) is None
    assert said[0].startswith("demonstration: misconfigured: this archive holds footage already")


def test_an_archive_without_a_demonstration_is_told_so(archive):
    with pytest.raises(NotFound, match="holds no demonstration"):
        list(answers(archive))


def test_where_nothing_arrived_no_answer_holds(archive):
    settle_people(archive)

    found = list(answers(archive, patience_s=0))

    assert [answer.fault for answer in found if answer.holds] == []
    assert len(found) == 1 + len(PLANTED)
