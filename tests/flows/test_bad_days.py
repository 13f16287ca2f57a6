"""Odd, broken and hostile uploads: each ends in a state a person can see, with the original kept."""

import struct

import pytest

from services.custody.ledger import history
from services.digest import Digest
from services.index.fsck import check
from services.index.models import Arrival, Object, Recording
from services.storage import keys
from tests.archive_fixture import add_device
from tests.flows.pipeline import Dock
from tests.footage import make_footage


@pytest.fixture
def dock(sqlite_archive):
    dock = Dock(sqlite_archive)
    yield dock
    with dock.archive.reading() as session:
        assert [str(finding) for finding in check(session, dock.archive.store, deep=True)] == []
    dock.close()


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return make_footage(tmp_path_factory.mktemp("footage") / "a.mp4", frames=30, size=(160, 90)).read_bytes()


def recording(dock, upload):
    with dock.archive.reading() as session:
        return session.get_one(Recording, upload.recording_id)


def kept(dock, upload):
    return b"".join(dock.archive.store.read(keys.original(Digest.from_hex(upload.sha256))))


HOSTILE = {
    "empty.mp4": b"",
    "text.mp4": "这不是录像\n".encode() * 50,
    "hls.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "dash.mp4": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "huge-box.mp4": struct.pack(">I4sQ", 1, b"moov", 1 << 63) + bytes(64),
    "forged-counts.mp4": struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 1 << 30, b"moov"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_recording_is_kept_and_called_damaged(dock, name):
    upload = dock.send(HOSTILE[name], filename=name)

    found = recording(dock, upload)
    assert (upload.state, found.state, found.playable) == ("verified", "damaged", False)
    assert found.flags
    assert kept(dock, upload) == HOSTILE[name]


def test_a_truncated_recording_is_kept_and_called_damaged(dock, footage):
    upload = dock.send(footage[: len(footage) // 2], filename="cut.mp4")

    assert (upload.state, recording(dock, upload).state) == ("verified", "damaged")


def test_a_wrong_declared_digest_is_quarantined_kept_and_never_linked(dock, footage):
    upload = dock.send(footage, sha256="0" * 64, case="AJ-1")

    found = recording(dock, upload)
    assert (upload.state, found.state) == ("quarantined", "quarantined")
    assert "0" * 64 in upload.reason
    assert kept(dock, upload) == footage
    with dock.archive.reading() as session:
        events = [line.entry.type for line in history(session, found.id)]
    assert events[0] == "rec.ingest"
    assert "rec.quarantine" in events
    assert "rec.link" not in events


def test_the_same_file_from_two_docks_is_one_recording_with_two_arrivals(dock, footage):
    first = dock.send(footage, filename="a.mp4", officer="900001")
    second = dock.send(footage, filename="副本.mp4", officer="900001")

    assert (second.recording_id, second.duplicate, second.state) == (first.recording_id, True, "verified")
    with dock.archive.reading() as session:
        assert [session.query(table).count() for table in (Recording, Object, Arrival)] == [1, 1, 2]


def test_the_same_bytes_of_another_camera_are_another_recording(dock, footage):
    first = dock.send(footage, device="c1")
    second = dock.send(footage, device="c2")

    assert second.recording_id != first.recording_id
    assert all(" same-bytes " in recording(dock, upload).flag_kinds for upload in (first, second))
    assert recording(dock, second).state == "ready"


@pytest.mark.parametrize("when", ["after", "before"])
def test_equal_wrecks_are_two_recordings_whenever_that_is_known(dock, when):
    wreck = b"no recording at all " * 500
    uploads = [dock.receive(wreck, filename=f"{n}.mp4") for n in range(2)] if when == "before" else []
    dock.work()
    if when == "after":
        uploads = [dock.send(wreck, filename=f"{n}.mp4").id for n in range(2)]

    found = [recording(dock, dock.row(upload)) for upload in uploads]

    with dock.archive.reading() as session:
        assert session.query(Recording).count() == 2
        assert session.query(Object).count() == 1
    assert all(" same-bytes " in one.flag_kinds for one in found)


def test_unknown_names_and_impossible_clocks_are_taken_in_and_shown(dock, footage):
    upload = dock.send(
        footage, device="没见过", officer="999", started_at="1970-01-01T00:00:07Z", kind="dashcam", ended_at="gestern"
    )

    found = recording(dock, upload)
    assert found.state == "ready"
    assert {"unknown-device", "unknown-officer", "clock-implausible", "bad-metadata"} <= set(found.flag_kinds.split())
    assert (found.device, found.officer, found.kind) == ("没见过", "999", "body")
    assert found.given["kind"] == "dashcam"


@pytest.mark.parametrize("name", ["执法记录 仪.mp4", "\u202egnp.mp4", "長" * 300, "../../etc/passwd", "a\x00b.mp4", ""])
def test_any_file_name_is_kept_as_it_was(dock, name):
    upload = dock.send(b"x" * 5000, filename=name)

    assert upload.state == "verified"
    assert recording(dock, upload).given.get("filename", "") == name.replace("\0", "\ufffd")


@pytest.mark.parametrize(("device", "kind"), [("room", "interview"), ("vehicle", "vehicle"), ("camera", "body")])
def test_a_device_says_what_it_records_where_the_upload_does_not(dock, device, kind):
    add_device(dock.archive, number="d1", kind=device)

    assert recording(dock, dock.send(b"x" * 5000, device="d1")).kind == kind


def test_interviews_go_first(dock):
    with dock.archive.reading():
        late = [dock.receive(b"x" * 5000, filename=str(n)) for n in range(3)]
        first = dock.receive(b"y" * 5000, kind="interview")
    from services.jobs.lease import claim

    job = claim(dock.archive.engine, ["gate.g1"], dock.archive.clock())

    assert job.key == first
    assert late
    dock.archive.clock.advance(60)
    dock.work()
