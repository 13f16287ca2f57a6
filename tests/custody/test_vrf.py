"""The draw's key gives one result for an input, the one of RFC 9381, and no other proof passes."""

import hashlib
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from services.custody import vrf
from services.errors import ProofRefused

TIMES = 2000 if os.environ.get("HUISU_SOAK") else 100

VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
        "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12"
        "68a1b0db10836d9826a528ca76567805",
        "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
        "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593"
        "3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d"
        "a3ef39226bbc355bdc9850112c8f4b02",
        "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
        "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80"
        "96bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a"
        "2d41b00b05081ed0f58ee5e31b3a970e",
        "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
        "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
    ),
]
"""Source: RFC 9381 appendix B.3, examples 16 to 18."""

SEED = bytes(range(32))


@pytest.mark.parametrize(("seed", "public", "alpha", "pi", "beta"), VECTORS)
def test_the_examples_of_the_standard_come_out(seed: str, public: str, alpha: str, pi: str, beta: str) -> None:
    proved = vrf.prove(bytes.fromhex(seed), bytes.fromhex(alpha))

    assert vrf.public_of(bytes.fromhex(seed)).hex() == public
    assert proved.hex() == pi
    assert vrf.check(bytes.fromhex(public), bytes.fromhex(alpha), proved).hex() == beta


@pytest.mark.parametrize(("seed", "public", "alpha", "pi", "beta"), VECTORS)
def test_every_flipped_byte_is_refused(seed: str, public: str, alpha: str, pi: str, beta: str) -> None:
    for place in range(vrf.PROOF_BYTES):
        spoilt = bytearray.fromhex(pi)
        spoilt[place] ^= 1 << place % 8
        with pytest.raises(ProofRefused):
            vrf.check(bytes.fromhex(public), bytes.fromhex(alpha), bytes(spoilt))
    with pytest.raises(ProofRefused):
        vrf.check(bytes.fromhex(public), bytes.fromhex(alpha) + b"x", bytes.fromhex(pi))
    with pytest.raises(ProofRefused):
        vrf.check(vrf.public_of(SEED), bytes.fromhex(alpha), bytes.fromhex(pi))


@settings(max_examples=TIMES, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80))
def test_what_is_proved_passes_and_is_the_same_each_time(seed: bytes, alpha: bytes) -> None:
    pi = vrf.prove(seed, alpha)

    assert pi == vrf.prove(seed, alpha)
    assert len(vrf.check(vrf.public_of(seed), alpha, pi)) == 64


@settings(max_examples=TIMES, deadline=None)
@given(st.binary(max_size=120))
def test_noise_is_no_proof(noise: bytes) -> None:
    with pytest.raises(ProofRefused):
        vrf.check(vrf.public_of(SEED), b"define", noise)


def test_a_second_form_of_the_same_answer_is_refused() -> None:
    """The answer plus the group's order means the same number: a proof that could be written twice."""
    pi = vrf.prove(SEED, b"define")
    again = (int.from_bytes(pi[48:], "little") + vrf.ORDER).to_bytes(32, "little")

    with pytest.raises(ProofRefused, match="malformed"):
        vrf.check(vrf.public_of(SEED), b"define", pi[:48] + again)


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(32), (1).to_bytes(32, "little"), b"\xff" * 32, bytes(33)])
def test_weak_and_malformed_keys_are_refused(public: bytes) -> None:
    with pytest.raises(ProofRefused, match="no public key"):
        vrf.check(public, b"", vrf.prove(SEED, b""))


def test_a_seed_of_another_length_is_no_key() -> None:
    for wrong in (b"", bytes(31), bytes(64)):
        with pytest.raises(ValueError, match="32 bytes"):
            vrf.prove(wrong, b"")
        with pytest.raises(ValueError, match="32 bytes"):
            vrf.public_of(wrong)


def test_the_key_is_the_one_of_its_signatures() -> None:
    """The public key is that of Ed25519, so one printed fingerprint can stand for either form."""
    for number in range(20):
        seed = hashlib.sha256(bytes([number])).digest()
        assert vrf.public_of(seed) == bytes(SigningKey(seed).verify_key)


def test_results_look_random() -> None:
    """Half of all bits are set, over seeded inputs: a result that leans would lean the draw."""
    chance = random.Random(7)
    bits = sum(
        int.from_bytes(vrf.check(vrf.public_of(SEED), alpha, vrf.prove(SEED, alpha)), "big").bit_count()
        for alpha in (chance.randbytes(64) for _ in range(200))
    )

    assert abs(bits - 200 * 256) < 4 * (200 * 512) ** 0.5 / 2
