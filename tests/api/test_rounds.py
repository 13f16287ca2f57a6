"""What rests in memory is written when the server stops; what nobody ends is ended by a round."""

from sqlalchemy import select

from services.api.rounds import api_rounds
from services.bootstrap import Archive
from services.custody.ledger import history
from services.index.models import Viewing
from tests.api.site import serve
from tests.archive_fixture import HeldClock, add_recording, add_unit, add_user


def test_a_clean_stop_loses_nothing(sqlite_archive: Archive) -> None:
    unit = add_unit(sqlite_archive, "D1")
    who = add_user(sqlite_archive, "reviewer", unit, name="li")
    recording = add_recording(sqlite_archive, unit=unit, content=b"x" * 5000)
    with serve(sqlite_archive) as site:
        client = site.as_user("li")
        told = client.get(f"/api/v1/recordings/{recording}/original", headers={"X-Access-Reason": "why"})
        client.get("/api/v1/recordings", params={"q": "盗窃"})
    with sqlite_archive.reading() as session:
        viewing = session.scalars(select(Viewing)).one()
        searched = [one.entry.type for one in history(session, who.id)]

    assert told.content == b"x" * 5000
    assert (viewing.bytes_sent, viewing.byte_ranges) == (5000, [["original", [0, 5000]]])
    assert searched[-1] == "account.search"


def test_the_rounds_end_what_fell_silent(sqlite_archive: Archive, clock: HeldClock) -> None:
    rounds = {name: (every_s, act) for name, every_s, act in api_rounds(sqlite_archive)}
    unit = add_unit(sqlite_archive, "D1")
    add_user(sqlite_archive, "reviewer", unit, name="li")
    recording = add_recording(sqlite_archive, unit=unit)
    with serve(sqlite_archive) as site:
        site.as_user("li").post(f"/api/v1/recordings/{recording}/viewings", json={})
    clock.advance(601)
    for _, act in rounds.values():
        act()
    with sqlite_archive.reading() as session:
        events = [one.entry.type for one in history(session, recording)]

    assert {"viewings", "denials", "forget"} <= rounds.keys()
    assert events[-2:] == ["rec.view.start", "rec.view.end"]
