r"""
Fix the chance of a draw by what nobody could know when it was defined. Pure.

```
nonce      commitment = SHA-256("huisu/draw-nonce/v1\n" || nonce)           an overseer's 32 bytes, told after T
witness    Ed25519 over "huisu/draw-witness/v1\n<b64 define leaf hash>\n<checkpoint body>", without time
alpha      define_leaf_hash || T_root
X          the outside inputs sorted by their bytes, each behind its u32be length
seed       SHA-256("huisu/draw-seed/v1\n" || define_leaf_hash || u64be T_size || T_root || beta || SHA-256(X))
```

T is the first checkpoint that holds the definition; where the definition names witnesses, the first that all of these
cosigned. A tree head alone could be ground by whoever runs the log; the draw's key alone lets its holder look ahead;
any one outside input that came later defeats both. A beacon's round is refused: nothing here checks one offline, and
an unchecked value would be the agency's word.

Source: knowledge integrity 6.2 with the sources of design 2.18.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.custody.canonical import decode, read_hex
from services.custody.checkpoint import Checkpoint
from services.custody.cosignature import check_draw
from services.custody.note import COSIGNATURE, DASH, PLAIN, Signature, VerifierKey, parse_vkey, read_signatures
from services.errors import Invalid, NoteRefused, ProofRefused

NONCE_PREFIX: Final = b"huisu/draw-nonce/v1\n"
SEED_PREFIX: Final = b"huisu/draw-seed/v1\n"
NONCE_BYTES: Final = 32
MOST_SOURCES: Final = 8


@dataclass(frozen=True, slots=True)
class Source:
    """
    An outside input that the definition names: of whom, and what its value is checked by.

    `check` is the commitment in hex for a nonce, and the verifier key (`name+id+key`) for a witness.
    """

    kind: str
    by: str
    check: str

    def to_json(self) -> dict[str, str]:
        """Write it as the definition does."""
        return {"kind": self.kind, "by": self.by, ("commitment" if self.kind == "nonce" else "key"): self.check}


def parse_sources(told: Sequence[Mapping[str, Any]]) -> tuple[Source, ...]:
    """
    Read the outside inputs of a definition, sorted.

    Raises:
        Invalid: another kind, a malformed check, or one source or the name of a witness twice.
    """
    if len(told) > MOST_SOURCES:
        raise Invalid(f"a draw has at most {MOST_SOURCES} seed sources, not {len(told)}")
    sources = sorted((_source(one) for one in told), key=lambda one: (one.kind, one.check))
    if len({(one.kind, one.check) for one in sources}) != len(sources):
        raise Invalid("a seed source is named twice")
    witnesses = [one.by for one in sources if one.kind == "witness"]
    if len(set(witnesses)) != len(witnesses):
        raise Invalid("two witnesses of a draw have one name: of each name one line is kept under a head")
    return tuple(sources)


def _source(told: Mapping[str, Any]) -> Source:
    kind = told.get("kind")
    if kind == "beacon":
        raise Invalid("a beacon's round is no seed source here: nothing in this archive can check one offline")
    if kind == "nonce" and set(told) == {"kind", "by", "commitment"}:
        return Source("nonce", _name(told["by"]), _commitment(told["commitment"]))
    if kind == "witness" and set(told) in ({"kind", "key"}, {"kind", "by", "key"}):
        key = witness_key(told["key"])
        if told.get("by", key.name) == key.name:
            return Source("witness", key.name, key.vkey)
    raise Invalid('a seed source is {"kind":"nonce","by","commitment"} or {"kind":"witness","key"}')


def _name(text: Any) -> str:
    if not isinstance(text, str) or not 1 <= len(text.strip()) <= 100 or not text.isprintable():
        raise Invalid(f"a seed source is named in 1 to 100 printable characters, not {str(text)[:120]!r}")
    return text.strip()


def _commitment(text: Any) -> str:
    try:
        raw = read_hex(text.lower() if isinstance(text, str) else "", "commitment")
    except ProofRefused:
        raw = b""
    if len(raw) != 32:
        raise Invalid(f"a commitment is 32 bytes in hexadecimal, not {str(text)[:140]!r}")
    return raw.hex()


def witness_key(text: Any) -> VerifierKey:
    """
    Read a witness's verifier key and give the one that it signs draws with.

    A policy names its key of cosignatures (0x04), whose signatures carry a time and could be had again and again; the
    same key signs draws under the type 0x01.

    Raises:
        Invalid: it is none.
    """
    try:
        key = parse_vkey(text if isinstance(text, str) else "")
    except NoteRefused as error:
        raise Invalid(str(error)) from error
    return VerifierKey(key.name, PLAIN, key.public)


def cosigning_key(source: Source) -> VerifierKey:
    """Give the key that a draw's witness signs heads with: the same key of the other type."""
    key = witness_key(source.check)
    return VerifierKey(key.name, COSIGNATURE, key.public)


def commit_nonce(nonce: bytes) -> str:
    """Give the commitment to an overseer's nonce, which the overseer makes and keeps until the draw is seeded."""
    return hashlib.sha256(NONCE_PREFIX + nonce).hexdigest()


def check_input(source: Source, value: str, define_leaf_hash: bytes, head: Checkpoint) -> bytes:
    """
    Check what a source gave and return it as bytes: a nonce in hex, a signature in base64 or as a note's line.

    Raises:
        ProofRefused: it is not what the definition committed to.
    """
    if source.kind == "nonce":
        nonce = read_hex(value, "a nonce")
        if len(nonce) != NONCE_BYTES or commit_nonce(nonce) != source.check:
            raise ProofRefused(f"this is not the nonce that {source.by} committed to")
        return nonce
    key = witness_key(source.check)
    try:
        signature = _signature(value, key)
        check_draw(key, define_leaf_hash, head, signature)
    except NoteRefused as error:
        raise ProofRefused(f"{source.by}: {error}") from error
    return signature.value


def _signature(value: str, key: VerifierKey) -> Signature:
    """Read a signature in base64, or as a note's line."""
    bare = value.strip()
    if bare.startswith(DASH):
        return read_signatures(f"{bare}\n".encode())[0]
    return Signature(key.name, key.id, decode(bare, f"the signature of {key.name}"))


def alpha_of(define_leaf_hash: bytes, head_root: bytes) -> bytes:
    """Give the input of the draw's key."""
    return define_leaf_hash + head_root


def seed_of(define_leaf_hash: bytes, size: int, head_root: bytes, beta: bytes, inputs: Sequence[bytes]) -> bytes:
    """Give the seed of a draw from the definition, the head T, the key's result and the outside inputs."""
    outside = b"".join(len(one).to_bytes(4, "big") + one for one in sorted(inputs))
    return hashlib.sha256(
        SEED_PREFIX + define_leaf_hash + size.to_bytes(8, "big") + head_root + beta + hashlib.sha256(outside).digest()
    ).digest()


def label_of(sources: Sequence[Source]) -> str:
    """Say who could not have steered the draw: `agency-seeded` where nobody outside had a part in it."""
    return "+".join(sorted({one.kind for one in sources})) or "agency-seeded"
