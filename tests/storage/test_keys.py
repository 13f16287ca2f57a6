"""Names of objects: golden forms, what is refused, and that no key ever leaves its area."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.digest import Digest
from services.errors import Invalid
from services.storage import keys
from services.storage.keys import Area

HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
DIGEST = Digest.from_hex(HEX)
digests = st.binary(min_size=32, max_size=32).map(lambda value: Digest("sha256", value))
ids = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,63}", fullmatch=True)


def test_keys_never_change_their_form() -> None:
    assert keys.original(DIGEST) == f"originals/sha256/e3/b0/{HEX}"
    assert keys.arrival(DIGEST, "0197-a") == f"originals/sha256/e3/b0/{HEX}.arrivals/0197-a.json"
    assert keys.rendition(DIGEST, "proxy", "r1", "proxy.mp4") == f"derived/sha256/e3/b0/{HEX}/proxy/r1/proxy.mp4"


def test_the_log_is_kept_for_good_but_for_what_is_replaced() -> None:
    whole, rest = keys.log_object("tile/0/x001/234"), keys.log_remainder("tile/entries/005.p/7")

    assert (whole, rest) == ("custody/tile/0/x001/234", "derived/custody/tile/entries/005.p/7")
    assert keys.log_checkpoint(70_000) == "custody/checkpoint/70000"
    assert rest.startswith(keys.LOG_REMAINDERS)
    assert keys.area(whole).is_write_once
    assert keys.area(keys.log_checkpoint(0)).is_write_once
    assert {keys.area(rest), keys.area(keys.NEWEST_CHECKPOINT)} == {Area.DERIVED}
    with pytest.raises(Invalid):
        keys.log_object("tile/../0")


@settings(max_examples=50, deadline=None)
@given(digests, ids)
def test_what_a_key_names_can_be_read_back(digest: Digest, arrival_id: str) -> None:
    original, arrival = keys.original(digest), keys.arrival(digest, arrival_id)

    assert keys.digest_of_original(original) == digest
    assert keys.digest_of_original(arrival) is None
    assert keys.arrival_of(arrival) == (digest, arrival_id)
    assert keys.arrival_of(original) is None
    assert arrival.startswith(keys.arrivals_of(digest))
    assert keys.rendition(digest, "k", "r", "n").startswith(keys.renditions_of(digest))
    assert {keys.area(original), keys.area(arrival)} == {Area.ORIGINALS}


@pytest.mark.parametrize(
    "key",
    [
        f"originals/sha256/e3/b1/{HEX}",
        f"originals/sha256/e3/b0/{HEX.upper()}",
        f"originals/sha256/e3/b0/{HEX}\n",
        f"originals/sha256/e3/b0/{HEX}/x",
        f"derived/sha256/e3/b0/{HEX}",
        "originals/sha256/e3/b0/e3b0",
    ],
)
def test_an_original_in_the_wrong_place_is_none(key: str) -> None:
    assert keys.digest_of_original(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "originals/.tmp/x",
        "originals/x/.name.lock.json",
        "originals/-rf",
        "originals/a b",
        "originals/a\\b",
        "originals/a\0b",
        "originals/a\n",
        "originals/",
        "/originals/a",
        "Originals/a",
        "originals/" + "a" * 129,
        "derived/" + "a/" * 300 + "a",
        "derived/%2e%2e/a",
        "derived/../originals/a",
    ],
)
def test_refuses_what_could_be_read_as_another_place(key: str) -> None:
    with pytest.raises(Invalid):
        keys.area(key)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.text("./ao\\-", max_size=12).map(lambda text: f"originals/{text}"))
def test_a_key_is_refused_or_stays_in_its_area(text: str) -> None:
    try:
        area = keys.area(text)
    except Invalid:
        return

    parts = PurePosixPath(text).parts
    assert "/".join(parts) == text
    assert parts[0] == area
    assert not any(part.startswith((".", "-")) for part in parts)
    assert text.isascii()


@pytest.mark.parametrize("bad", ["", "..", "a/b", "a b", ".x", "证据", "a\n", "a" * 200])
def test_refuses_bad_parts(bad: str) -> None:
    with pytest.raises(Invalid):
        keys.arrival(DIGEST, bad)
    for parts in ((bad, "r", "n"), ("k", bad, "n"), ("k", "r", bad)):
        with pytest.raises(Invalid):
            keys.rendition(DIGEST, *parts)


def test_a_prefix_may_end_anywhere_below_its_area() -> None:
    assert keys.area_of_prefix("originals/") is Area.ORIGINALS
    assert keys.area_of_prefix("derived/sha256/a") is Area.DERIVED
    for prefix in ("", "orig", "originals", "/", "originals//", "other/"):
        with pytest.raises(Invalid):
            keys.area_of_prefix(prefix)
