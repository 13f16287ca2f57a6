"""Issue, list and revoke bearer tokens for docks, integrators and automation. Only hashes are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.models import Token, Unit
from services.accounts.names import check_name
from services.accounts.people import UnitName, check_role
from services.accounts.rights import Principal
from services.accounts.secrets import TOKEN_PREFIX, hash_secret, new_secret
from services.accounts.units import named_unit, subtree
from services.custody.work import Work
from services.db import lock_name
from services.errors import Conflict, Invalid, NotFound, Unauthenticated

LONGEST_DAYS: Final = 3660
"""Ten years: longer is a token that nobody will remember."""

PROGRAM_ROLES: Final = frozenset({"dock", "integrator"})
"""Roles of programs; tokens of every other role act like a person."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token as others see it, without its secret. No unit: it reaches all units."""

    id: str
    name: str
    role: str
    unit: UnitName | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @property
    def revoked(self) -> bool:
        """Whether it was ended before its date."""
        return self.revoked_at is not None

    @property
    def version(self) -> int:
        """Count its changes: a token changes once, by being revoked."""
        return 1 if self.revoked_at is None else 2


def issue_token(
    work: Work,
    name: str,
    role: str,
    unit: str | None,
    days: int,
    *,
    actor: str = "command line",
) -> str:
    """
    Issue a token and give its secret, which nobody can read again. `unit` is a number; None reaches all.

    Raises:
        Invalid: a value of the wrong form, an unknown role or unit.
        Conflict: a live token has this name.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"a token lives 1 to {LONGEST_DAYS} days, not {days}")
    name = check_name(name, "token name")
    lock_name(work.session, f"token {name}")
    if _live(work.session, name, work.at):
        raise Conflict(f"a token {name!r} is in use; revoke it first or take another name")
    home = named_unit(work.session, unit) if unit is not None else None
    secret = new_secret(TOKEN_PREFIX)
    token = Token(
        id=str(uuid7()),
        name=name,
        role=check_role(role),
        unit_id=home.id if home else None,
        secret_hash=hash_secret(secret),
        expires_at=work.at + timedelta(days=days),
        created_at=work.at,
    )
    work.session.add(token)
    work.append(
        "token.issue", token.id, actor=actor, name=name, role=role, unit=unit, expires_at=token.expires_at.isoformat()
    )
    return secret


def revoke_token(work: Work, name: str, *, actor: str, reason: str = "") -> None:
    """End every live token of this name at once. Raises `NotFound` when there is none."""
    live = _live(work.session, name, work.at)
    if not live:
        raise NotFound(f"no token {name!r} is in use")
    for token in live:
        revoke(work, token, actor=actor, reason=reason)


def revoke(work: Work, token: Token, *, actor: str, reason: str = "") -> None:
    """End one token at once; harmless when repeated."""
    if token.revoked_at is None:
        token.revoked_at = work.at
        work.append("token.revoke", token.id, actor=actor, name=token.name, reason=reason)


def get_token(session: Session, who: Principal, token_id: str) -> Token:
    """Give a token by its id where someone's rights reach its unit; raises `NotFound`."""
    token = session.get(Token, token_id)
    if token is None or not (who.reaches_all or token.unit_id in who.units):
        raise NotFound(f"there is no token {token_id}")
    return token


def token_of(session: Session, secret: str) -> TokenFacts:
    """Show the token of a secret; raises `NotFound`."""
    token = session.scalars(select(Token).where(Token.secret_hash == hash_secret(secret))).one_or_none()
    if token is None:
        raise NotFound("there is no token of this secret")
    return show(session, token)


def list_tokens(
    session: Session, who: Principal | None = None, *, after: str | None = None, limit: int = 200
) -> list[TokenFacts]:
    """List tokens in the order of their making, from behind the id `after`; None lists all (the command line)."""
    query = select(Token, Unit).outerjoin(Unit, Unit.id == Token.unit_id).order_by(Token.id)
    if after is not None:
        query = query.where(Token.id > after)
    if who is not None and not who.reaches_all:
        query = query.where(Token.unit_id.in_(who.units))
    return [_facts(token, unit) for token, unit in session.execute(query.limit(limit))]


def principal_of_token(session: Session, secret: str, now: datetime) -> Principal:
    """Give the program that a token stands for. Raises `Unauthenticated`: unknown, revoked or expired."""
    token = None
    if secret.startswith(TOKEN_PREFIX):
        token = session.scalars(select(Token).where(Token.secret_hash == hash_secret(secret))).one_or_none()
    if token is None or token.revoked_at is not None or token.expires_at <= now:
        raise Unauthenticated("this token is unknown, revoked or expired")
    return Principal(
        kind="token",
        id=token.id,
        name=token.name,
        role=token.role,
        number=None,
        unit=token.unit_id,
        units=subtree(session, token.unit_id) if token.unit_id else frozenset[str](),
        reaches_all=token.unit_id is None,
    )


def show(session: Session, token: Token) -> TokenFacts:
    """Show a token."""
    return _facts(token, session.get(Unit, token.unit_id) if token.unit_id else None)


def _facts(token: Token, unit: Unit | None) -> TokenFacts:
    return TokenFacts(
        id=token.id,
        name=token.name,
        role=token.role,
        unit=UnitName(unit.id, unit.number, unit.name) if unit else None,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def _live(session: Session, name: str, at: datetime) -> Sequence[Token]:
    query = select(Token).where(Token.name == name, Token.revoked_at.is_(None), Token.expires_at > at)
    return session.scalars(query).all()
