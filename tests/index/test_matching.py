"""One certain incident is linked, several or doubtful ones are proposed, never a guess."""

from datetime import UTC, datetime, timedelta

import pytest

from services.index.matching import Footage, Rules, Scene, decide

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = Rules(before=5 * MINUTE, after=10 * MINUTE, longest=8 * 60 * MINUTE)


def scene(number="I1", start=0, end=30, officers=("p1",), devices=()):
    cleared = None if end is None else AT + end * MINUTE
    dispatched = None if start is None else AT + start * MINUTE
    return Scene(number, number, dispatched, cleared, frozenset(officers), frozenset(devices))


def footage(minute=3, officer="p1", device=None, holders=()):
    return Footage(AT + minute * MINUTE, officer, device, frozenset(holders))


def names(decision):
    return decision.link and decision.link.scene.number, [m.scene.number for m in decision.propose]


@pytest.mark.parametrize(("minute", "linked"), [(-6, None), (-5, "I1"), (0, "I1"), (40, "I1"), (41, None)])
def test_the_window_is_dispatch_less_five_to_clear_plus_ten(minute, linked):
    assert names(decide(footage(minute), [scene()], RULES)) == (linked, [])


def test_another_officer_is_not_linked():
    assert names(decide(footage(officer="p2"), [scene()], RULES)) == (None, [])


def test_the_rosters_holder_counts_when_no_officer_is_named():
    decision = decide(footage(officer=None, device="c1", holders=["p1"]), [scene()], RULES)

    assert names(decision) == ("I1", [])
    assert decision.link.reasons[0] == {"rule": "14", "by": "roster", "value": "p1"}


def test_a_device_sent_to_the_incident_counts():
    assert names(decide(footage(officer=None, device="c1"), [scene(officers=(), devices=["c1"])], RULES)) == ("I1", [])


def test_a_named_officer_beats_the_device():
    """Footage that names another officer does not belong to an incident only because of its camera."""
    assert names(decide(footage(officer="p9", device="c1"), [scene(devices=["c1"])], RULES)) == (None, [])


def test_two_that_fit_are_proposed():
    assert names(decide(footage(), [scene(), scene("I2", start=2)], RULES)) == (None, ["I1", "I2"])


@pytest.mark.parametrize(("end", "why"), [(None, "not cleared yet"), (0, "lasted"), (-5, "lasted"), (481, "lasted")])
def test_times_that_need_a_look_are_only_proposed(end, why):
    decision = decide(footage(1), [scene(end=end)], RULES)

    assert names(decision) == (None, ["I1"])
    assert why in decision.propose[0].reasons[-1]["value"]


def test_an_incident_without_dispatch_fits_nothing():
    assert names(decide(footage(), [scene(start=None)], RULES)) == (None, [])
