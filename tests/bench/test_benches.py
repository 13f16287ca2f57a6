"""Each benchmark runs to its line at a tiny scale; no time is asserted, for this machine is shared."""

import json

import pytest

from services.bench import BENCHES, run

KEYS = {"bench", "ratio", "must", "aim", "holds", "median", "min", "max", "runs", "floor", "load"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(BENCHES))
def test_a_benchmark_gives_its_line_and_leaves_nothing_behind(name, tmp_path):
    told = json.loads(run(name, tmp_path, 0.01))

    assert told.keys() >= KEYS
    assert told["bench"] == name
    assert told["median"] > 0
    assert told["floor"]["median"] > 0
    assert len(told["runs"]) == len(told["floor"]["runs"]) == 1
    assert list(tmp_path.iterdir()) == []
