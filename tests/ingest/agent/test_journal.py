"""The resume memory."""

import os
from pathlib import Path

import pytest

from services.digest import Digest
from services.errors import Misconfigured
from services.ingest.agent.journal import KEPT_S, Entry, Journal, Key

KEY = Key("http://a/api/v1/uploads", Path("/card/录像 1.mp4"), 10, 5, Digest("sha256", bytes(32)))
OTHERS = [
    Key("http://b/api/v1/uploads", KEY.path, 10, 5, KEY.digest),
    Key(KEY.url, Path("/card/2.mp4"), 10, 5, KEY.digest),
    Key(KEY.url, KEY.path, 11, 5, KEY.digest),
    Key(KEY.url, KEY.path, 10, 6, KEY.digest),
    Key(KEY.url, KEY.path, 10, 5, Digest("sha256", bytes(31) + b"1")),
]


def test_an_entry_is_found_again_by_another_process_and_only_under_its_key(tmp_path):
    Journal(tmp_path).write(KEY, Entry("attempt", None))
    Journal(tmp_path).write(KEY, Entry("attempt", "http://a/1"))

    assert Journal(tmp_path).recall(KEY) == Entry("attempt", "http://a/1")
    assert [Journal(tmp_path).recall(key) for key in OTHERS] == [None] * 5


def test_a_forgotten_entry_is_gone(tmp_path):
    journal = Journal(tmp_path)
    journal.write(KEY, Entry("attempt", "http://a/1"))

    journal.forget(KEY)
    journal.forget(KEY)

    assert journal.recall(KEY) is None


def test_a_path_of_any_bytes_can_be_remembered(tmp_path):
    key = Key(KEY.url, Path(os.fsdecode(b"/card/\xc2\xbc\xcf\xf1.mp4")), 1, 1, KEY.digest)
    journal = Journal(tmp_path)

    journal.write(key, Entry("a", "b"))

    assert journal.recall(key) == Entry("a", "b")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"attempt": 1}', b"\xff"])
def test_a_spoiled_entry_counts_as_none(tmp_path, content):
    journal = Journal(tmp_path)
    journal.write(KEY, Entry("a", "b"))
    next((tmp_path / "uploads").iterdir()).write_bytes(content)

    assert journal.recall(KEY) is None


def test_one_agent_at_a_time_may_send_a_file(tmp_path):
    first = Journal(tmp_path).claim(KEY)
    assert first

    assert Journal(tmp_path).claim(KEY) is None
    assert Journal(tmp_path).claim(OTHERS[1])
    first.release()
    first.release()
    assert Journal(tmp_path).claim(KEY)


def test_only_old_entries_of_files_that_are_gone_are_dropped(tmp_path):
    here = tmp_path / "here.mp4"
    here.touch()
    journal = Journal(tmp_path)
    kept = Key(KEY.url, here, 0, 0, KEY.digest)
    for key in (kept, KEY):
        journal.write(key, Entry("a", "b"))
    written = max(path.stat().st_mtime for path in (tmp_path / "uploads").iterdir())

    journal.prune(written + KEPT_S - 60)
    assert journal.recall(KEY)
    journal.prune(written + KEPT_S + 60)

    assert journal.recall(KEY) is None
    assert journal.recall(kept)


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured, match="--state"):
        Journal(tmp_path / "file")
