"""The law of who may do what with a spot check, as a function and as SQL, says the same."""

import itertools

from sqlalchemy import select

from services.accounts.rights import ROLES, Principal, allows
from services.api.actions.define_check import define_check
from services.oversight.models import SpotCheck
from services.oversight.reach import decide, visible_checks
from tests.oversight.bureau import WANTED, Bureau

ACTIONS = ("spotcheck.see", "spotcheck.define", "spotcheck.review", "spotcheck.reveal")


def test_the_law_and_its_sql_agree_for_everybody(bureau: Bureau) -> None:
    checks = {}
    for unit, by in [("D", "chief"), ("D1", "local"), ("D2", "deputy"), ("E", "stranger")]:
        told = {**WANTED, "unit": unit, "programme": f"计划 {unit}", "size": 1}
        checks[define_check(bureau.archive, bureau.people[by], told).id] = bureau.units[unit]
    reaches = [frozenset(), *(frozenset(units) for units in itertools.combinations(bureau.units.values(), 2))]
    asked = 0
    for role, action, units, all_ in itertools.product(ROLES, ACTIONS, reaches, (False, True)):
        who = Principal("user", "u", "somebody", role, None, None, units, reaches_all=all_)
        with bureau.archive.reading() as session:
            seen = set(session.scalars(select(SpotCheck.id).where(visible_checks(who, action))))
        asked += len(seen)

        assert seen == {check for check, unit in checks.items() if decide(who, action, unit)}
    assert asked > 100


def test_the_roles_are_those_of_the_field() -> None:
    """Source: domain, "Roles and rights": the supervisor defines, the reviewer reviews, the auditor sees."""
    may = {
        action: {role for role in ROLES if allows(Principal("user", "", "", role, None, None, frozenset()), action)}
        for action in ACTIONS
    }

    assert may["spotcheck.define"] == {"supervisor"}
    assert may["spotcheck.review"] == {"supervisor", "reviewer", "head"}
    assert may["spotcheck.see"] == {"supervisor", "reviewer", "head", "auditor"}
    assert may["spotcheck.reveal"] == {"supervisor", "head", "auditor"}
