"""What one may see: the rule in Python and the rule in SQL say the same, and nothing else is fetched."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.accounts.rights import ACTIONS, ROLES, Principal, decide
from services.bootstrap import Archive, new_id
from services.custody.work import Work
from services.errors import NotAllowed, NotFound
from services.index.models import Case, CaseOfficer, Incident, IncidentOfficer, Link, Object, Person, Recording
from services.index.visible import (
    fetch,
    fetch_case,
    fetch_incident,
    visible,
    visible_cases,
    visible_incidents,
    what_of,
)
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

UNITS, PEOPLE = 4, 3


@dataclass(frozen=True)
class World:
    """A small world: places in the lists below stand for units and people."""

    recordings: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    links: list[tuple[int, str, int, bool]]
    who: dict[str, Any]


UNIT = st.none() | st.integers(0, UNITS - 1)
TEAM = st.sets(st.integers(0, PEOPLE - 1), max_size=2)
WORLDS = st.builds(
    World,
    recordings=st.lists(
        st.fixed_dictionaries(
            {
                "unit": UNIT,
                "officer": st.none() | st.integers(0, PEOPLE - 1),
                "kind": st.sampled_from(["body", "interview"]),
                "grade": st.sampled_from([1, 1, 3, 4]),
                "named": TEAM,
            }
        ),
        min_size=1,
        max_size=6,
    ),
    cases=st.lists(st.fixed_dictionaries({"unit": UNIT, "team": TEAM}), min_size=1, max_size=3),
    incidents=st.lists(st.fixed_dictionaries({"team": TEAM}), min_size=1, max_size=3),
    links=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["case", "incident"]), st.integers(0, 2), st.booleans()),
        max_size=8,
        unique_by=lambda it: it[:3],
    ),
    who=st.fixed_dictionaries(
        {
            "person": st.integers(0, PEOPLE - 1),
            "unit": st.integers(0, UNITS - 1),
            "all": st.booleans(),
            "numbered": st.booleans(),
        }
    ),
)


class Stage:
    """Builds worlds in one archive, one transaction each; only the recordings of a world are looked at."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.root = add_unit(archive, new_id())
        inner = add_unit(archive, new_id(), parent=self.root)
        self.units = [self.root, inner, add_unit(archive, new_id(), parent=inner), add_unit(archive, new_id())]
        self.below = [set(self.units[:3]), set(self.units[1:3]), {self.units[2]}, {self.units[3]}]
        self.numbers = [f"P{n}" for n in range(PEOPLE)]
        self.people = [add_user(archive, "officer", self.root, number=number).id for number in self.numbers]

    def unit(self, place: int | None) -> str | None:
        return None if place is None else self.units[place]

    def build(self, world: World) -> list[str]:
        with self.archive.work() as work:
            recordings = [self._recording(work, facts) for facts in world.recordings]
            cases = [self._thing(work, Case, CaseOfficer, "case", facts) for facts in world.cases]
            incidents = [self._thing(work, Incident, IncidentOfficer, "incident", facts) for facts in world.incidents]
            for place, kind, target, ended in world.links:
                targets = cases if kind == "case" else incidents
                if place < len(recordings) and target < len(targets):
                    self._link(work, recordings[place], kind, targets[target], ended)
        return recordings

    def _recording(self, work: Work, facts: dict[str, Any]) -> str:
        recording, kept = new_id(), new_id()
        common = {"sha256": kept.replace("-", "").zfill(64), "size_bytes": 1}
        work.session.add(
            Object(id=kept, recording_id=recording, chunk_log2=20, chunk_root=b"", key=kept, stored_at=NOON, **common)
        )
        work.session.flush()
        work.session.add(
            Recording(
                id=recording,
                object_id=kept,
                state="ready",
                kind=facts["kind"],
                unit_id=self.unit(facts["unit"]),
                officer=None if facts["officer"] is None else self.numbers[facts["officer"]],
                grade=facts["grade"],
                filename="a.mp4",
                started_at=NOON,
                started_source="given",
                received_at=NOON,
                retain_rule="six-months",
                **common,
            )
        )
        work.session.flush()
        work.session.add_all(Person(recording_id=recording, user_id=self.people[one]) for one in facts["named"])
        work.append("rec.ingest", recording, sha256=common["sha256"])
        return recording

    def _thing(self, work: Work, table: Any, member: Any, kind: str, facts: dict[str, Any]) -> str:
        thing = new_id()
        work.session.add(table(id=thing, number=thing, unit_id=self.unit(facts.get("unit")), created_at=NOON))
        work.session.flush()
        work.session.add_all(member(**{f"{kind}_id": thing, "officer": self.numbers[one]}) for one in facts["team"])
        work.append(f"{kind}.put", thing, number=thing)
        return thing

    def _link(self, work: Work, recording: str, kind: str, target: str, ended: bool) -> None:
        work.session.add(
            Link(
                id=new_id(),
                recording_id=recording,
                target_type=kind,
                target_id=target,
                number=target,
                origin="manual",
                rule="by-hand",
                score=1.0,
                made_at=NOON,
                ended_at=NOON if ended else None,
            )
        )
        work.append("rec.link", recording, target=target)

    def who(self, role: str, asks: dict[str, Any]) -> Principal:
        return Principal(
            "user",
            self.people[asks["person"]],
            "somebody",
            role,
            self.numbers[asks["person"]] if asks["numbered"] else None,
            None if asks["all"] else self.units[asks["unit"]],
            frozenset() if asks["all"] else frozenset(self.below[asks["unit"]]),
            reaches_all=asks["all"],
        )


@pytest.mark.parametrize(
    ("engine_kind", "examples"), [("sqlite", 40), pytest.param("postgres", 12, marks=pytest.mark.postgres)]
)
def test_the_query_gives_exactly_what_decide_allows(archive: Archive, examples: int) -> None:
    stage = Stage(archive)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(WORLDS)
    def holds(world: World) -> None:
        recordings = stage.build(world)
        with archive.reading() as session:
            what = what_of(session, recordings)
            for role in ROLES:
                who = stage.who(role, world.who)
                for action in sorted(ACTIONS):
                    query = select(Recording.id).where(Recording.id.in_(recordings), visible(who, action))
                    expected = {one for one in recordings if decide(who, action, what[one])}

                    assert set(session.scalars(query)) == expected, (role, action)

    holds()


def test_what_matters_to_rights_counts_live_links_only(archive: Archive) -> None:
    unit = add_unit(archive)
    named = add_user(archive, "reviewer", unit)
    recording = add_recording(archive, unit=unit, officer="7", kind="interview", grade=4, named=[named.id])
    case = add_case(archive, "A1", unit=unit, officers=["8"])
    over = add_case(archive, "A2", unit=add_unit(archive, "U2"), officers=["9"])
    incident = add_incident(archive, "J1", officers=["7", "10"])
    link(archive, recording, "case", case)
    link(archive, recording, "case", over, ended=True)
    link(archive, recording, "incident", incident)

    with archive.reading() as session:
        what = what_of(session, [recording, new_id()])

    assert set(what) == {recording}
    found = what[recording]
    assert (found.unit, found.officer, found.kind, found.grade) == (unit, "7", "interview", 4)
    assert found.named == {named.id}
    assert found.case_units == {unit}
    assert found.case_team == {"8"}
    assert found.incident_officers == {"7", "10"}
    assert found.linked


def test_a_query_that_selects_links_itself_does_not_change_the_rule(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    who = add_user(archive, "reviewer", unit)
    recording = add_recording(archive, unit=other)
    link(archive, recording, "case", add_case(archive, "A1", unit=unit))
    link(archive, recording, "incident", add_incident(archive, "J1"))

    with archive.reading() as session:
        query = select(Link.number).join(Recording, Recording.id == Link.recording_id).where(visible(who))
        numbers = set(session.scalars(query.where(Link.target_type == "incident")))
    assert numbers == {"J1"}


def test_an_officers_list_starts_from_what_is_theirs(sqlite_archive: Archive) -> None:
    who = add_user(sqlite_archive, "officer", add_unit(sqlite_archive), number="7")
    query = select(Recording.id).where(visible(who)).order_by(Recording.started_at.desc(), Recording.id.desc())
    text = query.compile(sqlite_archive.engine, compile_kwargs={"literal_binds": True})

    with sqlite_archive.engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert any("MULTI-INDEX OR" in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN recordings")], plan


def test_fetch_tells_apart_what_one_may_not_know_and_may_not_do(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    recording = add_recording(archive, unit=unit)
    reviewer, stranger = add_user(archive, "reviewer", unit), add_user(archive, "reviewer", other)
    auditor = add_user(archive, "auditor", unit)

    with archive.reading() as session:
        assert fetch(session, reviewer, "recording.original", recording).id == recording
        with pytest.raises(NotAllowed):
            fetch(session, auditor, "recording.play", recording)
        for who, name in ((stranger, recording), (reviewer, new_id()), (reviewer, "../etc/passwd"), (reviewer, "")):
            with pytest.raises(NotFound):
                fetch(session, who, "recording.see", name)


def test_cases_and_incidents_are_seen_by_their_units_and_their_people(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    mine = add_incident(archive, "J-mine", unit=unit, officers=["7"])
    add_incident(archive, "J-other", unit=other)
    of_my_case = add_incident(archive, "J-of-my-case", unit=other)
    add_incident(archive, "J-unknown")
    add_case(archive, "A-mine", unit=unit, officers=["7"], incidents=[of_my_case])
    add_case(archive, "A-sent", unit=other, incidents=[mine])
    recorded = add_case(archive, "A-recorded", unit=other)
    add_case(archive, "A-other", unit=other)
    add_case(archive, "A-unknown")
    link(archive, add_recording(archive, officer="7"), "case", recorded)
    link(archive, add_recording(archive, officer="8"), "case", recorded)
    officer = add_user(archive, "officer", unit, number="7")
    unnumbered = add_user(archive, "officer", unit)

    def seen(who: Principal) -> tuple[set[str], set[str]]:
        with archive.reading() as session:
            cases = session.scalars(select(Case.number).where(visible_cases(who)))
            return set(cases), set(session.scalars(select(Incident.number).where(visible_incidents(who))))

    assert seen(add_user(archive, "reviewer", unit)) == (
        {"A-mine", "A-unknown"},
        {"J-mine", "J-of-my-case", "J-unknown"},
    )
    assert seen(officer) == ({"A-mine", "A-sent", "A-recorded"}, {"J-mine"})
    assert seen(unnumbered) == (set(), set())
    assert seen(add_user(archive, "admin", unit)) == (set(), set())
    assert len(seen(everywhere("integrator"))[0]) == 5


def test_a_case_beyond_ones_reach_does_not_exist(archive: Archive) -> None:
    unit, other = add_unit(archive), add_unit(archive, "U2")
    add_case(archive, "甬公(刑)字〔2026〕1号", unit=unit)
    add_incident(archive, "J1", unit=unit)
    reviewer, stranger = add_user(archive, "reviewer", unit), add_user(archive, "reviewer", other)
    auditor = add_user(archive, "auditor", unit)

    with archive.reading() as session:
        assert fetch_case(session, reviewer, "case.write", "甬公(刑)字〔2026〕1号").unit_id == unit
        assert fetch_incident(session, auditor, "incident.see", "J1").unit_id == unit
        with pytest.raises(NotAllowed):
            fetch_case(session, auditor, "case.write", "甬公(刑)字〔2026〕1号")
        with pytest.raises(NotFound):
            fetch_case(session, stranger, "case.see", "甬公(刑)字〔2026〕1号")
        with pytest.raises(NotFound):
            fetch_incident(session, stranger, "incident.see", "J1")
        with pytest.raises(NotFound):
            fetch_incident(session, reviewer, "incident.see", "J2")
