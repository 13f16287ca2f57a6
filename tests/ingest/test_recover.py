"""A damaged original gives back what can be seen of it, marked, with its lineage; it stays damaged and as it is."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from services.accounts.rights import Principal
from services.api.actions.open_viewing import Wish
from services.api.actions.play import play, play_media
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import NotPlayable
from services.index.fsck import check
from services.index.models import Recording, Rendition
from services.index.recording_facts import facts
from services.index.recordings import rendition
from services.jobs.lease import of_key
from tests.archive_fixture import add_user, subtree
from tests.flows.pipeline import Dock
from tests.footage import make_footage, numbers

WISH = Wish(reason="检查")


@pytest.fixture
def dock(sqlite_archive: Archive) -> Iterator[Dock]:
    dock = Dock(sqlite_archive)
    yield dock
    dock.close()


def reviewer(archive: Archive) -> Principal:
    from services.accounts.models import Unit

    with archive.reading() as session:
        unit = session.query(Unit).filter(Unit.number == "root").one().id
    assert subtree(archive, unit)
    return add_user(archive, "reviewer", unit, name="li")


def damaged_and_whole(folder: Path) -> tuple[Path, Path, int]:
    """Make a file without its index, of which so many pictures are whole, and another of the same camera."""
    whole = make_footage(folder / "whole.mp4", frames=240, size=(640, 360))
    damaged = folder / "坏.mp4"
    damaged.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sibling = make_footage(folder / "b.mp4", frames=60, size=(640, 360), first=500)
    from tests.media.test_recover import reference

    track = reference(whole).track
    return damaged, sibling, int((track.samples.end <= damaged.stat().st_size).sum())


def recording_of(dock: Dock, upload: str) -> str:
    found = dock.row(upload).recording_id
    assert found is not None
    return found


def played(archive: Archive, who: Principal, recording: str, rendition_name: str | None) -> list[int]:
    playing = play(archive, who, recording, WISH, rendition=rendition_name)
    (named,) = {line.split("rendition=")[1].split("&")[0] for line in playing.playlist().splitlines() if "media" in line
                and not line.startswith("#")}  # fmt: skip
    stored, _ = play_media(archive, who, recording, named, WISH)
    return numbers(stored.whole(archive.store))


@pytest.mark.parametrize("damaged_first", [True, False])
def test_a_file_without_index_is_brought_back_with_a_sibling(damaged_first: bool, dock: Dock, tmp_path: Path) -> None:
    archive = dock.archive
    damaged, sibling, count = damaged_and_whole(tmp_path)
    order = [damaged, sibling] if damaged_first else [sibling, damaged]
    uploads = {}
    for path in order:
        uploads[path] = dock.receive(path, device="cam-7")
        dock.work()
    dock.work()
    broken, lent = recording_of(dock, uploads[damaged]), recording_of(dock, uploads[sibling])
    who = reviewer(archive)

    with archive.reading() as session:
        row = session.get_one(Recording, broken)
        shown = facts(session, row)
        made = rendition(session, broken, "recovered")
        events = [one.entry.type for one in history(session, broken)]
    assert (row.state, row.playable) == ("damaged", False)
    assert {"no-index", "recovered"} <= set(row.flag_kinds.split())
    assert made is not None
    assert made.parent_sha256 == row.sha256
    assert made.recipe["reference"]["recording"] == lent
    assert shown.recovered is not None
    assert (shown.recovered["frames"], shown.recovered["reference"]) == (count, lent)
    assert Fraction(shown.recovered["rate"]) == 30
    assert events[-2:] == ["rec.rendition", "rec.facts"]
    with pytest.raises(NotPlayable):
        play(archive, who, broken, WISH)
    assert played(archive, who, broken, "recovered") == list(range(count))
    with archive.reading() as session:
        assert list(check(session, archive.store, deep=True)) == []


def test_without_a_reference_it_stays_as_it_is_and_is_not_tried_for_ever(dock: Dock, tmp_path: Path) -> None:
    damaged, _, _ = damaged_and_whole(tmp_path)
    upload = dock.receive(damaged, device="cam-7")
    dock.work()
    for n in range(6):
        dock.send(make_footage(tmp_path / f"{n}.mp4", frames=30 + n, codec="mpeg4"), device="cam-7")

    recording = recording_of(dock, upload)
    with dock.archive.reading() as session:
        assert rendition(session, recording, "recovered") is None
        assert facts(session, session.get_one(Recording, recording)).recovered is None
        assert sum(job.kind == "recover" for job in of_key(session, recording)) <= 4
    with pytest.raises(NotPlayable):
        play(dock.archive, reviewer(dock.archive), recording, WISH, rendition="recovered")


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp4", {"layout": "fragmented"}), ("a.avi", {}), ("a.mkv", {})],
)
def test_what_plays_up_to_the_damage_is_marked_as_recovered(
    name: str, options: dict[str, str], dock: Dock, tmp_path: Path
) -> None:
    whole = make_footage(tmp_path / name, frames=300, **options)  # type: ignore[arg-type]
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    upload = dock.send(cut, device="cam-7")
    archive, recording = dock.archive, upload.recording_id
    assert recording is not None

    with archive.reading() as session:
        row = session.get_one(Recording, recording)
        kinds = {one.kind for one in session.query(Rendition).where(Rendition.recording_id == recording)}
    assert row.state == "damaged"
    assert {"proxy", "recovered"} <= kinds
    assert {"truncated", "recovered"} <= set(row.flag_kinds.split())
    seen = played(archive, reviewer(archive), recording, "recovered")
    assert len(seen) >= 160
    assert seen == list(range(len(seen)))
    assert (row.facts or {})["recovered"]["frames"] == len(seen)
    with archive.reading() as session:
        assert list(check(session, archive.store, deep=True)) == []


def test_a_cut_transport_stream_gives_every_picture_before_the_cut(dock: Dock, tmp_path: Path) -> None:
    whole = make_footage(tmp_path / "a.ts", frames=300)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])

    upload = dock.send(cut)

    assert upload.recording_id is not None
    seen = played(dock.archive, reviewer(dock.archive), upload.recording_id, "proxy")
    assert len(seen) >= 178
    assert seen == list(range(len(seen)))
