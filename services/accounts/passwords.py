"""Hash passwords with argon2id, and check them in a time that does not tell whether a name exists."""

import threading
import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.errors import Invalid

SHORTEST, LONGEST = 8, 200
"""Length of a password in characters. Source: NIST SP 800-63B section 5.1.1.2 (shortest), ours (longest)."""

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Argon2id with 19 MiB, two passes. Source: OWASP password storage cheat sheet."""

_AT_ONCE: Final = threading.BoundedSemaphore(4)
"""Four checks of 19 MiB at once: forty logins in one moment must not take 760 MiB."""


def hash_password(password: str) -> str:
    """
    Make the text to keep instead of a password.

    Raises:
        Invalid: too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"a password has {SHORTEST} to {LONGEST} characters, this one {len(password)}")
    with _AT_ONCE:
        return HASHER.hash(_normal(password))


def matches(kept: str | None, password: str) -> bool:
    """Say whether a password is the kept one; takes as long when nothing is kept (an unknown name)."""
    with _AT_ONCE:
        try:
            return HASHER.verify(kept or _nobodys(), _normal(password[: LONGEST + 1])) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """Give one form to what input methods write in several."""
    return unicodedata.normalize("NFC", password)


@cache
def _nobodys() -> str:
    return HASHER.hash("the password of nobody")
