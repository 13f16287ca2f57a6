"""Take turns between subject and floor, and write what came out as one line."""

import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from services.errors import ToolFailed

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Result:
    """
    What a benchmark measured: values of subject and floor in the order of their runs, pairwise beside each other.

    `judged` says what `must` and `aim` bound: the ratio of subject to floor, or the subject's own
    median. `is_more_better` turns both round. `more` is added to the line as it is.
    """

    what: str
    against: str
    unit: str
    subject: Sequence[float]
    floor: Sequence[float]
    must: float
    aim: float
    judged: Literal["ratio", "median"] = "ratio"
    is_more_better: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios: a disturbance hits both of a pair more often than one."""
        return statistics.median(one / other for one, other in zip(self.subject, self.floor, strict=True))

    @property
    def value(self) -> float:
        """What is compared with `must`."""
        return self.ratio if self.judged == "ratio" else statistics.median(self.subject)

    @property
    def holds(self) -> bool:
        """Whether the measure that must hold does."""
        return self.value >= self.must if self.is_more_better else self.value <= self.must


@dataclass(frozen=True, slots=True)
class Spent:
    """What some work took."""

    cpu_s: float
    wall_s: float


def take_turns(subject: Callable[[int], float], floor: Callable[[int], float], rounds: int) -> tuple[list[float], ...]:
    """Run both, one after the other, `rounds` times, swapping who goes first; each gets the number of the round."""
    ours, theirs = [], []
    for number in range(rounds):
        if number % 2:
            theirs.append(floor(number))
            ours.append(subject(number))
        else:
            ours.append(subject(number))
            theirs.append(floor(number))
    return ours, theirs


def spent_here(work: Callable[[], object]) -> Spent:
    """Run `work` in this process and give its CPU seconds, those of children it waited for included."""
    before, began = _used(), time.monotonic()
    work()
    return Spent(_used() - before, time.monotonic() - began)


def _used() -> float:
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def spent_by(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Spent:
    """
    Run a program to its end and give its CPU seconds, as `wait4` tells them.

    Raises:
        ToolFailed: it ended badly.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        list(command), env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ToolFailed(f"{Path(command[0]).name} ended with status {process.returncode}")
    return Spent(usage.ru_utime + usage.ru_stime, time.monotonic() - began)


def random_file(path: Path, size_bytes: int) -> Path:
    """Write a file of bytes that nothing can compress, and let the disk have it before anything is measured."""
    with path.open("wb") as file:
        left = size_bytes
        while left > 0:
            left -= file.write(os.urandom(min(left, 4 * MIB)))
        os.fsync(file.fileno())
    return path


def rounds_of(most: int, scale: float) -> int:
    """How many rounds to run: all at full scale, one at a small one."""
    return most if scale == 1 else 1


def as_line(name: str, result: Result, scale: float, load: Sequence[float]) -> str:
    """Write a result as its one JSON line; `load` is the load average before the run."""
    line: dict[str, Any] = {
        "bench": name,
        "what": result.what,
        "against": result.against,
        "ratio": _short(result.ratio),
        "judged": result.judged,
        "value": _short(result.value),
        "must": result.must,
        "aim": result.aim,
        "better": "more" if result.is_more_better else "less",
        "holds": result.holds,
        "unit": result.unit,
        **_told(result.subject),
        "floor": _told(result.floor),
        **result.more,
        "scale": scale,
        "load": [*map(_short, load), *map(_short, os.getloadavg())],
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    return json.dumps(line, ensure_ascii=False)


def _told(values: Sequence[float]) -> dict[str, Any]:
    return {
        "median": _short(statistics.median(values)),
        "min": _short(min(values)),
        "max": _short(max(values)),
        "runs": [_short(value) for value in values],
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")
