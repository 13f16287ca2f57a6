"""Bundles of entries: what is packed is read back, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.custody.bundles import pack_bundle, read_bundle
from services.errors import ProofRefused


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entries_come_back_as_they_were_packed(entries: list[bytes]) -> None:
    assert read_bundle(pack_bundle(entries)) == entries


def test_the_length_stands_before_each_entry_big_end_first() -> None:
    assert pack_bundle([b"a", b"", b"x" * 258]) == b"\x00\x01a" + b"\x00\x00" + b"\x01\x02" + b"x" * 258


@pytest.mark.parametrize("content", [b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\xff\xff"])
def test_a_bundle_that_ends_inside_an_entry_is_refused(content: bytes) -> None:
    with pytest.raises(ProofRefused, match="ends inside its entry"):
        read_bundle(content)
