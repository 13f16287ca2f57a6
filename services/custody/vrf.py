"""
Make and check a number that nobody can choose and everybody can check: ECVRF-EDWARDS25519-SHA512-TAI. Pure.

The holder of the draw's key cannot pick the result for a given input, and a stranger with the public key
checks it. Point arithmetic is libsodium's (through PyNaCl).

Source: RFC 9381 sections 5.1 to 5.5 with the suite 0x03.
"""

import hashlib
from typing import Final

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from services.errors import ProofRefused

SUITE: Final = b"\x03"
"""ECVRF-EDWARDS25519-SHA512-TAI. Source: RFC 9381 section 5.5."""

PROOF_BYTES: Final = 80
POINT_BYTES: Final = 32
CHALLENGE_BYTES: Final = 16
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Order of the prime subgroup. Source: RFC 8032 section 5.1."""

FIELD: Final = 2**255 - 19


def public_of(secret_seed: bytes) -> bytes:
    """
    Give the public key of a secret seed of 32 bytes.

    Raises:
        ValueError: the seed has another length.
    """
    return sodium.crypto_scalarmult_ed25519_base_noclamp(_expand(secret_seed)[0])


def prove(secret_seed: bytes, alpha: bytes) -> bytes:
    """
    Prove the one result for `alpha` under this key: 80 bytes, the same each time.

    Raises:
        ValueError: the seed has another length than 32.
    """
    secret, prefix = _expand(secret_seed)
    public = sodium.crypto_scalarmult_ed25519_base_noclamp(secret)
    point = _to_curve(public, alpha)
    gamma = sodium.crypto_scalarmult_ed25519_noclamp(secret, point)
    nonce = sodium.crypto_core_ed25519_scalar_reduce(hashlib.sha512(prefix + point).digest())
    challenge = _challenge(
        public,
        point,
        gamma,
        sodium.crypto_scalarmult_ed25519_base_noclamp(nonce),
        sodium.crypto_scalarmult_ed25519_noclamp(nonce, point),
    )
    product = int.from_bytes(challenge, "little") * int.from_bytes(secret, "little")
    answer = (int.from_bytes(nonce, "little") + product) % ORDER
    return gamma + challenge + answer.to_bytes(32, "little")


def check(public: bytes, alpha: bytes, pi: bytes) -> bytes:
    """
    Check a proof and give its result `beta`, 64 bytes.

    Raises:
        ProofRefused: the proof is not one of this key for `alpha`, or key or proof are malformed.
    """
    if len(pi) != PROOF_BYTES:
        raise ProofRefused(f"a proof of the draw's key has {PROOF_BYTES} bytes, not {len(pi)}")
    if len(public) != POINT_BYTES or not sodium.crypto_core_ed25519_is_valid_point(public):
        raise ProofRefused(f"{public.hex()} is no public key of a draw")
    gamma, challenge, answer = pi[:32], pi[32:48], pi[48:]
    if int.from_bytes(answer, "little") >= ORDER or not _is_canonical(gamma):
        raise ProofRefused("the proof of the draw's key is malformed")
    try:
        found = _challenge_again(public, _to_curve(public, alpha), gamma, challenge, answer)
        beta = _result(gamma)
    except CryptoError as error:
        raise ProofRefused("the proof of the draw's key holds what is no point") from error
    if found != challenge:
        raise ProofRefused("the proof is not one of this key for this input")
    return beta


def _challenge_again(public: bytes, point: bytes, gamma: bytes, challenge: bytes, answer: bytes) -> bytes:
    wide = challenge + bytes(16)
    ours = sodium.crypto_core_ed25519_sub(
        sodium.crypto_scalarmult_ed25519_base_noclamp(answer), sodium.crypto_scalarmult_ed25519_noclamp(wide, public)
    )
    theirs = sodium.crypto_core_ed25519_sub(
        sodium.crypto_scalarmult_ed25519_noclamp(answer, point), sodium.crypto_scalarmult_ed25519_noclamp(wide, gamma)
    )
    return _challenge(public, point, gamma, ours, theirs)


def _expand(secret_seed: bytes) -> tuple[bytes, bytes]:
    """Turn a seed into its scalar and the prefix of nonces. Source: RFC 8032 section 5.1.5."""
    if len(secret_seed) != 32:
        raise ValueError(f"the seed of a draw's key has 32 bytes, not {len(secret_seed)}")
    whole = bytearray(hashlib.sha512(secret_seed).digest())
    whole[0] &= 248
    whole[31] = whole[31] & 127 | 64
    return bytes(whole[:32]), bytes(whole[32:])


def _to_curve(public: bytes, alpha: bytes) -> bytes:
    """
    Find the input's point by trying (RFC 9381 section 5.4.1.1).

    libsodium's own check of a point demands the prime subgroup, where half of the candidates do not lie yet:
    a candidate is decoded as in RFC 8032 by adding it to itself, and three doublings clear the cofactor.
    """
    for counter in range(256):
        tried = hashlib.sha512(SUITE + b"\x01" + public + alpha + bytes([counter]) + b"\x00").digest()[:POINT_BYTES]
        if not _is_canonical(tried):
            continue
        try:
            point = _times_eight(tried)
        except CryptoError:
            continue
        if point != _IDENTITY:
            return point
    raise ProofRefused("no point was found for this input in 256 tries")


_IDENTITY: Final = (1).to_bytes(32, "little")


def _is_canonical(point: bytes) -> bool:
    return (int.from_bytes(point, "little") & (1 << 255) - 1) < FIELD


def _times_eight(point: bytes) -> bytes:
    for _ in range(3):
        point = sodium.crypto_core_ed25519_add(point, point)
    return point


def _challenge(*points: bytes) -> bytes:
    return hashlib.sha512(SUITE + b"\x02" + b"".join(points) + b"\x00").digest()[:CHALLENGE_BYTES]


def _result(gamma: bytes) -> bytes:
    return hashlib.sha512(SUITE + b"\x03" + _times_eight(gamma) + b"\x00").digest()
