"""The exact bytes of entries and commitments: golden, read back, and different when anything differs."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.custody.entry import (
    ENTRY_MAX_BYTES,
    FIRST_PREV,
    Entry,
    commit_field,
    commit_payload,
    entry_bytes,
    leaf_hash,
    make_fields,
    read_entry,
)
from services.custody.tree import EMPTY_ROOT, node_hash, root

AT = datetime(2026, 11, 21, 20, 57, 31, 123999, tzinfo=UTC)
OBJ = "01234567-89ab-7def-8123-456789abcdef"


def entry(**changes):
    return Entry(**({"type": "rec.ingest", "id": OBJ, "at": AT, "obj": OBJ, "n": 0, "prev": FIRST_PREV,
                     "commitment": bytes(32)} | changes))  # fmt: skip


def test_the_bytes_are_those_of_the_format():
    zeros = b64encode(bytes(32))

    assert entry_bytes(entry()) == (
        b'{"v":1,"t":"rec.ingest","id":"' + OBJ.encode() + b'","ts":"2026-11-21T20:57:31.123Z","obj":"' + OBJ.encode()
        + b'","n":0,"prev":"' + zeros + b'","pc":"' + zeros + b'"}'
    )  # fmt: skip


def test_an_entry_reads_back():
    made = entry_bytes(entry(n=17))

    found = read_entry(made)

    assert (found.type, found.n, found.obj) == ("rec.ingest", 17, OBJ)
    assert found.at == AT.replace(microsecond=123000)


@pytest.mark.parametrize("change", [b" ", b"\n"])
def test_other_spacing_is_not_an_entry(change):
    with pytest.raises(ValueError, match="one form"):
        read_entry(entry_bytes(entry()).replace(b",", b"," + change, 1))


def test_an_entry_has_a_longest_form():
    with pytest.raises(ValueError, match=str(ENTRY_MAX_BYTES)):
        entry_bytes(entry(type="x" * ENTRY_MAX_BYTES))


def test_a_field_commitment_is_the_hash_of_its_parts():
    salt = bytes(range(16))
    expected = hashlib.sha256(b"huisu/field/v1\n" + salt + b"\x00\x04case" + b'\x00\x00\x00\x03"1"').digest()

    assert commit_field("case", '"1"', salt) == expected


def test_a_payload_commitment_counts_and_sorts_its_fields():
    one, two = b"\x01" * 32, b"\x02" * 32
    expected = hashlib.sha256(b"huisu/payload/v1\n\x00\x02" + one + two).digest()

    assert commit_payload({"b": two, "a": one}) == expected
    assert commit_payload({}) == hashlib.sha256(b"huisu/payload/v1\n\x00\x00").digest()


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=9), st.none() | st.integers() | st.text(), min_size=1, max_size=5))
def test_any_change_of_a_value_changes_the_commitment(values):
    salts = {name: bytes(16) for name in values}
    before = commit_payload({f.name: f.commitment for f in make_fields(values, salts)})
    name = next(iter(values))
    changed = values | {name: [values[name], 1]}

    after = commit_payload({f.name: f.commitment for f in make_fields(changed, salts)})

    assert before != after


def naive_root(leaves):
    """The recursive definition of RFC 6962 section 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


@pytest.mark.parametrize("size", [*range(34), 255, 256, 257, 1000])
def test_the_root_is_that_of_the_definition(size):
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]

    assert root(leaves) == naive_root(leaves)


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert root([]) == EMPTY_ROOT == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
