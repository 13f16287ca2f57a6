"""What is rare in a long chain is found without reading the chain."""

import json
import tracemalloc

import pytest

from services import __version__
from services.bootstrap import Archive
from services.custody.events import SYSTEM
from services.custody.kinds import of_kind
from services.custody.sequencer import integrate
from services.up.rounds import note_version

NIGHT = 3000
"""Entries of refusals that strangers cause; a real night of them has more."""


def refuse(archive: Archive, count: int) -> None:
    with archive.work() as work:
        for number in range(count):
            told = {"minute": "2026-03-02T10:00:00+00:00", "address": f"192.0.{number % 256}.0/24"}
            work.append("sys.deny", SYSTEM, kind="unauthenticated", count=number, **told)


def start(archive: Archive, version: str) -> str:
    with archive.work() as work:
        return work.append("sys.start", SYSTEM, version=version, schema="1")


def test_the_entries_of_a_kind_come_newest_first_from_the_log_and_from_behind_it(archive: Archive) -> None:
    made = [start(archive, "1")]
    refuse(archive, 20)
    integrate(archive.engine)
    made += [start(archive, "2"), start(archive, "3")]

    with archive.reading() as session:
        found = of_kind(session, SYSTEM, "sys.start")
        newest = of_kind(session, SYSTEM, "sys.start", most=1)
        longer = of_kind(session, SYSTEM, "sys.sta")

    assert [one.id for one in found] == made[::-1]
    assert [json.loads(one.values["version"]) for one in found] == ["3", "2", "1"]
    assert (newest, longer) == (found[:1], [])


@pytest.mark.parametrize("engine_kind", ["sqlite"])
def test_a_start_behind_a_night_of_refusals_does_not_read_them(archive: Archive) -> None:
    note_version(archive)
    refuse(archive, NIGHT)
    integrate(archive.engine, 2 * NIGHT)

    tracemalloc.start()
    note_version(archive)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000
    with archive.reading() as session:
        (line,) = of_kind(session, SYSTEM, "sys.start")
    assert json.loads(line.values["version"]) == __version__
