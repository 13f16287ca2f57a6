"""Keys, notes and heads for tests: made from numbers, the same ones every time."""

import hashlib
from datetime import UTC, datetime

from services.custody.checkpoint import Checkpoint
from services.custody.note import Note
from services.custody.signingkey import SigningKey
from services.custody.tree import root

ORIGIN = "huisu.local/0123abcd"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
"""Source: the documentation of golang.org/x/mod/sumdb/note."""

REAL_LOG = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
REAL_WITNESS = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
REAL_CHECKPOINT = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u2014 arche2025h1.staging.ct.transparency.dev \
zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u2014 arche2025h1.staging.ct.transparency.dev \
ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u2014 transparency.dev/DEV:witness-little-garden \
2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u2014 remora.n621.de \
2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
""".encode()
"""A head of a public test log, with its own signature and those of public witnesses. Source: that log, May 2026."""

LEAVES = [hashlib.sha256(b"\x00" + number.to_bytes(2, "big")).digest() for number in range(600)]


def key(number: int = 1, name: str = ORIGIN, kind: int = 1) -> SigningKey:
    return SigningKey(name, 4 if kind == 4 else 1, bytes([number]) * 32)


def tree(start: int, end: int) -> bytes:
    return root(LEAVES[start:end])


def head(size: int, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, size, tree(0, size))


def signed_head(size: int, signer: SigningKey | None = None) -> Note:
    one = signer or key()
    body = head(size, one.name).body
    return Note(body, (one.sign(body),))
