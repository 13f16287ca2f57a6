"""Each drawn item goes its way, reviewed by somebody else, confirmed by a third, left out only for a listed reason."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.accounts.rights import Principal
from services.api.actions.define_check import define_check
from services.api.actions.draw_check import draw_check
from services.api.actions.review_item import assign_item, confirm_reviews, review_item, skip_item
from services.api.actions.see_check import list_drawn, see_check, see_item
from services.custody.ledger import history
from services.errors import Conflict, Invalid, NotAllowed, NotFound, ReasonRequired
from services.index.models import Recording
from services.oversight.bounds import at_most
from services.oversight.items import Review
from services.oversight.models import SpotItem
from services.oversight.views import ItemFacts
from tests.archive_fixture import HeldClock, everywhere
from tests.oversight.bureau import WANTED, Bureau, all_answers


@dataclass(frozen=True, slots=True)
class Desk:
    """A drawn spot check, and short ways to work on its items."""

    bureau: Bureau
    check: str

    def who(self, name: str | Principal) -> Principal:
        return self.bureau.people[name] if isinstance(name, str) else name

    def items(self) -> list[SpotItem]:
        with self.bureau.archive.reading() as session:
            query = select(SpotItem).where(SpotItem.spot_check_id == self.check).order_by(SpotItem.n)
            return list(session.scalars(query))

    def of_officer(self, number: str) -> int:
        """Give the number of a drawn item that shows this officer."""
        with self.bureau.archive.reading() as session:
            officers = {row.id: row.officer for row in session.scalars(select(Recording))}
        return next(one.n for one in self.items() if one.state == "DRAWN" and officers[one.subject_id] == number)

    def assign(self, n: int, reviewer: str = "reader", by: str | Principal = "chief") -> ItemFacts:
        return assign_item(self.bureau.archive, self.who(by), self.check, n, reviewer)

    def watch(self, n: int, who: str = "reader", share: float = 1.0) -> None:
        (part,) = self.see(n)["stretches"]
        end = part["start"] + (part["end"] - part["start"]) * share
        self.bureau.watch(self.who(who), part["recording"], part["start"], end)

    def review(self, n: int, by: str | Principal = "reader", **change: Any) -> ItemFacts:
        said = Review(all_answers(), ("none",), submit=True)
        return review_item(self.bureau.archive, self.who(by), self.check, n, replace(said, **change))

    def skip(
        self, n: int, reason: str = "damaged", by: str | Principal = "chief", note: str | None = None
    ) -> ItemFacts:
        return skip_item(self.bureau.archive, self.who(by), self.check, n, reason, note)

    def confirm(self, *numbers: int, by: str | Principal = "chief") -> list[int]:
        return confirm_reviews(self.bureau.archive, self.who(by), self.check, list(numbers) or None)

    def see(self, n: int, by: str | Principal = "chief") -> dict[str, Any]:
        return see_item(self.bureau.archive, self.who(by), self.check, n)

    def page(self) -> dict[str, Any]:
        return see_check(self.bureau.archive, self.who("chief"), self.check)

    def said(self, event: str) -> list[dict[str, Any]]:
        with self.bureau.archive.reading() as session:
            lines = [line for line in history(session, self.check) if line.entry.type == event]
        return [{name: json.loads(value) for name, value in line.values.items()} for line in lines]


@pytest.fixture
def open_desk(bureau: Bureau) -> Callable[..., Desk]:
    """
    Define and draw a spot check of one's own wishes.

    17 of 22 tickets show either officer at least once, whichever they are.
    """

    def opened(**change: Any) -> Desk:
        made = define_check(bureau.archive, bureau.people["chief"], {**WANTED, **change})
        bureau.grow()
        draw_check(bureau.archive, bureau.people["chief"], made.id)
        return Desk(bureau, made.id)

    return opened


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk(size=17)


def test_an_item_goes_its_whole_way(desk: Desk, clock: HeldClock) -> None:
    n = desk.of_officer("0007")
    states = [desk.assign(n).state]
    desk.watch(n)
    states.append(desk.review(n, submit=False, answers=(), results=()).state)
    states.append(desk.review(n, answers=all_answers(start=10), results=("late-start",)).state)
    confirmed = desk.confirm(n)
    item = desk.see(n)

    assert (states, confirmed, item["state"]) == (["ASSIGNED", "IN_REVIEW", "SUBMITTED"], [n], "CONFIRMED")
    assert item["due_at"] - item["assigned_at"] == timedelta(days=7)
    assert (item["reviewer"], item["confirmer"]) == ("reader", "chief")
    assert (item["review"]["score"], item["review"]["watched"], item["review"]["faulty"]) == (90, 1.0, True)
    assert item["review"]["scorecard"] == {"id": "scene", "version": 1}
    (kept,) = [one for one in desk.said("draw.review") if one["state"] == "SUBMITTED"]
    assert (kept["results"], kept["score"], kept["watched"], kept["version"]) == (["late-start"], 90, 1.0, 1)
    assert desk.said("draw.confirm")[0]["items"] == [n]


def test_each_step_needs_the_one_before(desk: Desk) -> None:
    n, other = desk.of_officer("0007"), desk.of_officer("0042")
    refused: list[Callable[[], object]] = [lambda: desk.review(n), lambda: desk.confirm(n), desk.confirm]
    for step in refused:
        with pytest.raises(Conflict):
            step()
    desk.assign(n)
    with pytest.raises(Conflict):
        desk.confirm(n)
    desk.review(n, without_watching="试验")
    again: list[Callable[[], object]] = [lambda: desk.assign(n), lambda: desk.review(n), lambda: desk.skip(n)]
    for step in again:
        with pytest.raises(Conflict):
            step()
    desk.confirm(n)
    with pytest.raises(Conflict):
        desk.confirm(n)
    desk.skip(other)
    for step in [lambda: desk.assign(other), lambda: desk.skip(other), lambda: desk.review(other)]:
        with pytest.raises(Conflict):
            step()


def test_nobody_reviews_themselves(desk: Desk) -> None:
    with pytest.raises(Conflict, match="nobody reviews themselves"):
        desk.assign(desk.of_officer("0042"), "filmed")

    assert desk.assign(desk.of_officer("0007"), "filmed").reviewer == "filmed"


def test_who_turns_out_to_be_recorded_reviews_no_further(desk: Desk) -> None:
    n = desk.of_officer("0007")
    desk.assign(n, "filmed")
    subject = next(one.subject_id for one in desk.items() if one.n == n)
    with desk.bureau.archive.work() as work:
        row = work.session.get_one(Recording, subject)
        row.officer = "0042"
        work.append("rec.facts", row.id, flags=[])

    with pytest.raises(Conflict, match="nobody reviews themselves"):
        desk.review(n, by="filmed", without_watching="x")


def test_who_was_sent_to_an_incident_does_not_review_it(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(ticket="incident", size=5)
    with desk.bureau.archive.reading() as session:
        filmed = {row.id for row in session.scalars(select(Recording).where(Recording.officer == "0042"))}
    shown = {one.n: {part["recording"] for part in desk.see(one.n)["stretches"]} for one in desk.items()}
    theirs = next(n for n, recordings in shown.items() if recordings & filmed)

    with pytest.raises(Conflict, match="nobody reviews themselves"):
        desk.assign(theirs, "filmed")


def test_a_cross_check_is_done_by_another_unit(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(unit="D1", cross=True)
    with pytest.raises(Conflict, match="cross check"):
        desk.assign(1, "insider")

    assert desk.assign(1, "reader").state == "ASSIGNED"


@pytest.mark.parametrize(
    ("name", "error"), [("auditor", Conflict), ("officer", Conflict), ("stranger", Invalid), ("x", Invalid)]
)
def test_only_reviewers_within_reach_review(desk: Desk, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        desk.assign(desk.of_officer("0042"), name)


def test_an_item_of_another_is_not_reviewed(desk: Desk) -> None:
    n = desk.of_officer("0007")
    desk.assign(n, "reader")
    with pytest.raises(NotAllowed, match="given to reader"):
        desk.review(n, by="filmed")
    with pytest.raises(NotAllowed, match="given to reader"):
        desk.skip(n, by="filmed")


def test_nobody_confirms_their_own_review(desk: Desk) -> None:
    n = desk.of_officer("0007")
    desk.assign(n, "chief", by="deputy")
    desk.review(n, by="chief", without_watching="x")
    with pytest.raises(NotAllowed, match="another person"):
        desk.confirm(n, by="chief")

    assert desk.confirm(n, by="deputy") == [n]


def test_who_is_recorded_neither_gives_out_nor_leaves_out_nor_confirms(open_desk: Callable[..., Desk]) -> None:
    """Somebody in command who was filmed could choose who looks, have nobody look, or accept what was found."""
    desk = open_desk(size=17)
    filmed, own, other = replace(desk.who("chief"), number="0042"), desk.of_officer("0042"), desk.of_officer("0007")
    own_steps: list[Callable[[], object]] = [
        lambda: desk.assign(own, by=filmed), lambda: desk.skip(own, by=filmed),
    ]  # fmt: skip
    for step in own_steps:
        with pytest.raises(Conflict, match="another person"):
            step()
    for n in (own, other):
        desk.assign(n)
        desk.review(n, without_watching="x")
    with pytest.raises(Conflict, match="another person confirms"):
        desk.confirm(own, by=filmed)
    with pytest.raises(Conflict, match="another person confirms"):
        desk.confirm(by=filmed)

    assert desk.confirm(other, by=filmed) == [other]
    assert (desk.see(own)["state"], desk.confirm(own)) == ("SUBMITTED", [own])


def test_who_was_sent_to_an_incident_does_not_leave_it_out(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(ticket="incident", size=5)
    with pytest.raises(Conflict, match="was sent there"):
        desk.skip(1, by=replace(desk.who("chief"), number="0007"))

    assert desk.skip(1).state == "SKIPPED"


def test_no_token_gives_out_leaves_out_or_confirms(desk: Desk) -> None:
    """A reviewer may hold one of a supervisor, and would confirm their own review with it."""
    n, token = desk.of_officer("0007"), everywhere("supervisor")
    with pytest.raises(NotAllowed, match="a token"):
        desk.assign(n, by=token)
    with pytest.raises(NotAllowed, match="a token"):
        desk.skip(n, by=token)
    desk.assign(n)
    desk.review(n, without_watching="x")
    with pytest.raises(NotAllowed, match="a token"):
        desk.confirm(n, by=token)

    assert desk.see(n)["state"] == "SUBMITTED"


def test_too_little_watched_needs_a_reason(desk: Desk) -> None:
    n = desk.of_officer("0007")
    desk.assign(n)
    with pytest.raises(ReasonRequired, match="0%"):
        desk.review(n)
    desk.watch(n, share=0.2)
    desk.watch(n, share=0.25)
    desk.watch(n, "chief", share=1.0)
    with pytest.raises(ReasonRequired, match="25%"):
        desk.review(n)
    desk.watch(n, share=0.5)

    assert desk.review(n).state == "SUBMITTED"
    assert desk.said("draw.review")[-1]["watched"] == 0.5


def test_only_the_drawn_segment_of_a_long_recording_counts_as_watched(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(filter={"min_length": 600}, size=5)
    fourth = next(one.n for one in desk.items() if one.segment == 3)
    desk.assign(fourth)
    recording = desk.see(fourth)["stretches"][0]["recording"]
    desk.bureau.watch(desk.who("reader"), recording, 0, 1800)
    with pytest.raises(ReasonRequired, match="0%"):
        desk.review(fourth)
    desk.bureau.watch(desk.who("reader"), recording, 1800, 2100)

    assert desk.see(fourth)["stretches"] == [{"recording": recording, "start": 1800.0, "end": 2400.0}]
    assert (desk.review(fourth).review or {})["watched"] == 0.5


def test_what_was_watched_before_the_draw_does_not_count(bureau: Bureau, clock: HeldClock) -> None:
    for recording in bureau.recordings:
        bureau.watch(bureau.people["reader"], recording, 0, 90)
    clock.advance(60)
    made = define_check(bureau.archive, bureau.people["chief"], {**WANTED, "filter": {"unit": "D2"}})
    bureau.grow()
    draw_check(bureau.archive, bureau.people["chief"], made.id)
    desk = Desk(bureau, made.id)
    desk.assign(1)

    with pytest.raises(ReasonRequired, match="0%"):
        desk.review(1)


def test_a_review_is_whole_before_it_is_handed_in(desk: Desk) -> None:
    n = desk.of_officer("0007")
    desk.assign(n)
    desk.watch(n)
    wrong: list[dict[str, Any]] = [
        {"answers": all_answers()[1:]}, {"results": ()}, {"results": ("none", "muted")}, {"results": ("strange",)},
        {"results": ("no-footage",)}, {"answers": (*all_answers(), all_answers()[0])},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(Invalid):
            desk.review(n, **change)

    assert desk.see(n)["state"] == "ASSIGNED"


def test_an_incident_without_footage_is_found_to_have_none(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(ticket="incident", size=5)
    bare = next(one.n for one in desk.items() if not desk.see(one.n)["stretches"])
    desk.assign(bare)
    with pytest.raises(Invalid, match="no footage"):
        desk.review(bare)
    item = desk.review(bare, answers=(), results=("no-footage",))

    assert (item.state, item.incident) == ("SUBMITTED", "J0")
    assert (item.review or {})["score"] is None
    assert (item.review or {})["faulty"] is True


# --- leaving out --------------------------------------------------------------------------------------------------


def test_a_skipped_item_is_replaced_by_the_next_of_its_reserve(desk: Desk) -> None:
    reserve = [one.n for one in desk.items() if one.state == "RESERVE"]
    with pytest.raises(NotFound):
        desk.see(reserve[0])
    first, second, third = desk.skip(1), desk.skip(2, "restricted"), desk.skip(3, "under-investigation", note="专案")
    replaced = [desk.see(n)["replaces"] for n in reserve]

    assert [(one.skip or {})["replaced_by"] for one in (first, second, third)] == [*reserve, None]
    assert replaced == [1, 2]
    assert [desk.see(n)["state"] for n in reserve] == ["DRAWN", "DRAWN"]
    assert [one["reason"] for one in desk.said("draw.skip")] == ["damaged", "restricted", "under-investigation"]


def test_two_skips_at_once_take_two_of_the_reserve(desk: Desk) -> None:
    with ThreadPoolExecutor(2) as pool:
        left_out = list(pool.map(desk.skip, (1, 2)))

    assert sorted((one.skip or {})["replaced_by"] for one in left_out) == [18, 19]


def test_whether_the_catalogue_bears_a_reason_out_is_entered(desk: Desk) -> None:
    first, *others = [one for one in desk.items() if one.state == "DRAWN"]
    second, third, *_ = [one for one in others if one.subject_id != first.subject_id]  # one recording has many tickets
    with desk.bureau.archive.work() as work:
        row = work.session.get_one(Recording, second.subject_id)
        row.state = "damaged"
        work.append("rec.facts", row.id, state="damaged", flags=[])
    untrue, true = desk.skip(first.n, "damaged"), desk.skip(second.n, "damaged")
    unknown = desk.skip(third.n, "under-investigation")

    assert [(one.skip or {})["borne_out"] for one in (untrue, true, unknown)] == [False, True, None]
    assert [one["borne_out"] for one in desk.said("draw.skip")] == [False, True, None]


def test_skips_that_the_catalogue_speaks_against_are_counted(desk: Desk) -> None:
    before = desk.page()["found"]["skips_not_borne_out"]
    desk.skip(1, "damaged")
    desk.skip(2, "under-investigation")
    desk.assign(3)
    desk.review(3, submit=False, results=("muted",))
    desk.skip(3, "restricted", by="reader")

    assert (before, desk.page()["found"]["skips_not_borne_out"]) == (0, 2)


@pytest.mark.parametrize("reason", ["", "busy", "Damaged", "none"])
def test_without_a_listed_reason_nothing_is_left_out(desk: Desk, reason: str) -> None:
    with pytest.raises(Invalid):
        desk.skip(1, reason)

    assert desk.see(1)["state"] == "DRAWN"


def test_many_skips_are_a_finding_themselves(desk: Desk) -> None:
    before = desk.page()
    desk.skip(1)
    after = desk.page()

    assert (before["skip_rate"], after["skip_rate"]) == (0, pytest.approx(1 / 18))
    assert "skip-rate" not in before["findings"]
    assert "skip-rate" in after["findings"]


def test_an_overdue_item_shows(desk: Desk, clock: HeldClock) -> None:
    desk.assign(1, "reader")
    clock.advance(7 * 86_400)
    in_time = desk.page()["overdue"]
    clock.advance(1)

    assert (in_time, desk.page()["overdue"], desk.see(1)["overdue"]) == (0, 1, True)
    assert "overdue" in desk.page()["findings"]


# --- what is seen -------------------------------------------------------------------------------------------------


def test_what_one_may_not_see_is_withheld_and_said_to_be(desk: Desk) -> None:
    """A recording that became strict after the draw: its item stays, what it is about does not show."""
    subject = next(one.subject_id for one in desk.items() if one.n == 1)
    with desk.bureau.archive.work() as work:
        row = work.session.get_one(Recording, subject)
        row.grade = 4
        work.append("rec.meta", row.id, actor="test", before={"grade": 1}, after={"grade": 4})
    hidden, seen = desk.see(1), desk.see(1, by="auditor")
    with pytest.raises(Conflict, match="may not play"):
        desk.assign(1, "reader")

    assert (hidden["withheld"], hidden["stretches"]) == (True, [])
    assert (seen["withheld"], seen["stretches"][0]["recording"]) == (False, subject)
    assert (desk.skip(1, "restricted").skip or {})["borne_out"] is True


def test_items_are_listed_in_pages(desk: Desk) -> None:
    first = list_drawn(desk.bureau.archive, desk.who("chief"), desk.check, 10, None)
    second = list_drawn(desk.bureau.archive, desk.who("chief"), desk.check, 10, first.next)

    assert [one["n"] for one in (*first.items, *second.items)] == list(range(1, 18))
    assert second.next is None
    for wrong in ("x", "-1", "9" * 9, ""):
        with pytest.raises(Invalid):
            list_drawn(desk.bureau.archive, desk.who("chief"), desk.check, 4, wrong)


def test_the_result_stands_beside_its_bounds_and_is_weighed(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(strata=[{"name": "二所", "filter": {"unit": "D2"}, "size": 2}], size=6)
    for n in range(1, 7):
        desk.assign(n)
        faulty = n == 1
        desk.review(n, without_watching="x", results=("muted",) if faulty else ("none",))
    found = desk.page()["found"]
    small, rest = found["strata"]

    assert (small["name"], small["population"], small["reviewed"], small["faults"]) == ("二所", 6, 2, 1)
    assert (rest["population"], rest["reviewed"], rest["faults"]) == (16, 4, 0)
    assert rest["rate"]["upper"] == pytest.approx(at_most(0, 4, 0.975))
    assert found["faults"]["rate"] == pytest.approx(0.5 * 6 / 22)
    assert found["results"].keys() == {"muted"}
    assert next(one["size"] for one in found["advice"]) <= 22
    assert desk.page()["state"] == "SUBMITTED"
    desk.confirm()
    assert desk.page()["state"] == "CONFIRMED"
