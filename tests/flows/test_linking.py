"""Footage and incidents find each other whichever comes first; people have the last word."""

from datetime import UTC, datetime, timedelta

import pytest

from services.accounts.units import put_unit
from services.custody.ledger import history
from services.errors import Conflict, Invalid, NotFound, PreconditionFailed
from services.index.cases import case_told, incident_told, put_case, put_incident
from services.index.linking_by_hand import answer_proposal, link_by_hand, unlink
from services.index.models import Case, Incident, Link, Proposal, Recording
from tests.flows.pipeline import Dock

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
PATTERN = r"[A-Z]+-\d+"


@pytest.fixture
def dock(archive):
    dock = Dock(archive)
    yield dock
    dock.close()


def incident(dock, number, minute=0, length=30, **told):
    dispatched = START + timedelta(minutes=minute)
    body = {"dispatched_at": dispatched, "cleared_at": dispatched + timedelta(minutes=length), "officers": ["900001"]}
    with dock.archive.work() as work:
        put_incident(work, number, body | told, "cad", PATTERN)
    dock.work()


def send(dock, content=b"not media, but more than four thousand bytes" * 100, **given):
    given = {"officer": "900001", "started_at": (START + timedelta(minutes=3)).isoformat()} | given
    return dock.send(content, **given).recording_id


def links(dock, recording):
    with dock.archive.reading() as session:
        rows = session.query(Link).filter_by(recording_id=recording, ended_at=None)
        return sorted((row.target_type, row.number, row.origin) for row in rows)


def proposals(dock, state="open"):
    with dock.archive.reading() as session:
        return session.query(Proposal).filter_by(state=state).order_by(Proposal.number).all()


def retention(dock, recording):
    with dock.archive.reading() as session:
        return session.get_one(Recording, recording).retain_rule


def test_footage_that_comes_after_its_incident_is_linked(dock):
    incident(dock, "I-1")

    assert links(dock, send(dock)) == [("incident", "I-1", "auto")]


def test_footage_that_came_before_its_incident_is_linked_then(dock):
    recording = send(dock)
    assert links(dock, recording) == []

    incident(dock, "I-1")

    assert links(dock, recording) == [("incident", "I-1", "auto")]


def test_an_incident_brings_its_case_and_the_case_keeps_for_ever(dock):
    incident(dock, "I-1")
    recording = send(dock)
    assert retention(dock, recording) == "20-minimum"

    with dock.archive.work() as work:
        put_case(work, "AJ-7", {"title": "盗窃案", "incidents": ["I-1"]}, "rms", PATTERN)
    dock.work()

    assert links(dock, recording) == [("case", "AJ-7", "inherited"), ("incident", "I-1", "auto")]
    assert retention(dock, recording) == "21-evidence"


def test_given_numbers_win_and_unknown_ones_are_taken_in(dock):
    incident(dock, "I-1")
    recording = send(dock, incident="I-9", case="AJ-9")

    assert links(dock, recording) == [("case", "AJ-9", "explicit"), ("incident", "I-9", "explicit")]
    with dock.archive.reading() as session:
        assert [row.known for row in (*session.query(Case), *session.query(Incident).filter_by(number="I-9"))] == [
            False,
            False,
        ]


def test_several_fitting_incidents_are_proposed_and_a_person_decides(dock):
    incident(dock, "I-1")
    incident(dock, "I-2", minute=1)
    recording = send(dock)
    assert links(dock, recording) == []
    first, second = proposals(dock)
    with dock.archive.reading() as session:
        rules = dock.archive.link_rules(session, None)

    with dock.archive.work() as work:
        row = work.session.get_one(Recording, recording)
        answer_proposal(
            work, row, work.session.get_one(Proposal, second.id), confirm=True, reason=None, actor="li", rules=rules
        )
        answer_proposal(
            work, row, work.session.get_one(Proposal, first.id), confirm=False, reason="另一处", actor="li", rules=rules
        )
    incident(dock, "I-1", length=31)

    assert links(dock, recording) == [("incident", "I-2", "confirmed")]
    assert [row.number for row in proposals(dock, "rejected")] == ["I-1"]
    with pytest.raises(Conflict), dock.archive.work() as work:
        row = work.session.get_one(Recording, recording)
        answer_proposal(
            work, row, work.session.get_one(Proposal, first.id), confirm=True, reason=None, actor="li", rules=rules
        )


def test_a_link_that_a_person_removed_does_not_come_back(dock):
    incident(dock, "I-1", case="AJ-1")
    recording = send(dock)
    with dock.archive.reading() as session:
        rules = dock.archive.link_rules(session, None)
    with dock.archive.work() as work:
        row = work.session.get_one(Recording, recording)
        link = work.session.query(Link).filter_by(recording_id=recording, target_type="incident").one()
        unlink(work, row, link.id, "错误关联", "li", rules)

    incident(dock, "I-1", length=31, case="AJ-1")

    assert links(dock, recording) == []
    assert retention(dock, recording) == "20-minimum"
    with pytest.raises(NotFound), dock.archive.work() as work:
        unlink(work, work.session.get_one(Recording, recording), link.id, "x", "li", rules)


def test_a_person_links_by_number(dock):
    recording = send(dock)
    with dock.archive.reading() as session:
        rules = dock.archive.link_rules(session, None)
    with dock.archive.work() as work:
        row = work.session.get_one(Recording, recording)
        link_by_hand(work, row, "case", "AJ-3", "同案", "li", rules)

    assert links(dock, recording) == [("case", "AJ-3", "manual")]
    with pytest.raises(Invalid), dock.archive.work() as work:
        link_by_hand(work, work.session.get_one(Recording, recording), "person", "x", "r", "li", rules)


def test_upserts_keep_what_they_are_not_told_and_mind_versions(dock):
    incident(dock, "I-1", type="盗窃")
    with dock.archive.work() as work:
        row, created, _ = put_incident(work, "I-1", {"officers": ["900002"]}, "cad", PATTERN)
        told = incident_told(work.session, row)
    assert (created, told["type"], told["officers"]) == (False, "盗窃", ["900002"])
    with pytest.raises(PreconditionFailed), dock.archive.work() as work:
        put_incident(work, "I-1", {}, "cad", PATTERN, if_version=1)
    with pytest.raises(Invalid, match="form"), dock.archive.work() as work:
        put_case(work, "自由文本", {}, "rms", PATTERN)
    with dock.archive.work() as work:
        row, created, _ = put_case(work, "AJ-1", {"title": "一", "officers": ["900001", "900001"]}, "rms", PATTERN)
        assert created
        assert case_told(work.session, row)["officers"] == ["900001"]


def test_every_link_is_an_entry_with_its_reasons(dock):
    incident(dock, "I-1")
    recording = send(dock)

    with dock.archive.reading() as session:
        [line] = [line for line in history(session, recording) if line.entry.type == "rec.link"]
    assert '"by":"officer"' in line.values["reasons"]


def test_a_case_number_must_have_the_form_of_its_own_bureau(dock):
    with dock.archive.work() as work:
        put_unit(work, "st1", name="一所", case_pattern=r"S\d+", actor="test")

    wrong, right = (
        send(dock, case="AJ-1"),
        send(dock, b"another file of more than four thousand bytes" * 100, case="S1"),
    )

    assert links(dock, wrong) == []
    assert links(dock, right) == [("case", "S1", "explicit")]
    with dock.archive.reading() as session:
        assert " bad-case-number " in session.get_one(Recording, wrong).flag_kinds
