"""An upload belongs to its sender, to the officer it names, and to the units of both."""

from services.accounts.rights import Principal
from services.bootstrap import Archive, new_id
from services.errors import NotFound
from services.index.changes import Change, visible_changes
from services.index.models import Upload
from services.index.uploads import find_upload, list_uploads
from tests.archive_fixture import add_unit, add_user, everywhere


def arrive(archive: Archive, sender: str, unit: str, officer: str | None) -> str:
    """Let a dock of this unit begin to send footage that names an officer."""
    made, now = new_id(), archive.clock()
    with archive.plain() as session:
        session.add(
            Upload(
                id=made, gate="g1", state="receiving", size_bytes=1, sender_id=sender, sender="dock", unit_id=unit,
                filename="a.mp4", officer=officer, created_at=now, changed_at=now, expires_at=now,
            )
        )  # fmt: skip
    return made


def seen(archive: Archive, who: Principal, upload: str) -> bool:
    """Ask three ways whether someone sees an upload; the answers must agree."""
    with archive.reading() as session:
        listed = upload in {one.id for one in list_uploads(session, who).items}
        heard = bool(visible_changes(session, who, [Change("upload", upload, {}, upload)]))
        try:
            found = find_upload(session, who, upload).id == upload
        except NotFound:
            found = False
    assert listed == heard == found
    return found


def test_a_dock_sends_for_many_and_each_sees_their_own(archive: Archive) -> None:
    root = add_unit(archive, "root")
    first, second = add_unit(archive, "D1", parent=root), add_unit(archive, "D2", parent=root)
    zhang, wang = (
        add_user(archive, "officer", unit, number=number) for unit, number in ((first, "0001"), (second, "0002"))
    )
    reviewers = [add_user(archive, "reviewer", unit, number=None) for unit in (first, second, root)]
    dock = new_id()

    named = arrive(archive, dock, root, "0001")
    unnamed = arrive(archive, dock, first, None)

    assert [seen(archive, who, named) for who in (zhang, wang, *reviewers)] == [True, False, True, False, True]
    assert [seen(archive, who, unnamed) for who in (zhang, wang, *reviewers)] == [False, False, True, False, True]
    assert seen(archive, everywhere("auditor"), named)
    assert not seen(archive, everywhere("integrator"), named)
