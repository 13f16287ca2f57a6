"""A right reaches a unit and everything below it, also after the tree changed."""

import pytest

from services.accounts import units
from services.accounts.units import UnitChange
from services.bootstrap import Archive
from services.custody.ledger import history
from services.errors import Conflict, Invalid, PreconditionFailed


def tree(archive: Archive, *edges: tuple[str, str | None]) -> dict[str, str]:
    with archive.work() as work:
        return {n: units.put_unit(work, n, name=f"unit {n}", parent=p, actor="test").id for n, p in edges}


def reach(archive: Archive, unit: str) -> frozenset[str]:
    with archive.reading() as session:
        return units.subtree(session, unit)


def test_a_subtree_holds_the_unit_and_all_below(archive: Archive) -> None:
    ids = tree(archive, ("A", None), ("A1", "A"), ("A11", "A1"), ("A2", "A"), ("B", None))

    assert reach(archive, ids["A1"]) == {ids["A1"], ids["A11"]}
    assert reach(archive, ids["A"]) == {ids[n] for n in ("A", "A1", "A11", "A2")}
    assert reach(archive, "00000000-0000-7000-8000-00000000ffff") == frozenset()


def test_putting_the_same_again_records_nothing(archive: Archive) -> None:
    ids = tree(archive, ("A", None), ("A1", "A"))
    tree(archive, ("A1", "A"))

    with archive.reading() as session:
        assert len(list(history(session, ids["A1"]))) == 1


def test_moving_a_unit_moves_all_below_each_with_its_entry(archive: Archive) -> None:
    ids = tree(archive, ("A", None), ("A1", "A"), ("A11", "A1"), ("B", None))
    with archive.work() as work:
        units.change_unit(work, units.find_unit(work.session, "A1"), UnitChange(parent="B"), actor="test", version=1)

    assert reach(archive, ids["A"]) == {ids["A"]}
    assert reach(archive, ids["B"]) == {ids["B"], ids["A1"], ids["A11"]}
    with archive.reading() as session:
        assert len(list(history(session, ids["A11"]))) == 2


def test_a_unit_cannot_lie_below_itself(archive: Archive) -> None:
    tree(archive, ("A", None), ("A1", "A"))

    with pytest.raises(Conflict), archive.work() as work:
        units.change_unit(work, units.find_unit(work.session, "A"), UnitChange(parent="A1"), actor="test")


def test_wrong_values_are_refused(archive: Archive) -> None:
    tree(archive, ("A", None))

    with pytest.raises(Invalid), archive.work() as work:
        units.put_unit(work, "A1", name="x", parent="none", actor="test")
    with pytest.raises(Invalid), archive.work() as work:
        units.put_unit(work, "A1", name="x", case_pattern="(", actor="test")
    with pytest.raises(Invalid), archive.work() as work:
        units.put_unit(work, "A:batch", name="x", actor="test")
    with pytest.raises(PreconditionFailed), archive.work() as work:
        units.change_unit(work, units.find_unit(work.session, "A"), UnitChange(name="y"), actor="test", version=7)
