"""What an upload says about itself: usable values are read, the rest is flagged, nothing blocks."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as given_values
from hypothesis import settings
from hypothesis import strategies as st

from services.ingest.given import read_given, read_moment, read_sha256

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def kinds(metadata):
    return [flag.kind for flag in read_given(metadata, ZONE, NOW).flags]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T08:00:00+08:00", datetime(2026, 3, 2, 0, tzinfo=UTC)),
        ("2026-03-02T00:00:00Z", datetime(2026, 3, 2, 0, tzinfo=UTC)),
        ("2026-03-02 08:00:00", datetime(2026, 3, 2, 0, tzinfo=UTC)),
        ("1772409600", datetime(2026, 3, 2, 0, tzinfo=UTC)),
        ("1772409600.5", datetime(2026, 3, 2, 0, 0, 0, 500000, tzinfo=UTC)),
        ("昨天", None),
        ("99999999999999999", None),
        ("", None),
    ],
)
def test_times_are_read_in_every_usual_form(text, moment):
    assert read_moment(text, ZONE) == moment


def test_a_digest_is_read_as_hex_or_base64():
    digest = hashlib.sha256(b"x")

    assert read_sha256(digest.hexdigest().upper()).value == digest.digest()
    assert read_sha256(b64encode(digest.digest()).decode()).value == digest.digest()
    assert [read_sha256(text) for text in ("", "abc", "z" * 64, b64encode(b"short").decode())] == [None] * 4


def test_good_metadata_has_no_flags():
    metadata = {"filename": "一.mp4", "kind": "interview", "device": "c1", "officer": "900001", "case": "A/1",
                "started_at": "2026-03-02T08:00:00+08:00"}  # fmt: skip

    read = read_given(metadata, ZONE, NOW)

    assert (read.kind, read.device, read.case, read.flags) == ("interview", "c1", "A/1", ())


@pytest.mark.parametrize(
    "metadata",
    [{"kind": "drone"}, {"started_at": "soon"}, {"officer": "x" * 65}, {"device": "a\x07b"}, {"sha256": "abc"}],
)
def test_a_bad_value_is_flagged(metadata):
    assert kinds(metadata) == ["bad-metadata"]


@pytest.mark.parametrize(
    "moment", ["1970-01-01T00:00:00Z", "1999-12-31T00:00:00Z", (NOW + timedelta(days=2)).isoformat()]
)
def test_an_impossible_clock_is_flagged_and_kept(moment):
    assert kinds({"started_at": moment}) == ["clock-implausible"]
    assert read_given({"started_at": moment}, ZONE, NOW).started_at is not None


@settings(max_examples=100, deadline=None)
@given_values(st.dictionaries(st.sampled_from(["kind", "device", "started_at", "sha256", "case", "x"]), st.text()))
def test_nothing_blocks(metadata):
    read_given(metadata, ZONE, NOW)
