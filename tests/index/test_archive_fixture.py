"""The makers that all tests fill archives with."""

from sqlalchemy import select

from services.bootstrap import Archive
from services.custody.ledger import check_chain, history
from services.index.models import Link, Recording
from tests.archive_fixture import add_case, add_incident, add_recording, add_rendition, add_unit, add_user, link


def test_makers_leave_rows_objects_and_whole_chains(archive: Archive) -> None:
    unit = add_unit(archive)
    below = add_unit(archive, "U2", parent=unit)
    who = add_user(archive, "reviewer", unit)
    recording = add_recording(archive, unit=below, filename="执法 1.mp4")
    twin = add_recording(archive, content=b"same bytes" * 500)
    again = add_recording(archive, content=b"same bytes" * 500)
    case = add_case(archive, "A1", unit=unit, incidents=[add_incident(archive, "J1", officers=["007"])])
    link(archive, recording, "case", case)
    link(archive, twin, "case", case, ended=True)
    add_rendition(archive, recording)

    with archive.reading() as session:
        rows = {row.id: row for row in session.scalars(select(Recording))}
        live = session.scalars(select(Link.recording_id).where(Link.ended_at.is_(None))).all()
        lines = list(history(session, recording))
    assert rows[twin].object_id == rows[again].object_id != rows[recording].object_id
    assert list(live) == [recording]
    assert [line.entry.type for line in lines] == ["rec.ingest", "rec.verify", "rec.link", "rec.rendition"]
    assert check_chain(lines) == []
    assert who.units == {unit, below}
