"""The rules of the protocol, each over a real socket."""

import base64
import hashlib
from datetime import timedelta

import pytest

from tests.ingest.tus_door import MAX_SIZE_BYTES, running
from tests.ingest.tus_line import BASE, BYTES, Line, ask, checksum, create, head_offset, id_of, patch


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running(tmp_path_factory.mktemp("door") / "staging") as door:
        yield door


@pytest.fixture
def door(shared):
    shared.register.is_busy = False
    return shared


def kept(door, path):
    return door.staging.complete_path(id_of(path)).read_bytes()


def test_options_are_open_and_tell_what_is_spoken(door):
    answer = ask(door.port, "OPTIONS", BASE, {"Authorization": "-", "Tus-Resumable": "-"})

    assert answer.status == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "checksum",
        "expiration",
        "termination",
    }
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1"
    assert answer.headers["tus-max-size"] == str(MAX_SIZE_BYTES)


def test_an_upload_in_two_pieces_arrives_whole(door):
    path = create(door.port, 10, {"filename": "a.mp4"})

    first = patch(door.port, path, 0, b"01234")
    second = patch(door.port, path, 5, b"56789")

    assert (first.status, first.offset) == (204, 5)
    assert (second.status, second.offset) == (204, 10)
    assert kept(door, path) == b"0123456789"
    assert door.register.received_calls.count(id_of(path)) == 1


def test_a_location_is_relative_and_names_the_gate(door):
    answer = ask(door.port, "POST", BASE, {"Upload-Length": "3", "X-Forwarded-Host": "evil", "Host": "evil"})

    assert answer.status == 201
    assert answer.headers["location"] == f"{BASE}/g1.{id_of(answer.headers['location'])}"
    assert answer.offset == 0


def test_ids_sort_by_time(door):
    paths = [create(door.port, 1) for _ in range(5)]

    assert paths == sorted(paths)
    assert all(id_of(path)[14] == "7" for path in paths)


def test_head_tells_offset_length_metadata_and_end_of_life_and_is_not_cached(door):
    path = create(door.port, 10, {"filename": "现场.mp4"})
    patch(door.port, path, 0, b"012")

    answer = ask(door.port, "HEAD", path)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-length"] == "10"
    assert answer.offset == 3
    assert answer.headers["upload-metadata"] == "filename " + base64.b64encode("现场.mp4".encode()).decode()
    assert answer.headers["upload-expires"] == "Sun, 08 Mar 2026 08:30:00 GMT"
    assert answer.headers["huisu-upload-state"] == "receiving"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE", "GET", "OPTIONS"])
def test_every_answer_names_the_version(door, method):
    path = BASE if method in {"POST", "OPTIONS"} else create(door.port, 1)

    for credential in ("Bearer dock-1", "Bearer nobody"):
        assert ask(door.port, method, path, {"Authorization": credential}).headers["tus-resumable"] == "1.0.0"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("version", ["-", "0.2.2"])
def test_another_version_is_refused_before_anything_happens(door, method, version):
    path = create(door.port, 4)
    before = len(door.register.states)

    answer = ask(
        door.port,
        method,
        BASE if method == "POST" else path,
        BYTES | {"Tus-Resumable": version, "Upload-Offset": "0", "Upload-Length": "4"},
        b"" if method == "HEAD" else b"0123",
    )

    assert answer.status == 412
    assert answer.headers["tus-version"] == "1.0.0"
    assert len(door.register.states) == before
    assert head_offset(door.port, path) == 0


@pytest.mark.parametrize("credential", ["-", "Bearer wrong", "Basic ZG9jazox"])
def test_without_credentials_no_byte_is_read_or_stored(door, credential):
    path = create(door.port, 1 << 20)

    with Line(door.port) as line:
        told = BYTES | {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Length": str(1 << 20)}
        line.head("PATCH", path, told | ({} if credential == "-" else {"Authorization": credential}))
        answer = line.answer()  # comes although no byte of the body was sent

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert head_offset(door.port, path) == 0


def test_without_credentials_no_upload_is_made(door):
    before = list(door.staging.folder.iterdir())

    answer = ask(door.port, "POST", BASE, BYTES | {"Authorization": "-", "Upload-Length": "5"}, b"01234")

    assert answer.status == 401
    assert list(door.staging.folder.iterdir()) == before


def test_without_credentials_a_waiting_client_is_not_told_to_go_on(door):
    path = create(door.port, 5)

    with Line(door.port) as line:
        told = BYTES | {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Length": "5"}
        line.head("PATCH", path, told | {"Expect": "100-continue"})
        first_line = line.file.readline()

    assert b"401" in first_line


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "GET"])
def test_another_docks_upload_does_not_exist(door, method):
    path = create(door.port, 4)

    answer = ask(door.port, method, path, BYTES | {"Authorization": "Bearer dock-2", "Upload-Offset": "0"})

    assert answer.status == 404
    assert "upload-offset" not in answer.headers


@pytest.mark.parametrize(
    "name", ["nothing", "g1.nothing", "g1.01a2005c-8ec6-71d4-a2f4-dbed9acc9c78", "%2e%2e", "g1.%2e%2e"]
)
def test_what_is_no_upload_is_not_found(door, name):
    assert ask(door.port, "HEAD", f"{BASE}/{name}").status == 404


def test_another_gates_upload_is_misdirected_but_its_state_is_told(door):
    path = create(door.port, 4).replace("/g1.", "/g2.")

    assert ask(door.port, "HEAD", path).status == 421
    assert patch(door.port, path, 0, b"0123").code == "wrong-gate"
    assert ask(door.port, "GET", path).json["state"] == "receiving"


def test_a_wrong_offset_changes_nothing_and_tells_the_right_one(door):
    path = create(door.port, 10)
    patch(door.port, path, 0, b"01234")

    for offset in (0, 4, 6, 10):
        answer = patch(door.port, path, offset, b"x")

        assert (answer.status, answer.code, answer.offset) == (409, "offset-mismatch", 5)
    assert head_offset(door.port, path) == 5


@pytest.mark.parametrize("offset", ["-", "", "-1", "five"])
def test_an_offset_that_is_no_number_is_malformed(door, offset):
    path = create(door.port, 10)

    assert patch(door.port, path, 0, b"x", {"Upload-Offset": offset}).status == 400


def test_a_patch_needs_its_content_type(door):
    path = create(door.port, 10)

    answer = patch(door.port, path, 0, b"x", {"Content-Type": "application/octet-stream"})

    assert (answer.status, answer.code) == (415, "wrong-content-type")
    assert head_offset(door.port, path) == 0


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_matching_checksum_lets_the_bytes_count(door, algorithm):
    path = create(door.port, 10)

    first = patch(door.port, path, 0, b"01234", checksum(b"01234", algorithm))
    second = patch(door.port, path, 5, b"56789", checksum(b"56789", algorithm))

    assert (first.status, first.offset, second.status) == (204, 5, 204)
    assert kept(door, path) == b"0123456789"


def test_a_wrong_checksum_keeps_nothing_of_its_body(door):
    path = create(door.port, 10)
    patch(door.port, path, 0, b"01234")

    answer = patch(door.port, path, 5, b"56789", checksum(b"5678x"))

    assert (answer.status, answer.code, answer.offset) == (460, "checksum-mismatch", 5)
    assert head_offset(door.port, path) == 5
    assert patch(door.port, path, 5, b"56789", checksum(b"56789")).offset == 10


def test_an_unknown_checksum_algorithm_is_refused_before_the_body(door):
    path = create(door.port, 10)

    answer = patch(door.port, path, 0, b"01234", {"Upload-Checksum": "crc32 AAAAAA=="})

    assert answer.status == 400
    assert head_offset(door.port, path) == 0


def test_an_empty_file_is_complete_when_made(door):
    answer = ask(door.port, "POST", BASE, {"Upload-Length": "0"})

    assert (answer.status, answer.offset) == (201, 0)
    assert kept(door, answer.headers["location"]) == b""
    assert ask(door.port, "GET", answer.headers["location"]).json["state"] == "received"


@pytest.mark.parametrize("sums", [{}, checksum(b"0123456789")])
def test_a_whole_file_may_come_with_its_creation(door, sums):
    answer = ask(door.port, "POST", BASE, BYTES | {"Upload-Length": "10"} | sums, b"0123456789")

    assert (answer.status, answer.offset) == (201, 10)
    assert kept(door, answer.headers["location"]) == b"0123456789"
    assert door.register.received_calls.count(id_of(answer.headers["location"])) == 1


def test_first_bytes_may_come_with_the_creation(door):
    answer = ask(door.port, "POST", BASE, BYTES | {"Upload-Length": "10"}, b"0123")

    assert (answer.status, answer.offset) == (201, 4)
    assert "upload-expires" in answer.headers
    assert patch(door.port, answer.headers["location"], 4, b"456789").status == 204
    assert kept(door, answer.headers["location"]) == b"0123456789"


def test_a_creation_whose_bytes_fail_their_checksum_leaves_nothing(door):
    before = (set(door.staging.folder.iterdir()), set(door.register.states))

    answer = ask(door.port, "POST", BASE, BYTES | {"Upload-Length": "9"} | checksum(b"other"), b"0123")

    assert answer.status == 460
    assert (set(door.staging.folder.iterdir()), set(door.register.states)) == before


@pytest.mark.parametrize("length", ["-", "-1", "1e3", "nine"])
def test_a_creation_needs_a_length(door, length):
    assert ask(door.port, "POST", BASE, {"Upload-Length": length}).status == 400


def test_deferred_length_and_concatenation_are_refused(door):
    assert ask(door.port, "POST", BASE, {"Upload-Defer-Length": "1"}).status == 400
    assert ask(door.port, "POST", BASE, {"Upload-Concat": "partial", "Upload-Length": "4"}).status == 400


def test_more_than_the_largest_upload_is_refused(door):
    answer = ask(door.port, "POST", BASE, {"Upload-Length": str(MAX_SIZE_BYTES + 1)})

    assert (answer.status, answer.code) == (413, "too-large")


def test_more_than_the_disk_holds_is_refused_at_the_start(door):
    before = set(door.staging.folder.iterdir())

    answer = ask(door.port, "POST", BASE, {"Upload-Length": str(MAX_SIZE_BYTES)})

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "disk-full", "60")
    assert set(door.staging.folder.iterdir()) == before


def test_more_bytes_than_declared_are_refused_before_they_come(door):
    path = create(door.port, 10)

    answer = patch(door.port, path, 0, b"0123456789x")

    assert (answer.status, answer.offset) == (413, 0)
    assert head_offset(door.port, path) == 0


def test_more_bytes_than_declared_in_chunks_are_not_kept(door):
    path = create(door.port, 10)

    with Line(door.port) as line:
        line.head("PATCH", path, _dock_bytes(0) | {"Transfer-Encoding": "chunked"})
        line.send(b"a\r\n0123456789\r\n")
        line.send(b"1\r\nx\r\n0\r\n\r\n")
        answer = line.answer()

    assert (answer.status, answer.offset) == (413, 0)
    assert patch(door.port, path, 0, b"0123456789").status == 204


def test_a_chunked_body_needs_no_length(door):
    path = create(door.port, 10)

    with Line(door.port) as line:
        line.head("PATCH", path, _dock_bytes(0) | {"Transfer-Encoding": "chunked"})
        line.send(b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")
        answer = line.answer()

    assert (answer.status, answer.offset) == (204, 10)
    assert kept(door, path) == b"0123456789"


def test_the_last_patch_may_be_repeated(door):
    path = create(door.port, 10)
    patch(door.port, path, 0, b"01234")
    patch(door.port, path, 5, b"56789")

    for repeated in (patch(door.port, path, 5, b"56789"), patch(door.port, path, 10, b"")):
        assert (repeated.status, repeated.offset) == (204, 10)
        assert repeated.headers["huisu-upload-state"] == "received"
    assert patch(door.port, path, 5, b"5678").status == 409
    assert patch(door.port, path, 10, b"x").status == 409
    assert kept(door, path) == b"0123456789"


def test_the_last_patch_may_be_repeated_when_the_store_has_the_bytes(door):
    path = create(door.port, 10)
    patch(door.port, path, 0, b"0123456789")
    door.register.become(id_of(path), state="verified", sha256=hashlib.sha256(b"0123456789").hexdigest())
    door.staging.discard(id_of(path))

    repeated = patch(door.port, path, 0, b"0123456789")
    head = ask(door.port, "HEAD", path)

    assert (repeated.status, repeated.offset, repeated.headers["huisu-upload-state"]) == (204, 10, "verified")
    assert (head.status, head.offset, head.headers["upload-length"]) == (200, 10, "10")
    assert ask(door.port, "GET", path).json["state"] == "verified"


def test_get_tells_the_state_as_json(door):
    path = create(door.port, 10)
    patch(door.port, path, 0, b"0123")

    answer = ask(door.port, "GET", path, {"Tus-Resumable": "-"})

    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "id": id_of(path),
        "state": "receiving",
        "reason": None,
        "offset": 4,
        "size": 10,
        "sha256": None,
        "recording": None,
        "duplicate": False,
    }


def test_termination_removes_an_unfinished_upload(door):
    path = create(door.port, 10)
    patch(door.port, path, 0, b"0123")

    assert ask(door.port, "DELETE", path).status == 204
    assert not (door.staging.folder / id_of(path)).exists()
    assert ask(door.port, "HEAD", path).status == 404
    assert patch(door.port, path, 4, b"4").status == 404


def test_what_was_received_cannot_be_terminated(door):
    path = create(door.port, 4)
    patch(door.port, path, 0, b"0123")

    assert ask(door.port, "DELETE", path).status == 409
    assert kept(door, path) == b"0123"


@pytest.mark.parametrize(("verb", "status"), [("PATCH", 204), ("HEAD", 200), ("DELETE", 204), ("TRACE", 400)])
def test_clients_that_can_only_post_override_the_method(door, verb, status):
    path = create(door.port, 4)

    answer = ask(door.port, "POST", path, _dock_bytes(0) | {"X-HTTP-Method-Override": verb}, b"0123")

    assert answer.status == status


def test_an_expired_upload_is_gone(door):
    path = create(door.port, 4)
    door.clock.now += timedelta(days=7)
    try:
        assert ask(door.port, "HEAD", path).status == 410
        assert patch(door.port, path, 0, b"0123").code == "gone"
        door.staging.expire(door.clock(), door.register.expired)
    finally:
        door.clock.now -= timedelta(days=7)
    assert ask(door.port, "HEAD", path).status == 410
    assert ask(door.port, "GET", path).json["state"] == "expired"


def test_a_register_that_is_busy_loses_nothing(door):
    path = create(door.port, 4)
    door.register.is_busy = True

    refused = patch(door.port, path, 0, b"0123")
    door.register.is_busy = False

    assert (refused.status, refused.code, refused.offset) == (503, "database-busy", 4)
    assert ask(door.port, "GET", path).json["state"] == "receiving"
    assert head_offset(door.port, path) == 4
    assert ask(door.port, "GET", path).json["state"] == "received"


def test_a_register_that_is_busy_opens_nothing(door):
    before = set(door.staging.folder.iterdir())
    door.register.is_busy = True

    answer = ask(door.port, "POST", BASE, {"Upload-Length": "4"})

    assert answer.status == 503
    assert set(door.staging.folder.iterdir()) == before


@pytest.mark.parametrize(
    "name", ["录" * 297 + ".mp4", "../../etc/passwd", "مقطع فيديو.mp4", "a\x00b", "CON", "\u202egpm.exe"]
)
def test_file_names_are_values_and_never_paths(door, name):
    outside = {path.name for path in door.staging.folder.parent.iterdir()}
    path = create(door.port, 3, {"filename": name, "officer": "010203", "vendor-key": "值"})
    patch(door.port, path, 0, b"abc")

    told = door.staging.manifest(id_of(path)).metadata

    assert told == {"filename": name.replace("\0", "\\x00"), "officer": "010203", "vendor-key": "值"}
    assert door.register.metadata[id_of(path)] == told
    assert sorted(entry.name for entry in (door.staging.folder / id_of(path)).iterdir()) == ["manifest.json", "whole"]
    assert {path.name for path in door.staging.folder.parent.iterdir()} == outside


def test_impossible_metadata_is_refused(door):
    assert ask(door.port, "POST", BASE, {"Upload-Length": "3", "Upload-Metadata": "a YQ==,a YQ=="}).status == 400
    assert ask(door.port, "POST", BASE, {"Upload-Length": "3", "Upload-Metadata": "a " + "A" * 20000}).status == 413


def test_every_route_is_in_the_open_description(door):
    paths = door.app.openapi()["paths"]

    assert set(paths[BASE]) == {"post", "options"}
    assert set(paths[BASE + "/{name}"]) == {"get", "head", "patch", "post", "delete", "options"}


def _dock_bytes(offset: int) -> dict[str, str]:
    told = {"Authorization": "Bearer dock-1", "Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    return BYTES | told
