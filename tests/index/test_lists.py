"""Lists of what footage belongs to: cases, and doubtful links put to people."""

from datetime import timedelta

import pytest

from services.bootstrap import Archive, new_id
from services.errors import Invalid
from services.index.lists import list_cases, list_proposals, show_case, show_incident
from services.index.models import Case, Incident, Proposal
from services.index.visible import fetch_case
from tests.archive_fixture import (
    NOON,
    add_case,
    add_incident,
    add_recording,
    add_unit,
    add_user,
    everywhere,
    link,
)


def propose(archive: Archive, recording: str, number: str, **more: object) -> str:
    made = new_id()
    facts: dict[str, object] = {"state": "open", "made_at": archive.clock()} | more
    with archive.work() as work:
        work.session.add(
            Proposal(
                id=made,
                recording_id=recording,
                target_type="incident",
                target_id=new_id(),
                number=number,
                rule="window",
                score=0.5,
                reasons=[{"by": "officer"}],
                **facts,
            )
        )
        work.append("rec.propose", recording, proposal=made, number=number)
    return made


def test_cases_come_latest_first_and_those_without_a_date_last(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    who = add_user(archive, "reviewer", unit)
    add_case(archive, "A-old", unit=unit, accepted_at=NOON - timedelta(days=9))
    add_case(archive, "A-undated", unit=unit)
    add_case(archive, "A-new", unit=unit, accepted_at=NOON)
    add_case(archive, "A-hidden", unit=other, accepted_at=NOON)

    seen = []
    cursor = None
    with archive.reading() as session:
        while True:
            part = list_cases(session, who, limit=1, cursor=cursor)
            seen += [case.number for case in part.items]
            cursor = part.next
            if cursor is None:
                break
        with pytest.raises(Invalid, match="another list"):
            list_cases(session, who, q="A", cursor=list_cases(session, who, limit=1).next)
    assert seen == ["A-new", "A-old", "A-undated"]


def test_a_case_is_found_by_its_words_and_counts_what_one_may_see(archive: Archive) -> None:
    unit = add_unit(archive)
    supervisor = add_user(archive, "supervisor", unit)
    reviewer = add_user(archive, "reviewer", unit)
    incident = add_incident(archive, "J1")
    case = add_case(
        archive, "A1", unit=unit, title="王某盗窃案", officers=["8", "7"], incidents=[incident], stage="立案"
    )
    add_case(archive, "A2", unit=unit, title="诈骗案")
    link(archive, add_recording(archive, unit=unit), "case", case)
    link(archive, add_recording(archive), "case", case)
    link(archive, add_recording(archive, unit=unit), "case", case, ended=True)

    with archive.reading() as session:
        seen = [list_cases(session, who, q="盗窃").items for who in (supervisor, reviewer)]
        shown = show_case(session, reviewer, fetch_case(session, reviewer, "case.see", "A1"))
    assert [[(one.number, one.recordings) for one in items] for items in seen] == [[("A1", 1)], [("A1", 2)]]
    assert (shown.title, shown.stage, shown.recordings) == ("王某盗窃案", "立案", 2)
    assert (shown.officers, shown.incidents, shown.version) == (("7", "8"), ("J1",), 1)


def test_an_incident_shows_its_officers_its_place_and_its_cases(archive: Archive) -> None:
    incident = add_incident(archive, "J1", officers=["9", "7"], devices=["D1"], place={"name": "钟楼"}, type="扒窃")
    add_case(archive, "A1", incidents=[incident])

    with archive.reading() as session:
        shown = show_incident(session, session.get_one(Incident, incident))
        assert session.query(Case).count() == 1
    assert (shown.number, shown.type, shown.officers, shown.devices) == ("J1", "扒窃", ("7", "9"), ("D1",))
    assert (shown.place, shown.cases) == ({"name": "钟楼"}, ("A1",))


def test_proposals_are_those_of_recordings_one_may_see(archive: Archive) -> None:
    unit = add_unit(archive)
    who = add_user(archive, "officer", unit, number="7")
    mine = add_recording(archive, officer="7", started_at=NOON)
    older = propose(archive, mine, "J1", made_at=NOON - timedelta(days=1))
    newer = propose(archive, mine, "J2")
    answered = propose(archive, mine, "J3", state="rejected", answered_by="somebody", answer_reason="not mine")
    foreign = propose(archive, add_recording(archive, officer="8"), "J1")

    with archive.reading() as session:
        first = list_proposals(session, who, limit=1)
        rest = list_proposals(session, who, limit=9, cursor=first.next)
        rejected = list_proposals(session, who, state="rejected")
        every = list_proposals(session, everywhere("integrator"), state=None)
        of_one = list_proposals(session, add_user(archive, "reviewer", unit), state=None, recording=mine)
        with pytest.raises(Invalid):
            list_proposals(session, who, state="shut")
    assert [one.id for one in (*first.items, *rest.items)] == [newer, older]
    assert [(one.officer, one.started_at, one.number) for one in first.items] == [("7", NOON, "J2")]
    assert [(one.id, one.answer_reason) for one in rejected.items] == [(answered, "not mine")]
    assert every.items == of_one.items == ()
    assert foreign
