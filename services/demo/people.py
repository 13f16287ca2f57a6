"""Make the demonstration's units, accounts and tokens, as `huisu user`, `token` and `login-link` would."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select

from services.accounts.people import add_user, find_user, make_login_link
from services.accounts.tokens import issue_token, principal_of_token, revoke_token
from services.accounts.units import find_unit, put_unit
from services.bootstrap import Archive
from services.demo.plan import BUREAU, PEOPLE, UNITS
from services.errors import NotFound, Unauthenticated
from services.index.models import Recording

ACTOR: Final = "demonstration"
ENTRANCES: Final = (
    "demo-officer-1",
    "demo-reviewer",
    "demo-supervisor",
    "demo-head",
    "demo-custodian",
    "demo-auditor",
    "demo-admin",
)
"""Whose login links are printed: one person of each role."""


def began(archive: Archive) -> datetime | None:
    """Give the moment when this archive's demonstration was first started, or none: its bureau's making."""
    with archive.reading() as session, suppress(NotFound):
        return find_unit(session, BUREAU).created_at
    return None


def holds_footage(archive: Archive) -> bool:
    """Say whether any recording is in the archive."""
    with archive.reading() as session:
        return session.scalar(select(Recording.id).limit(1)) is not None


def settle_people(archive: Archive) -> None:
    """Make units and accounts that are missing; the bureau's making fixes when the demonstration began."""
    for number, name, parent in UNITS:
        with archive.work() as work:
            put_unit(work, number, name=name, parent=parent, actor=ACTOR)
    for person in PEOPLE:
        with archive.reading() as session, suppress(NotFound):
            find_user(session, person.name)
            continue
        with archive.work() as work:
            add_user(work, name=person.name, role=person.role, unit=person.unit, number=person.number, actor=ACTOR)


def login_links(archive: Archive) -> Iterator[tuple[str, str, str]]:
    """Make a fresh login link for one person of each role: role, title and secret."""
    people = {person.name: person for person in PEOPLE}
    for name in ENTRANCES:
        with archive.work() as work:
            secret = make_login_link(work, name, actor=ACTOR)
        yield people[name].role, people[name].title, secret


def dock_token(archive: Archive, name: str, unit: str, folder: Path) -> str:
    """
    Give a dock its token: the one kept in its folder while it is good, else a new one.

    It stays the same over restarts, for uploads belong to the token that opened them.
    """
    kept = folder / "token"
    with suppress(FileNotFoundError, Unauthenticated):
        secret = kept.read_text(encoding="ascii").strip()
        with archive.reading() as session:
            principal_of_token(session, secret, archive.clock())
        return secret
    secret = _issue(archive, name, "dock", unit, days=365)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(secret)
    return secret


@contextmanager
def passing_token(archive: Archive, name: str, role: str, unit: str) -> Iterator[str]:
    """Lend a token for the time of a `with`; it is revoked at its end."""
    secret = _issue(archive, name, role, unit, days=1)
    try:
        yield secret
    finally:
        with archive.work() as work:
            revoke_token(work, name, actor=ACTOR, reason="done")


def _issue(archive: Archive, name: str, role: str, unit: str, *, days: int) -> str:
    with archive.work() as work:
        with suppress(NotFound):  # one that an interrupted start left
            revoke_token(work, name, actor=ACTOR, reason="its secret is lost")
        return issue_token(work, name=name, role=role, unit=unit, days=days, actor=ACTOR)
