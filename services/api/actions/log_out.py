"""End the session by which someone asks."""

from services.accounts import sessions
from services.accounts.credentials import Caller
from services.bootstrap import Archive
from services.errors import Conflict


def log_out(archive: Archive, caller: Caller) -> None:
    """End the caller's session. Raises `Conflict` for a token: it has none, revoke it instead."""
    if caller.session is None:
        raise Conflict(f"token {caller.who.name!r} has no session to end")
    sessions.log_out(archive.engine, caller.session, archive.clock())
