"""Log a person in, by password or by a single-use link."""

from services.accounts import sessions
from services.accounts.sessions import Login
from services.bootstrap import Archive


def log_in_by_password(archive: Archive, name: str, password: str, address: str) -> Login:
    """Open a session; raises `LoginRefused` and `TooManyRequests`."""
    return sessions.log_in_with_password(archive.engine, name, password, address, archive.clock())


def log_in_by_link(archive: Archive, secret: str, address: str) -> Login:
    """Open a session; raises `LoginRefused` and `TooManyRequests`."""
    return sessions.log_in_with_link(archive.engine, secret, address, archive.clock())
