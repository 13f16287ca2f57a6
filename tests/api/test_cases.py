"""Cases are taken in by their numbers, found, and answer with their recordings by the wall clock."""

from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select

from services.accounts import units
from services.accounts.rights import Principal
from services.api.actions.put_case import put_case
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import Invalid, NotAllowed, NotFound, PreconditionFailed
from services.index.models import Case, Recording
from services.index.recordings import Filter, page
from services.jobs.table import JobRow
from tests.api.theatre import CASE, Theatre
from tests.archive_fixture import (
    add_case,
    add_incident,
    add_recording,
    add_unit,
    add_user,
    everywhere,
    link,
)


@pytest.fixture
def reviewer(archive: Archive) -> Principal:
    return add_user(archive, "reviewer", add_unit(archive, "U1"), name="li")


def test_a_case_is_taken_in_and_changed(archive: Archive, reviewer: Principal) -> None:
    made, created = put_case(archive, reviewer, "刑〔2026〕1号", {"unit": "U1", "title": "盗窃案", "officers": ["1"]})
    changed, again = put_case(archive, reviewer, "刑〔2026〕1号", {"stage": "侦查"}, made.version)
    with pytest.raises(PreconditionFailed):
        put_case(archive, reviewer, "刑〔2026〕1号", {"stage": "x"}, made.version)
    with archive.reading() as session:
        row = session.scalars(select(Case)).one()
        events = [one.entry.type for one in history(session, row.id)]

    assert (created, again) == (True, False)
    assert (changed.title, changed.stage, changed.officers) == ("盗窃案", "侦查", ("1",))
    assert row.unit_id == reviewer.unit
    assert set(events) == {"case.put"}


def test_a_case_of_an_incident_asks_for_linking(archive: Archive, reviewer: Principal) -> None:
    incident = add_incident(archive, "J1", unit=reviewer.unit)
    made, _ = put_case(archive, reviewer, "A1", {"incidents": ["J1", "J2"]})
    with archive.reading() as session:
        asked = [job.args["incident"] for job in session.scalars(select(JobRow).where(JobRow.kind == "relink"))]

    assert made.incidents == ("J1", "J2")
    assert incident in asked
    assert len(asked) == 2


def test_nobody_takes_in_for_another_unit(archive: Archive, reviewer: Principal) -> None:
    other = add_unit(archive, "U2")
    add_case(archive, "B1", unit=other)
    add_incident(archive, "K1", unit=other)
    with pytest.raises(NotAllowed):
        put_case(archive, reviewer, "A1", {"unit": "U2"})
    with pytest.raises(NotFound):
        put_case(archive, reviewer, "B1", {"title": "mine now", "unit": "U1"})
    with pytest.raises(NotFound):
        put_case(archive, reviewer, "A1", {"incidents": ["K1"]})
    with archive.reading() as session:
        assert session.scalars(select(Case.number)).all() == ["B1"]

    made, _ = put_case(archive, everywhere("integrator"), "B1", {"title": "told by the system"})
    assert made.title == "told by the system"


def test_a_title_is_found_by_its_recordings(archive: Archive, reviewer: Principal) -> None:
    recording = add_recording(archive, unit=reviewer.unit)
    link(archive, recording, "case", add_case(archive, "A1", unit=reviewer.unit))
    put_case(archive, reviewer, "A1", {"title": "人民路盗窃案"})
    with archive.reading() as session:
        found = page(session, reviewer, Filter(q="盗窃"))

    assert [item.id for item in found.items] == [recording]


def test_the_form_of_numbers_is_the_nearest_units(archive: Archive, reviewer: Principal) -> None:
    with archive.work() as work:
        units.put_unit(work, "C", name="市局", case_pattern=r"C\d{4}", actor="test")
        units.put_unit(work, "C1", name="分局", parent="C", actor="test")
        own = units.put_unit(work, "C11", name="所", parent="C1", case_pattern=r"S\d+", actor="test").id
        middle = units.find_unit(work.session, "C1").id
    integrator = everywhere("integrator")
    with archive.reading() as session:
        patterns = [archive.case_pattern(session, unit) for unit in (own, middle, reviewer.unit, None)]

    assert patterns == [r"S\d+", r"C\d{4}", archive.settings.case_pattern, archive.settings.case_pattern]
    assert put_case(archive, integrator, "S1", {"unit": "C11"})[1]
    assert put_case(archive, integrator, "C2026", {"unit": "C1"})[1]
    with pytest.raises(Invalid):
        put_case(archive, integrator, "S2", {"unit": "C1"})
    assert not put_case(archive, integrator, "S1", {"title": "x"})[1]


def put(client: httpx.Client, number: str, **body: object) -> httpx.Response:
    headers = {name: str(body.pop(name)) for name in ("If-Match",) if name in body}
    return client.put(f"/api/v1/cases/{quote(number, safe='')}", json=body, headers=headers)


def test_over_http_numbers_are_percent_encoded(theatre: Theatre) -> None:
    number = "陕公(刑)立字〔2026〕 7号?#&+%"
    made = put(theatre.reviewer, number, unit="st1", title="入室盗窃", accepted_at="2026-03-01T09:00:00+08:00")
    again = put(theatre.reviewer, number, title="盗窃", **{"If-Match": made.headers["etag"]})
    stale = put(theatre.reviewer, number, title="x", **{"If-Match": made.headers["etag"]})
    told = theatre.reviewer.get(f"/api/v1/cases/{quote(number, safe='')}")

    assert (made.status_code, again.status_code, stale.status_code) == (201, 200, 412)
    assert told.json()["number"] == number
    assert told.json()["title"] == "盗窃"
    assert told.json()["accepted_at"] == "2026-03-01T01:00:00Z"
    assert told.headers["etag"] == again.headers["etag"]
    for bad in ("a/b", "a\nb", "x:batch", "y" * 129):
        assert put(theatre.reviewer, bad, title="x").status_code == 422, bad


@pytest.mark.parametrize(
    "body", [{"titel": "x"}, {"accepted_at": "2026-03-01T09:00:00"}, {"officers": "1"}, {"title": "a\0b"}, {"unit": 7}]
)
def test_a_wrong_body_is_refused(theatre: Theatre, body: dict[str, object]) -> None:
    assert put(theatre.reviewer, "wrong-1", **body).status_code == 422


def test_cases_are_found(theatre: Theatre) -> None:
    put(theatre.reviewer, "find-1", unit="st1", title="人民广场抢夺案")
    told = theatre.reviewer.get("/api/v1/cases", params={"q": "抢夺"}).json()
    hidden = theatre.stranger.get("/api/v1/cases", params={"q": "抢夺"}).json()

    assert [item["number"] for item in told["items"]] == ["find-1"]
    assert hidden["items"] == []


def test_a_case_answers_with_its_recordings_by_the_wall_clock(theatre: Theatre) -> None:
    told = theatre.reviewer.get(f"/api/v1/cases/{CASE}/recordings").json()["items"]
    starts = [item["started_at"] for item in told]
    ids = [item["id"] for item in told]

    assert starts == sorted(starts)
    assert [one for one in ids if one in {theatre.film, theatre.sound, theatre.wreck}] == [
        theatre.film,
        theatre.sound,
        theatre.wreck,
    ]


def test_its_timeline_has_lanes_and_gaps(theatre: Theatre) -> None:
    told = theatre.reviewer.get(f"/api/v1/cases/{CASE}/timeline").json()
    lane = next(lane for lane in told["lanes"] if lane["label"] == "cam-1")

    assert told.keys() == {"from", "to", "lanes", "overlaps"}
    assert told["from"] == "2026-03-02T02:00:00Z"
    assert lane["spans"][0] == {
        "recording": theatre.film,
        "start": "2026-03-02T02:00:00Z",
        "end": "2026-03-02T02:00:10Z",
    }
    assert lane["gaps"][0] == {"start": "2026-03-02T02:00:10Z", "end": "2026-03-02T03:00:00Z"}


def test_a_case_one_may_not_know_of_is_not_there(theatre: Theatre) -> None:
    put(theatre.reviewer, "hidden-1", unit="st1")
    for rest in ("", "/recordings", "/timeline"):
        assert theatre.stranger.get(f"/api/v1/cases/hidden-1{rest}").status_code == 404
    assert put(theatre.stranger, "hidden-1", title="x").status_code == 404
    assert put(theatre.officer, "hidden-2", title="x").status_code == 403
    with theatre.archive.reading() as session:
        assert session.scalars(select(Recording.id).where(Recording.id == theatre.film)).one()
