"""The log over HTTP: head, proofs and tiles that a stranger's tools can read, open to every account."""

from base64 import b64decode

import pytest

from services.custody.bundles import read_bundle
from services.custody.checkpoint import open_checkpoint
from services.custody.entry import leaf_hash
from services.custody.heads import keep_cosignature, sign_head
from services.custody.logproof import read_logproof
from services.custody.proof import check_consistency, check_inclusion
from services.custody.tiles import TiledTree
from services.custody.tree import root
from tests.api.site import Site
from tests.archive_fixture import NOON
from tests.custody.growing import grow, leaves
from tests.custody.held_signer import HeldSigner

BASE = "/api/v1/custody"


@pytest.fixture
def signer() -> HeldSigner:
    return HeldSigner()


@pytest.fixture
def log(site: Site, signer: HeldSigner) -> list[bytes]:
    """Grow the log to 600 entries, with signed heads of 300 and 600."""
    archive = site.archive
    count = len(grow(archive, 0))
    grow(archive, 300 - count)
    sign_head(archive.engine, signer, 300, NOON)
    known = grow(archive, 300)
    sign_head(archive.engine, signer, 600, NOON)
    return known


def hashes(told: dict[str, list[str]]) -> list[bytes]:
    return [bytes.fromhex(one) for one in told["hashes"]]


def test_the_head_is_a_signed_note_with_the_lines_of_witnesses(
    site: Site, log: list[bytes], signer: HeldSigner
) -> None:
    keep_cosignature(site.archive.engine, 600, "w", NOON, "— w YWJjZGVm\n")

    told = site.as_user("wang").get(f"{BASE}/checkpoint")

    assert told.headers["content-type"] == "text/plain; charset=utf-8"
    assert "no-store" in told.headers["cache-control"]
    checkpoint, note = open_checkpoint(told.content, [signer.verifier])
    assert (checkpoint.size, checkpoint.root) == (600, root(log))
    assert [one.name for one in note.signatures] == [checkpoint.origin, "w"]


def test_an_entry_is_proved_to_be_in_the_log(site: Site, log: list[bytes]) -> None:
    client = site.as_user("wang")
    for index, size in ((0, 300), (299, 300), (17, 600), (599, 600), (255, 256), (5, 450)):
        told = client.get(f"{BASE}/proofs/inclusion", params={"index": index, "size": size}).json()

        assert (told["index"], told["size"], told["root"]) == (index, size, root(log[:size]).hex())
        assert told["leaf_hash"] == log[index].hex()
        assert (told["checkpoint"] is not None) == (size in (300, 600))
        check_inclusion(log[index], index, size, hashes(told), bytes.fromhex(told["root"]))


@pytest.mark.parametrize("way", ["accept", "format"])
def test_a_proof_comes_as_a_file_that_other_tools_read(
    site: Site, log: list[bytes], signer: HeldSigner, way: str
) -> None:
    headers = {"Accept": "text/plain"} if way == "accept" else {}
    query = "&format=tlog-proof" if way == "format" else ""

    told = site.as_user("wang").get(f"{BASE}/proofs/inclusion?index=77{query}", headers=headers)

    assert told.headers["content-type"] == "text/plain; charset=utf-8"
    proof = read_logproof(told.content)
    assert proof.check(log[77]).size == 600
    open_checkpoint(proof.note, [signer.verifier])


def test_the_log_is_proved_to_have_only_grown(site: Site, log: list[bytes]) -> None:
    client = site.as_user("wang")
    for old, new in ((300, 600), (1, 600), (256, 512), (600, 600), (37, 38)):
        told = client.get(f"{BASE}/proofs/consistency", params={"from": old, "to": new}).json()

        assert (told["from"], told["to"]) == (old, new)
        assert (told["from_root"], told["to_root"]) == (root(log[:old]).hex(), root(log[:new]).hex())
        check_consistency(old, root(log[:old]), new, root(log[:new]), hashes(told))
    assert client.get(f"{BASE}/proofs/consistency", params={"from": 300}).json()["to"] == 600


def test_tiles_alone_give_every_root_and_every_entry(site: Site, log: list[bytes]) -> None:
    client = site.as_user("wang")

    def read(path: str) -> bytes:
        told = client.get(f"{BASE}/{path}")
        assert told.status_code == 200, told.text
        assert told.headers["content-type"] == "application/octet-stream"
        assert "immutable" in told.headers["cache-control"]
        return told.content

    assert TiledTree(600, lambda tile: read(tile.path)).root == root(log)
    assert TiledTree(300, lambda tile: read(tile.path)).root == root(log[:300])
    bundles = [read(f"tile/entries/{name}") for name in ("000", "001", "002.p/88")]
    assert [leaf_hash(text) for bundle in bundles for text in read_bundle(bundle)] == log


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("proofs/inclusion?index=300&size=300", 422, "invalid"),
        ("proofs/inclusion?index=0&size=0", 422, "invalid"),
        ("proofs/inclusion?index=-1&size=300", 422, "invalid"),
        ("proofs/inclusion?index=99999999999999999999", 422, "invalid"),
        ("proofs/inclusion?size=300", 422, "invalid"),
        ("proofs/inclusion?index=0&size=601", 404, "not-found"),
        ("proofs/inclusion?index=0&size=299&format=tlog-proof", 404, "not-found"),
        ("proofs/inclusion?index=0&format=html", 422, "invalid"),
        ("proofs/consistency?from=0&to=300", 422, "invalid"),
        ("proofs/consistency?from=301&to=300", 422, "invalid"),
        ("proofs/consistency?from=300&to=601", 404, "not-found"),
        ("proofs/consistency?to=300", 422, "invalid"),
        ("tile/0/002", 404, "not-found"),
        ("tile/0/002.p/89", 404, "not-found"),
        ("tile/1/000", 404, "not-found"),
        ("tile/63/000.p/1", 404, "not-found"),
        ("tile/0/x999/x999/x999/x999/x999/x999/x999/999", 404, "not-found"),
        ("tile/entries/x999/x999/x999/x999/x999/x999/x999/999.p/1", 404, "not-found"),
        ("tile/entries/002", 404, "not-found"),
        ("tile/0/2", 422, "invalid"),
        ("tile/0/000.p/256", 422, "invalid"),
        ("tile/0/000x", 422, "invalid"),
        ("tile/", 422, "invalid"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(
    site: Site, log: list[bytes], path: str, status: int, code: str
) -> None:
    told = site.as_user("wang").get(f"{BASE}/{path}")

    assert (told.status_code, told.json()["code"]) == (status, code), told.text


@pytest.mark.parametrize("path", ["checkpoint", "proofs/inclusion?index=0", "proofs/consistency?from=1"])
def test_before_the_first_signature_there_is_no_head(site: Site, path: str) -> None:
    grow(site.archive, 3)

    told = site.as_user("wang").get(f"{BASE}/{path}")

    assert (told.status_code, told.json()["code"]) == (503, "not-ready")
    assert "retry-after" in told.headers


def test_sizes_without_a_signature_can_be_proved_before_the_first(site: Site) -> None:
    known = grow(site.archive, 3)

    told = site.as_user("wang").get(f"{BASE}/proofs/inclusion?index=1&size=3").json()

    assert told["checkpoint"] is None
    check_inclusion(known[1], 1, 3, hashes(told), root(known[:3]))


def test_entries_are_listed_by_their_places_once_they_have_them(site: Site, log: list[bytes]) -> None:
    client, found, cursor = site.as_user("wang"), [], None
    while True:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"{BASE}/entries", params=query).json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break

    placed = [line for line in found if line["index"] is not None]
    assert [line["index"] for line in placed] == list(range(600))
    assert [leaf_hash(line["entry"].encode()) for line in placed] == log == leaves(site.archive)
    assert [bytes.fromhex(line["leaf_hash"]) for line in placed] == log
    assert {line["index"] for line in found[600:]} == {None}, "who asks is entered, and waits for a place"


def test_the_root_in_the_head_is_the_one_that_proofs_lead_to(site: Site, log: list[bytes]) -> None:
    client = site.as_user("wang")
    lines = client.get(f"{BASE}/checkpoint").text.splitlines()

    told = client.get(f"{BASE}/proofs/inclusion?index=3").json()

    assert (told["size"], told["root"]) == (int(lines[1]), b64decode(lines[2]).hex())
