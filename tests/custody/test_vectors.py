"""Trees and proofs against others: RFC 6962's reference trees, transparency-dev's vectors, pymerkle, sigstore."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pymerkle import InmemoryTree, verify_consistency  # type: ignore[import-untyped]
from sigstore._internal import merkle
from sigstore.errors import VerificationError

from services.custody.frontier import Frontier
from services.custody.proof import check_consistency, check_inclusion, prove_consistency, prove_inclusion
from services.custody.tree import EMPTY_ROOT, root
from services.errors import ProofRefused
from tests.conftest import vectors_of

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots over the first 1 to 8 inputs. Source: the test data of certificate-transparency's reference implementation."""

GARBAGE = {"consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"}
"""Two equal trees with roots that are no hashes: others only compare them, we refuse them (integrity 2.6)."""


KINDS = ("inclusion", "consistency")


def leaf(text: bytes) -> bytes:
    return hashlib.sha256(b"\0" + text).digest()


def hashes(encoded: list[str] | None) -> list[bytes]:
    return [b64decode(one) for one in encoded or []]


@pytest.mark.parametrize("size", range(1, 9))
def test_reference_trees_have_their_roots(size: int) -> None:
    leaves = [leaf(bytes.fromhex(text)) for text in INPUTS[:size]]
    frontier = Frontier()
    for one in leaves:
        frontier.push(one)

    assert root(leaves).hex() == frontier.root.hex() == ROOTS[size - 1]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _named(path: Path, data: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {"name": path.relative_to(data).as_posix(), **told}


@pytest.fixture(scope="module")
def vectors() -> dict[str, list[dict[str, Any]]]:
    """Read the test data of transparency-dev/merkle from a checkout of it at 417fb0c."""
    data = vectors_of("merkle") / "testdata"
    found = {kind: [_named(path, data) for path in sorted((data / kind).rglob("*.json"))] for kind in KINDS}
    assert (len(found["inclusion"]), len(found["consistency"])) == (98, 98)
    return found


def accepts(judge: Callable[[], None]) -> bool:
    try:
        judge()
    except ProofRefused:
        return False
    return True


def test_inclusion_is_judged_as_others_judge_it(vectors: dict[str, list[dict[str, Any]]]) -> None:
    for one in vectors["inclusion"]:
        leaf_hash, top = b64decode(one["leafHash"] or ""), b64decode(one["root"] or "")
        path, place = hashes(one["proof"]), (one["leafIdx"], one["treeSize"])

        found = accepts(lambda: check_inclusion(leaf_hash, *place, path, top))  # noqa: B023  (called at once)

        assert found is not one["wantErr"], one["name"]


def test_consistency_is_judged_as_others_judge_it(vectors: dict[str, list[dict[str, Any]]]) -> None:
    for one in vectors["consistency"]:
        old, new = (one["size1"], b64decode(one["root1"] or "")), (one["size2"], b64decode(one["root2"] or ""))
        path = hashes(one["proof"])

        found = accepts(lambda: check_consistency(*old, *new, path))  # noqa: B023  (called at once)

        assert found is not (one["wantErr"] or one["name"] in GARBAGE), one["name"]


TEXTS = [f"entry {number}".encode() for number in range(131)]
LEAVES = [leaf(text) for text in TEXTS]


def tree(start: int, end: int) -> bytes:
    return root(LEAVES[start:end])


def seen_by_sigstore(index: int, size: int, path: list[bytes], top: bytes) -> None:
    proof = SimpleNamespace(log_index=index, tree_size=size, hashes=path, root_hash=top)
    inner = SimpleNamespace(inclusion_proof=proof, canonicalized_body=TEXTS[index])
    merkle.verify_merkle_inclusion(SimpleNamespace(_inner=inner))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 64, 65, 100, 127, 128, 131])
def test_sigstore_accepts_every_proof_and_no_altered_one(size: int) -> None:
    for index in range(size):
        path = prove_inclusion(tree, index, size)
        seen_by_sigstore(index, size, path, tree(0, size))
        for altered in (path[:-1], [*path, bytes(32)], [bytes(32), *path[1:]]):
            if altered != path:
                with pytest.raises(VerificationError):
                    seen_by_sigstore(index, size, altered, tree(0, size))


def test_pymerkle_finds_the_same_roots_and_its_proofs_join_ours() -> None:
    other = InmemoryTree(algorithm="sha256")
    for number, text in enumerate(TEXTS, 1):
        other.append_entry(text)
        assert other.get_root() == tree(0, number)
    for old in (1, 2, 3, 31, 64, 100, 130):
        verify_consistency(tree(0, old), tree(0, 131), other.prove_consistency(old, 131))
        check_consistency(old, other.get_root(old), 131, other.get_root(131), prove_consistency(tree, old, 131))
