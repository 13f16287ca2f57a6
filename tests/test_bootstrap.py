"""The frame index and the frame times of a recording, read through the archive."""

from pathlib import Path

import pytest

from services.bootstrap import Archive
from services.errors import DigestMismatch, Unavailable
from services.media import framefile
from services.media.probe import examine
from tests.archive_fixture import add_recording, add_rendition
from tests.footage import make_footage


def _recipe(version: int = framefile.VERSION) -> dict[str, object]:
    return {"tool": "test", "kind": "frame-index", "version": version}


def test_a_recording_gives_its_frame_index_and_its_frame_times(sqlite_archive: Archive, tmp_path: Path) -> None:
    packed = examine(make_footage(tmp_path / "a.mp4", frames=40, bframes=2)).packed
    assert packed is not None
    recording = add_recording(sqlite_archive)
    add_rendition(sqlite_archive, recording, "frame-index", packed, recipe=_recipe())

    index, times = sqlite_archive.index_of(recording), sqlite_archive.frame_times_of(recording)

    assert index is not None
    assert framefile.pack(index) == packed
    assert times == index.frame_times
    assert sqlite_archive.index_of(recording) is index


def test_a_recording_of_an_older_version_has_its_frame_times_and_no_index(
    sqlite_archive: Archive, tmp_path: Path
) -> None:
    times = examine(make_footage(tmp_path / "a.mp4", frames=40)).frame_times
    assert times is not None
    recording = add_recording(sqlite_archive)
    add_rendition(sqlite_archive, recording, "frame-times", times.to_bytes())
    add_rendition(sqlite_archive, recording, "frame-index", b"of another version", recipe=_recipe(0))

    assert sqlite_archive.index_of(recording) is None
    assert sqlite_archive.frame_times_of(recording) == times


def test_a_recording_that_is_not_examined_has_neither(sqlite_archive: Archive) -> None:
    recording = add_recording(sqlite_archive)

    assert sqlite_archive.index_of(recording) is None
    assert sqlite_archive.frame_times_of(recording) is None


def test_an_index_whose_bytes_changed_is_never_used(sqlite_archive: Archive, tmp_path: Path) -> None:
    packed = examine(make_footage(tmp_path / "a.mp4", frames=40)).packed
    assert packed is not None
    recording = add_recording(sqlite_archive)
    add_rendition(sqlite_archive, recording, "frame-index", packed, recipe=_recipe(), sha256="0" * 64)

    with pytest.raises(DigestMismatch, match="0000"):
        sqlite_archive.index_of(recording)


def test_decoders_are_ended_with_the_archive(sqlite_archive: Archive) -> None:
    sqlite_archive.decoders.ask("services.media.warmchild:echo_request", {}, wall_s=30)
    pool = sqlite_archive.decoders

    sqlite_archive.close()

    with pytest.raises(Unavailable):
        pool.ask("services.media.warmchild:echo_request", {}, wall_s=30)
