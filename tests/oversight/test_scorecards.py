"""Scorecards are as published, and a score says exactly what its answers say."""

import pytest

from services.errors import Invalid
from services.oversight.scorecards import (
    FULL,
    RESULTS,
    Answer,
    Scorecard,
    check_results,
    is_faulty,
    presets,
    score,
    scorecard,
)

SCENE = scorecard("scene")


def all_pass(card: Scorecard) -> dict[str, Answer]:
    return {line.id: Answer(line.id, "pass") for line in card.lines}


@pytest.mark.parametrize("card", presets(), ids=lambda card: f"{card.id}-{card.version}")
def test_a_preset_is_whole_in_both_languages(card: Scorecard) -> None:
    assert sum(line.points for line in card.lines) == FULL
    assert len({line.id for line in card.lines}) == len(card.lines)
    assert all(
        set(words) == {"zh-CN", "en"} and all(words.values()) for words in (card.title, *(x.words for x in card.lines))
    )


def test_a_version_is_there_once() -> None:
    versions = [(card.id, card.version) for card in presets()]

    assert len(set(versions)) == len(versions)
    assert {"scene", "interview"} <= {name for name, _ in versions}
    assert scorecard("scene", 1).version == 1
    for wrong in [("scene", 99), ("other", None), (None, None)]:
        with pytest.raises(Invalid):
            scorecard(*wrong)


def test_points_are_taken_off_where_lines_failed() -> None:
    answers = all_pass(SCENE) | {
        "start": Answer("start", "fail", 10),
        "rights": Answer("rights", "fail", 4),
        "force": Answer("force", "not-applicable"),
    }

    assert score(SCENE, answers) == 86
    assert score(SCENE, all_pass(SCENE)) == 100
    assert score(SCENE, answers | {"uninterrupted": Answer("uninterrupted", "fail", 0, is_veto=True)}) == 0


def test_an_open_card_has_no_score() -> None:
    answers = all_pass(SCENE)
    del answers["marks"]

    assert score(SCENE, answers) is None


@pytest.mark.parametrize(
    "wrong",
    [
        Answer("luck", "pass"), Answer("start", "perhaps"), Answer("start", "fail", 11), Answer("start", "fail", -1),
        Answer("start", "pass", 1), Answer("start", "fail", 1, is_veto=True), Answer("force", "pass", is_veto=True),
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_outside_its_line_is_refused(wrong: Answer) -> None:
    with pytest.raises(Invalid):
        score(SCENE, all_pass(SCENE) | {wrong.line: wrong})


def test_results_are_the_closed_list_in_its_order() -> None:
    assert check_results(("procedure", "late-start")) == ("late-start", "procedure")
    assert check_results(("none",)) == ("none",)
    assert [is_faulty((one,)) for one in RESULTS[-2:]] == [False, False]
    assert all(is_faulty((one,)) for one in RESULTS[:-2])
    for wrong in [(), ("none", "muted"), ("bad",)]:
        with pytest.raises(Invalid):
            check_results(wrong)
