"""What a benchmark's line says."""

import json

import pytest

from services.bench import BENCHES, run
from services.bench.measure import Result, as_line, spent_by, spent_here, take_turns
from services.errors import Invalid, ToolFailed


def result(subject, floor, **more):
    told = {"what": "ours", "against": "theirs", "unit": "CPU s", "must": 1.6, "aim": 1.3}
    return Result(subject=subject, floor=floor, **{**told, **more})


def test_the_ratio_is_the_median_of_the_pairs():
    assert result([2.0, 30.0, 3.0], [1.0, 20.0, 1.0]).ratio == 2.0


@pytest.mark.parametrize(
    ("found", "more", "holds"),
    [
        (1.6, {}, True),
        (1.61, {}, False),
        (0.8, {"must": 0.8, "is_more_better": True}, True),
        (0.79, {"must": 0.8, "is_more_better": True}, False),
    ],
)
def test_a_measure_holds_up_to_its_bound_and_no_further(found, more, holds):
    assert result([found], [1.0], **more).holds is holds


def test_where_the_median_is_judged_the_floor_only_stands_beside():
    assert result([1.5, 1.4, 9.0], [0.001] * 3, judged="median").holds


def test_the_line_is_one_line_of_json_with_everything_in_it():
    line = as_line("store", result([2.0, 1.0, 3.0], [1.0, 1.0, 1.0], more={"size_bytes": 7}), 1.0, (0.5, 0.4, 0.3))

    told = json.loads(line)
    assert "\n" not in line
    assert (told["bench"], told["ratio"], told["must"], told["aim"], told["holds"]) == ("store", 2.0, 1.6, 1.3, False)
    assert (told["median"], told["min"], told["max"], told["runs"]) == (2.0, 1.0, 3.0, [2.0, 1.0, 3.0])
    assert told["floor"]["median"] == 1.0
    assert told["load"][:3] == [0.5, 0.4, 0.3]
    assert len(told["load"]) == 6
    assert told["size_bytes"] == 7


def test_subject_and_floor_take_turns_and_swap_places():
    order: list[str] = []

    def note(name):
        def work(number):
            order.append(f"{name}{number}")
            return float(number)

        return work

    ours, theirs = take_turns(note("s"), note("f"), 3)

    assert order == ["s0", "f0", "f1", "s1", "s2", "f2"]
    assert ours == theirs == [0.0, 1.0, 2.0]


def test_cpu_is_counted_here_and_in_children():
    busy = "sum(i * i for i in range(1500000))"

    here = spent_here(lambda: eval(busy))
    there = spent_by(["/usr/bin/env", "python3", "-c", busy])

    assert here.cpu_s > 0.01
    assert there.cpu_s > 0.01


def test_a_floor_that_fails_measures_nothing():
    with pytest.raises(ToolFailed, match="ended with status 3"):
        spent_by(["/bin/sh", "-c", "exit 3"])


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(Invalid, match=", ".join(BENCHES)):
        run("speed")


@pytest.mark.parametrize("scale", [0, -1, 1.5])
def test_a_scale_outside_its_range_is_refused(scale):
    with pytest.raises(Invalid, match="scale"):
        run("store", None, scale)


@pytest.mark.parametrize(("name", "recordings"), [("store", 5), ("search", 0)])
def test_only_search_is_told_how_many_recordings(name, recordings):
    with pytest.raises(Invalid, match="recordings"):
        run(name, None, 0.01, recordings)
