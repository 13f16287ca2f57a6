"""Have two persons answer for one act that no single one may do: both here, both with their password."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.accounts.models import User
from services.accounts.passwords import matches
from services.errors import LoginRefused, NotAllowed

ANSWERABLE: Final = frozenset({"admin", "auditor", "custodian", "head"})
"""Roles that may answer for the archive itself."""


def two_persons(
    session: Session, one: tuple[str, str], other: tuple[str, str], roles: Collection[str] = ANSWERABLE
) -> tuple[User, User]:
    """
    Give the two people of these names and passwords.

    Raises:
        LoginRefused: a name or password is wrong; never says which.
        NotAllowed: it is the same person twice, or one whose role may not answer for this.
    """
    first, second = (_person(session, name, password) for name, password in (one, other))
    if first.id == second.id:
        raise NotAllowed(f"two persons are needed, and {first.name} is one")
    for person in (first, second):
        _require_role(person, roles)
    return first, second


def one_person(session: Session, name: str, password: str, roles: Collection[str] = ANSWERABLE) -> User:
    """Give the first or the second of two people who do not come together. Raises as `two_persons`."""
    person = _person(session, name, password)
    _require_role(person, roles)
    return person


def _require_role(person: User, roles: Collection[str]) -> None:
    if person.role not in roles:
        raise NotAllowed(f"{person.name} is {person.role}; this takes two of {', '.join(sorted(roles))}")


def _person(session: Session, name: str, password: str) -> User:
    user = session.execute(select(User).where(User.name == name)).scalar_one_or_none()
    kept = user.password_hash if user is not None and user.disabled_at is None else None
    if not matches(kept, password) or user is None:
        raise LoginRefused(f"name or password of {name[:100]} is wrong")
    return user
