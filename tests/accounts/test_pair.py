"""Two persons for one act: both there, both right, both answerable."""

import pytest

from services.accounts import people, units
from services.accounts.pair import two_persons
from services.bootstrap import Archive
from services.errors import LoginRefused, NotAllowed

WORD = "correct horse battery"


@pytest.fixture
def staffed(sqlite_archive: Archive) -> Archive:
    with sqlite_archive.work() as work:
        units.put_unit(work, "D", name="分局", actor="test")
        for name, role in (("li", "admin"), ("wang", "auditor"), ("zhao", "officer"), ("sun", "head")):
            people.add_user(work, name, role=role, unit="D", password=f"{WORD} {name}", actor="test")
        people.add_user(work, "link", role="admin", unit="D", actor="test")
    with sqlite_archive.work() as work:
        people.disable_user(work, "sun", actor="test")
    return sqlite_archive


def test_two_who_may_answer_are_given(staffed: Archive) -> None:
    with staffed.reading() as session:
        first, second = two_persons(session, ("li", f"{WORD} li"), ("wang", f"{WORD} wang"))

    assert (first.name, second.name) == ("li", "wang")


@pytest.mark.parametrize(
    ("one", "other", "error"),
    [
        (("li", f"{WORD} li"), ("li", f"{WORD} li"), NotAllowed),
        (("li", f"{WORD} li"), ("zhao", f"{WORD} zhao"), NotAllowed),
        (("li", f"{WORD} li"), ("wang", WORD), LoginRefused),
        (("li", ""), ("wang", f"{WORD} wang"), LoginRefused),
        (("li", f"{WORD} li"), ("sun", f"{WORD} sun"), LoginRefused),
        (("li", f"{WORD} li"), ("link", ""), LoginRefused),
        (("li", f"{WORD} li"), ("nobody", WORD), LoginRefused),
    ],
)
def test_anybody_else_is_refused(
    staffed: Archive, one: tuple[str, str], other: tuple[str, str], error: type[Exception]
) -> None:
    with staffed.reading() as session, pytest.raises(error):
        two_persons(session, one, other)
