"""What a spot check draws from is what its definition names, each ticket in its one stratum, and no more."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import select

from services.api.actions.draw_check import draw_check
from services.api.actions.see_check import prove_draw
from services.index.models import Incident
from services.oversight.models import SpotCheck, SpotPopulation
from services.oversight.replay import holds, replay
from services.oversight.tickets import read_ticket
from tests.archive_fixture import add_incident, add_recording, link
from tests.oversight.bureau import START, Bureau, define, tickets_of


def test_only_the_units_own_footage_of_the_period_is_drawn(bureau: Bureau) -> None:
    late = add_recording(bureau.archive, unit=bureau.units["D1"], started_at=START + timedelta(days=40))
    gone = add_recording(bureau.archive, unit=bureau.units["D1"], started_at=START, state="disposed")
    strict = add_recording(bureau.archive, unit=bureau.units["D1"], started_at=START, grade=3)
    named = add_recording(
        bureau.archive, unit=bureau.units["D1"], started_at=START, grade=4, named=[bureau.people["chief"].id]
    )
    found = tickets_of(bureau, define(bureau, grade_max=2).id)
    with_strict = tickets_of(bureau, define(bureau, by="deputy", programme="另一计划", grade_max=3).id)

    assert set(found) == set(bureau.recordings)
    assert not {late, gone, strict, named} & set(found)
    assert set(with_strict) - set(found) == {strict}


STRATA_OF_RULE_47: list[dict[str, Any]] = [
    {"name": "强制", "filter": {"category": "COERCION"}},
    {"name": "投诉", "filter": {"incident_type": "投诉"}},
    {"name": "讯问", "filter": {"category": "INTERROGATION"}},
    {"name": "迟传", "filter": {"late": 24}},
    {"name": "未关联", "filter": {"linked": False}},
]


LAST_DAYS = {"from": "2026-03-01T00:00:00+08:00", "to": "2026-03-03T00:00:00+08:00"}


def with_one_of_each(bureau: Bureau) -> dict[str, str]:
    """Give D2 one recording for each stratum of rule 47 in the last days, and one for the rest: by stratum."""
    taken_in = bureau.archive.clock()
    in_time, minute = taken_in - timedelta(hours=24), Fraction(60)

    def filmed(category: str = "CALL", before: timedelta = timedelta(minutes=1)) -> str:
        return add_recording(
            bureau.archive, unit=bureau.units["D2"], started_at=in_time - before, duration=minute, category=category
        )

    made = {
        "强制": filmed("COERCION"), "投诉": filmed(), "讯问": filmed("INTERROGATION"),
        "迟传": filmed(before=timedelta(minutes=1, microseconds=1)), "未关联": filmed(), "rest": filmed(),
    }  # fmt: skip
    incidents = {
        kind: add_incident(
            bureau.archive, f"J-{kind}", unit=bureau.units["D2"], type=kind, dispatched_at=in_time, window_start=in_time
        )
        for kind in ("投诉", "纠纷", "求助")
    }
    for name, kind in (("投诉", "投诉"), ("投诉", "纠纷"), ("迟传", "纠纷"), ("rest", "求助")):
        link(bureau.archive, made[name], "incident", incidents[kind])
    return made


def strata_of(bureau: Bureau, check: str) -> dict[str, set[str]]:
    """Give the frozen population: the subjects of each stratum that has any."""
    found: dict[str, set[str]] = {}
    with bureau.archive.reading() as session:
        leaves = session.get_one(SpotPopulation, check).leaves
        names = [one["name"] for one in session.get_one(SpotCheck, check).definition["strata"]]
    for at in range(0, len(leaves), 25):
        name = names[int.from_bytes(leaves[at + 21 : at + 25], "big")]
        found.setdefault(name, set()).add(read_ticket(leaves[at : at + 21]).subject)
    return found


def test_the_strata_of_rule_47_part_recordings_and_the_draw_is_repeated_with_them(bureau: Bureau) -> None:
    made = with_one_of_each(bureau)
    defined = define(bureau, strata=STRATA_OF_RULE_47, **LAST_DAYS)
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], defined.id)
    proof = prove_draw(bureau.archive, bureau.people["auditor"], defined.id)

    assert strata_of(bureau, defined.id) == {name: {one} for name, one in made.items()}
    assert [one["filter"] for one in defined.definition["strata"]] == [
        {"category": ["COERCION"]}, {"incident_type": ["投诉"]}, {"category": ["INTERROGATION"]}, {"late": 24},
        {"linked": False}, {},
    ]  # fmt: skip
    findings = replay(proof, bureau.signer.public().keys)
    assert holds(findings), findings


def test_the_strata_of_rule_47_part_incidents_by_the_footage_that_they_have(bureau: Bureau) -> None:
    made = with_one_of_each(bureau)
    link(bureau.archive, made["强制"], "incident", bureau.incidents[4])
    with bureau.archive.reading() as session:
        ids = dict(session.execute(select(Incident.type, Incident.id)).all())
    defined = define(bureau, ticket="incident", strata=STRATA_OF_RULE_47, to=LAST_DAYS["to"])

    assert strata_of(bureau, defined.id) == {
        "强制": {bureau.incidents[4]},
        "投诉": {ids["投诉"]},
        "迟传": {ids["纠纷"], *bureau.incidents[1:4]},
        "未关联": {bureau.incidents[0]},
        "rest": {ids["求助"]},
    }


def test_the_type_of_an_incident_that_the_definer_may_not_know_of_parts_nothing(bureau: Bureau) -> None:
    at = START + timedelta(days=25)
    foreign = add_incident(bureau.archive, "J-E", unit=bureau.units["E"], type="投诉", dispatched_at=at)
    link(bureau.archive, bureau.recordings[3], "incident", foreign)
    strata = [STRATA_OF_RULE_47[1], {"name": "已关联", "filter": {"linked": True}}]
    found = strata_of(bureau, define(bureau, strata=strata).id)

    assert "投诉" not in found
    assert bureau.recordings[3] in found["已关联"]


def test_a_long_recording_has_a_ticket_for_each_ten_minutes(bureau: Bureau) -> None:
    found = tickets_of(bureau, define(bureau).id)

    assert found[bureau.recordings[5]] == [0, 1, 2, 3, 4]
    assert found[bureau.recordings[0]] == [0]


def test_incidents_are_drawn_also_without_footage_or_times(bureau: Bureau) -> None:
    untold = {"created_at": START + timedelta(days=2)}
    with bureau.archive.work() as work:
        made = Incident(
            id="0190a1b2-0000-7000-8000-000000000001", number="J-untold", unit_id=bureau.units["D2"], **untold
        )
        work.session.add(made)
        work.append("incident.put", made.id, number="J-untold", actor="test")
    every = define(bureau, ticket="incident", size=3)
    filmed = define(bureau, ticket="incident", size=3, programme="有录像", filter={"kind": "body"})
    stops = define(bureau, ticket="incident", size=1, programme="盘查", filter={"category": "STOP_CHECK", "unit": "D1"})

    assert set(tickets_of(bureau, every.id)) == {*bureau.incidents, made.id}
    assert set(tickets_of(bureau, filmed.id)) == set(bureau.incidents[1:])
    assert set(tickets_of(bureau, stops.id)) == {bureau.incidents[1], bureau.incidents[3]}


def test_an_incident_with_stricter_footage_is_not_drawn(bureau: Bureau) -> None:
    strict = add_recording(bureau.archive, unit=bureau.units["D1"], started_at=START, grade=3)
    link(bureau.archive, strict, "incident", bureau.incidents[2])

    assert bureau.incidents[2] not in tickets_of(bureau, define(bureau, ticket="incident", grade_max=2, size=1).id)


def test_filters_by_unit_length_and_time_are_kept(bureau: Bureau) -> None:
    found = tickets_of(bureau, define(bureau, filter={"unit": "D2"}, size=1).id)
    long = tickets_of(bureau, define(bureau, programme="长", filter={"min_length": 91}, size=1).id)
    early = tickets_of(bureau, define(bureau, programme="早", filter={"to": "2026-02-03T00:00:00+08:00"}, size=1).id)

    assert set(found) == set(bureau.recordings[12:])
    assert set(long) == {bureau.recordings[5]}
    assert set(early) == set(bureau.recordings[:2])
