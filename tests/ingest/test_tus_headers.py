from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import Invalid, PreconditionFailed, TooLarge, WrongContentType
from services.ingest import tus_headers as said


def encoded(value: bytes) -> str:
    return b64encode(value).decode()


def test_metadata_is_read_as_text_in_any_script():
    name = "现场视频" * 75 + ".mp4"

    found = said.read_metadata(f"filename {encoded(name.encode())},note {encoded('שלום עולם'.encode())},is_evidence")

    assert found == {"filename": name, "note": "שלום עולם", "is_evidence": ""}


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_metadata_is_no_metadata(text):
    assert said.read_metadata(text) == {}


def test_unknown_keys_are_kept_beside_known_ones():
    assert said.read_metadata(f"vendor_x {encoded(b'7')}, kind {encoded(b'body')}") == {"vendor_x": "7", "kind": "body"}


def test_values_that_are_not_utf8_stay_readable():
    assert said.read_metadata(f"filename {encoded(b'a' + bytes([0xFF, 0x00]) + b'b')}") == {"filename": r"a\xff\x00b"}


def test_left_off_padding_is_taken():
    assert said.read_metadata("filename YQ") == {"filename": "a"}


@pytest.mark.parametrize("text", ["a YQ==,a YQ==", "a YQ==,,b YQ==", "a !!!", "a YQ== YQ==", "a Y"])
def test_impossible_metadata_is_refused(text):
    with pytest.raises(Invalid):
        said.read_metadata(text)


def test_endless_metadata_is_refused():
    with pytest.raises(TooLarge):
        said.read_metadata("a " + "YWFh" * 5000)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(max_size=40).filter(lambda t: "\0" not in t)
    )
)
def test_metadata_comes_back_as_it_was_sent(metadata):
    header = ",".join(f"{key} {encoded(value.encode())}".strip() for key, value in metadata.items())

    assert said.read_metadata(header) == metadata


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=200))
def test_any_header_text_is_read_or_refused(text):
    for read in (said.read_metadata, said.read_checksum):
        with suppress(Invalid, TooLarge):
            read(text)


@pytest.mark.parametrize("headers", [{}, {"tus-resumable": "0.2.2"}, {"tus-resumable": "1.0.0, 0.2.2"}])
def test_other_versions_are_refused(headers):
    with pytest.raises(PreconditionFailed):
        said.require_version(headers)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "0x10", "１２", "9" * 19, "1 1", "1\n2"])
def test_a_length_is_a_plain_number(text):
    with pytest.raises(Invalid):
        said.read_length({"upload-length": text}, 1 << 62)


@pytest.mark.parametrize("name", ["upload-defer-length", "upload-concat"])
def test_deferred_and_concatenated_uploads_are_refused(name):
    with pytest.raises(Invalid):
        said.read_length({name: "1", "upload-length": "10"}, 100)


@pytest.mark.parametrize(
    "text",
    ["md5 " + encoded(bytes(16)), "sha256", "sha256 !!", "sha256 " + encoded(bytes(20)), "SHA1 " + encoded(bytes(20))],
)
def test_a_checksum_has_a_known_algorithm_and_its_length(text):
    with pytest.raises(Invalid):
        said.read_checksum(text)


def test_a_creation_without_bytes_may_say_any_content_type():
    assert said.read_body({"content-type": "text/plain", "content-length": "0"}, is_optional=True).is_empty


def test_a_creation_with_bytes_needs_the_content_type():
    with pytest.raises(WrongContentType):
        said.read_body({"content-type": "text/plain", "content-length": "1"}, is_optional=True)


def test_a_chunked_body_has_no_known_length():
    body = said.read_body({"content-type": said.CONTENT_TYPE, "transfer-encoding": "chunked"}, is_optional=False)

    assert body.length is None
    assert not body.is_empty


def test_times_are_written_in_gmt_whatever_zone_they_have():
    moment = datetime(2014, 6, 26, 0, 0, tzinfo=timezone(timedelta(hours=8)))

    assert said.http_date(moment) == "Wed, 25 Jun 2014 16:00:00 GMT"
    assert said.http_date(moment.astimezone(UTC)) == "Wed, 25 Jun 2014 16:00:00 GMT"
