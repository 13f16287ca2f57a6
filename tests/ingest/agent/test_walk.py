"""What is footage, and what its sidecar says."""

import json
import os

import pytest

from services.ingest.agent.names import shown
from services.ingest.agent.walk import METADATA_ROOM_BYTES, describe, find, look, read_sidecar


def names(found):
    return [path.name for path in found.files]


def test_folders_are_walked_and_what_is_no_footage_is_left_alone(tmp_path):
    for name in [
        "a.mp4",
        "deep/er/b.MP4",
        ".hidden",
        ".trash/c.mp4",
        "d.mp4.huisu.json",
        "e.part",
        "F.PART",
        "state/uploads/x.json",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    found = find([tmp_path], skip=tmp_path / "state")

    assert names(found) == ["a.mp4", "b.MP4"]
    assert not found.left_out
    assert not found.links


def test_a_file_named_twice_is_found_once(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "link").symlink_to(tmp_path)

    found = find([tmp_path / "a.mp4", tmp_path, tmp_path / "link" / "a.mp4"], skip=tmp_path / "state")

    assert names(found) == ["a.mp4"]


def test_links_inside_a_folder_are_not_followed_but_said(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.mp4").touch()
    card = tmp_path / "card"
    card.mkdir()
    (card / "file.mp4").symlink_to(tmp_path / "outside" / "a.mp4")
    (card / "folder").symlink_to(tmp_path / "outside")
    (card / "round").symlink_to(card)

    found = find([card], skip=tmp_path / "state")

    assert names(found) == []
    assert {path.name for path in found.links} == {"file.mp4", "folder", "round"}


def test_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")

    inside, named = find([tmp_path], skip=tmp_path / "s"), find([tmp_path / "pipe.mp4"], skip=tmp_path / "s")

    assert inside.files == named.files == ()
    assert named.left_out[0][1] == "is neither a file nor a folder"


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b"\xff\xfe", b'"text"', b"[" * 100_000, b'{"a":"' + b"x" * 70_000 + b'"}']
)
def test_a_broken_sidecar_travels_for_a_person_to_see(tmp_path, content):
    path = tmp_path / "a.mp4.huisu.json"
    path.write_bytes(content)

    metadata = read_sidecar(path)

    assert list(metadata) == ["sidecar_unread"]
    assert len(metadata["sidecar_unread"]) <= 500


def test_keys_that_tus_cannot_carry_and_nulls_are_left_out(tmp_path):
    path = tmp_path / "a.mp4.huisu.json"
    path.write_text(json.dumps({"a b": 1, "键": 1, "": 1, "x,y": 1, "note": None, "place": {"lat": 34.5}, "n": 3}))

    assert read_sidecar(path) == {"place": '{"lat": 34.5}', "n": "3"}


def test_too_much_metadata_never_keeps_footage_back(tmp_path):
    (tmp_path / "a.mp4").touch()
    told = {"note": "长" * 9000, "officer": "1", "more": "x"}
    (tmp_path / "a.mp4.huisu.json").write_text(json.dumps(told))

    metadata = describe(look(tmp_path / "a.mp4", {}), 0, "0" * 64)

    assert (metadata["officer"], metadata["more"], metadata["metadata_left_out"]) == ("1", "x", "note")
    assert sum(len(key) + len(value.encode()) for key, value in metadata.items()) < METADATA_ROOM_BYTES + 600


def test_a_file_time_that_no_calendar_has_is_not_sent(tmp_path):
    (tmp_path / "a.mp4").touch()

    metadata = describe(look(tmp_path / "a.mp4", {}), -(10**20), "0" * 64)

    assert "file_mtime" not in metadata


@pytest.mark.parametrize("started", ["nonsense", "", "9999-99-99", "1970-01-01T00:00:00Z"])
def test_any_start_gives_an_order(tmp_path, started):
    (tmp_path / "a.mp4").touch()

    footage = look(tmp_path / "a.mp4", {"started_at": started, "kind": "interview"})

    assert footage.rank[0] == 0
    assert footage.metadata["started_at"] == started


def test_a_name_cannot_write_on_the_screen():
    assert shown("a\x1b[2Jb\nc\u202egpm.exe") == "a\\u001b[2Jb\\u000ac\\u202egpm.exe"
