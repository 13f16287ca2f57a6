"""Log in and out, and learn who one is."""

from fastapi import Response

from services.accounts.credentials import OPEN_COOKIE, SECURE_COOKIE, Caller
from services.accounts.sessions import LONGEST, Login, look_up_session
from services.api import schemas
from services.api.actions.introduce import Introduction, introduce
from services.api.actions.log_in import log_in_by_link, log_in_by_password
from services.api.actions.log_out import log_out
from services.api.admission import ME, PUBLIC, ArchiveDep, CallerDep, over_tls
from services.api.deps import Address
from services.api.registry import Routes
from services.bootstrap import Archive

routes = Routes("me")


@routes.declare(
    "POST", "/login", action=PUBLIC, response_model=schemas.Me, example={"name": "wang", "password": "correct horse"}
)
def post_login(
    body: schemas.PasswordLogin | schemas.LinkLogin, archive: ArchiveDep, address: Address, response: Response
) -> Introduction:
    """Log in by `{"name", "password"}` or `{"link"}`; sets the session's cookie and answers as `/me`."""
    if isinstance(body, schemas.LinkLogin):
        login = log_in_by_link(archive, body.link, address)
    else:
        login = log_in_by_password(archive, body.name, body.password, address)
    set_cookie(response, archive, login)
    with archive.reading() as session:
        found = look_up_session(session, login.secret, archive.clock())
    return introduce(archive, Caller(found.who, found.language, found.id, found.csrf))


@routes.declare("POST", "/logout", action=ME, status_code=204)
def post_logout(caller: CallerDep, archive: ArchiveDep, response: Response) -> None:
    """End the session."""
    log_out(archive, caller)
    for name in (SECURE_COOKIE, OPEN_COOKIE):
        response.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="lax")


@routes.declare("GET", "/me", action=ME, response_model=schemas.Me)
def get_me(caller: CallerDep, archive: ArchiveDep) -> Introduction:
    """Say who asks, what they may do, and the token that changes by cookie need."""
    return introduce(archive, caller)


def set_cookie(response: Response, archive: Archive, login: Login) -> None:
    """Give the session to the browser: to no script, no other site, and over TLS to no other host."""
    secure = over_tls(archive)
    response.set_cookie(
        SECURE_COOKIE if secure else OPEN_COOKIE,
        login.secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
