"""
Turn what a request carries into the one who asks. Read from the database on every request, so that a
disabled account, a revoked token, a changed role or a moved unit counts at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from services.accounts.rights import Principal
from services.accounts.sessions import COOKIES, look_up_session, touch_session
from services.accounts.tokens import principal_of_token
from services.db import reading
from services.errors import Unauthenticated

SECURE_COOKIE, OPEN_COOKIE = COOKIES


@dataclass(frozen=True, slots=True)
class Caller:
    """One who asks, and the login session by which they do; a token has none."""

    who: Principal
    language: str | None = None
    session: str | None = None
    csrf: str | None = None


def authenticate(
    engine: Engine, headers: Mapping[str, str], now: datetime, *, secure: bool = False, touch: bool = True
) -> Caller:
    """
    Say who asks, by bearer token or session cookie; a token that is shown decides alone.

    The token beside the cookie (CSRF) is not checked here but at the edge, before any route.

    Args:
        engine: the archive's database.
        headers: the request's, with lower-case names.
        now: aware UTC.
        secure: whether people come over TLS: then only the cookie bound to this host counts.
        touch: whether this keeps a silent session alive; not so for what pages do by themselves.

    Raises:
        Unauthenticated: no credential, or one that is not valid (any more).
    """
    if (bearer := bearer_of(headers)) is not None:
        with reading(engine) as session:
            return Caller(principal_of_token(session, bearer, now))
    secret = cookie_of(headers, secure=secure)
    if secret is None:
        raise Unauthenticated("log in, or send a bearer token")
    with reading(engine) as session:
        found = look_up_session(session, secret, now)
    if touch:
        touch_session(engine, found, now)
    return Caller(found.who, found.language, found.id, found.csrf)


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """Give the bearer token that a request shows; None when it shows none, empty when in no form known here."""
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def cookie_of(headers: Mapping[str, str], *, secure: bool) -> str | None:
    """Give the session's secret from the cookies of a request."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    cookies = {name: value for name, _, value in pairs if value}
    return cookies.get(SECURE_COOKIE) or (None if secure else cookies.get(OPEN_COOKIE))
