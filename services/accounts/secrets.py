"""Make the secrets that are handed out once, and the hashes that are kept of them."""

import hashlib
import secrets
from typing import Final

SECRET_BYTES: Final = 32
"""256 bits: guessing is no attack, so one round of SHA-256 is enough of a hash. Source: OWASP ASVS 5.0, 7.2.3."""

TOKEN_PREFIX: Final = "huisu_"  # noqa: S105  (no secret: what all of them begin with)
"""Start of every bearer token, so that scanners and people know one when they see it."""


def new_secret(prefix: str = "") -> str:
    """Make a random secret that fits into headers, cookies and addresses."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Give what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(secret: str) -> str:
    """
    Give the token that a page must show beside its session's cookie.

    Derived from the cookie, so the door can check it before anything is looked up; a page of another
    origin can neither read the cookie nor ask for `/me`.
    """
    return hashlib.sha256(b"huisu/csrf/v1\n" + secret.encode("utf-8", "surrogatepass")).hexdigest()
