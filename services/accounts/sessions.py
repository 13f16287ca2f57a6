"""
Log people in and out, and end what has lasted long enough.

A refused login is an entry of the account where there is one, and counted where there is none; both
take one commit and one password check, so that time tells nobody which names exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, func, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.denials import count_denials
from services.accounts.models import IdempotencyKey, LoginAttempt, LoginLink, LoginSession, User
from services.accounts.passwords import matches
from services.accounts.rights import Principal
from services.accounts.secrets import csrf_of, hash_secret, new_secret
from services.accounts.units import subtree
from services.custody.work import Work, work
from services.db import lock_name, plain, reading
from services.errors import LoginRefused, TooManyRequests, Unauthenticated

COOKIES: Final = ("__Host-huisu", "huisu")
"""The session's cookie over TLS (bound to this host by its prefix), and its name on a loopback without TLS."""

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
"""A session ends after 30 minutes of silence, and after 12 hours. Source: knowledge integrity 8.1 (ASVS V7)."""

WINDOW: Final = timedelta(minutes=15)
BY_NAME, BY_ADDRESS = 5, 20
"""Refused logins within the window before the next is put off. Source: CJIS AC-7, knowledge integrity 8.1."""

TOUCH: Final = timedelta(seconds=60)
"""How exactly a session's last use is known: one write a minute instead of one a request."""

KEYS_LIVE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Login:
    """What a person who logged in is given: the cookie's secret, and the token that goes beside it."""

    secret: str
    csrf: str
    session: str
    user: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A login session that is alive, and the person behind it as they are now."""

    who: Principal
    id: str
    csrf: str
    language: str
    last_seen: datetime


def look_up_session(session: Session, secret: str, now: datetime) -> OpenSession:
    """Give the person behind a cookie's secret. Raises `Unauthenticated`: unknown, ended, idle, too old, disabled."""
    query = select(LoginSession, User).join(User, User.id == LoginSession.user_id)
    found = session.execute(query.where(LoginSession.secret_hash == hash_secret(secret))).one_or_none()
    if found is None:
        raise Unauthenticated("this session is unknown: log in")
    login, user = found
    over = now - login.last_seen >= IDLE or now - login.created_at >= LONGEST
    if login.ended_at is not None or user.disabled_at is not None or over:
        raise Unauthenticated("this session has ended: log in again")
    return OpenSession(principal_of_user(session, user), login.id, csrf_of(secret), user.language, login.last_seen)


def principal_of_session(session: Session, secret: str, now: datetime) -> tuple[Principal, str]:
    """Give the person behind a cookie's secret and the token that goes beside it; raises `Unauthenticated`."""
    found = look_up_session(session, secret, now)
    return found.who, found.csrf


def principal_of_user(session: Session, user: User) -> Principal:
    """Give a person as one who asks."""
    return Principal(
        kind="user",
        id=user.id,
        name=user.name,
        role=user.role,
        number=user.number,
        unit=user.unit_id,
        units=subtree(session, user.unit_id),
    )


def touch_session(engine: Engine, found: OpenSession, now: datetime) -> None:
    """Note that a session is used, at most once a minute."""
    if now - found.last_seen >= TOUCH:
        with plain(engine) as session:
            alive = update(LoginSession).where(LoginSession.id == found.id, LoginSession.ended_at.is_(None))
            session.execute(alive.values(last_seen=now))


def log_in_with_password(engine: Engine, name: str, password: str, address: str, now: datetime) -> Login:
    """
    Open a session by name and password.

    Raises:
        LoginRefused: unknown, wrong or disabled; never says which.
        TooManyRequests: too many refusals of this name or from this address within 15 minutes.
    """
    tried = _count_attempt(engine, [f"name:{hash_secret(name)[:40]}", f"address:{address}"], now)
    with reading(engine) as session:
        user = session.scalars(select(User).where(User.name == name)).one_or_none()
    fits = matches(user.password_hash if user else None, password)
    if user is None or not fits or user.disabled_at is not None:
        _record_refusal(engine, user, "password", address, now)
        raise LoginRefused("name or password is wrong")
    with work(engine, now) as done:
        done.session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(tried)))
        return _open(done, user.id, "password", address)


def log_in_with_link(engine: Engine, secret: str, address: str, now: datetime) -> Login:
    """Open a session by a single-use link; raises as `log_in_with_password`."""
    tried = _count_attempt(engine, [f"address:{address}"], now)
    with work(engine, now) as done:
        used = update(LoginLink).where(
            LoginLink.secret_hash == hash_secret(secret), LoginLink.used_at.is_(None), LoginLink.expires_at > now
        )
        found = done.session.execute(used.values(used_at=now).returning(LoginLink.user_id)).scalar_one_or_none()
        user = done.session.get(User, found) if found else None
        if user is not None and user.disabled_at is None:
            done.session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(tried)))
            return _open(done, user.id, "link", address)
    _record_refusal(engine, _owner_of_link(engine, secret), "link", address, now)
    raise LoginRefused("this link was used, is too old, or never was one")


def log_out(engine: Engine, session_id: str, now: datetime) -> None:
    """End a session; harmless when repeated."""
    with work(engine, now) as done:
        ended = update(LoginSession).where(LoginSession.id == session_id, LoginSession.ended_at.is_(None))
        user = done.session.execute(ended.values(ended_at=now).returning(LoginSession.user_id)).scalar_one_or_none()
        if user is not None:
            done.append("auth.logout", user, session=session_id)


def sweep(session: Session, now: datetime) -> None:
    """Remove what has no use any more: old attempts, ended sessions, links and idempotency keys (plain rows)."""
    old = now - timedelta(days=30)
    over = or_(LoginSession.ended_at < old, LoginSession.created_at < old)
    session.execute(delete(LoginSession).where(over))
    session.execute(delete(LoginAttempt).where(LoginAttempt.at < now - WINDOW))
    session.execute(delete(LoginLink).where(LoginLink.expires_at < old))
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEYS_LIVE))


def _count_attempt(engine: Engine, subjects: Iterable[str], now: datetime) -> list[str]:
    """Count an attempt before it is judged, so that a thousand at once are no more than five in turn."""
    made = []
    with plain(engine) as session:
        for subject in subjects:
            lock_name(session, f"login {subject}")
            limit = BY_NAME if subject.startswith("name:") else BY_ADDRESS
            recent = LoginAttempt.subject == subject, LoginAttempt.at > now - WINDOW
            count, first = session.execute(select(func.count(), func.min(LoginAttempt.at)).where(*recent)).one()
            if count >= limit:
                wait = first + WINDOW - now
                raise TooManyRequests(
                    f"{count} logins were refused within {WINDOW.seconds // 60} minutes",
                    retry_after_s=max(1, int(wait.total_seconds()) + 1),
                )
            attempt = LoginAttempt(id=str(uuid7()), subject=subject, at=now)
            session.add(attempt)
            made.append(attempt.id)
    return made


def _record_refusal(engine: Engine, user: User | None, method: str, address: str, now: datetime) -> None:
    if user is None:
        count_denials(engine, [(now, address, f"login {method}", 1)])
        return
    with work(engine, now) as done:
        done.append("auth.refused", user.id, address=address, method=method)


def _owner_of_link(engine: Engine, secret: str) -> User | None:
    with reading(engine) as session:
        link = session.get(LoginLink, hash_secret(secret))
        return session.get(User, link.user_id) if link else None


def _open(done: Work, user_id: str, method: str, address: str) -> Login:
    secret, session_id = new_secret(), str(uuid7())
    done.session.add(
        LoginSession(
            id=session_id,
            secret_hash=hash_secret(secret),
            user_id=user_id,
            csrf=csrf_of(secret),
            created_at=done.at,
            last_seen=done.at,
        )
    )
    done.append("auth.login", user_id, address=address, method=method, session=session_id)
    return Login(secret, csrf_of(secret), session_id, user_id)
